import numpy as np
import pytest

from workbench.plots._lowess import GRID, MOST, lowess

# R's data set `cars` (Ezekiel 1930): speed (mph) and stopping distance (ft).
SPEED = np.repeat(
    np.array([4, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 22, 23, 24, 25.0]),
    [2, 2, 1, 1, 3, 2, 4, 4, 4, 3, 2, 3, 4, 3, 5, 1, 1, 4, 1],
)
# fmt: off
DISTANCE = np.array([
    2, 10, 4, 22, 16, 10, 18, 26, 34, 17, 28, 14, 20, 24, 28, 26, 34, 34, 46, 26, 36, 60, 80, 20,
    26, 54, 32, 40, 32, 40, 50, 42, 56, 76, 84, 36, 46, 68, 32, 48, 52, 56, 64, 66, 54, 70, 92, 93,
    120, 85.0,
])
# fmt: on


def test_lowess_of_cars_against_r():
    # R: lowess(cars), printed with 8 significant digits; half a unit of the last one.
    expected = [4.965459, 13.124495, 15.858633, 18.579691, 21.280313, 24.129277, 27.119549]
    expected += [30.027276, 32.962506, 36.757728, 40.435075, 43.463492, 46.885479, 50.793152]
    expected += [56.491224, 67.585824, 73.079695, 78.643164, 84.328698]
    places, curve = lowess(SPEED, DISTANCE)
    np.testing.assert_array_equal(places, np.unique(SPEED))
    np.testing.assert_allclose(curve, expected, rtol=0, atol=6e-7)


def test_one_pass_is_weighted_least_squares_at_each_place():
    rng = np.random.default_rng(3)
    x, y = np.sort(rng.uniform(0, 10, 30)), rng.normal(size=30)
    places, curve = lowess(x, y, span=0.5, iterations=0)
    for x0, height in zip(places, curve, strict=True):
        distance = np.abs(x - x0)
        h = np.sort(distance)[14]
        weight = np.sqrt(np.where(distance < h, (1 - (distance / h) ** 3) ** 3, 0))
        design = np.column_stack([np.ones(30), x - x0]) * weight[:, None]
        expected = np.linalg.lstsq(design, y * weight, rcond=None)[0][0]
        assert height == pytest.approx(expected, abs=1e-6)


def test_a_straight_line_comes_back():
    x = np.linspace(-3, 8, 200)
    places, curve = lowess(x, 2 - 0.7 * x)
    assert GRID // 2 <= len(places) <= GRID
    assert (places[0], places[-1]) == (-3, 8)
    np.testing.assert_allclose(curve, 2 - 0.7 * places, atol=1e-9)


def test_one_wild_point_does_not_bend_the_curve():
    x = np.linspace(0, 1, 40)
    y = np.sin(x)
    wild = y.copy()
    wild[20] += 50
    np.testing.assert_allclose(lowess(x, wild)[1], lowess(x, y)[1], atol=0.01)


def test_thinning_many_points_keeps_the_curve():
    rng = np.random.default_rng(1)
    x = rng.uniform(0, 1, 20 * MOST)
    y = np.sin(3 * x) + rng.normal(0, 0.1, x.size)
    places, curve = lowess(x, y, span=0.2)
    np.testing.assert_allclose(curve, np.sin(3 * places), atol=0.03)


def test_missing_values_are_left_out_and_order_does_not_matter():
    x, y = SPEED.copy(), DISTANCE.copy()
    flip = np.arange(len(x))[::-1]
    places, curve = lowess(np.append(x[flip], [np.nan, 5]), np.append(y[flip], [1, np.nan]))
    np.testing.assert_allclose(curve, lowess(x, y)[1], rtol=1e-12)
    np.testing.assert_array_equal(places, np.unique(SPEED))


@pytest.mark.parametrize("n", [0, 1, 4])
def test_too_few_distinct_places_give_no_curve(n):
    x = np.arange(n, dtype=float)
    places, curve = lowess(np.repeat(x, 3), np.repeat(x, 3))
    assert len(places) == len(curve) == 0


def test_many_ties_do_not_divide_by_zero():
    x = np.array([0.0] * 50 + [1, 2, 3, 4, 5.0])
    y = np.arange(55.0)
    _, curve = lowess(x, y)
    assert np.isfinite(curve).all()
    assert curve[0] == pytest.approx(24.5, abs=1e-9)
