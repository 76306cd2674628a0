"""Quadrature says beforehand that it will take long."""

import pytest

import workbench as wb
from tests import cases
from workbench.errors import CostWarning
from workbench.estimation import agq
from workbench.estimation.agq import QuadratureOptions, expensive
from workbench.problem import Problem


def test_many_nodes_are_warned_of_before_the_fit_and_noted_in_it(monkeypatch):
    monkeypatch.setattr(agq, "MANY", 700)
    model, data = cases.iv_model("proportional"), cases.iv_data(8)
    words = "10 nodes for each of 2 random effects are 100 predictions per subject, 800 for"
    with pytest.warns(CostWarning, match=words):
        at = wb.evaluate(model, data, method="agq", nodes=10)
    assert any(words in sentence for sentence in at.warnings)


def test_few_nodes_are_not_worth_a_word():
    problem = Problem(cases.iv_model("proportional"), cases.iv_data(11))
    assert expensive(QuadratureOptions(nodes=5), problem) == []
    assert expensive(QuadratureOptions(nodes=1), problem) == []


def test_kappas_count():
    parameters = {
        "cl": wb.LogNormal(3.0, iiv=0.3, iov=0.2),
        "v": wb.LogNormal(20.0, iiv=0.2, iov=0.2),
    }
    model = wb.Model("pk_1cmt_iv", parameters, error=wb.error.Proportional(0.1), occasion="OCC")
    frame = cases.iv_frame(20)
    data = wb.read_dataset(frame.assign(OCC=(frame["TIME"] > 4).astype(int)))
    (said,) = expensive(QuadratureOptions(nodes=5), Problem(model, data))
    assert "6 random effects (a kappa for each occasion counts) are 15,625 predictions" in said
