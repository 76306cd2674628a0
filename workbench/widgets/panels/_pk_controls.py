"""The options of `wb.pk` as controls: what cannot be combined cannot be clicked, and says why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ipywidgets as W

from workbench.errors import ModelError
from workbench.models.pk import CHOICES, check_combination, from_options, options_of
from workbench.widgets.choice import Choice, Entry
from workbench.widgets.fold import Fold
from workbench.widgets.markup import html, styled
from workbench.widgets.session import Session
from workbench.widgets.switch import Switch

# What a person reads for each value of an option; None is "".
WORDS: Mapping[str, Mapping[str, str]] = {
    "absorption": {
        "": "None (intravenous)",
        "first_order": "First-order",
        "zero_order": "Zero-order",
        "mixed": "First- and zero-order",
        "transit": "Transit compartments",
    },
    "elimination": {
        "linear": "Linear",
        "michaelis_menten": "Michaelis–Menten",
        "parallel": "Linear + Michaelis–Menten",
    },
    "tmdd": {
        "": "None",
        "full": "Full: association and dissociation",
        "qe": "Quasi-equilibrium (rapid binding)",
        "qss": "Quasi-steady state",
        "mm": "Michaelis–Menten approximation",
    },
    "parametrisation": {"clearance": "Clearances", "rates": "Rate constants"},
    "response": {
        "": "None",
        "linear": "Linear",
        "log_linear": "Log-linear",
        "emax": "Emax",
        "sigmoid_emax": "Sigmoid Emax",
        "imax": "Imax",
        "sigmoid_imax": "Sigmoid Imax",
        "indirect_1": "Indirect I: production inhibited",
        "indirect_2": "Indirect II: loss inhibited",
        "indirect_3": "Indirect III: production stimulated",
        "indirect_4": "Indirect IV: loss stimulated",
        "precursor": "Precursor (tolerance, rebound)",
    },
    "form": {"closed": "Closed form", "ode": "Differential equations"},
}
SWITCHES: Mapping[str, tuple[str, str]] = {
    "lag": ("Lag time", "Doses arrive after a lag, Tlag"),
    "bioavailability": ("Bioavailability", "A fraction F of doses arrives"),
    "effect_compartment": (
        "Effect compartment",
        "The response is driven by an effect compartment, ke0",
    ),
    "rate": ("Modelled rate (RATE −1)", "Doses with RATE = −1 have a rate that is estimated"),
    "duration": (
        "Modelled duration (RATE −2)",
        "Doses with RATE = −2 have a duration that is estimated",
    ),
}
HINTS = {
    "absorption": "How doses reach the central compartment",
    "elimination": "Elimination from the central compartment",
    "tmdd": "Target-mediated disposition: how the drug binds to its target",
    "parametrisation": "Parameters: clearances and volumes, or rate constants",
    "response": "A second output, driven by the concentration",
    "form": "How the model is solved",
}
NO_CLOSED_FORM = "These options have no closed form: the equations are solved."


def refusals(options: Mapping[str, Any]) -> dict[tuple[str, Any], str]:
    """Return why a change of one option is not possible: (option, value) → reason."""
    reasons = {}
    for option, choices in CHOICES.items():
        for value in choices:
            try:
                check_combination({**_cleared(option, value, options), option: value})
            except ModelError as error:
                sentence = str(error).removeprefix("pk(): ").split(". ")[0]
                reasons[option, value] = f"{sentence[0].upper()}{sentence[1:].rstrip('.')}."
    return reasons


def _cleared(option: str, value: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options without those that go when this one is changed."""
    if option == "response" and value is None:
        return {**options, "effect_compartment": False}
    return dict(options)


class PkControls:
    """Toggle, lists and switches; every change is one call of ``session.set_pk``."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._following = False
        self.compartments = styled(
            W.ToggleButtons(
                options=[(str(n), n) for n in CHOICES["compartments"]],
                tooltips=[f"{n} compartment{'s' if n > 1 else ''}" for n in (1, 2, 3)],
            ),
            "wb-segments",
        )
        self.lists = {name: Choice(label=HINTS[name]) for name in WORDS}
        self.switches = {
            name: Switch(words=words, hint=hint) for name, (words, hint) in SWITCHES.items()
        }
        self.more = Fold("More", self._more())
        self.widget = styled(W.VBox([self._grid(), self.more.widget]), "wb-pk")
        self._listen()

    def _grid(self) -> W.Widget:
        lists, switches = self.lists, self.switches
        cells = [
            _cell("Compartments", self.compartments),
            _cell("Parameters", lists["parametrisation"]),
            _cell("Absorption", lists["absorption"]),
            _cell("Elimination", lists["elimination"]),
            switches["lag"],
            switches["bioavailability"],
            styled(_cell("Target binding (TMDD)", lists["tmdd"]), "wb-wide"),
            styled(_cell("Response", lists["response"]), "wb-wide"),
            styled(switches["effect_compartment"], "wb-wide"),
        ]
        return styled(W.Box(cells), "wb-options")

    def _more(self) -> W.Widget:
        switches = [self.switches["rate"], self.switches["duration"]]
        return styled(
            W.VBox([*switches, _cell("Solved by", self.lists["form"])]), "wb-more-options"
        )

    def _listen(self) -> None:
        self.compartments.observe(lambda change: self._set("compartments", change["new"]), "value")
        for name, control in self.lists.items():
            control.observe(
                lambda change, name=name: self._set(name, change["new"] or None), "value"
            )
        for name, control in self.switches.items():
            control.observe(lambda change, name=name: self._set(name, change["new"]), "value")

    def _set(self, option: str, value: Any) -> None:
        if self._following:
            return
        now = options_of(self.session.state.model.structure)
        if now is None or now[option] == value:
            return
        cleared = _cleared(option, value, now)
        gone = {name: cleared[name] for name in now if cleared[name] != now[name]}
        try:
            self.session.set_pk(**{**gone, option: value})
        except ModelError:  # only a browser that is behind can ask for what is disabled
            self.follow()

    def follow(self) -> None:
        """Show the options of the state's structure, if it has options."""
        options = options_of(self.session.state.model.structure)
        if options is None:
            return
        self._following = True
        try:
            self._show(options)
        finally:
            self._following = False

    def _show(self, options: Mapping[str, Any]) -> None:
        reasons = refusals(options)
        self.compartments.value = options["compartments"]
        for name, control in self.lists.items():
            control.offer(
                Entry(words, value, why=reasons.get((name, value or None), ""))
                for value, words in WORDS[name].items()
            )
            control.value = options[name] or ""
        for name, control in self.switches.items():
            why = "" if options[name] else reasons.get((name, True), "")
            control.value = options[name]
            control.disabled = bool(why)
            control.hint = why or SWITCHES[name][1]
        self.switches["effect_compartment"].layout.display = (
            "none" if options["response"] is None else "flex"
        )
        self._show_form(options)

    def _show_form(self, options: Mapping[str, Any]) -> None:
        form = self.lists["form"]
        closed = not hasattr(from_options({**options, "form": "closed"}).family, "system")
        form.disabled = not closed
        form.hint = "" if closed else NO_CLOSED_FORM
        if not closed:
            form.value = "ode"


def _cell(label: str, control: W.Widget) -> W.Widget:
    """Return a control below its name."""
    return styled(W.VBox([html(label, "wb-small"), control]), "wb-option")
