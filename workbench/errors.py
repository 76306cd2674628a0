"""Every exception and warning the package raises on purpose (never from inside a kernel)."""


class WorkbenchError(Exception):
    """Base class: everything this package raises on purpose."""


class DataError(WorkbenchError, ValueError):
    """The data break a rule; the message names file row, subject and column."""


class ModelError(WorkbenchError, ValueError):
    """The model, or its combination with the data, cannot be used; the message says why."""


class EquationError(ModelError):
    """The text of an equation model cannot be read; the message shows the line and the place.

    Attributes
    ----------
    line, column : where in the text, counted from 1; None when no single place is to blame
    found, expected : what stood there, and what could have; empty when that does not apply
    """

    def __init__(
        self,
        message: str,
        *,
        line: int | None = None,
        column: int | None = None,
        found: str = "",
        expected: str = "",
    ) -> None:
        super().__init__(message)
        self.line, self.column = line, column
        self.found, self.expected = found, expected


class OptionError(WorkbenchError, ValueError):
    """An option is misspelt or out of range; the message lists what is allowed."""


class EstimationError(WorkbenchError, RuntimeError):
    """An estimator cannot even start (say, no finite objective at the starting values)."""


class IncomparableError(WorkbenchError, ValueError):
    """Two fits cannot be compared in the way that was asked for; the message says why."""


class UnknownNameError(WorkbenchError, KeyError):
    """A registry was asked for a name it does not hold; the message lists the ones it does."""

    def __str__(self) -> str:
        """Return the sentence itself: KeyError would show it quoted."""
        return str(self.args[0]) if self.args else ""


class DataWarning(UserWarning):
    """The data were repaired, or look odd; `Dataset.audit` says where."""


class CostWarning(UserWarning):
    """A call will take long; the message says why, and what is quicker."""


class ConvergenceWarning(UserWarning):
    """An estimator stopped without meeting its criterion."""
