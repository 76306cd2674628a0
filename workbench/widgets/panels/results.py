"""What came out: the verdict, the estimates with their uncertainty, and every subject's own."""

from __future__ import annotations

from html import escape
from typing import Any

import ipywidgets as W
import pandas as pd

from workbench.models.model import Model
from workbench.widgets.headline import method_words
from workbench.widgets.markup import NOTHING, chip, fixed, html, number, styled, table
from workbench.widgets.page_words import on_the_page
from workbench.widgets.panels._base import Panel, PanelView
from workbench.widgets.session import Session
from workbench.widgets.table import SubjectTable

EMPTY = "Fit the model to see its estimates."
HEAD = ("Parameter", "Unit", "Estimate", "SE", "RSE %", "95 % CI")
SHAPE_HEAD = ("Parameter", "Shape", *HEAD[2:])
STAGES_HEAD = ("Method", "Verdict", "−2LL", "Obtained by", "Iterations", "Time (s)")
SHAPES = {"boxcox": "Box–Cox λ", "student": "Degrees of freedom of t"}
OMEGA_HEAD = (
    *("Random effect", "Variance ω²", "SE", "RSE %", "95 % CI", "SD ω", "CV %"),
    *("Shrinkage % (SD)", "Shrinkage % (variance)"),
)


def build(session: Session) -> PanelView:
    """Make the tab."""
    state = session.state
    words = html("", "wb-results")
    subjects = SubjectTable()
    title = html("<h2>Individual parameters</h2><p>Click a row to highlight its subject.</p>")
    people = styled(W.VBox([title, subjects]), "wb-subject-box")
    empty = html(EMPTY, "wb-empty")
    body = styled(W.Box([words, people]), "wb-document", "wb-columns")
    stack = W.Stack([empty, body], selected_index=0)

    def follow(_change: object = None) -> None:
        fit = state.fit
        stack.selected_index = 0 if fit is None else 1
        if fit is None:
            return
        words.value = verdict(fit) + estimates(fit.parameters, fit.final_model)
        values = fit.individual_parameters.copy()
        heads = [_with_unit(name, fit.units.get(name, "")) for name in values.columns]
        values["OFV"] = fit.individual_ofv
        subjects.show(values, [*heads, "OFV"])

    state.observe(follow, "fit")
    return PanelView(styled(stack, "wb-stack"), selectable=(subjects,))


def verdict(fit: Any) -> str:
    """Return the verdict with its reasons, and the warnings."""
    lines = [on_the_page(line) for line in (*fit.reasons, *fit.warnings)]
    listed = "".join(f"<li>{escape(line)}</li>" for line in lines)
    shrinkage = f"ε-shrinkage {fixed(float(fit.epsilon_shrinkage), 1)} % (SD)"
    facts = f"{fit.n_parameters} parameters estimated · −2LL by {fit.likelihood} · {shrinkage}"
    facts += f" · priors add {fit.penalty:.3g}" if fit.penalty else ""
    facts += f" · {fit.seconds:.2f} s"
    return (
        f"<h2>{escape(method_words(fit.method))} {chip(fit.verdict, fit.verdict)}</h2>"
        f"<p>{escape(facts)}</p><ul class='wb-reasons'>{listed}</ul>{stages(fit.stages)}"
    )


def stages(found: pd.DataFrame) -> str:
    """Return the table of a chain's stages; nothing for a single method."""
    if found.empty:
        return ""
    cells = [
        [
            method_words(str(row["method"])),
            str(row["verdict"]),
            fixed(float(row["m2ll"]), 2),
            str(row["likelihood"]),
            str(row["iterations"]),
            fixed(float(row["seconds"]), 2),
        ]
        for _, row in found.iterrows()
    ]
    return f"<div class='wb-scroll'>{table(STAGES_HEAD, cells, caption='Stages', words=2)}</div>"


def estimates(parameters: pd.DataFrame, model: Model) -> str:
    """Return the tables of typical values, covariate effects, random effects and residual error."""
    shown = parameters.assign(kind=_kinds(parameters, model))
    shapes = {f"shape[{name}]": shape for name, shape in model.eta_shapes.items()}

    def shape_row(name: Any, row: pd.Series) -> list[str]:
        return [str(name), SHAPES[shapes[name].kind], *_uncertain(row)]

    parts = [
        _part(shown, "theta", "Typical values", HEAD, _row),
        _part(shown, "beta", "Covariate effects (β)", HEAD, _row),
        _part(shown, "omega", "Between-subject variability", OMEGA_HEAD, _omega_row),
        _part(shown, "shape", "Shapes of random effects", SHAPE_HEAD, shape_row),
        _part(shown, "correlation", "Correlations of random effects", HEAD, _row),
        _part(shown, "omega_iov", "Between-occasion variability", OMEGA_HEAD, _omega_row),
        _part(shown, "correlation_iov", "Correlations between occasions", HEAD, _row),
        _part(shown, "sigma", "Residual error (SD or fraction)", HEAD, _row),
        _part(shown, "sigma_shape", "Shape of the residual error", HEAD, _row),
    ]
    return "".join(parts)


def _kinds(parameters: pd.DataFrame, model: Model) -> list[str]:
    """Return the kind of each row; shapes of a residual error are apart from SDs and fractions."""
    errors = list(model.errors.values())
    return [
        "sigma_shape" if kind == "sigma" and any(e.is_shape(str(name)) for e in errors) else kind
        for name, kind in parameters["kind"].items()
    ]


def _part(parameters: pd.DataFrame, kind: str, title: str, head: Any, make: Any) -> str:
    rows = parameters[parameters["kind"] == kind]
    if rows.empty:
        return ""
    cells = [make(name, row) for name, row in rows.iterrows()]
    words = 1 if kind in ("omega", "omega_iov") else 2
    return f"<div class='wb-scroll'>{table(head, cells, caption=title, words=words)}</div>"


def _row(name: Any, row: pd.Series) -> list[str]:
    return [str(name), row["unit"] or NOTHING, *_uncertain(row)]


def _omega_row(name: Any, row: pd.Series) -> list[str]:
    spread = [number(row["sd"]), fixed(row["cv_percent"], 1)]
    shrinkage = [fixed(row["shrinkage_sd"], 1), fixed(row["shrinkage_var"], 1)]
    return [str(name), *_uncertain(row), *spread, *shrinkage]


def _uncertain(row: pd.Series) -> list[str]:
    """Estimate, SE, RSE and interval; a fixed value has none."""
    if row["fixed"]:
        return [number(row["estimate"]), "fixed", NOTHING, NOTHING]
    interval = NOTHING
    if pd.notna(row["lower"]):
        interval = f"{number(row['lower'], 3)} to {number(row['upper'], 3)}"
    return [number(row["estimate"]), number(row["se"], 3), fixed(row["rse"], 1), interval]


def _with_unit(name: str, unit: str) -> str:
    return f"{name} ({unit})" if unit else name


PANEL = Panel("results", "Parameters", "tab", 30, build)
