r"""A start of the EBE search from the logarithms of the data, for errors that grow with the mean.

Where the SD is proportional to the prediction f, a prediction far above its observation y has a
likelihood that hardly changes with f: :math:`\tfrac12 (y/f - 1)^2/\sigma^2 + \log f`. Of a subject
whose observations fall by several powers of ten, the mode lies in a narrow valley on a plain, and
Newton's steps from eta = 0 find it late or not at all. The logarithms of exponentials are nearly
linear in the rates, so

.. math::
    \tfrac12 \sum_j w_j (\log y_j - \log f_j)^2 + \tfrac12 \eta^\top \Omega^{-1} \eta, \qquad
    w_j = y_j^2 h'(y_j)^2 / v(y_j),

w the precision of log y by the error model at y, has a minimum near there that a few steps of Gauss
and Newton find. They are kept short, or they leap to where absorption and elimination change roles.
"""

from math import log, sqrt

from workbench.core.jit import Mat, OutVec, Vec, kernel
from workbench.core.likelihood import gradient_in_eta, predict_subject, prior_term, with_prior
from workbench.core.linalg import cholesky, cholesky_solve
from workbench.core.packed import Scratch, Structure, Subjects, Values
from workbench.core.residuals import KIND, OBSERVED, R_F, V_F, R, V
from workbench.core.table import residual_at

MAX_STEPS = 30
MAX_HALVINGS = 20
NEAR = 1e-3  # Newton decrement after which the start is good enough
STRIDE = 0.5  # SDs of a random effect, given the others, that one step may cross
SMALLEST = 1e-280  # prediction that has a logarithm


@kernel
def far_off(n_obs: int, table: Mat) -> bool:
    """Say whether plain observations with a variance that moves lie far from their predictions.

    The sum of squares of their weighted residuals is about their number at a mode.
    """
    total, n, moves = 0.0, 0, False
    for j in range(n_obs):
        if table[j, KIND] == OBSERVED:
            total += table[j, R] * table[j, R] / table[j, V]
            n += 1
            moves = moves or table[j, V_F] != 0.0
    return moves and not total <= 2.0 * n + 6.0


@kernel
def weigh_logarithms(
    structure: Structure, subjects: Subjects, i: int, sigma: Vec, scratch: Scratch
) -> None:
    """Fill scratch.leverage with w of each observation, 0 where there is no logarithm."""
    start = subjects.obs_start[i]
    n_obs = subjects.obs_start[i + 1] - start
    table, y = scratch.table_limit, subjects.dv
    for j in range(n_obs):
        scratch.prediction[j] = y[start + j]
    residual_at(structure, subjects, start, n_obs, sigma, y, scratch.prediction, table)
    for j in range(n_obs):
        relative = y[start + j] * table[j, R_F]
        weight = relative * relative / table[j, V]
        plain = subjects.kind[start + j] == OBSERVED and y[start + j] > SMALLEST
        scratch.leverage[j] = weight if plain and weight < 1e300 else 0.0


@kernel
def log_misfit(
    structure: Structure,
    subjects: Subjects,
    i: int,
    values: Values,
    eta: Vec,
    scratch: Scratch,
) -> float:
    """Return the misfit of logarithms; predictions and first derivatives stay in scratch.f."""
    predict_subject(1, structure, subjects, i, values.theta, eta, scratch, scratch.f)
    start = subjects.obs_start[i]
    total = prior_term(values.precision, eta)
    for j in range(subjects.obs_start[i + 1] - start):
        if scratch.leverage[j] > 0.0:
            if not scratch.f[j, 0] > SMALLEST:
                return 1e300
            r = log(subjects.dv[start + j] / scratch.f[j, 0])
            total += 0.5 * scratch.leverage[j] * r * r
    return total


@kernel
def log_derivatives(subjects: Subjects, i: int, scratch: Scratch) -> None:
    """Fill gradient and weights, of Gauss and Newton, in psi, without the prior."""
    p, f, start = scratch.psi.shape[0], scratch.f, subjects.obs_start[i]
    for k in range(p):
        scratch.gradient[k] = 0.0
        for q in range(p):
            scratch.weights[k, q] = 0.0
    for j in range(subjects.obs_start[i + 1] - start):
        w = scratch.leverage[j]
        if w > 0.0:
            r = log(subjects.dv[start + j] / f[j, 0])
            for k in range(p):
                slope = f[j, 1 + k] / f[j, 0]
                scratch.gradient[k] -= w * r * slope
                for q in range(p):
                    scratch.weights[k, q] += w * slope * f[j, 1 + q] / f[j, 0]


@kernel
def log_step(
    structure: Structure, subjects: Subjects, i: int, values: Values, eta: Vec, scratch: Scratch
) -> float:
    """Fill scratch.step with the step of Gauss and Newton at eta; return its decrement."""
    n_eta, gradient = eta.shape[0], scratch.eta_gradient
    log_derivatives(subjects, i, scratch)
    gradient_in_eta(structure, values.precision, eta, scratch)
    with_prior(scratch.weights, structure.eta_index, values.precision, scratch.matrix)
    if cholesky(scratch.matrix, n_eta, scratch.low) != 0:
        return 0.0
    cholesky_solve(scratch.low, n_eta, gradient, scratch.step)
    decrement = 0.0
    for a in range(n_eta):
        decrement += gradient[a] * scratch.step[a]
    return decrement


@kernel
def first_scale(values: Values, step: Vec) -> float:
    """Share of a step, at most 1, that crosses no more than STRIDE."""
    most = STRIDE
    for a in range(step.shape[0]):
        most = max(most, abs(step[a]) * sqrt(values.precision[a, a]))
    return STRIDE / most


@kernel(inline=False)
def logarithmic_start(
    structure: Structure, subjects: Subjects, i: int, values: Values, scratch: Scratch, eta: OutVec
) -> bool:
    """Overwrite eta by where logarithms fit best; False where they say nothing."""
    n_eta = eta.shape[0]
    for a in range(n_eta):
        eta[a] = 0.0
    weigh_logarithms(structure, subjects, i, values.sigma, scratch)
    value = log_misfit(structure, subjects, i, values, eta, scratch)
    if not value < 1e300:
        return False
    for _ in range(MAX_STEPS):
        decrement = log_step(structure, subjects, i, values, eta, scratch)
        if not decrement > NEAR:
            break
        scale, lower = first_scale(values, scratch.step), False
        for _ in range(MAX_HALVINGS):
            for a in range(n_eta):
                scratch.trial[a] = eta[a] - scale * scratch.step[a]
            trial = log_misfit(structure, subjects, i, values, scratch.trial, scratch)
            if trial <= value - 1e-4 * scale * decrement:
                lower = True
                break
            scale *= 0.5
        if not lower:
            break
        value = trial
        for a in range(n_eta):
            eta[a] = scratch.trial[a]
    return True
