"""Everything a person can do at the page, each as one public call on one object.

Panels call these methods; so can a script. None of them raises for a failed fit or an unreadable
file: the outcome is in the state. Changes that cannot be made raise `ModelError`, `OptionError` or
`UnknownNameError`, for the field that asked to show.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, Literal

from workbench.data import Dataset, read_dataset
from workbench.data.findings import Findings, count, grouped
from workbench.data.reader import read_table
from workbench.datasets import load_dataset
from workbench.diagnostics import table
from workbench.errors import OptionError, WorkbenchError
from workbench.estimation import CancelToken, Progress, estimators, fit, starting_values
from workbench.models.covariates import CovariateEffect
from workbench.models.equations import parse
from workbench.models.model import Model
from workbench.models.pk import options_of
from workbench.models.structural import equations
from workbench.plots import Lens
from workbench.problem.covariates import resolved
from workbench.results import FitResult
from workbench.widgets import model_edits
from workbench.widgets.below_limit import BelowLimit
from workbench.widgets.checking import Checking
from workbench.widgets.checks import CheckRunner, Look, usual_look
from workbench.widgets.covariate_choice import with_values
from workbench.widgets.entries import Entries
from workbench.widgets.mainloop import MainLoop
from workbench.widgets.missing import Missing
from workbench.widgets.runner import FitRunner
from workbench.widgets.runs import Runs
from workbench.widgets.script import opening, words
from workbench.widgets.searches import Searches, SearchPlan
from workbench.widgets.state import Upload, WorkbenchState
from workbench.widgets.suitability import endpoints_of, ends_around, usual_occasion
from workbench.widgets.views import Views
from workbench.widgets.warming import WarmUp
from workbench.workflows.multistart import Multistart, multistart

DEFAULT_STRUCTURE = "pk_1cmt_oral"
PK_OPTIONS = {"compartments": 1, "absorption": "first_order"}  # to begin from


class Session(Runs, Views, Checking, Searches, Missing, BelowLimit, WarmUp):
    """The state of one page and what can be done to it."""

    def __init__(self) -> None:
        self.state = WorkbenchState()
        self.entries = Entries(self.state)  # first to hear of a change, before the panels
        self.main = MainLoop()
        self._ready = threading.Event()
        self._ready.set()
        self.runner = FitRunner(self.state, _fit_and_simulate, CancelToken, self.main, self._ready)
        self.checks = CheckRunner(self.state, self.main)
        self.state.look, self.state.plan = Look(), SearchPlan()
        self._fit_when_warm = False
        self.keep_runs()
        self.state.options = self._default_options(self.state.method)

    # Data

    def load_dataset(self, name: str) -> None:
        """Open a dataset of the catalogue, with the model suggested for it."""
        self.set_dataset(load_dataset(name))

    def set_dataset(self, dataset: Dataset) -> None:
        """Use other data: the fit and the selection of the old ones are dropped."""
        self.runner.abandon()
        state = self.state
        suggested = dataset.info.suggested_model if dataset.info is not None else None
        with state.hold_trait_notifications():
            state.fit, state.starts, state.fitted_with, state.trace = None, None, (), ()
            state.tests = state.search = state.ranking = state.unfilled = state.pooled = None
            state.below_limit, state.plan = None, SearchPlan()
            state.selected, state.progress, state.lens = None, 0.0, Lens()
            state.look = usual_look(dataset.n_obs)
            state.pager = replace(state.pager, page=1, sort_by="ID", descending=False)
            state.dataset = dataset
            if suggested:
                state.model = Model.from_dict(suggested)
            elif state.model is None:
                state.model = model_edits.default_model(DEFAULT_STRUCTURE)
        warnings = int((grouped(dataset.audit)["LEVEL"] == "warning").sum())
        state.say(
            f"{dataset.name}: {count(dataset.n_sub, 'subject')}, "
            f"{count(dataset.n_obs, 'observation')}."
            + (f" {count(warnings, 'warning')}: see the Data tab." if warnings else ""),
            "warning" if warnings else "info",
        )
        if state.status != "warming":
            state.status = "idle"

    def read_upload(
        self, name: str, content: bytes, columns: Mapping[str, str] | None = None
    ) -> bool:
        """Read an uploaded file; return whether it could be used (the state says why not)."""
        self.state.upload = Upload(name, content)
        try:
            dataset = read_dataset(content, columns=columns or None, name=name)
        except WorkbenchError as error:
            self.state.say(str(error), "error")
            return False
        self.set_dataset(dataset)
        return True

    def upload_columns(self) -> list[str]:
        """Return the column names of the last upload (none when it is not a table)."""
        if self.state.upload is None:
            return []
        try:
            return list(read_table(self.state.upload.content, Findings("")).columns)
        except WorkbenchError:
            return []

    def set_units(self, **units: str) -> None:
        """Give the units of TIME, DV or AMT; numbers stay as they are, a fit is dropped."""
        dataset = self.state.dataset
        if dataset is None or all(dataset.units.get(key, "") == u for key, u in units.items()):
            return
        given = {**dataset.units, **units}
        known = {key: unit for key, unit in given.items() if unit}
        code = f"wb.read_dataset({dataset.code}.table, units={known!r}, name={dataset.name!r})"
        if dataset.blq and dataset.blq != "M3":
            code += f".with_blq({dataset.blq!r})"
        self.replace_data(replace(dataset, units=given, code=code))

    def set_blq(self, method: str) -> None:
        """Choose what is done with values below the limit of quantification; a fit is dropped."""
        dataset = self.state.dataset
        if dataset is None or dataset.blq == method:
            return
        try:
            changed = dataset.with_blq(method)
        except WorkbenchError as error:
            self.state.say(str(error), "error")
            return
        self.replace_data(changed)
        self.state.say(str(changed.audit["MESSAGE"].iloc[-1]))

    def replace_data(self, dataset: Dataset) -> None:
        """Go on with data that differ in a part: the model stays, what was made of them goes."""
        self.runner.abandon()
        state = self.state
        with state.hold_trait_notifications():
            state.fit, state.starts, state.tests = None, None, None
            state.search = state.ranking = state.unfilled = state.pooled = None
            state.fitted_with, state.trace = (), ()
            self.keep_compared(dataset)
            if state.selected not in dataset.subjects:
                state.selected = None
            state.dataset = dataset
        if state.status not in ("idle", "warming"):
            state.status = "idle"

    # Model

    def set_structure(self, structure: model_edits.Structure) -> None:
        """Choose the structural model: ``wb.pk(...)``, a library model's name, or a card of it."""
        self.state.model = model_edits.with_structure(self.state.model, structure)

    def set_pk(self, **options: Any) -> None:
        """Change options of ``wb.pk``; the others stay as they are."""
        now = options_of(self.state.model.structure) or PK_OPTIONS
        self.set_structure({"pk": {**now, **options}})

    def set_equations(
        self, text: str, outputs: Iterable[str], covariates: Iterable[str] = ()
    ) -> None:
        """Use equations of one's own; parameters of the same name keep their values and units."""
        names = parse(text.rstrip(), outputs, covariates).parameters
        text = text.strip("\n") + "\n"  # as the Python tab writes it: the models are then equal
        old = self.state.model.structure
        units = dict(zip(old.parameters, old.units, strict=True))
        kept = {name: units[name] for name in names if units.get(name)}
        structure = equations(text, outputs, covariates=covariates, units=kept or None)
        self.set_structure(structure)

    def set_endpoint(self, label: Hashable, output: str) -> None:
        """Say which output of the model an endpoint of the data is."""
        state = self.state
        now = endpoints_of(state.model, state.dataset)
        state.model = state.model.replace(endpoints={**now, label: output})

    def set_parameter(self, name: str, **changes: Any) -> None:
        """Change parts of one parameter, such as `typical`, `iiv`, `fixed`, `bounds`, `lower`."""
        self.state.model = model_edits.with_parameter(self.state.model, name, **changes)

    def set_covariate(
        self, parameter: str, effect: CovariateEffect | None, column: str = ""
    ) -> None:
        """Let a covariate act on a parameter; None takes the effect of `column` (or all) away.

        A reference or levels that the effect does not name are those of the subjects that have
        the covariate.
        """
        state = self.state
        if effect is not None and state.dataset is not None:
            effect = resolved(effect, with_values(state.dataset, effect.column))
        state.model = model_edits.with_covariate(state.model, parameter, effect, column)

    def set_omega(self, shape: Literal["diagonal", "full"]) -> None:
        """Let the random effects be independent, or all correlated."""
        self.state.model = model_edits.with_omega(self.state.model, full=shape == "full")

    def set_correlation(self, one: str, other: str, *, on: bool) -> None:
        """Let two random effects be correlated, or hold their correlation at zero."""
        self.state.model = model_edits.with_correlation(self.state.model, one, other, on=on)

    def set_iov(self, name: str, iov: float) -> None:
        """Let a parameter vary between occasions by this SD of kappa; 0 for not.

        The first parameter that does finds occasions that the data have.
        """
        state = self.state
        with state.hold_trait_notifications():
            if iov and not state.model.iov:
                self.set_occasion(usual_occasion(state.model, state.dataset))
            self.set_parameter(name, iov=iov)

    def set_occasion(self, occasion: str) -> None:
        """Say where occasions begin: a column of the data, ``"reset"`` or ``"dose"``."""
        self.state.model = self.state.model.replace(occasion=occasion)

    def set_error(self, name: str, output: str = "") -> None:
        """Choose the residual error model (of one output, where there are several)."""
        self.state.model = model_edits.with_error(self.state.model, name, output)

    def set_transform(self, name: str, output: str = "") -> None:
        """Choose the transformation of both sides (of one output); "" for none.

        The ends of a logit or a probit begin where they hold the data.
        """
        model, data = self.state.model, self.state.dataset
        ends = (0.0, 1.0) if data is None else ends_around(model, data, output)
        self.state.model = model_edits.with_transform(model, name, output, ends)

    def set_transform_end(self, name: str, value: float, output: str = "") -> None:
        """Change the "lower" or the "upper" end of a logit or probit transformation."""
        changes = {name: value}
        self.state.model = model_edits.with_transform_ends(self.state.model, changes, output)

    def set_sd_of(self, of: str, output: str = "") -> None:
        """Choose whether the SD follows the "prediction" or the "transformed" one."""
        self.state.model = model_edits.with_sd_of(self.state.model, of, output)

    def set_student(self, student: bool, output: str = "") -> None:
        """Choose Student-t residuals (of one output), or normal ones."""
        self.state.model = model_edits.with_student(self.state.model, student, output)

    def set_error_iiv(self, iiv: float, output: str = "") -> None:
        """Let the residual error (of one output) differ between subjects; 0 for not."""
        self.state.model = model_edits.with_error_iiv(self.state.model, iiv, output)

    def set_error_value(self, name: str, value: float, output: str = "") -> None:
        """Change the starting value of one residual error parameter."""
        self.state.model = model_edits.with_error_values(self.state.model, {name: value}, output)

    def set_error_fixed(self, name: str, held: bool, output: str = "") -> None:
        """Hold a residual error parameter at its value, or estimate it."""
        errors = self.state.model.errors
        now = set((errors[output] if output else next(iter(errors.values()))).fixed)
        changed = now | {name} if held else now - {name}
        self.state.model = model_edits.with_error_fixed(self.state.model, changed, output)

    def use_estimates(self) -> None:
        """Take the estimates of the fit as starting values."""
        if self.state.fit is not None:
            self.state.model = self.state.fit.updated_model

    # Estimation

    def set_method(self, name: str) -> None:
        """Choose the estimator; options that it knows too, and can have, are kept."""
        defaults = self._default_options(name)
        choices = {control.option: control.choices for control in estimators.get(name).controls}
        known = {
            key: value
            for key, value in self.state.options.items()
            if key in defaults and (not choices[key] or value in choices[key])
        }
        with self.state.hold_trait_notifications():
            self.state.method = name
            self.state.options = {**defaults, **known}
            if self.state.then == name:
                self.state.then = ""

    def set_chain(self, then: str = "", *, sampling: bool = False) -> None:
        """Choose what follows the method: a second one, and -2LL by importance sampling."""
        if then:
            estimators.get(then)
        with self.state.hold_trait_notifications():
            self.state.then, self.state.sampling = then, sampling

    def set_options(self, **options: Any) -> None:
        """Change options of the estimator; they are checked here, not at the fit."""
        merged = {**self.state.options, **options}
        limit = merged.get("max_iter")
        if limit is not None and (limit < 1 or limit != int(limit)):
            raise OptionError("The maximum of iterations must be a whole number of at least 1.")
        self._checked(merged)
        self.state.options = merged

    def chosen_options(self) -> Any:
        """Return the options of the method as it takes them.

        Raises
        ------
        OptionError
        """
        return self._checked(self.state.options)

    def _checked(self, options: Mapping[str, Any]) -> Any:
        seed = options.get("seed", 0)
        if seed < 0 or seed != int(seed):
            raise OptionError("The seed must be a whole number of at least 0.")
        known = {name: value for name, value in options.items() if name != "seed"}
        return estimators.get(self.state.method).options(**known)

    def fit(self) -> None:
        """Start a fit in the background; during warm-up it starts when that is done."""
        if self.state.status == "warming":
            self._fit_when_warm = True
            self.state.say("The fit starts as soon as the compiled code is ready.")
            return
        if self.state.dataset is None or self.state.model is None:
            self.state.say("Choose a dataset first.", "warning")
            return
        if not self.entries.in_the_way():
            self.runner.start()

    def try_starts(self, n: int = 20) -> None:
        """Fit from `n` starting values in the background; the best fit is the result."""
        if self.state.dataset is None or self.state.model is None:
            self.state.say("Choose a dataset first.", "warning")
            return
        if not self.entries.in_the_way():
            self.runner.start(partial(self._from_many, n), f"Fitting from {n} starting values …")

    def _from_many(
        self,
        n: int,
        model: Model,
        data: Dataset,
        *,
        method: str,
        on_iteration: Callable[[Progress], None],
        cancel: CancelToken,
        **options: Any,
    ) -> FitResult:
        """In the worker thread: what a fit is to the runner, from many starts."""

        def on_fit(done: int, total: int, ofv: float) -> None:
            on_iteration(Progress(done, total, ofv, ofv, {}, "best OFV", "Start"))

        found = multistart(model, data, n=n, method=method, on_fit=on_fit, cancel=cancel, **options)
        self.main(self._keep_starts, self.state.generation, found)
        return _simulated(found.best)

    def _keep_starts(self, generation: int, found: Multistart) -> None:
        if generation == self.state.generation:
            self.state.starts = found

    def find_start(self) -> None:
        """Take starting values from the data, and say what was derived from what."""
        state = self.state
        if state.dataset is None or state.model is None:
            state.say("Choose a dataset first.", "warning")
            return
        said: list[str] = []
        try:
            state.model = starting_values(state.model, state.dataset, say=said.append)
        except WorkbenchError as error:
            state.say(str(error), "error")
        else:
            state.say(f"Starting values from the data. {' '.join(said)}")

    def cancel(self) -> None:
        """Stop the fit (or a fit that waits for the warm-up)."""
        self._fit_when_warm = False
        self.runner.cancel()

    def _default_options(self, method: str) -> dict[str, Any]:
        estimator = estimators.get(method)
        defaults = estimator.options()
        return {
            control.option: getattr(defaults, control.option, 0)  # a seed is no option of theirs
            for control in estimator.controls
        }

    # Page

    def select(self, subject: Hashable | None) -> None:
        """Highlight a subject in every view; None clears."""
        self.state.selected = subject

    def open_tab(self, name: str) -> None:
        """Open a tab by the name of its panel."""
        self.state.tab = name

    def set_theme(self, theme: Literal["light", "dark"]) -> None:
        """Change the look."""
        self.state.theme = theme

    def python(self) -> str:
        """Return the script that repeats the fit, or would make it with the settings of now."""
        state = self.state
        if state.fit is not None and not state.stale:
            checked = state.check is not None and state.check.of("vpc", state.look) is not None
            return str(state.fit.python()) + (state.look.python(state.lens) if checked else "")
        if state.dataset is None or state.model is None:
            return "import workbench as wb\n"
        method, arguments = state.call
        return (
            f"{opening(state.dataset, state.model)}"
            f"fit = wb.fit(model, data, method={method!r}{words(arguments)})\n"
            "print(fit.parameters)\n"
        )


def _fit_and_simulate(model: Model, data: Dataset, **options: Any) -> FitResult:
    """In the worker thread: a fit, and its residuals by simulation before a picture asks."""
    return _simulated(fit(model, data, **options))


def _simulated(found: FitResult) -> FitResult:
    """Make the table of residuals, which is kept with the fit, while the page is free."""
    with suppress(Exception):  # what fails here fails again where it is shown, and is said there
        table("residuals", found)
    return found
