r"""Counter-based random numbers: a number is a function of what it is for, not of what ran before.

Threefry-4x32 with 20 rounds (Salmon, Moraes, Dror & Shaw 2011, SC'11, "Parallel random numbers:
as easy as 1, 2, 3") turns a 128-bit key and a 128-bit counter into 128 random bits. The key holds
seed and purpose, the counter says what is asked for (subject, chain, iteration, draw), so numbers
are the same on any number of threads, in any order, in any process.
"""

from math import cos, log, pi, sin, sqrt

from workbench.core.jit import OutVec, kernel

# Purposes: streams of one seed that must not meet.
SAMPLER = 1
IMPORTANCE = 2
CONDITIONAL = 3
STARTS = 4

_PARITY = 0x1BD11BDA
_WORD = 0xFFFFFFFF
_FIRST = (10, 11, 13, 23, 6, 17, 25, 18)  # rotations of the first pair of words, round by round
_SECOND = (26, 21, 27, 5, 20, 11, 10, 20)
_UNIT = 2.0**-52


@kernel
def key_word(k0: int, k1: int, k2: int, k3: int, which: int) -> int:
    """Return a word of the key schedule, whose fifth word is the parity of the others."""
    if which == 0:
        return k0
    if which == 1:
        return k1
    if which == 2:
        return k2
    if which == 3:
        return k3
    return _PARITY ^ k0 ^ k1 ^ k2 ^ k3


@kernel
def rotated(word: int, by: int) -> int:
    """Rotate 32 bits to the left."""
    return ((word << by) | (word >> (32 - by))) & _WORD


@kernel
def threefry(
    k0: int, k1: int, k2: int, k3: int, c0: int, c1: int, c2: int, c3: int
) -> tuple[int, int, int, int]:
    """Return four random 32-bit words of a key and a counter of four 32-bit words each.

    The words are held in 64-bit integers, so nothing overflows.
    """
    x0, x1 = (c0 + k0) & _WORD, (c1 + k1) & _WORD
    x2, x3 = (c2 + k2) & _WORD, (c3 + k3) & _WORD
    for r in range(20):
        a, b = _FIRST[r % 8], _SECOND[r % 8]
        if r % 2 == 0:
            x0 = (x0 + x1) & _WORD
            x1 = rotated(x1, a) ^ x0
            x2 = (x2 + x3) & _WORD
            x3 = rotated(x3, b) ^ x2
        else:
            x0 = (x0 + x3) & _WORD
            x3 = rotated(x3, a) ^ x0
            x2 = (x2 + x1) & _WORD
            x1 = rotated(x1, b) ^ x2
        if r % 4 == 3:
            s = r // 4 + 1
            x0 = (x0 + key_word(k0, k1, k2, k3, s % 5)) & _WORD
            x1 = (x1 + key_word(k0, k1, k2, k3, (s + 1) % 5)) & _WORD
            x2 = (x2 + key_word(k0, k1, k2, k3, (s + 2) % 5)) & _WORD
            x3 = (x3 + key_word(k0, k1, k2, k3, (s + 3) % 5) + s) & _WORD
    return x0, x1, x2, x3


@kernel
def uniforms(
    seed: int, purpose: int, subject: int, chain: int, iteration: int, draw: int
) -> tuple[float, float]:
    """Return two independent numbers, uniform on the open interval (0, 1).

    Parameters
    ----------
    seed : any integer; its lower 64 bits count
    purpose : one of this module's constants
    subject, chain, iteration, draw : below 2^32 each
    """
    w0, w1, w2, w3 = threefry(
        seed & _WORD, (seed >> 32) & _WORD, purpose, 0, subject, chain, iteration, draw
    )
    # 52 bits each, so that the half unit that keeps 0 and 1 away is not rounded off.
    u = (float((w0 << 20) | (w1 >> 12)) + 0.5) * _UNIT
    v = (float((w2 << 20) | (w3 >> 12)) + 0.5) * _UNIT
    return u, v


@kernel
def fill_normals(
    seed: int, purpose: int, subject: int, chain: int, iteration: int, draw: int, out: OutVec
) -> int:
    """Overwrite `out` with independent standard normal numbers (Box & Muller 1958).

    Returns
    -------
    int
        The first draw number that was not used.
    """
    n = out.shape[0]
    for k in range(0, n, 2):
        u, v = uniforms(seed, purpose, subject, chain, iteration, draw)
        draw += 1
        radius = sqrt(-2.0 * log(u))
        out[k] = radius * cos(2.0 * pi * v)
        if k + 1 < n:
            out[k + 1] = radius * sin(2.0 * pi * v)
    return draw
