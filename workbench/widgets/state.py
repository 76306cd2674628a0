"""The one source of truth of the page: panels write it, views observe it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from traitlets import Any as AnyTrait
from traitlets import Bool, Dict, Enum, Float, HasTraits, Instance, Int, Tuple, Unicode

from workbench.plots import Lens
from workbench.results.individuals import INDIVIDUAL
from workbench.widgets.page_words import on_the_page

Level = Literal["info", "warning", "error"]
STATUSES = ("idle", "warming", "running", "cancelling", "done", "cancelled", "failed")
BUSY = frozenset({"running", "cancelling"})
WAIT = "A fit is running: wait for it, or cancel it first."
NOT_COMPILED = "The compiled code is not ready yet: try again in a moment."
FIRST_TAB = "diagnostics"
SAMPLING = "imp"  # the method that gives -2LL by importance sampling
#: How many cards the diagnostics show, by name of the layout.
LAYOUTS = {"1": 1, "2x2": 4, "2x3": 6}
#: Plot and variant of each card at first.
GALLERY = (
    ("dv_predictions", "linear"),
    ("residual_panels", "CWRES"),
    ("eta_distributions", ""),
    ("individual_fit", ""),
    ("dv_ipred", "log"),
    ("residuals_time", "IWRES"),
)


@dataclass(frozen=True, slots=True)
class Message:
    """One sentence for the person at the page.

    Attributes
    ----------
    level : how loud it is
    text : what happened, where, and what to do
    log : technical detail (a traceback), shown on demand only
    """

    level: Level
    text: str
    log: str = ""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it came from the browser."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Pager:
    """Which individual fits are on view, and how.

    Attributes
    ----------
    page : counted from 1
    per_page : subjects of a page
    sort_by : "ID" or a quantity of the diagnostic `subjects`
    descending : from the largest to the smallest
    band : whether the band of new observations is drawn
    log : logarithmic scale
    """

    page: int = 1
    per_page: int = 12
    sort_by: str = "ID"
    descending: bool = False
    band: bool = False
    log: bool = False


class WorkbenchState(HasTraits):
    """Everything the page knows. Nothing else holds state.

    Attributes
    ----------
    dataset, model, fit : immutable values of the library, or None
    upload : the last file that came from the browser, read or not
    method, options : the estimator's name and the options it is called with
    then : method of a second stage that starts where the first ended; "" for none
    sampling : whether -2LL by importance sampling is the last stage
    status : one of `STATUSES`
    progress : 0 to 1; meaningful while `status` is busy or warming
    message : the last thing worth saying
    starts : outcome of fits from many starting values (`wb.multistart`), or None
    check : what has been simulated of the fit (`checks.Check`), or None
    look : how checks are simulated and looked at (`checks.Look`)
    tests : the statistical tests of a fit (`fit_tests.FitTests`), or None
    runs : the fits made on this page, oldest first, each a `workbench.widgets.runs.Run`
    tested : names of the smaller and the larger of two runs, to be tested against each other
    influence : outcome of fits without each subject (`wb.influence`) of `fit`, or None
    plan : how covariates are searched for (`searches.SearchPlan`)
    search : a search for covariates under way or ended (`searches.Searched`), or None
    ranking : candidates in the order of the ranking (`searches.Ranked`), or None
    unfilled : the data as they were before missing covariates were filled in, or None
    pooled : fits of several draws of missing covariates (`wb.multiple_imputation`), or None
    pooled_with : (model, method, options) of `pooled`, as `fitted_with`
    below_limit : methods for values below the limit side by side (`below_limit.BlqCompared`), or
        None
    trace : progress reports of the running (or last) fit, oldest first
    selected : label of the highlighted subject, or None
    individual : what stands for a subject in every view: "ebe", "mean" or "draws"
    pager : which individual fits are on view
    tab, theme : what is open, and how it looks
    lens : by what every view is coloured and split, and what it leaves out
    gallery : (plot, variant) of each card of the diagnostics, more than may be on show
    layout : how many cards are on show, one of `LAYOUTS`
    generation : number of the current fit; reports of an older one are dropped
    fitted_with : (model, method, options) of `fit`, as in `call`, to tell when the settings have
        moved on
    """

    dataset: Any = AnyTrait(None, allow_none=True)
    model: Any = AnyTrait(None, allow_none=True)
    upload = Instance(Upload, allow_none=True)
    method = Unicode("focei")
    options = Dict()
    then = Unicode("")
    sampling = Bool(False)
    status = Enum(STATUSES, "idle")
    progress = Float(0.0)
    message = Instance(Message, args=("info", "Ready."))
    fit: Any = AnyTrait(None, allow_none=True)
    fitted_with = Tuple()
    starts: Any = AnyTrait(None, allow_none=True)
    check: Any = AnyTrait(None, allow_none=True)
    look: Any = AnyTrait(None, allow_none=True)
    tests: Any = AnyTrait(None, allow_none=True)
    runs = Tuple()
    tested = Tuple()
    influence: Any = AnyTrait(None, allow_none=True)
    plan: Any = AnyTrait(None, allow_none=True)
    search: Any = AnyTrait(None, allow_none=True)
    ranking: Any = AnyTrait(None, allow_none=True)
    unfilled: Any = AnyTrait(None, allow_none=True)
    pooled: Any = AnyTrait(None, allow_none=True)
    pooled_with = Tuple()
    below_limit: Any = AnyTrait(None, allow_none=True)
    trace = Tuple()
    selected: Any = AnyTrait(None, allow_none=True)
    individual = Enum(INDIVIDUAL, "ebe")
    pager = Instance(Pager, args=())
    tab = Unicode(FIRST_TAB)  # name of a panel
    theme = Enum(("light", "dark"), "light")
    lens = Instance(Lens, args=())
    gallery = Tuple(GALLERY)
    layout = Enum(tuple(LAYOUTS), "2x2")
    generation = Int(0)

    @property
    def busy(self) -> bool:
        """Whether a fit is under way."""
        return self.status in BUSY

    @property
    def call(self) -> tuple[str, dict[str, Any]]:
        """Method and keyword arguments of the fit that the settings ask for now."""
        options = dict(self.options)
        seed = options.pop("seed", 0)
        stages = [name for name in (self.method, self.then) if name]
        arguments: dict[str, Any] = {self.method: options} if options else {}
        if self.sampling and SAMPLING not in stages:
            stages.append(SAMPLING)
            arguments[SAMPLING] = {"max_iter": 0}
        if len(stages) == 1:
            arguments = options
        if seed:
            arguments = {**arguments, "seed": seed}
        return "+".join(stages), arguments

    @property
    def stale(self) -> bool:
        """Whether the settings have changed since `fit` was made."""
        return self.fit is not None and not self.is_now(self.fitted_with)

    def is_now(self, made_with: Iterable[Any]) -> bool:
        """Whether (model, method, options) are those that the settings ask for now."""
        return tuple(made_with) == (self.model, *self.call)

    def is_free(self) -> bool:
        """Whether nothing runs; says so otherwise."""
        if self.busy:
            self.say(WAIT, "warning")
        return not self.busy

    def is_ready(self) -> bool:
        """Whether a run could begin: there are data and a model, and nothing runs; says why not."""
        if self.dataset is None or self.model is None:
            self.say("Choose a dataset first.", "warning")
        elif self.is_free():
            if self.status != "warming":
                return True
            self.say(NOT_COMPILED, "warning")
        return False

    def say(self, text: str, level: Level = "info", log: str = "") -> None:
        """Replace the message; one of the library is put in the words of the page."""
        self.message = Message(level, on_the_page(text), log)
