"""Variability between occasions as a model states it."""

import pytest

import workbench as wb
from workbench.errors import ModelError, UnknownNameError
from workbench.models.model import Model


def model(**options):
    parameters = {
        "cl": wb.LogNormal(3.0, iiv=0.3, iov=0.2),
        "v": wb.Normal(30.0, iov=wb.Fixed(1.5)),
    }
    return wb.Model("pk_1cmt_iv", parameters, error=wb.error.Proportional(0.1), **options)


def test_what_varies_between_occasions():
    own = model()
    assert own.iov == ("cl", "v")
    assert own.etas == ("cl",)
    assert own.omega_iov.tolist() == [[0.2**2, 0.0], [0.0, 1.5**2]]
    assert own.parameters["v"].fixed == {"iov"}
    assert own.without_random_effects().iov == ()


@pytest.mark.parametrize("options", [{}, {"occasion": "VISIT"}, {"occasion": "dose"}])
def test_card_and_python_both_ways(options):
    own = model(**options)
    assert Model.from_json(own.to_json()) == own
    assert eval(own.python(), {"wb": wb}) == own  # noqa: S307 - our own text
    assert ("occasion=" in own.python()) == bool(options)


def test_correlated_kappas_go_through_card_and_python():
    free = {"cl": wb.LogNormal(3.0, iov=0.2), "v": wb.LogNormal(30.0, iov=0.1)}
    own = model().replace(parameters=free, iov_correlations={("v", "cl"): 0.4})
    assert own.iov_correlations == {("cl", "v"): 0.4}
    assert own.omega_iov[0, 1] == pytest.approx(0.4 * 0.2 * 0.1)
    assert Model.from_json(own.to_json()) == own
    assert eval(own.python(), {"wb": wb}) == own  # noqa: S307 - our own text


def test_a_model_without_iov_has_the_card_it_always_had():
    plain = {"cl": wb.LogNormal(3.0, iiv=0.3), "v": wb.LogNormal(30.0)}
    card = model().replace(parameters=plain).to_dict()
    assert set(card) == {"format", "structure", "parameters", "correlations", "error"}
    assert "iov" not in card["parameters"]["cl"]


def test_equations_show_kappa():
    lines = dict.fromkeys(latex for _, latex in model().equations())
    text = " ".join(lines)
    assert r"\kappa_{{CL},ik}" in text
    assert r"{CL}_{ik}" in text
    assert r"\kappa_{V} \sim" in text
    assert r"\eta_{{V},i}" not in text


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: wb.LogNormal(3.0, iov=-0.1), "standard deviation of kappa.*negative"),
        (lambda: wb.LogNormal(3.0, iov="much"), "IOV.*number"),
        (lambda: model(occasion=3), "name of a column"),
        (lambda: model(occasion=" "), "name of a column"),
        (lambda: model(iov_correlations={("cl", "v"): wb.Fixed(0.3)}), "cannot be fixed"),
    ],
)
def test_what_cannot_be_is_refused(make, words):
    with pytest.raises(ModelError, match=words):
        make()


def test_a_correlation_needs_iov_on_both():
    parameters = {"cl": wb.LogNormal(3.0, iov=0.2), "v": wb.LogNormal(30.0, iiv=0.1)}
    with pytest.raises(ModelError, match=r"variability between occasions on both, but v.*iov"):
        model().replace(parameters=parameters, iov_correlations=[("cl", "v")])
    with pytest.raises(UnknownNameError):
        model(iov_correlations=[("cl", "vv")])
