"""Small dense linear algebra that reports failure by a code, not by an exception."""

from math import inf, log, sqrt

from workbench.core.jit import IntVec, Mat, OutIntVec, OutMat, OutVec, Vec, kernel


@kernel
def cholesky(a: Mat, n: int, low: OutMat) -> int:
    r"""Lower Cholesky factor of the leading n x n block, :math:`A = L L^\top`.

    Parameters
    ----------
    a : (m, m), m >= n  symmetric; only the lower triangle is read
    low : (m, m)  its lower triangle is overwritten with L

    Returns
    -------
    int
        0, or the 1-based index of the first pivot that is not positive (NaN included).
    """
    for j in range(n):
        pivot = a[j, j]
        for k in range(j):
            pivot -= low[j, k] * low[j, k]
        if not pivot > 0.0:
            return j + 1
        root = sqrt(pivot)
        low[j, j] = root
        for i in range(j + 1, n):
            s = a[i, j]
            for k in range(j):
                s -= low[i, k] * low[j, k]
            low[i, j] = s / root
    return 0


@kernel
def cholesky_solve(low: Mat, n: int, b: Vec, x: OutVec) -> None:
    r"""Solve :math:`L L^\top x = b`; `x` may be `b` itself."""
    for i in range(n):
        s = b[i]
        for k in range(i):
            s -= low[i, k] * x[k]
        x[i] = s / low[i, i]
    for i in range(n - 1, -1, -1):
        s = x[i]
        for k in range(i + 1, n):
            s -= low[k, i] * x[k]
        x[i] = s / low[i, i]


@kernel
def cholesky_inverse(low: Mat, n: int, column: OutVec, inverse: OutMat) -> None:
    r"""Inverse :math:`(L L^\top)^{-1}` of an n x n matrix from its factor; `column` is scratch."""
    for k in range(n):
        for i in range(n):
            column[i] = 0.0
        column[k] = 1.0
        cholesky_solve(low, n, column, column)
        for i in range(n):
            inverse[i, k] = column[i]


@kernel
def log_determinant(low: Mat, n: int) -> float:
    r"""Return :math:`\log|L L^\top|`."""
    total = 0.0
    for k in range(n):
        total += 2.0 * log(low[k, k])
    return total


@kernel
def lu_factor(a: OutMat, n: int, pivots: OutIntVec) -> int:
    r"""Overwrite a matrix by its LU factors, rows exchanged so that each pivot is the largest.

    Parameters
    ----------
    a : (n, n)  afterwards U, with its diagonal inverted, and L below it
    pivots : (n,)  overwritten; row exchanged with row k in step k

    Returns
    -------
    int
        0, or the 1-based index of the first pivot that is zero or not finite.
    """
    for k in range(n):
        best, largest = k, abs(a[k, k])
        for i in range(k + 1, n):
            if abs(a[i, k]) > largest:
                best, largest = i, abs(a[i, k])
        pivots[k] = best
        if not 0.0 < largest < inf:
            return k + 1
        if best != k:
            for j in range(n):
                a[k, j], a[best, j] = a[best, j], a[k, j]
        inverse = 1.0 / a[k, k]
        a[k, k] = inverse
        top = a[k]
        for i in range(k + 1, n):
            if a[i, k] != 0.0:
                row, factor = a[i], a[i, k] * inverse
                row[k] = factor
                for j in range(k + 1, n):
                    row[j] -= factor * top[j]
    return 0


@kernel
def exchange_rows(n: int, pivots: IntVec, low: int, high: int, b: OutMat) -> None:
    """Exchange rows in columns low to high - 1 as `lu_factor` did."""
    for k in range(n):
        if pivots[k] != k:
            for c in range(low, high):
                b[k, c], b[pivots[k], c] = b[pivots[k], c], b[k, c]


@kernel
def lu_solve(a: Mat, n: int, pivots: IntVec, low: int, high: int, b: OutMat) -> None:
    """Solve for columns low to high - 1 of `b`, in place, with the factors of `lu_factor`."""
    exchange_rows(n, pivots, low, high, b)
    for i in range(n):
        for k in range(i):
            factor = a[i, k]
            if factor != 0.0:
                for c in range(low, high):
                    b[i, c] -= factor * b[k, c]
    for i in range(n - 1, -1, -1):
        for k in range(i + 1, n):
            factor = a[i, k]
            if factor != 0.0:
                for c in range(low, high):
                    b[i, c] -= factor * b[k, c]
        for c in range(low, high):
            b[i, c] *= a[i, i]
