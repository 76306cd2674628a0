r"""The likelihood ratio test of two nested models, also where a variance is zero under the null."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import chdtrc

from workbench.errors import IncomparableError
from workbench.results import FitResult, check_fit
from workbench.workflows._comparable import Run, make_run, why_incomparable, why_other_inputs
from workbench.workflows._nesting import Nesting, Restriction, nesting

SAME = 0.01  # difference in -2LL that counts as none: what convergence may leave
Z = 1.959963984540054  # 95 % interval
OTHER_AIMS = ("two_stage", "its")  # their estimates are not those of the highest likelihood
UNNAMED = ("the smaller model", "the larger model")
SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")

Weights = tuple[tuple[float, int], ...]


@dataclass(frozen=True, slots=True)
class LikelihoodRatioTest:
    """Outcome of a likelihood ratio test.

    Attributes
    ----------
    small, large : names of the two fits
    difference : -2LL of the small model minus that of the large one, at least 0
    se : its Monte-Carlo standard error, 0 without Monte Carlo
    df : parameters that the large model has besides
    weights : (weight, degrees of freedom) of the chi-square distributions that are mixed
    p_value : probability of so large a difference if the small model is right
    p_lower, p_upper : the p-values at the ends of the 95 % interval of the difference
    conservative : the true p-value is at most `p_value`
    restrictions : what makes the small model of the large one, such as ``"omega[v] = 0"``
    notes : sentences on what limits the test
    """

    small: str
    large: str
    difference: float
    se: float
    df: int
    weights: Weights
    p_value: float
    p_lower: float
    p_upper: float
    conservative: bool
    restrictions: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def distribution(self) -> str:
        """The null distribution, such as ``"½χ²₀ + ½χ²₁"``."""
        if len(self.weights) == 1:
            return f"χ²{_below(self.weights[0][1])}"
        return " + ".join(f"½χ²{_below(df)}" for _, df in self.weights)

    @property
    def sentence(self) -> str:
        """The whole test in words."""
        error = f" ± {self.se:.2g} (SE)" if self.se else ""
        sign = "≤" if self.conservative else "="
        p = _probability(self.p_value, sign)
        if self.se:
            p += f" ({_plain(self.p_lower)} to {_plain(self.p_upper)} by the Monte-Carlo error)"
        said = (
            f"{self.small} against {self.large} ({', '.join(self.restrictions)}): "
            f"ΔOFV {self.difference:.3f}{error}, {self.df} df, {self.distribution}: {p}."
        )
        return _begun(said, (self.small, self.large))

    def __repr__(self) -> str:
        return "\n".join([self.sentence, *(f"note: {note}" for note in self.notes)])

    def _repr_html_(self) -> str:
        notes = "".join(f"<br><i>{html.escape(note)}</i>" for note in self.notes)
        return f"<div>{html.escape(self.sentence)}{notes}</div>"


def likelihood_ratio_test(
    fit_small: FitResult,
    fit_large: FitResult,
    *,
    names: tuple[str, str] = UNNAMED,
) -> LikelihoodRatioTest:
    r"""Test a model against a larger one that contains it.

    .. math:: \Delta = -2LL_{small} + 2LL_{large}

    Under the smaller model Δ follows

    * :math:`\chi^2_{df}` when what it holds lies inside the range of the larger model (Wilks
      1938): a fixed value, a correlation of zero;
    * :math:`\tfrac12 \chi^2_{r} + \tfrac12 \chi^2_{r+1}` when one variance is zero, with r the
      other parameters that it lacks (Self & Liang 1987, J. Am. Stat. Assoc. 82:605, case 5); for a
      random effect with q correlations r includes these, :math:`\tfrac12 \chi^2_q +
      \tfrac12 \chi^2_{q+1}` (Stram & Lee 1994, Biometrics 50:1171, case 3);
    * with several variances at zero a mixture whose weights depend on the information matrix;
      :math:`\chi^2_{df}` is given instead, from which the p-value is at most too high.

    Models are nested when the structure is the same and the smaller one has fixed values, random
    effects, correlations or effects of covariates left out, or a residual error that is a special
    case (additive and proportional of combined error; in combined 2 that is at the boundary, as b²
    cannot be negative).

    Parameters
    ----------
    fit_small, fit_large : fits of the same data by the same method; where -2LL was obtained by
        Monte Carlo its standard errors become an interval of the p-value, as if independent
    names : what the sentences call them

    Raises
    ------
    OptionError
        One is no fit.
    IncomparableError
        The models are not nested, the likelihoods cannot be compared, a fit failed, or the larger
        model has the higher -2LL; the message says which and what to do.
    """
    check_fit(fit_small, "fit_small")
    check_fit(fit_large, "fit_large")
    small, large = make_run(names[0], fit_small), make_run(names[1], fit_large)
    refused = why_no_test(small, large)
    if refused:
        raise IncomparableError(_begun(refused, names))
    found = nested(small, large)
    if found.reason:
        raise IncomparableError(_begun(_not_nested(small, large, found), names))
    return tested(small, large, found)


def _begun(sentence: str, names: tuple[str, str]) -> str:
    """Begin a sentence with a capital, unless it begins with a name that has none."""
    if names != UNNAMED:
        return sentence
    return sentence[0].upper() + sentence[1:]


def nested(small: Run, large: Run) -> Nesting:
    """Return what makes one model of the other, or why nothing does."""
    ours, theirs = small.fit, large.fit
    unseen = set(_unseen(ours)) | set(_unseen(theirs))
    found = nesting(ours.final_model, theirs.final_model, unseen=unseen)
    if not found.reason and not found.df:
        return Nesting(reason="both models have the same parameters")
    return found


def _unseen(fit: FitResult) -> list[str]:
    """Return the outputs that were not observed: the fit held their residual errors."""
    outputs = fit.final_model.structure.outputs
    if len(outputs) == 1:
        return []
    held = fit.parameters["fixed"]
    return [
        output
        for output, error in fit.final_model.errors.items()
        if any(held[f"sigma[{output}.{n}]"] and n not in error.fixed for n in error.parameters)
    ]


def why_no_test(small: Run, large: Run) -> str:
    """Return why the two cannot be tested whatever their models are, "" if they can."""
    for run in (small, large):
        if run.fit.verdict == "failed":
            return f"{run.name} failed: {' '.join(run.fit.reasons)}"
        if not run.fit.estimated:
            return (
                f"{run.name} was only evaluated: the test needs the lowest −2LL of each model. "
                "Fit it with wb.fit."
            )
        if run.fit.method.split("+")[-1] in OTHER_AIMS:
            return (
                f"{run.name} was fitted by {run.fit.method}, whose estimates are not those of the "
                'highest likelihood. Fit on with method="focei", start=that fit.'
            )
        if run.fit.penalty or any(p.prior for p in run.fit.model.parameters.values()):
            return (
                f"{run.name} has priors, so its estimates are not those of the highest "
                "likelihood. Fit both models without priors."
            )
    return why_incomparable(small, large)


def _not_nested(small: Run, large: Run, found: Nesting) -> str:
    same = found.reason.startswith("both models")
    advice = (
        "There is nothing to test." if same else "AIC and BIC compare models that are not nested."
    )
    if not same and not nested(large, small).reason:
        advice = "The other way round it is: exchange the two."
    return (
        f"{small.name} is not a special case of {large.name}: {found.reason}. {advice}"
        if not same
        else f"{small.name} and {large.name}: {found.reason}. {advice}"
    )


def tested(small: Run, large: Run, found: Nesting) -> LikelihoodRatioTest:
    """Carry out the test of two nested models.

    Raises
    ------
    IncomparableError
        Doses or covariates differ, or the larger model has the higher -2LL.
    """
    other = why_other_inputs(small, large)
    if other:
        raise IncomparableError(other)
    se = math.hypot(small.fit.likelihood_se, large.fit.likelihood_se)
    difference = small.fit.m2ll - large.fit.m2ll
    if difference < -(SAME + Z * se):
        error = f" ± {se:.2g}" if se else ""
        raise IncomparableError(
            f"−2LL of {large.name} is above that of {small.name}, which it contains, by "
            f"{-difference:.3f}{error}: its fit has not reached its minimum. Fit it again from "
            "the estimates of the smaller model: wb.fit(model, data, start=fit_small)."
        )
    weights, conservative = null_distribution(found.restrictions)
    p, low, high = (
        mixture_p_value(max(value, 0.0), weights)
        for value in (difference, difference + Z * se, difference - Z * se)
    )
    words = [
        f"{r.words} with {', '.join(r.attached)}" if r.attached else r.words
        for r in found.restrictions
    ]
    return LikelihoodRatioTest(
        small=small.name,
        large=large.name,
        difference=max(difference, 0.0),
        se=se,
        df=found.df,
        weights=weights,
        p_value=p,
        p_lower=low,
        p_upper=high,
        conservative=conservative,
        restrictions=tuple(words),
        notes=_notes(small, large, found, se, conservative=conservative),
    )


def null_distribution(restrictions: Sequence[Restriction]) -> tuple[Weights, bool]:
    """Return the mixture of chi-squares, and whether its p-value is only an upper limit."""
    df = sum(restriction.df for restriction in restrictions)
    boundary = sum(restriction.boundary for restriction in restrictions)
    if boundary == 1:
        return ((0.5, df - 1), (0.5, df)), False
    return ((1.0, df),), boundary > 1


def mixture_p_value(difference: float, weights: Weights) -> float:
    """Return the upper tail of a mixture of chi-squares; χ²₀ is always 0."""
    return float(
        sum(
            weight * (chdtrc(df, difference) if df else float(difference <= 0.0))
            for weight, df in weights
        )
    )


def _notes(
    small: Run, large: Run, found: Nesting, se: float, *, conservative: bool
) -> tuple[str, ...]:
    notes = [
        f"{run.name} is doubtful: {' '.join(run.fit.reasons)}"
        for run in (small, large)
        if run.fit.verdict == "doubtful"
    ]
    if conservative:
        count = sum(restriction.boundary for restriction in found.restrictions)
        notes.append(
            f"{count} parameters are at the boundary under the smaller model: the exact "
            "distribution depends on the information matrix, and the p-value is an upper limit."
        )
    if se:
        notes.append(
            f"−2LL was obtained by Monte Carlo; the standard error of its difference, {se:.2g}, "
            "takes the two for independent."
        )
    if large.fit.likelihood == "FO":
        notes.append(
            "FO's −2LL finds differences that are not there more often than the p-value says "
            "(Wählby, Jonsson, Karlsson 2001). Confirm with FOCEI."
        )
    return tuple(notes)


def _below(number: int) -> str:
    return str(number).translate(SUBSCRIPTS)


def _plain(p: float) -> str:
    return "0" if p == 0 else f"{p:.2g}" if p >= 1e-4 else f"{p:.1e}"


def _probability(p: float, sign: str) -> str:
    return "p < 1e-16" if p < 1e-16 else f"p {sign} {_plain(p)}"
