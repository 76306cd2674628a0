"""Counter-based random numbers: the published words, and the distributions made of them."""

import numpy as np
import pytest
from scipy import stats

from workbench.core import rng

ONES = 0xFFFFFFFF
# Known answers of the authors' library (Random123 1.14, kat_vectors, threefry4x32 with 20 rounds).
ZERO = (0x9C6CA96A, 0xE17EAE66, 0xFC10ECD4, 0x5256A7D8)
ALL_ONES = (0x2A881696, 0x57012287, 0xF6C7446E, 0xA16A6732)
DIGITS_OF_PI = (0x59CD1DBB, 0xB8879579, 0x86B5D00C, 0xAC8B6D84)
PI_COUNTER = (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344)
PI_KEY = (0xA4093822, 0x299F31D0, 0x082EFA98, 0xEC4E6C89)


@pytest.mark.parametrize(
    ("key", "counter", "expected"),
    [
        ((0,) * 4, (0,) * 4, ZERO),
        ((ONES,) * 4, (ONES,) * 4, ALL_ONES),
        (PI_KEY, PI_COUNTER, DIGITS_OF_PI),
    ],
)
def test_words_against_the_authors_known_answers(key, counter, expected):
    assert rng.threefry(*key, *counter) == expected


def test_numbers_depend_on_every_part_of_their_name():
    name = (7, rng.SAMPLER, 3, 2, 11, 5)
    base = rng.uniforms(*name)
    for k in range(len(name)):
        changed = list(name)
        changed[k] += 1
        assert rng.uniforms(*changed) != base
    assert rng.uniforms(*name) == base
    assert rng.uniforms(7 + 2**32, *name[1:]) != base


def test_uniform_and_normal():
    """40,000 numbers; the seed is fixed, so this cannot fail by chance."""
    out = np.zeros(40_001)
    assert rng.fill_normals(3, rng.SAMPLER, 0, 0, 0, 10, out) == 10 + 20_001
    assert stats.kstest(out, "norm").pvalue > 0.05
    pairs = np.array([rng.uniforms(1, rng.IMPORTANCE, 0, 0, 0, d) for d in range(5_000)])
    assert stats.kstest(pairs.ravel(), "uniform").pvalue > 0.05
    assert abs(np.corrcoef(pairs.T)[0, 1]) < 0.05
    assert pairs.min() > 0
    assert pairs.max() < 1
