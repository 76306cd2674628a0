"""Checks by simulation on the page: how they are looked at, and the thread that simulates.

As with fits, the thread touches no widget or trait: it hands plain values to the main loop, and
what an abandoned simulation still has to say is dropped.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from workbench.diagnostics import Vpc, prediction_distribution, variance_decomposition, vpc
from workbench.errors import OptionError, WorkbenchError
from workbench.estimation import CancelToken
from workbench.plots import Lens, groups_of
from workbench.plots import look as sight_through
from workbench.widgets.mainloop import MainLoop
from workbench.widgets.script import Name, words
from workbench.widgets.state import WorkbenchState

INTERVAL = 0.1  # seconds between two reports
MOST_VALUES = 10_000_000  # simulated values by default: 80 MB
PARTS = ("vpc", "distribution", "variance")
PLAIN = Lens()
CORRECTIONS = ("none", "prediction", "variance")


@dataclass(frozen=True, slots=True)
class Look:
    """How the checks are simulated and looked at.

    Attributes
    ----------
    replicates, seed : of the simulation
    lloq : limit of quantification, or None
    x : variable that the bins are of
    binning, n_bins, edges : see `Vpc.rebin`; edges, if there are any, come before the others
    correction : "none", "prediction" or "variance"
    percents, ci : see `Vpc.percentiles`
    log : logarithmic scale
    """

    replicates: int = 1000
    seed: int = 1
    lloq: float | None = None
    x: str = "TIME"
    binning: str = "auto"
    n_bins: int | None = None
    edges: tuple[float, ...] = ()
    correction: str = "none"
    percents: tuple[float, ...] = (5.0, 50.0, 95.0)
    ci: float = 0.95
    log: bool = False

    def python(self, lens: Lens = PLAIN, picture: str = "vpc") -> str:
        """Return the lines that make a check and draw it as the page does.

        Parameters
        ----------
        lens : what the page looks through
        picture : "vpc", "npc", "distribution" or "variance"
        """
        said = lens.arguments()
        if picture == "vpc":
            log = {"log": True} if self.log else {}
            return f"{self._vpc()}figure = wb.plots.vpc(vpc{words({**said, **log})})\n"
        if picture == "npc":
            said.pop("colour_by", None)
            return f"{self._vpc()}figure = wb.plots.npc(vpc{words(said)})\n"
        colour = {"colour_by": said.pop("colour_by")} if "colour_by" in said else {}
        groups = f"\ngroups = wb.plots.groups(fit{words(said)})" if said else ""
        given: dict[str, Any] = {"groups": Name("groups")} if said else {}
        given["seed"] = self.seed
        if picture == "distribution":
            rows = {k: v for k, v in said.get("where", {}).items() if k in ("TIME", "ENDPOINT")}
            shown = {**colour, **({"where": rows} if rows else {})}
            shown |= {"log": True} if self.log else {}
            return (
                f"{groups}\nbands = wb.prediction_distribution(fit{words(given)})\n"
                f"figure = wb.plots.prediction_distribution(bands{words(shown)})\n"
            )
        given |= {"replicates": self.replicates} if self.replicates != 1000 else {}
        given |= {"edges": list(self.edges)} if self.edges else self._bins()
        given |= {"ci": self.ci} if self.ci != Look().ci else {}
        return (
            f"{groups}\nparts = wb.variance_decomposition(fit{words(given)})\n"
            "figure = wb.plots.variance_decomposition(parts)\n"
        )

    def _bins(self) -> dict[str, Any]:
        given: dict[str, Any] = {"method": self.binning} if self.binning != "auto" else {}
        return given | ({"n": self.n_bins} if self.n_bins is not None else {})

    def _vpc(self) -> str:
        """Return the lines that make the visual predictive check."""
        limit = f", lloq={self.lloq!r}" if self.lloq is not None else ""
        call = f"wb.vpc(fit, replicates={self.replicates}, seed={self.seed}{limit})"
        if (self.percents, self.ci) != (Look().percents, Look().ci):
            call += f".percentiles({self.percents!r}, ci={self.ci!r})"
        if self.edges:
            call += f".rebin(edges={list(self.edges)!r})"
        elif (self.binning, self.n_bins) != ("auto", None):
            n = f", {self.n_bins}" if self.n_bins is not None else ""
            call += f".rebin({self.binning!r}{n})"
        if self.correction != "none":
            call += ".correct(variance=True)" if self.correction == "variance" else ".correct()"
        call += f".against({self.x!r})" if self.x != "TIME" else ""
        return f"\nvpc = {call}\nprint(vpc)\n"

    def settings(self, part: str, lens: Lens) -> Hashable:
        """Return what a part has to be simulated anew for when it changes."""
        bins = (self.binning, self.n_bins, self.edges)
        who = (lens.split_by, lens.cut, lens.where)
        return {
            "vpc": (self.replicates, self.seed, self.lloq),
            "distribution": (self.seed, who),
            "variance": (self.replicates, self.seed, who, self.ci, *bins),
        }[part]


@dataclass(frozen=True, slots=True)
class Check:
    """What has been simulated of a fit.

    Attributes
    ----------
    fit : that was simulated from
    run : number of the simulation under way or last; reports of an older one are dropped
    running : the part that is being made; "" for none
    done, asked : replicates
    found : part → settings and outcome
    complaints : part → settings and why it could not be made
    """

    fit: Any
    run: int = 0
    running: str = ""
    done: int = 0
    asked: int = 0
    found: Mapping[str, tuple[Hashable, Any]] = field(default_factory=dict)
    complaints: Mapping[str, tuple[Hashable, str]] = field(default_factory=dict)

    def of(self, part: str, look: Look, lens: Lens = PLAIN) -> Any:
        """Return the outcome of a part for these settings, None if it is yet to be made."""
        settings, outcome = self.found.get(part, (None, None))
        return outcome if settings == look.settings(part, lens) else None

    def complaint(self, part: str, look: Look, lens: Lens = PLAIN) -> str:
        """Return why a part could not be made with these settings, "" if it could."""
        settings, why = self.complaints.get(part, (None, ""))
        return why if settings == look.settings(part, lens) else ""


def usual_look(n_obs: int) -> Look:
    """Return the look to begin with; of very large data fewer replicates."""
    most = MOST_VALUES // max(1, n_obs)
    return Look(replicates=1000 if most >= 1000 else max(100, most // 100 * 100))


def looked_at(check: Vpc, look: Look) -> Vpc:
    """Return a check looked at in this way.

    Raises
    ------
    OptionError, UnknownNameError
        It cannot be looked at in this way.
    """
    seen = check.percentiles(look.percents, look.ci).against(look.x)
    seen = seen.rebin(edges=look.edges) if look.edges else seen.rebin(look.binning, look.n_bins)
    if look.correction not in CORRECTIONS:
        raise OptionError(f"The correction is one of {', '.join(CORRECTIONS)}.")
    return seen.correct(look.correction != "none", variance=look.correction == "variance")


class CheckRunner:
    """Starts, follows and cancels one simulation at a time.

    Parameters
    ----------
    state : what it reads its task from and writes the outcome to
    """

    def __init__(self, state: WorkbenchState, main: MainLoop) -> None:
        self._state, self._main = state, main
        self._token = CancelToken()
        self._thread: threading.Thread | None = None
        self._runs = 0
        state.observe(self._forget, "fit")

    def start(self, part: str = "vpc") -> None:
        """Simulate a part with the settings of the state; what is under way is given up."""
        state = self._state
        fit, look, lens = state.fit, state.look, state.lens
        if fit is None:
            return
        self._token.set()
        self._token, self._runs = CancelToken(), self._runs + 1
        known = state.check if state.check is not None and state.check.fit is fit else Check(fit)
        state.check = replace(known, run=self._runs, running=part, done=0, asked=look.replicates)
        task = (self._runs, part, fit, look, lens, self._token)
        self._thread = threading.Thread(
            target=self._work, args=task, daemon=True, name="workbench-check"
        )
        self._thread.start()

    def cancel(self) -> None:
        """Stop; the replicates that are complete are kept."""
        self._token.set()

    def join(self, timeout: float | None = None) -> None:
        """Wait for the worker thread (for scripts and tests)."""
        if self._thread is not None:
            self._thread.join(timeout)

    def _forget(self, _change: object = None) -> None:
        """Drop what belongs to another fit."""
        check = self._state.check
        if check is not None and check.fit is not self._state.fit:
            self._token.set()
            self._state.check = None

    # In the worker thread

    def _work(
        self, run: int, part: str, fit: Any, look: Look, lens: Lens, token: CancelToken
    ) -> None:
        reported = 0.0

        def on_progress(done: int, asked: int) -> None:
            nonlocal reported
            now = time.perf_counter()
            if now - reported >= INTERVAL:
                reported = now
                self._main(self._progress, run, done, asked)

        outcome, why = None, ""
        try:
            outcome = simulate_part(part, fit, look, lens, on_progress, token)
        except WorkbenchError as error:
            why = str(error)
        except Exception as error:  # noqa: BLE001  whatever went wrong, the page must hear of it
            why = f"{type(error).__name__}: {error}"
            self._main(self._unexpected, run, traceback.format_exc())
        self._main(self._finished, run, part, look.settings(part, lens), outcome, why)

    # On the main loop

    def _current(self, run: int) -> Check | None:
        check: Check | None = self._state.check
        return check if check is not None and check.run == run else None

    def _progress(self, run: int, done: int, asked: int) -> None:
        check = self._current(run)
        if check is not None:
            self._state.check = replace(check, done=done, asked=asked)

    def _unexpected(self, run: int, log: str) -> None:
        if self._current(run) is not None:
            words = "A check by simulation stopped with an unexpected error. The fit is untouched."
            self._state.say(words, "error", log)

    def _finished(self, run: int, part: str, settings: Hashable, outcome: Any, why: str) -> None:
        check = self._current(run)
        if check is None:
            return
        found, complaints = dict(check.found), dict(check.complaints)
        if why:
            complaints[part] = (settings, why)
        else:
            found[part] = (settings, outcome)
        self._state.check = replace(check, running="", found=found, complaints=complaints)


def simulate_part(
    part: str,
    fit: Any,
    look: Look,
    lens: Lens,
    on_progress: Callable[[int, int], None],
    cancel: CancelToken,
) -> Any:
    """Make one part of the checks."""
    listen: dict[str, Any] = {"on_progress": on_progress, "cancel": cancel}
    if part == "vpc":
        return vpc(fit, replicates=look.replicates, seed=look.seed, lloq=look.lloq, **listen)
    sight = sight_through(lens, fit, strict=False)
    if part == "distribution":
        groups = sight.groups()
        return prediction_distribution(fit, groups=groups, seed=look.seed, **listen)
    return variance_decomposition(
        fit,
        method="auto" if look.edges else look.binning,
        n=look.n_bins,
        edges=look.edges or None,
        groups=groups_of(fit, sight),
        ci=look.ci,
        replicates=look.replicates,
        seed=look.seed,
        **listen,
    )
