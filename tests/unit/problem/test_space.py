"""The optimiser's vector: there and back, exact slopes, and what may never move."""

import numpy as np
import pytest
from scipy.stats import norm

import workbench as wb
from tests import cases
from workbench.core.conditional import Objective
from workbench.problem.space import ParameterSpace

FULL = {("ka", "cl"): -0.2, ("ka", "v"): 0.3, ("cl", "v"): 0.4}


def oral(ka, cl, v, error="combined2", fixed=(), sigma=None, correlations=()):
    return wb.Model(
        "pk_1cmt_oral",
        {"ka": ka, "cl": cl, "v": v},
        error=cases.error(error, sigma, fixed),
        correlations=correlations,
    )


MODELS = {
    "diagonal": cases.oral_model(),
    "block": cases.oral_model(correlations={("ka", "v"): 0.4}),
    "full": cases.oral_model("combined1", correlations=FULL),
    "normal": cases.oral_model("lognormal", distributions=("normal",) * 3, correlations=FULL),
    "mixed": cases.oral_model(
        "additive",
        distributions=("normal", "lognormal", "normal"),
        correlations={("cl", "v"): -0.3},
    ),
    "negative and zero": oral(
        wb.Normal(-0.7, iiv=0.4), wb.Normal(0.0, iiv=0.2), wb.Normal(0.0), "combined1", (), (0.4, 0)
    ),
    "fixed": oral(
        wb.LogNormal(wb.Fixed(1.4), iiv=0.5),
        wb.LogNormal(2.5, iiv=wb.Fixed(0.3)),
        wb.Normal(30.0, iiv=2.0),
        fixed=("additive",),
        correlations={("ka", "v"): 0.4},
    ),
    "fixed zero": oral(
        wb.LogNormal(1.4, iiv=0.5),
        wb.LogNormal(2.5, iiv=0.3),
        wb.LogNormal(30.0, iiv=0.2),
        correlations={("ka", "cl"): -0.3, ("ka", "v"): 0.4},
    ),
    "fixed correlation": cases.oral_model(
        correlations={("ka", "cl"): -0.2, ("ka", "v"): wb.Fixed(0.3), ("cl", "v"): 0.4}
    ),
    "fixed variance in a block": oral(
        wb.LogNormal(1.4, iiv=0.5),
        wb.LogNormal(2.5, iiv=wb.Fixed(0.3)),
        wb.LogNormal(30.0, iiv=0.2),
        correlations=FULL,
    ),
    "fixed zero and variance": oral(
        wb.LogNormal(1.4, iiv=0.5),
        wb.LogNormal(2.5, iiv=wb.Fixed(0.3)),
        wb.LogNormal(30.0, iiv=0.2),
        correlations={("ka", "cl"): -0.3, ("ka", "v"): 0.4},
    ),
    "cycle": wb.Model(
        "pk_2cmt_iv",
        {n: wb.LogNormal(2.0, iiv=0.3) for n in ("cl", "v1", "q", "v2")},
        error=cases.error("proportional"),
        correlations={("cl", "v1"): 0.3, ("v1", "q"): 0.2, ("q", "v2"): -0.2, ("cl", "v2"): 0.1},
    ),
    "between bounds": oral(
        wb.LogitNormal(1.4, iiv=0.5, lower=0.2, upper=3.0),
        wb.ProbitNormal(2.5, iiv=0.3, lower=-1, upper=4),
        wb.LogitNormal(30.0, iiv=0.2, upper=50, bounds=(20, None)),
        correlations={("ka", "v"): 0.4},
    ),
    "one random effect": cases.oral_model("proportional", iiv=(0.0, 0.3, 0.0)),
    "no random effects": cases.oral_model("combined1", iiv=(0.0, 0.0, 0.0)),
    "all fixed": oral(
        *(wb.LogNormal(wb.Fixed(t), iiv=wb.Fixed(0.3)) for t in (1.4, 2.5, 30.0)),
        fixed=("additive", "proportional"),
    ),
}


@pytest.fixture(params=MODELS)
def space(request):
    return ParameterSpace(MODELS[request.param])


def nearby(space, size=0.3, seed=1):
    return space.start + size * np.random.default_rng(seed).standard_normal(space.n_free)


def differences(function, x, h=2e-3):
    """Central differences of sixth order (Richardson on steps h, h/2, h/4), by column."""
    columns = []
    for unit in np.eye(len(x)):

        def central(size, unit=unit):
            return (function(x + size * unit) - function(x - size * unit)) / (2 * size)

        columns.append((64 * central(h / 4) - 20 * central(h / 2) + central(h)) / 45)
    return np.array(columns).T


def by_hand(model):
    """Return the natural vector of the starting values, from what the model says."""
    return np.array(
        [p.typical for p in model.parameters.values()]
        + [model.parameters[name].iiv ** 2 for name in model.etas]
        + list(model.correlations.values())
        + list(model.error.values)
    )


# --- there and back --------------------------------------------------------------------------


def test_the_start_is_the_model(space):
    """1e-14: a logarithm and its exponential."""
    np.testing.assert_allclose(space.natural(space.start), by_hand(space.model), rtol=1e-14)
    np.testing.assert_allclose(space.omega(space.start), space.model.omega, rtol=1e-14)


def test_packing_undoes_unpacking(space):
    """1e-13: a Cholesky factor of its own product."""
    x = nearby(space)
    full = space.full(x)
    packed = space.pack(space.theta(full), space.omega(x), space.sigma(full))
    np.testing.assert_allclose(packed, x, rtol=1e-13, atol=1e-13)


def test_the_model_at_x_starts_at_the_natural_values_of_x(space):
    x = nearby(space)
    model = space.model_at(x)
    again = ParameterSpace(model)
    np.testing.assert_allclose(again.natural(again.start), space.natural(x), rtol=1e-13)
    np.testing.assert_allclose(by_hand(model), space.natural(x), rtol=1e-13)
    assert again.entries == space.entries
    assert again.n_free == space.n_free
    assert model.structure is space.model.structure


def test_what_the_kernels_get_is_what_a_person_reads(space):
    """1e-12: precision is an inverse."""
    x = nearby(space)
    values, natural, omega = space.values(x), space.natural(x), space.omega(x)
    kinds = [entry.kind for entry in space.entries]
    of = {kind: natural[[k == kind for k in kinds]] for kind in set(kinds)}
    parameters = space.model.parameters.values()
    inverse = {
        "lognormal": lambda psi, _: np.exp(psi),
        "normal": lambda psi, _: psi,
        "logitnormal": lambda psi, p: p.lower + (p.upper - p.lower) / (1 + np.exp(-psi)),
        "probitnormal": lambda psi, p: p.lower + (p.upper - p.lower) * norm.cdf(psi),
    }
    typical = [
        inverse[p.distribution](psi, p) for psi, p in zip(values.theta, parameters, strict=True)
    ]
    np.testing.assert_allclose(of["theta"], typical, rtol=1e-14)
    np.testing.assert_array_equal(of["sigma"], values.sigma)
    np.testing.assert_array_equal(of.get("omega", []), np.diag(omega))
    np.testing.assert_allclose(values.precision @ omega, np.eye(space.n_eta), atol=1e-12)
    assert values.log_det_omega == pytest.approx(np.linalg.slogdet(omega)[1], abs=1e-12)
    sd = np.sqrt(np.diag(omega))
    expected = np.diag(sd) @ np.eye(space.n_eta) @ np.diag(sd)
    pairs = zip(space.model.correlations, of.get("correlation", []), strict=True)
    for (a, b), r in pairs:
        i, j = space.etas.index(a), space.etas.index(b)
        expected[i, j] = expected[j, i] = r * sd[i] * sd[j]
    np.testing.assert_allclose(omega, expected, rtol=1e-13, atol=1e-15)
    for array in (values.theta, values.precision, values.sigma):
        assert not array.flags.writeable


def test_entries_are_in_the_order_of_the_natural_vector():
    names = [(e.name, e.kind, e.interval) for e in ParameterSpace(MODELS["mixed"]).entries]
    assert names == [
        ("ka", "theta", "identity"),
        ("cl", "theta", "log"),
        ("v", "theta", "identity"),
        ("omega[ka]", "omega", "chi2"),
        ("omega[cl]", "omega", "chi2"),
        ("omega[v]", "omega", "chi2"),
        ("corr[cl,v]", "correlation", "fisher"),
        ("sigma[additive]", "sigma", "log"),
    ]


def test_covariances_outside_the_blocks_are_dropped():
    space = ParameterSpace(MODELS["block"])
    full = space.full(space.start)
    crowded = space.model.omega + 0.01 * (1 - np.eye(3))
    crowded[0, 2] = crowded[2, 0] = space.model.omega[0, 2]
    packed = space.pack(space.theta(full), crowded, space.sigma(full))
    np.testing.assert_allclose(packed, space.start, rtol=1e-13, atol=1e-14)


# --- slopes ----------------------------------------------------------------------------------


def test_gradient_is_the_chain_rule_of_the_mapping(space):
    """A made-up objective a·theta + tr(S P) + log|omega| + b·sigma; 1e-9 of its largest slope."""
    rng = np.random.default_rng(4)
    n_sub, n_eta = 3, space.n_eta
    a = rng.standard_normal((n_sub, space.n_theta))
    half = rng.standard_normal((n_sub, n_eta, n_eta))
    s = half + half.transpose(0, 2, 1)
    b = rng.standard_normal((n_sub, len(space.model.error.values)))

    def objective(x):
        at = space.values(x)
        trace = np.einsum("nij,ij->n", s, at.precision)
        return a @ at.theta + trace + at.log_det_omega + b @ at.sigma

    x = nearby(space)
    zeros = np.zeros(n_sub)
    out = Objective(zeros, zeros.astype(np.int64), np.zeros((n_sub, n_eta)), a, s, b)
    found = space.gradient(x, space.values(x), out)
    assert found.shape == (n_sub, space.n_free)
    if space.n_free:
        expected = differences(objective, x)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max())


def test_jacobian_is_that_of_the_natural_vector(space):
    """1e-8: it is itself a central difference of step 1e-5."""
    x = nearby(space)
    found = space.jacobian(x)
    assert found.shape == (len(space.entries), space.n_free)
    if space.n_free:
        expected = differences(space.natural, x)
        np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-8 * np.abs(expected).max())


def test_jacobian_by_hand():
    """d exp(x)/dx = exp(x); d sd²/d log sd = 2 sd²; sigma as sd; a normal theta by its scale."""
    space = ParameterSpace(MODELS["mixed"].replace(correlations={}))
    typical, variance = np.array([1.4, 2.5, 30.0]), np.diag(space.model.omega)
    expected = np.concatenate([typical, 2 * variance, [0.4]])
    np.testing.assert_allclose(space.jacobian(space.start), np.diag(expected), rtol=1e-9)


# --- limits ----------------------------------------------------------------------------------


def test_fixed_entries_never_move(space):
    fixed = np.array([entry.fixed for entry in space.entries])
    assert space.n_free == (~fixed).sum() == len(space.start)
    for seed in range(5):
        natural = space.natural(nearby(space, 3.0, seed))
        np.testing.assert_allclose(natural[fixed], by_hand(space.model)[fixed], rtol=1e-14)
        if space.n_free:
            assert (natural[~fixed] != by_hand(space.model)[~fixed]).all()


def test_what_is_held_is_what_the_model_holds():
    held = [entry.name for entry in ParameterSpace(MODELS["fixed"]).entries if entry.fixed]
    assert held == ["ka", "omega[cl]", "sigma[additive]"]
    assert ParameterSpace(MODELS["all fixed"]).n_free == 0


def test_every_x_is_a_legal_model(space):
    """Unbounded: far away omega stays positive definite and correlations below one."""
    for seed in range(20):
        x = nearby(space, 2.0, seed)
        omega = space.omega(x)
        if space.n_eta and not np.isfinite(omega).all():
            assert space.model is MODELS["cycle"]  # no omega has these zeros: refused as NaN
            assert np.isnan(space.values(x).precision).any()
            continue
        if space.n_eta:
            assert np.linalg.eigvalsh(omega).min() > 0
        space.model_at(x)


def test_x_is_of_order_one_whatever_the_units():
    """A normal parameter is divided by its size, so that 30 L and 30,000 mL move alike."""
    small, large = (
        ParameterSpace(oral(*(wb.Normal(v * unit, iiv=0.1 * v * unit) for v in (1.4, 2.5, 30.0))))
        for unit in (1.0, 1000.0)
    )
    x = nearby(small) - small.start
    a, b = small.natural(small.start + x), large.natural(large.start + x)
    np.testing.assert_allclose(b[:3], 1000 * a[:3], rtol=1e-13)
    np.testing.assert_allclose(small.start[:3], 1.0)
