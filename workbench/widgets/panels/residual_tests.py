"""Statistical tests of the fit: residuals, random effects, covariates and their effects."""

from __future__ import annotations

from html import escape

import ipywidgets as W
import pandas as pd

from workbench.widgets.fit_tests import FitTests, draws_for
from workbench.widgets.markup import html, number, styled
from workbench.widgets.panels._base import Panel, PanelView
from workbench.widgets.panels._p_values import LEGEND, PValue, p_table
from workbench.widgets.session import Session

NAME = "residual_tests"
EMPTY = "Fit the model to test its residuals and random effects."
WAITING = "<p class='wb-note' role='status'>Testing …</p>"
SOURCES = (("Empirical Bayes estimates", False), ("Conditional draws", True))
GLOBAL = "global (Bonferroni)"


def build(session: Session) -> PanelView:
    """Make the tab; the tests are made in the background when it is first opened for a fit."""
    state = session.state
    source = styled(W.ToggleButtons(options=SOURCES, value=False), "wb-segments", "wb-test-source")
    source.tooltip = "What the tests of random effects look at"
    label = html("<span>Random effects from</span>", "wb-label-wide")
    chooser = styled(W.HBox([label, source]), "wb-row", "wb-test-chooser")
    words = html("", "wb-results", "wb-tests")
    empty = html(EMPTY, "wb-empty")
    body = styled(W.Box([W.VBox([chooser, words])]), "wb-document")
    stack = W.Stack([empty, body], selected_index=0)

    def run() -> None:
        session.run_tests(draws_for(state.fit.data.n_sub) if source.value else 0)

    def ask(_change: object = None) -> None:
        stack.selected_index = 0 if state.fit is None else 1
        if state.tab != NAME or state.fit is None:
            return
        known = state.tests
        if known is None or known.fit is not state.fit:
            run()

    def follow(_change: object = None) -> None:
        found = state.tests
        if found is None:
            words.value = ""
            return
        if source.value != (found.draws > 0):
            source.value = found.draws > 0
        words.value = tests_html(found) if found.ready else WAITING

    def choose(change: dict[str, bool]) -> None:
        known = state.tests
        if state.fit is not None and (known is None or (known.draws > 0) != change["new"]):
            run()

    source.observe(choose, "value")
    state.observe(ask, ["fit", "tab"])
    state.observe(follow, "tests")
    return PanelView(styled(stack, "wb-stack"))


def tests_html(found: FitTests) -> str:
    """Return all tables; what could not be made says why."""
    makers = (
        ("residual_tests", residuals),
        ("eta_tests", effects),
        ("covariate_tests", covariates),
        ("parameter_tests", parameters),
    )
    source = f"{found.draws} conditional draws of each subject" if found.draws else ""
    parts = [LEGEND, f"<p class='wb-note'>Random effects: {source}.</p>" if source else ""]
    for name, make in makers:
        if name in found.complaints:
            why = escape(found.complaints[name])
            parts.append(f"<p class='wb-note'>{escape(name)} could not be made: {why}</p>")
        elif name in found.tables:
            parts.append(make(found.tables[name]))
    return "".join(parts)


def residuals(table: pd.DataFrame) -> str:
    """Return one table for each endpoint: residuals by test."""
    said = [f"PWRES, NPD and NPDE by simulation: {how}." for how in _attrs(table, "simulated")]
    notes = "".join(
        f"<p class='wb-note'>{escape(line)}</p>" for line in (*said, *_attrs(table, "notes"))
    )
    if "ENDPOINT" not in table:
        return notes + _residuals(table, "Residuals")
    parts = table.groupby("ENDPOINT", sort=False)
    return notes + "".join(_residuals(part, f"Residuals of {name}") for name, part in parts)


def _attrs(table: pd.DataFrame, key: str) -> tuple[str, ...]:
    """Return what the table says of itself."""
    found = table.attrs.get(key, ())
    return (found,) if isinstance(found, str) else tuple(found)


def _residuals(table: pd.DataFrame, caption: str) -> str:
    names = list(dict.fromkeys(table["residual"]))
    tests = [test for test in dict.fromkeys(table["test"]) if test != GLOBAL]
    rows: list[list[str | PValue]] = []
    for name in names:
        mine = table[table["residual"] == name].set_index("test")
        cells: list[str | PValue] = [_p(row) for _, row in mine.reindex(tests).iterrows()]
        joint = PValue(float(mine.loc[GLOBAL, "p"]), "3 times the smallest p, or 1")
        rows.append([name, str(int(mine["n"].iloc[0])), *cells, joint])
    return p_table(("Residual", "n", *tests, "Global"), rows, caption=caption)


def effects(table: pd.DataFrame) -> str:
    """Return the tests of each random effect, and of each pair."""
    if table.empty:
        return "<p class='wb-note'>The model has no random effects to test.</p>"
    single, pairs = table[table["other"] == ""], table[table["other"] != ""]
    tests = list(dict.fromkeys(single["test"]))
    rows: list[list[str | PValue]] = []
    for name in dict.fromkeys(single["parameter"]):
        mine = single[single["parameter"] == name].set_index("test")
        rows.append([f"η {name}", *(_p(row) for _, row in mine.reindex(tests).iterrows())])
    found = p_table(("Random effect", *tests), rows, caption="Random effects")
    if pairs.empty:
        return found
    cells: list[list[str | PValue]] = [
        [
            f"η {row['parameter']}, η {row['other']}",
            number(row["statistic"], 2),
            _p(row),
            "yes" if row["modelled"] else "no",
        ]
        for _, row in pairs.iterrows()
    ]
    head = ("Pair", "r", "p", "In the model")
    return found + p_table(head, cells, caption="Correlations of random effects")


def covariates(table: pd.DataFrame) -> str:
    """Return random effects by covariate."""
    if table.empty:
        return (
            "<p class='wb-note'>There are no random effects, or no covariates that are constant "
            "within subjects, to test against each other.</p>"
        )
    names = list(dict.fromkeys(table["covariate"]))
    rows: list[list[str | PValue]] = []
    for parameter in dict.fromkeys(table["parameter"]):
        mine = table[table["parameter"] == parameter].set_index("covariate")
        cells = [
            _p(mine.loc[name], "r" if mine.loc[name, "kind"] == "continuous" else "F")
            for name in names
        ]
        rows.append([f"η {parameter}", *cells])
    kinds = table.drop_duplicates("covariate").set_index("covariate")["kind"]
    heads = [f"{name} ({kinds[name]})" for name in names]
    return p_table(("Random effect", *heads), rows, caption="Random effects against covariates")


def parameters(table: pd.DataFrame) -> str:
    """Return Wald's tests of effects."""
    if table.empty:
        return "<p class='wb-note'>The model has no covariate effects to test (Wald).</p>"
    rows: list[list[str | PValue]] = [
        [
            str(row["parameter"]),
            number(row["estimate"]),
            number(row["se"], 3),
            number(row["statistic"], 3),
            _p(row),
        ]
        for _, row in table.iterrows()
    ]
    return p_table(("Effect", "Estimate", "SE", "z", "p"), rows, caption="Effects (Wald)")


def _p(row: pd.Series, symbol: str = "") -> PValue:
    """Return the cell of a test, with its statistic or why it has none."""
    statistic = number(float(row["statistic"]), 3)
    tip = str(row["note"]) or f"statistic {statistic}"
    beside = f"{symbol} {statistic}" if symbol and not row["note"] else ""
    return PValue(float(row["p"]), tip, beside)


PANEL = Panel(NAME, "Tests", "tab", 32, build)
