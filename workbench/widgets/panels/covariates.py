"""Which covariate acts on which parameter, and how: one tick adds an effect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from html import escape
from typing import Any

import ipywidgets as W

from workbench.data.dataset import Dataset
from workbench.errors import WorkbenchError
from workbench.models.covariate import covariate_kinds
from workbench.models.covariates import Categorical as CategoricalEffect
from workbench.models.covariates import CovariateEffect
from workbench.models.parameter import Parameter
from workbench.problem.covariates import resolved
from workbench.widgets.choice import Choice, Entry
from workbench.widgets.covariate_choice import (
    check_groups,
    first_effect,
    groups_text,
    new_effect,
    read_groups,
    unusable,
    why_not,
    with_values,
)
from workbench.widgets.field import Field, NumberField, Remark
from workbench.widgets.markup import html, styled
from workbench.widgets.panels._base import Panel, PanelView, labelled, section
from workbench.widgets.parameter_equation import of_effect
from workbench.widgets.session import Session
from workbench.widgets.suitability import covariate_misfit

EMPTY = (
    "These data have no covariates. A column beside ID, TIME, DV, AMT …, such as WT or SEX, is one."
)


class CoefficientRow:
    """The start of one coefficient, and whether it is held."""

    def __init__(self, session: Session, parameter: str, column: str, level: str) -> None:
        self.session, self.parameter, self.column, self.level = session, parameter, column, level
        self._following = False
        what = f"β of {column}{' = ' + level if level else ''} on {parameter}"
        self.value = NumberField(what, self._set, entries=session.entries, there=self._there)
        self.fixed = styled(
            W.Checkbox(indent=False, description="fix", tooltip=f"Hold {what}"), "wb-check"
        )
        self.fixed.observe(self._hold, "value")
        label = html(f"β<small>{escape(level)}</small>" if level else "β", "wb-label")
        line = styled(W.Box([label, self.value.entry, self.fixed]), "wb-effect-row")
        self.widget = W.VBox([line, self.value.complaint])

    def _there(self) -> bool:
        effect = _effect(self.session, self.parameter, self.column)
        return effect is not None and self.level in effect.levels

    def show(self, effect: CovariateEffect) -> None:
        """Show the coefficient of an effect."""
        place = effect.levels.index(self.level)
        self._following = True
        try:
            self.value.follow(effect.values[place])
            self.fixed.value = self.level in effect.fixed
        finally:
            self._following = False

    def _set(self, value: float) -> None:
        effect = _effect(self.session, self.parameter, self.column)
        if effect is None:
            return
        pairs = zip(effect.levels, effect.values, strict=True)
        values = [value if level == self.level else old for level, old in pairs]
        self.session.set_covariate(self.parameter, effect.with_values(values))

    def _hold(self, change: dict[str, bool]) -> None:
        effect = _effect(self.session, self.parameter, self.column)
        if self._following or effect is None:
            return
        held = effect.fixed | {self.level} if change["new"] else effect.fixed - {self.level}
        self.session.set_covariate(self.parameter, replace(effect, fixed=held))


class GroupsField(Field):
    """Groups of levels of a categorical covariate, as a person types them."""

    def __init__(self, name: str, commit: Callable[[Any], object], **rest: Any) -> None:
        super().__init__(name, commit, **rest)
        self.entry.placeholder = "such as low = 1, 2; high = 3, 4"
        self.entry.remove_class("wb-number")  # words begin at the left

    def _read(self, text: str) -> dict[str, list[str]]:
        return read_groups(text)

    def _written(self, value: CovariateEffect) -> str:
        return groups_text(value)


class EffectBox:
    """One effect: its kind and equation, its reference and coefficients."""

    def __init__(self, session: Session, parameter: str, column: str) -> None:
        self.session, self.parameter, self.column = session, parameter, column
        self._following = False
        what = f"{column} on {parameter}"
        self.kind = Choice(label=f"Kind of the effect of {what}")
        self.kind.observe(self._set_kind, "value")
        self.remove = styled(W.Button(description="✕", tooltip=f"Drop {what}"), "wb-quiet")
        self.remove.on_click(lambda _button: session.set_covariate(parameter, None, column))
        self.equation = html("", "wb-effect-equation")
        self.reference = NumberField(
            f"Reference of {what}",
            self._set_reference,
            entries=session.entries,
            there=lambda: self._is_categorical() is False,
        )
        self.level = Choice(label=f"Reference level of {what}")
        self.level.observe(self._set_level, "value")
        self.groups = GroupsField(
            f"Groups of levels of {what}",
            self._set_groups,
            entries=session.entries,
            there=lambda: self._is_categorical() is True,
        )
        self.remark = Remark(session.entries)
        self.rows: dict[str, CoefficientRow] = {}
        title = html(f"<b>{escape(parameter)}</b> · {escape(column)}", "wb-effect-name")
        self.head = styled(W.Box([title, self.kind, self.remove]), "wb-effect-head")
        self.body = styled(W.VBox([]), "wb-effect-rows")
        parts = [self.head, self.remark.complaint, self.equation, self.body]
        self.widget = styled(W.VBox(parts), "wb-effect")

    def _is_categorical(self) -> bool | None:
        """Return whether the effect is of a categorical covariate; None if it is no more."""
        effect = _effect(self.session, self.parameter, self.column)
        return None if effect is None else covariate_kinds.get(effect.kind).categorical

    def show(self) -> None:
        """Show the effect as the state has it."""
        state = self.session.state
        effect = _effect(self.session, self.parameter, self.column)
        if effect is None:
            return
        self._following = True
        try:
            self._offer_kinds(effect)
            self.equation.value = of_effect(state.model, self.parameter, effect, state.dataset)
            self._show_reference(effect)
        finally:
            self._following = False
        for row in self.rows.values():
            row.show(effect)

    def _offer_kinds(self, effect: CovariateEffect) -> None:
        state = self.session.state
        parameter, entries = state.model.parameters[self.parameter], []
        data = state.dataset
        known = data is not None and self.column in data.covariates.columns
        for name in covariate_kinds.names():
            kind = covariate_kinds.get(name)
            why = ""
            if known and name != effect.kind:
                why = why_not(kind, parameter, data, self.column)
            entries.append(Entry(kind.title, name, why=why))
        self.kind.offer(entries)
        self.kind.value = effect.kind

    def _show_reference(self, effect: CovariateEffect) -> None:
        categorical = covariate_kinds.get(effect.kind).categorical
        if categorical:
            self.level.offer(Entry(level, level) for level in _levels(effect))
            self.level.value = str(effect.reference)
            self.groups.follow(effect)
            top = [labelled("Reference", self.level), labelled("Groups", self.groups.entry)]
            top.append(self.groups.complaint)
        else:
            self.reference.follow(float(effect.reference or 0.0))
            line = W.Box([html("Reference", "wb-label"), self.reference.entry])
            top = [styled(line, "wb-effect-row"), self.reference.complaint]
        if list(self.rows) != list(effect.levels) or not self.body.children:
            self.rows = {
                level: CoefficientRow(self.session, self.parameter, self.column, level)
                for level in effect.levels
            }
            parts = [row.widget for row in self.rows.values()]
            self.body.children = [*top, *parts]

    def _set_kind(self, change: dict[str, str]) -> None:
        effect = _effect(self.session, self.parameter, self.column)
        if not self._following and effect is not None and change["new"] != effect.kind:
            self.body.children = ()
            self._try(new_effect(change["new"], self.column))

    def _set_reference(self, value: float) -> None:
        effect = _effect(self.session, self.parameter, self.column)
        if effect is not None:
            self.session.set_covariate(self.parameter, replace(effect, reference=value))

    def _set_level(self, change: dict[str, str]) -> None:
        effect = _effect(self.session, self.parameter, self.column)
        if self._following or effect is None or change["new"] == effect.reference:
            return
        others = tuple(level for level in _levels(effect) if level != change["new"])
        self._try(
            replace(
                effect,
                reference=change["new"],
                levels=others,
                values=(0.0,) * len(others),
                fixed=frozenset[str](),
            )
        )

    def _set_groups(self, groups: dict[str, list[str]]) -> None:
        if self.session.state.dataset is not None:
            check_groups(groups, self.session.state.dataset, self.column)
        made = CategoricalEffect(self.column, groups=groups)
        self.session.set_covariate(self.parameter, made)

    def _try(self, effect: CovariateEffect) -> None:
        try:
            self.session.set_covariate(self.parameter, effect)
        except WorkbenchError as error:
            self.show()
            self.remark.complain(str(error))


class CovariateSection:
    """The section: a covariate to choose, a tick for each parameter, the effects below."""

    def __init__(self, session: Session) -> None:
        self.session, self.state = session, session.state
        self._following = False
        self._looked_at: Dataset | None = None
        self._why: dict[str, str] = {}  # a covariate cannot be used; of the data looked at
        self.boxes: dict[tuple[str, str], EffectBox] = {}
        self.ticks: dict[str, W.Checkbox] = {}
        self.empty = html(f"<span role='note'>{escape(EMPTY)}</span>", "wb-note")
        self.column = Choice(label="Covariate")
        self.column.observe(self._show_ticks, "value")
        self.picker = labelled("Covariate", self.column)
        self.term = html("", "wb-note")
        self.tick_box = styled(W.Box([]), "wb-ticks")
        self.complaint = html("", "wb-complaint", "wb-misfit")
        self.effects = styled(W.VBox([]), "wb-effects")
        parts = [self.empty, self.picker, self.term, self.tick_box, self.complaint, self.effects]
        self.widget = section("Covariates", *parts)
        self.state.observe(self._follow, ["model", "dataset"])
        self._follow()

    def _follow(self, _change: object = None) -> None:
        if self.state.model is None:
            return
        data = self.state.dataset
        if data is not self._looked_at:
            self._looked_at, self._why = data, {} if data is None else unusable(data)
        why, names = self._why, list(self._why)
        for widget, shown in (
            (self.empty, not names),
            (self.picker, bool(names)),
            (self.term, bool(names)),
            (self.tick_box, bool(names)),
        ):
            widget.layout.display = "" if shown else "none"
        if names:
            self.column.offer(Entry(name, name, why=why[name]) for name in names)
            usable = [name for name in names if not why[name]]
            if self.column.value not in names:
                self.column.value = usable[0] if usable else names[0]
        self._show_ticks()
        self._show_effects()
        wrong = "" if data is None else covariate_misfit(self.state.model, data)
        self.complaint.value = f"<span role='alert'>{escape(wrong)}</span>" if wrong else ""

    def _show_ticks(self, _change: object = None) -> None:
        model, data, column = self.state.model, self.state.dataset, self.column.value
        if model is None or data is None or column not in self._why:
            return
        why = self._why[column]
        self._following = True
        try:
            if list(self.ticks) != list(model.parameters):
                self.ticks = {name: self._tick(name) for name in model.parameters}
                self.tick_box.children = list(self.ticks.values())
            for name, tick in self.ticks.items():
                tick.value = any(e.column == column for e in model.parameters[name].covariates)
                tick.disabled = bool(why) and not tick.value
                tick.tooltip = f"Effect of {column} on {name}"
        finally:
            self._following = False
        words = f"{column} {why}, so it cannot act on a parameter." if why else ""
        self.term.value = words and f"<span role='note'>{escape(words)}</span>"
        if not why:
            missing = data.missing_covariates.set_index("covariate")["n_missing"]
            n = int(missing.get(column, 0))
            gap = f" ({column} is missing for {n} subjects: see the Data tab)" if n else ""
            self.term.value = f"<span>{escape(self._acts(column))}{escape(gap)}</span>"

    def _acts(self, column: str) -> str:
        """Return whose effects the ticks are, and what a new one adds where that is one thing."""
        without = [
            parameter
            for parameter in self.state.model.parameters.values()
            if all(effect.column != column for effect in parameter.covariates)
        ]
        added = {self._term(parameter, column) for parameter in without}
        new = f"; a new tick adds {added.pop()}" if len(added) == 1 and "" not in added else ""
        return f"{column} acts on the parameters ticked{new}"

    def _term(self, parameter: Parameter, column: str) -> str:
        """Return what a tick adds to a parameter, such as log(WT/70)."""
        data = self.state.dataset
        try:
            effect = resolved(first_effect(parameter, data, column), with_values(data, column))
        except WorkbenchError:
            return ""
        text = covariate_kinds.get(effect.kind).text.replace("#", column)
        reference = effect.reference
        shown = f"{reference:.4g}" if isinstance(reference, float) else str(reference)
        return text.replace("&", shown)

    def _tick(self, name: str) -> W.Checkbox:
        box = styled(W.Checkbox(indent=False, description=name), "wb-check")
        box.observe(lambda change: self._ticked(name, change["new"]), "value")
        return box

    def _ticked(self, name: str, on: bool) -> None:
        if self._following:
            return
        column = self.column.value
        if not on:
            self.session.set_covariate(name, None, column)
            return
        parameter = self.state.model.parameters[name]
        try:
            self.session.set_covariate(name, first_effect(parameter, self.state.dataset, column))
        except WorkbenchError as error:
            self.state.say(str(error), "error")
            self._show_ticks()

    def _show_effects(self) -> None:
        wanted = [
            (name, effect.column)
            for name, p in self.state.model.parameters.items()
            for effect in p.covariates
        ]
        if wanted != list(self.boxes):
            self.boxes = {
                key: self.boxes.get(key) or EffectBox(self.session, *key) for key in wanted
            }
            self.effects.children = [box.widget for box in self.boxes.values()]
        for box in self.boxes.values():
            box.show()


def _effect(session: Session, parameter: str, column: str) -> CovariateEffect | None:
    own = session.state.model.parameters.get(parameter)
    found = [e for e in own.covariates if e.column == column] if own is not None else []
    return found[0] if found else None


def _levels(effect: CovariateEffect) -> list[str]:
    return sorted({str(effect.reference), *effect.levels})


def build(session: Session) -> PanelView:
    """Make the section."""
    return PanelView(CovariateSection(session).widget)


PANEL = Panel("covariates", "Covariates", "rail", 35, build)
