"""What a person can ask of a fit: checks by simulation, and statistical tests."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

from workbench.diagnostics import check_numbers
from workbench.widgets.checks import CheckRunner, looked_at
from workbench.widgets.fit_tests import FitTests, make_tests
from workbench.widgets.mainloop import MainLoop
from workbench.widgets.state import WorkbenchState


class Checking:
    """Checks and tests of the fit on view, in the background; a part of `Session`."""

    state: WorkbenchState
    main: MainLoop
    checks: CheckRunner
    _testing: threading.Thread | None = None

    def simulate_check(self, part: str = "vpc") -> None:
        """Simulate from the fit in the background: "vpc", "distribution" or "variance"."""
        self.checks.start(part)

    def cancel_check(self) -> None:
        """Stop that simulation; the replicates that are complete are kept."""
        self.checks.cancel()

    def set_look(self, **changes: Any) -> None:
        """Change how the checks are simulated or looked at (see `checks.Look`).

        Raises
        ------
        OptionError, UnknownNameError
            They cannot be looked at in that way; nothing is changed.
        """
        look = replace(self.state.look, **changes)
        check_numbers(look.replicates, look.seed)
        known = self.state.check.of("vpc", self.state.look) if self.state.check else None
        if known is not None:
            looked_at(known, look)
        self.state.look = look

    def run_tests(self, draws: int = 0) -> None:
        """Test the fit in the background; the tables come as `state.tests`.

        Parameters
        ----------
        draws : of each subject's random effects; 0 for empirical Bayes estimates
        """
        if self.state.fit is None:
            return
        asked = self.state.tests = FitTests(self.state.fit, draws)
        self._testing = threading.Thread(
            target=lambda: self.main(self._keep_tests, asked, make_tests(asked.fit, draws)),
            daemon=True,
            name="workbench-tests",
        )
        self._testing.start()

    def _keep_tests(self, asked: FitTests, found: FitTests) -> None:
        if self.state.tests is asked:
            self.state.tests = found

    def join_tests(self, timeout: float | None = None) -> None:
        """Wait for the tests (for scripts and for tests of the page)."""
        if self._testing is not None:
            self._testing.join(timeout)
