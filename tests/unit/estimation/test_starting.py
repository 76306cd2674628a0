"""Starting values from data whose truth is known."""

import numpy as np
import pytest

import workbench as wb
from tests import cases, naive
from workbench.errors import ModelError, OptionError, UnknownNameError
from workbench.estimation._pk_starts import absorption_rate

ORAL = {"ka": 1.4, "cl": 2.5, "v": 30.0}


def profile(doses, times, **values):
    """Two identical subjects without noise: the answer is the subject's own parameters."""
    rows = []
    for i in (1, 2):
        for time, amount, rate, compartment in doses:
            into = 1 if compartment == naive.DEPOT or "ka" not in values else 2
            rows.append((i, time, np.nan, amount, 1, into, rate, 0.0, 0))
        f = naive.concentrations(np.array(times), doses, **values)
        rows += [(i, t, c, 0.0, 0, 0, 0.0, 0.0, 0) for t, c in zip(times, f, strict=True)]
    frame = cases.frame(rows).sort_values(["ID", "TIME"], kind="stable").reset_index(drop=True)
    return wb.read_dataset(frame, name="profile")


def wrong_by(model, factor=7.0):
    """Return the model with every typical value far from where it was."""
    powers = [factor if k % 2 else 1 / factor for k in range(len(model.parameters))]
    return model.replace(
        parameters={
            name: wb.LogNormal(p.typical * power, iiv=0.9)
            for (name, p), power in zip(model.parameters.items(), powers, strict=True)
        }
    )


def assert_near(model, truth, rtol):
    for name, value in truth.items():
        assert model.parameters[name].typical == pytest.approx(value, rel=rtol), name


def test_oral_profile_by_non_compartmental_analysis():
    """15 % for what the sampling times decide: the maximum lies between two of them."""
    times = [0.25, 0.5, 1, 1.5, 2, 3, 4, 6, 9, 12, 18, 24, 36, 48]
    data = profile([(0.0, 100.0, 0.0, naive.DEPOT)], times, **ORAL)
    said = []
    found = wb.starting_values(wrong_by(cases.oral_model()), data, say=said.append)
    assert_near(found, ORAL, 0.15)
    assert found.parameters["cl"].typical == pytest.approx(2.5, rel=0.02)
    assert "cl 2.5" in said[0]
    assert "dose / AUC" in said[0]
    assert any("SDs of eta" in sentence for sentence in said)


@pytest.mark.parametrize("rate", [0.0, 25.0])
def test_intravenous_profile(rate):
    truth = {"cl": 3.0, "v": 20.0}
    doses = [(0.0, 100.0, rate, naive.CENTRAL)]
    times = [0.1, 1, 2, 4, 4.5, 6, 8, 12, 18, 24, 30]
    data = profile(doses, times, **truth)
    found = wb.starting_values(wrong_by(cases.iv_model()), data, method="nca")
    assert_near(found, truth, 0.05)


@pytest.mark.parametrize("parametrisation", ["clearance", "rates"])
def test_two_compartments(parametrisation):
    """Within a factor of two: curve stripping from a few points is no more than that."""
    structure = wb.pk(compartments=2, parametrisation=parametrisation)
    truth = {"cl": 3.0, "v1": 10.0, "q": 4.0, "v2": 25.0}
    if parametrisation == "rates":
        truth = {"k": 0.3, "v": 10.0, "k12": 0.4, "k21": 0.16}
    true = wb.Model(
        structure,
        {name: wb.LogNormal(truth[name], iiv=0.01) for name in structure.parameters},
        error=wb.error.Proportional(0.01),
    )
    rows = [(i, 0.0, np.nan, 100.0, 1, 1, 0.0, 0.0, 0) for i in (1, 2)]
    times = (0.1, 0.25, 0.5, 1, 2, 3, 5, 8, 12, 18, 24, 36)
    rows += [(i, t, 1.0, 0.0, 0, 1, 0.0, 0.0, 0) for i in (1, 2) for t in times]
    frame = cases.frame(rows).sort_values(["ID", "TIME"], kind="stable").reset_index(drop=True)
    observed = frame["EVID"] == 0
    design = wb.read_dataset(frame, name="design")
    frame.loc[observed, "DV"] = wb.simulate(true, design, iiv=False, ruv=False)["DV"].to_numpy()
    data = wb.read_dataset(frame, name="two compartments")
    found = wb.starting_values(wrong_by(true), data, method="nca")
    for name, value in truth.items():
        assert 0.5 < found.parameters[name].typical / value < 2.0, name
    fit = wb.fit(wrong_by(true), data, start="auto", covariance="none")
    for name, value in truth.items():
        assert fit.theta[name] == pytest.approx(value, rel=0.02)


@pytest.mark.parametrize("ka", [0.3, 1.0, 8.0])
def test_absorption_rate_is_that_of_the_maximum(ka):
    k = 0.1
    assert absorption_rate(np.log(ka / k) / (ka - k), k) == pytest.approx(ka, rel=1e-9)
    assert absorption_rate(20.0, k) == pytest.approx(0.15)  # later than any maximum with ka > k


def test_multiple_doses_fall_back_on_the_fit_without_random_effects():
    doses = [(12.0 * k, 100.0, 0.0, naive.CENTRAL) for k in range(4)]
    data = profile(doses, [1.0, 25.0, 30.0, 47.0], cl=3.0, v=20.0)
    said = []
    found = wb.starting_values(wrong_by(cases.iv_model("additive")), data, say=said.append)
    assert_near(found, {"cl": 3.0, "v": 20.0}, 0.01)
    assert "without random effects" in said[0]
    with pytest.raises(ModelError, match="pooled"):
        wb.starting_values(cases.iv_model(), data, method="nca")


def test_equations_are_fitted_without_random_effects():
    structure = wb.equations("d/dt(a) = -k*a\nc = a/v", outputs=["c"])
    data = profile([(0.0, 100.0, 0.0, naive.CENTRAL)], [0.5, 1, 3, 6, 10, 15], cl=3.0, v=20.0)
    model = wb.Model(
        structure,
        {"k": wb.LogNormal(1.0, iiv=0.3), "v": wb.LogNormal(3.0, iiv=0.3)},
        error=wb.error.Additive(1.0),
    )
    found = wb.starting_values(model, data)
    assert_near(found, {"k": 0.15, "v": 20.0}, 0.01)


@pytest.mark.parametrize("name", ["theophylline", "phenobarbital", "indomethacin"])
def test_a_fit_from_automatic_values_is_the_one_from_good_values(name):
    data = wb.load_dataset(name)
    model = wb.Model.from_dict(data.info.suggested_model)
    good = wb.fit(model, data, covariance="none")
    fit = wb.fit(wrong_by(model, 30.0), data, start="auto", covariance="none")
    assert fit.verdict == "converged"
    assert fit.ofv == pytest.approx(good.ofv, abs=1e-4)
    assert any(note.startswith("Starting values: ") for note in fit.warnings)
    again = {}
    exec(fit.python().replace("print(fit)", ""), again)  # noqa: S102
    assert again["fit"].ofv == fit.ofv


def test_what_is_fixed_and_which_parameters_vary_stays():
    data = cases.iv_data(8)
    model = wb.Model(
        "pk_1cmt_iv",
        {"cl": wb.LogNormal(wb.Fixed(1.0), iiv=wb.Fixed(0.5)), "v": wb.LogNormal(3.0)},
        error=wb.error.Combined(wb.Fixed(0.01), 0.1),
    )
    found = wb.starting_values(model, data)
    assert found.parameters["cl"] == model.parameters["cl"]
    assert not found.parameters["v"].has_eta
    assert found.error.values[0] == 0.01
    assert found.error.values[1] != 0.1


def test_values_of_another_model_or_fit_are_taken_by_name():
    data = cases.oral_data()
    one = wb.fit(cases.oral_model("additive"), data)
    structure = wb.pk(absorption="first_order", lag=True)
    model = wb.Model(
        structure,
        {name: wb.LogNormal(1.0, iiv=0.5) for name in structure.parameters},
        error=wb.error.Combined(0.5, 0.1),
    )
    fit = wb.fit(model, data, start=one, max_iter=0, covariance="none")
    for name in ("ka", "cl", "v"):
        assert fit.theta[name] == pytest.approx(one.theta[name], rel=1e-12)
    assert fit.theta["tlag"] == pytest.approx(1.0)
    assert any("tlag, error of c" in note for note in fit.warnings)
    same = wb.fit(cases.oral_model("additive"), data, start=one.final_model)
    assert same.ofv == pytest.approx(one.ofv, abs=1e-6)


def test_refusals():
    data = cases.iv_data(3)
    with pytest.raises(OptionError, match="auto, nca, pooled"):
        wb.starting_values(cases.iv_model(), data, method="guess")
    with pytest.raises(OptionError, match='start must be "auto"'):
        wb.fit(cases.iv_model(), data, start="otto")
    with pytest.raises(UnknownNameError, match="Did you mean 'max_iter'"):
        wb.fit(cases.iv_model(), data, start="auto", max_itr=3)
