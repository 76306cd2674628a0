"""Which rows belong to which occasion, and what is refused."""

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.errors import DataError, ModelError
from workbench.problem import Problem
from workbench.problem.occasions import find_occasions


def model(**options):
    parameters = {"cl": wb.LogNormal(3.0, iiv=0.3, iov=0.2), "v": wb.LogNormal(30.0)}
    return wb.Model("pk_1cmt_iv", parameters, error=wb.error.Proportional(0.1), **options)


def rows(**columns):
    table = pd.DataFrame(
        {
            "ID": [1] * 6 + [2] * 4,
            "TIME": [0.0, 1, 8, 24, 25, 48, 0, 1, 24, 25],
            "AMT": [100.0, 0, 0, 100, 0, 0, 100, 0, 100, 0],
            "EVID": [1, 0, 0, 1, 0, 0, 1, 0, 4, 0],
            "DV": [np.nan, 3, 2, np.nan, 3, 1, np.nan, 3, np.nan, 3],
            "OCC": ["b", "b", "b", "a", "a", "b", "x", "x", "a", "a"],
        }
    )
    return wb.read_dataset(table.assign(**columns), name="two")


def test_labels_are_numbered_as_they_appear_and_may_come_back():
    found = find_occasions(model(), rows())
    assert found.labels == (("b", "a"), ("x", "a"))
    np.testing.assert_array_equal(found.of_row, [0, 0, 0, 1, 1, 0, 0, 0, 1, 1])
    assert found.used.all()


def test_numbers_are_labels_as_they_are_written():
    found = find_occasions(model(), rows(OCC=[1, 1, 1, 3, 3, 3, 3, 3, 3, 3]))
    assert found.labels == (("1", "3"), ("3",))
    np.testing.assert_array_equal(found.used, [[True, True], [True, False]])


def test_every_dose_begins_an_occasion():
    found = find_occasions(model(occasion="dose"), rows())
    np.testing.assert_array_equal(found.of_row, [0, 0, 0, 1, 1, 1, 0, 0, 1, 1])


def test_every_reset_begins_an_occasion():
    found = find_occasions(model(occasion="reset"), rows())
    np.testing.assert_array_equal(found.of_row, [0, 0, 0, 0, 0, 0, 0, 0, 1, 1])


def test_one_observation_per_occasion_is_noted():
    """The column of times, say, in the place of that of occasions."""
    (note,) = Problem(model(occasion="TIME"), rows()).notes
    assert note.startswith("No occasion (TIME) has more than one observation, so the variability")
    assert not Problem(model(), rows()).notes


def test_a_model_without_iov_has_no_occasions():
    plain = model().replace(parameters={"cl": wb.LogNormal(3.0, iiv=0.3), "v": wb.LogNormal(30.0)})
    assert find_occasions(plain, rows()) is None
    assert Problem(plain, rows()).space.n_eta == 1


def test_a_column_that_is_not_there_is_refused_with_what_to_do():
    with pytest.raises(DataError, match=r"no column 'VISIT'.*occasion=.*reset.*dose"):
        Problem(model(occasion="VISIT"), rows())


def test_a_row_without_occasion_is_refused_by_row_and_subject():
    table = rows().table.drop(columns="ROW")
    table.loc[7, "OCC"] = None
    with pytest.raises(DataError, match=r"OCC is missing on 1 rows, first on row \d+ \(ID 2\)"):
        Problem(model(), wb.read_dataset(table))


def test_one_occasion_in_everybody_is_refused_for_a_fit_only():
    data = rows(OCC="same")
    assert Problem(model(), data).space.n_eta == 2
    with pytest.raises(ModelError, match=r"one occasion only \(OCC\).*wb.Fixed"):
        Problem(model(), data, estimable=True)
    held = {"cl": wb.LogNormal(3.0, iiv=0.3, iov=wb.Fixed(0.2)), "v": wb.LogNormal(30.0)}
    assert Problem(model().replace(parameters=held), data, estimable=True)


def test_a_covariate_can_name_the_occasion():
    data = rows(DAY=[1, 1, 1, 2, 2, 2, 1, 1, 2, 2])
    assert find_occasions(model(occasion="DAY"), data).labels == (("1", "2"), ("1", "2"))


def test_mean_omega_counts_only_what_there_is():
    """Kappas of three occasions in two subjects: the mean over three, not over four."""
    problem = Problem(model(), rows(OCC=[1, 1, 1, 3, 3, 3, 3, 3, 3, 3]))
    total = np.diag([4.0, 3.0, 6.0])  # of eta, of the first occasions, of the second
    found = problem.mean_omega(total)
    np.testing.assert_allclose(found, np.diag([2.0, 3.0, 3.0]))


def test_all_random_effects_come_apart_and_together_again():
    problem = Problem(model(), rows(OCC=[1, 1, 1, 3, 3, 3, 3, 3, 3, 3]))
    eta = np.array([[0.1, 0.2, 0.3], [0.4, 0.5, 0.0]])
    kappas = problem.kappas_of(eta)
    assert kappas["ID"].tolist() == [1, 1, 2]
    assert kappas["OCC"].tolist() == ["1", "3", "3"]
    np.testing.assert_allclose(kappas["cl"], [0.2, 0.3, 0.5])
    np.testing.assert_allclose(problem.joined(eta[:, :1], kappas[["cl"]].to_numpy()), eta)


def test_the_vector_holds_the_kappas_between_omega_and_sigma():
    both = {"cl": wb.LogNormal(3.0, iiv=0.3, iov=0.2), "v": wb.LogNormal(30.0, iov=0.1)}
    own = model().replace(parameters=both, iov_correlations={("cl", "v"): 0.5})
    space = Problem(own, rows()).space
    assert [entry.name for entry in space.entries] == [
        "cl",
        "v",
        "omega[cl]",
        "omega_iov[cl]",
        "omega_iov[v]",
        "corr_iov[cl,v]",
        "sigma[proportional]",
    ]
    np.testing.assert_allclose(space.natural(space.start)[2:6], [0.09, 0.04, 0.01, 0.5])
    x = space.start + 0.1 * np.cos(np.arange(space.n_free))
    again = Problem(space.model_at(x), rows()).space
    np.testing.assert_allclose(again.natural(again.start), space.natural(x), rtol=1e-12)
    np.testing.assert_allclose(space.pack(*_values(space, x)), x, atol=1e-12)


def _values(space, x):
    full = space.full(x)
    return space.theta(full), space.omega(x), space.sigma(full)
