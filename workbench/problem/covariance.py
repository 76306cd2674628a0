r"""Omega as a vector without bounds, and back: full blocks, fixed zeros, fixed correlations.

The vector holds one element for each random effect and one for each named pair, fixed ones
included. Within a block (random effects joined by named pairs) there are two maps:

* `Cholesky`: :math:`L = \mathrm{diag}(e^{d})\,U` with U unit lower triangular in an order of the
  random effects, d (log SDs conditional on the earlier ones), then the elements of U. Where the
  later neighbours of every random effect are neighbours of each other (a perfect elimination
  order; it exists exactly for chordal graphs, Rose 1970, J Math Anal Appl 32:597),
  :math:`L L^\top` has the zeros of L and no others: fixed zeros cost nothing. A full block is the
  case in which any order will do.
* `Correlations`, for what no such order allows, fixed variances within a block and fixed
  correlations that are not zero: log SDs, and the rows of the Cholesky factor of the correlation
  matrix one element after the other,
  :math:`l_{ij} = \tanh(u_{ij})\,\bigl(1 - \sum_{k<j} l_{ik}^2\bigr)^{1/2}` where the correlation
  is estimated (Lewandowski, Kurowicka & Joe 2009, J Multivar Anal 100:1989), and
  :math:`l_{ij} = (r_{ij} - \sum_{k<j} l_{ik} l_{jk}) / l_{jj}` where it is fixed at r. Where a row
  has no length left, no such matrix exists: the root is NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Pairs = Sequence[tuple[int, int]]

STEP = 1e-30  # of complex differentiation: no digit is lost
SAME = 1e-9  # relative difference of covariances that counts as none
MOST_STEPS = 200
SETTLED = 1e-20  # squared length of a scoring step, in SEs of one observation
ROUNDING = 1e-14  # of the objective, relative to its terms: less cannot judge a step


class CovarianceMap:
    """The map between omega and its part of the optimiser's vector.

    Parameters
    ----------
    start : (n, n)  omega at the starting values, which holds the values of what is fixed
    pairs : the correlations by the numbers of their random effects
    held : (n + n_pairs,)  which variances, then which correlations, are fixed

    Attributes
    ----------
    n : number of random effects
    size : number of elements of the vector
    constrained : whether some block has fixed zeros, correlations or variances, so that the
        matrix of second moments is not the best omega for it
    """

    def __init__(self, start: Floats, pairs: Pairs, held: Sequence[bool]) -> None:
        self.n, self.pairs = len(start), list(pairs)
        self.size = self.n + len(self.pairs)
        self._held = np.array(held, dtype=bool)
        self._start = np.array(start)
        self._pattern = np.eye(self.n, dtype=bool)
        for i, j in self.pairs:
            self._pattern[i, j] = self._pattern[j, i] = True
        self.blocks = _components(self._pattern)
        self._order = np.arange(self.n)  # place of each random effect in the order of its block
        self._by_correlations = np.zeros(self.n, dtype=bool)
        self._saturated = np.ones(self.n, dtype=bool)
        for block in self.blocks:
            self._arrange(block)
        self.constrained = not bool(self._saturated.all())
        self._some_by_correlations = bool(self._by_correlations.any())
        self._turned = [(i, j) if self._order[i] < self._order[j] else (j, i) for i, j in pairs]

    def _arrange(self, block: list[int]) -> None:
        inside = [k for k, (i, _) in enumerate(self.pairs) if i in block]
        fixed = self._held[self.n :][inside].any() or (
            len(block) > 1 and self._held[: self.n][block].any()
        )
        full = bool(self._pattern[np.ix_(block, block)].all())
        order = _elimination_order(block, self._pattern)
        self._order[order if order is not None else block] = block
        self._by_correlations[block] = fixed or order is None
        self._saturated[block] = full and not fixed

    # --- the two maps -------------------------------------------------------------------------

    def to_free(self, omega: Floats) -> Floats:
        """Return the vector of an omega that has the zeros and fixed values of the model."""
        turn = np.argsort(self._order)
        low = np.zeros_like(omega)
        low[np.ix_(turn, turn)] = np.linalg.cholesky(omega[np.ix_(turn, turn)])
        diagonal = np.diag(low)
        first = np.log(diagonal)
        second = np.array([low[late, early] / diagonal[late] for early, late in self._turned])
        if self._some_by_correlations:
            sd = np.sqrt(np.diag(omega))
            first = np.where(self._by_correlations, np.log(sd), first)
            unit = low / sd[:, None]
            for e, (early, late) in enumerate(self._turned):
                if self._by_correlations[late]:
                    before = self._order < self._order[early]
                    rest = 1.0 - float((unit[late, before] ** 2).sum())
                    second[e] = np.arctanh(unit[late, early] / np.sqrt(rest))
        return np.concatenate([first, second])

    def root(self, free: Floats) -> Floats:
        """Return R with omega = R R', (n, n); its diagonal is positive.

        R is lower triangular if the random effects are taken in the order of the map. NaN where
        no omega has the fixed values.
        """
        scale = np.exp(free[: self.n])
        low = np.diag(scale)
        for (early, late), u in zip(self._turned, free[self.n :], strict=True):
            low[late, early] = scale[late] * u
        if self._some_by_correlations:
            unit = self._unit_root(free)
            own = self._by_correlations
            low[own] = scale[own, None] * unit[own]
        return low

    def omega(self, free: Floats) -> Floats:
        """Return omega, (n, n); what is fixed at zero is exactly zero."""
        root = self.root(free)
        return np.where(self._pattern, root @ root.T, 0.0)

    def _unit_root(self, free: Floats | NDArray[np.complex128]) -> Any:
        """Return the roots of the correlation matrices of the blocks mapped by correlations."""
        unit = np.eye(self.n, dtype=free.dtype)
        place = {frozenset(pair): e for e, pair in enumerate(self.pairs)}
        with np.errstate(invalid="ignore", divide="ignore"):
            for block in self.blocks:
                if not self._by_correlations[block[0]]:
                    continue
                order = sorted(block, key=lambda k: self._order[k])
                for row, i in enumerate(order):
                    rest = free.dtype.type(1.0)
                    for j in order[:row]:
                        e = place.get(frozenset((i, j)))
                        if e is None or self._held[self.n + e]:
                            done = (unit[i] * unit[j]).sum() - unit[i, j] * unit[j, j]
                            value = (self._correlation(i, j) - done) / unit[j, j]
                        else:
                            value = np.tanh(free[self.n + e]) * np.sqrt(rest)
                        unit[i, j] = value
                        rest = rest - value * value
                        if not rest.real > 0.0:
                            unit[i] = np.nan
                            return unit
                    unit[i, i] = np.sqrt(rest)
        return unit

    def _correlation(self, i: int, j: int) -> float:
        start = self._start
        return float(start[i, j] / np.sqrt(start[i, i] * start[j, j]))

    # --- derivatives --------------------------------------------------------------------------

    def gradient(self, free: Floats, root: Floats, by_omega: Floats) -> Floats:
        r"""Return derivatives in the vector, (n_sub, size).

        Parameters
        ----------
        root : of `free`
        by_omega : (n_sub, n, n)  derivatives in omega, symmetric:
            :math:`\partial F/\partial R = 2\,(\partial F/\partial\Omega)\,R`
        """
        by_root = 2.0 * by_omega @ root
        columns = [np.einsum("nij,ij->ni", by_root, root)]
        for e, (early, late) in enumerate(self._turned):
            if self._by_correlations[late]:
                moved = self._root_slope(free, e)
                columns.append(np.einsum("nij,ij->n", by_root, moved)[:, None])
            else:
                columns.append((by_root[:, late, early] * root[late, late])[:, None])
        return np.concatenate(columns, axis=1) if self.pairs else columns[0]

    def _root_slope(self, free: Floats, e: int) -> Floats:
        """Return d root / d (element of pair e), by a complex step."""
        late = self._turned[e][1]
        if not self._by_correlations[late]:
            early, slope = self._turned[e][0], np.zeros((self.n, self.n))
            slope[late, early] = np.exp(free[late])
            return slope
        moved = free.astype(np.complex128)
        moved[self.n + e] += 1j * STEP
        slope = self._unit_root(moved).imag / STEP
        return np.asarray(np.exp(free[: self.n])[:, None] * slope)

    def _slopes(self, free: Floats, root: Floats, elements: Sequence[int]) -> Floats:
        """Return d omega / d element for some elements, (n_elements, n, n)."""
        found = []
        for e in elements:
            if e < self.n:
                part = np.zeros_like(root)
                part[e] = root[e]
            else:
                part = self._root_slope(free, e - self.n)
            found.append(part @ root.T + root @ part.T)
        return np.array(found)

    # --- the best omega for given second moments ----------------------------------------------

    def fits(self, omega: Floats) -> bool:
        """Whether an omega has the zeros and the fixed values of the model."""
        sd, start_sd = (np.sqrt(np.maximum(np.diag(m), 0.0)) for m in (omega, self._start))
        size = np.outer(sd, sd)
        inside = self._held[: self.n] & ~self._saturated
        if (np.abs(sd - start_sd)[inside] > SAME * start_sd[inside]).any():
            return False
        if (np.abs(omega) > SAME * size)[~self._pattern].any():
            return False
        return not any(
            held and abs(omega[i, j] - self._correlation(i, j) * size[i, j]) > SAME * size[i, j]
            for (i, j), held in zip(self.pairs, self._held[self.n :], strict=True)
        )

    def nearest(self, moments: Floats) -> Floats:
        r"""Return the omega of the model that is best for second moments of the random effects.

        It has the least :math:`\log|\Omega| + \mathrm{tr}(\Omega^{-1} S)`, minus twice the log
        likelihood of normal random effects for one of them. In full blocks it is S; with fixed
        zeros or values it is found by Fisher scoring (Chaudhuri, Drton & Richardson 2007,
        Biometrika 94:199, treat the zeros). Just zeroing elements of S is not the maximum, and
        may not be positive definite.

        Parameters
        ----------
        moments : (n, n)  S
        """
        kept = np.where(self._pattern, moments, 0.0)
        if not self.constrained or (self.fits(moments) and _definite(moments)):
            return kept
        for block in self.blocks:
            if not self._saturated[block[0]]:
                self._fit_block(block, moments, kept)
        return kept

    def _fit_block(self, block: list[int], moments: Floats, out: Floats) -> None:
        """Write the best part of one block to `out`."""
        part = np.ix_(block, block)
        start_sd = np.sqrt(np.diag(self._start))
        sd = np.where(self._held[: self.n], start_sd, np.sqrt(np.maximum(np.diag(moments), 0.0)))
        begin = self._start * np.outer(sd / start_sd, sd / start_sd)
        free = self.to_free(np.where(self._pattern, begin, 0.0))
        inside = [k for k in block if not self._held[k]]
        inside += [
            self.n + e
            for e, (i, _) in enumerate(self.pairs)
            if i in block and not self._held[self.n + e]
        ]
        second = moments[part]

        def value(at: Floats) -> float:
            root = self.root(at)[part]
            if not np.isfinite(root).all():
                return float("inf")
            inverse = np.linalg.inv(root)
            return float(2.0 * np.log(np.diag(root)).sum() + (inverse.T @ inverse * second).sum())

        now = value(free)
        for _ in range(MOST_STEPS):
            root = self.root(free)
            slopes = self._slopes(free, root, inside)[:, block][:, :, block]
            inverse = np.linalg.inv(root[part])
            precision = inverse.T @ inverse
            by_omega = precision - precision @ second @ precision
            gradient = (slopes * by_omega).sum(axis=(1, 2))
            turned = precision @ slopes
            information = np.einsum("aij,bji->ab", turned, turned)
            step = np.linalg.lstsq(information, -gradient, rcond=1e-12)[0]
            length, part_of = float(-gradient @ step), 1.0
            slack = ROUNDING * (1.0 + abs(now))
            moved, ahead = free, now
            while part_of > 1e-8:
                moved = free.copy()
                moved[inside] += part_of * step
                ahead = value(moved)
                if ahead <= now + slack:
                    break
                part_of *= 0.5
            if not ahead <= now + slack:
                break
            free, now = moved, ahead
            if length < SETTLED:
                break
        out[part] = self.omega(free)[part]


def _definite(matrix: Floats) -> bool:
    return bool(np.linalg.eigvalsh(matrix).min() > 0)


def _components(pattern: Bools) -> list[list[int]]:
    """Return the groups of random effects that are joined, each in order."""
    left, found = list(range(len(pattern))), []
    while left:
        block, ahead = {left[0]}, [left[0]]
        while ahead:
            k = ahead.pop()
            new = {int(j) for j in np.flatnonzero(pattern[k])} - block
            block |= new
            ahead += sorted(new)
        found.append(sorted(block))
        left = [k for k in left if k not in block]
    return found


def _elimination_order(block: list[int], pattern: Bools) -> list[int] | None:
    """Return a perfect elimination order, the natural one if it is one; None if there is none."""
    left, order = list(block), []
    while left:
        for k in left:
            near = [j for j in left if j != k and pattern[k, j]]
            if pattern[np.ix_(near, near)].all():
                break
        else:
            return None
        order.append(k)
        left.remove(k)
    return order
