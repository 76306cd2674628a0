"""Several methods in a row, each starting where the last one ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from workbench.errors import OptionError, WorkbenchError
from workbench.models.model import Model
from workbench.models.occasions import ETA, KAPPA
from workbench.registry import unknown_name
from workbench.results import FitResult

# method, starting model, options -> fit
RunStage = Callable[[str, Model, Mapping[str, Any]], FitResult]

VERDICTS = ("converged", "doubtful", "failed")  # the worst last
LOST_SD = (
    0.02  # SD of eta, relative to the first start, below which a later stage could not move it
)
GIVEN_SD = 0.2  # what such a one starts the next stage with, relative to the first start


def stage_names(method: object) -> tuple[Any, ...]:
    """Return the methods of a chain, ``["saem", "focei"]`` or ``"saem+focei"``; one of a single.

    Raises
    ------
    OptionError
        There is none, or one is not a name.
    """
    if isinstance(method, str):
        return tuple(method.split("+"))
    if not isinstance(method, list | tuple):
        return (method,)  # no name: the registry says so
    if not method or not all(isinstance(name, str) for name in method):
        raise OptionError(
            f'method is a name, or a list of names such as ["saem", "focei"], not {method!r}.'
        )
    return tuple(method)


def stage_options(names: Sequence[str], options: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the options of each stage; in a chain they are given by its name.

    Raises
    ------
    UnknownNameError, OptionError
        An option names no stage, or is not a mapping.
    """
    for name, value in options.items():
        if name not in names:
            said = unknown_name("stage of this chain", name, names)
            example = f'{names[-1]}={{"{name}": {value!r}}}'
            raise type(said)(f"{said} In a chain options belong to a stage: {example}.")
        if not isinstance(value, Mapping):
            raise OptionError(
                f'The options of stage {name} are a mapping, {name}={{"max_iter": 100}}, '
                f"not {value!r}."
            )
    return {name: options.get(name, {}) for name in names}


def run_chain(
    model: Model,
    names: Sequence[str],
    options: Mapping[str, Mapping[str, Any]],
    run: RunStage,
    cancelled: Callable[[], bool],
) -> FitResult:
    """Run the stages; return the last one's fit with the table of all of them.

    A stage that cannot run, or that is stopped on request, ends the chain: what was reached until
    then is the result, with a warning.

    Raises
    ------
    WorkbenchError
        The first stage cannot run.
    """
    done: list[tuple[str, FitResult]] = []
    said: list[str] = []
    start = model
    for number, name in enumerate(names, 1):
        try:
            fit = run(name, start, options[name])
        except Exception as problem:
            if not done or not isinstance(problem, WorkbenchError | ArithmeticError | ValueError):
                raise
            said.append(
                f"Stage {number} ({name}) could not run, so this is the result of "
                f"{done[-1][0]}: {problem}"
            )
            break
        done.append((name, fit))
        if fit.verdict == "failed" and number > 1:
            said.append(
                f"Stage {number} ({name}) failed, so this is the result of {done[-2][0]}: "
                f"{' '.join(fit.reasons)}"
            )
            break
        left = names[number:]
        if cancelled():
            if left:
                said.append(f"Stopped on request in stage {number} ({name}); {_not_run(left)}.")
            break
        if left:
            said += _about(number, name, fit)
            start, given_back = restarted(model, fit.updated_model)
            said += given_back
    return _joined(model, names, options, done, said)


def _joined(
    model: Model,
    names: Sequence[str],
    options: Mapping[str, Mapping[str, Any]],
    done: Sequence[tuple[str, FitResult]],
    said: Sequence[str],
) -> FitResult:
    """Return the last fit that can be used, with what all stages have to tell."""
    position = len(done) - 1
    if done[position][1].verdict == "failed" and position:
        position -= 1
    last = done[position][1]
    if position and options[done[position][0]].get("max_iter") == 0:
        last = _evaluated(last, *done[position - 1])
    return replace(
        last,
        model=model,
        method="+".join(names),
        warnings=(*last.warnings, *said),
        stages=_table(done),
    )


def _evaluated(last: FitResult, name: str, estimates: FitResult) -> FitResult:
    """Return a stage that only evaluated, with verdict and trace of the estimates it stands on."""
    worst = max(last.verdict, estimates.verdict, key=VERDICTS.index)
    sentence = f"The estimates are those of {name}; the last stage only evaluated them."
    reasons = (sentence, *estimates.reasons, *last.reasons)
    return replace(last, verdict=worst, reasons=reasons, trace=estimates.trace)


def _not_run(names: Sequence[str]) -> str:
    return f"{', '.join(names)} {'was' if len(names) == 1 else 'were'} not run"


def _about(number: int, name: str, fit: FitResult) -> list[str]:
    if fit.verdict == "converged":
        return []
    return [f"Stage {number} ({name}) ended {fit.verdict}: {' '.join(fit.reasons)}"]


def _table(done: Sequence[tuple[str, FitResult]]) -> pd.DataFrame:
    rows = [
        {
            "stage": number,
            "method": name,
            "verdict": fit.verdict,
            "likelihood": fit.likelihood,
            "ofv": fit.ofv,
            "m2ll": fit.m2ll,
            "seconds": fit.seconds,
            "iterations": max(len(fit.trace) - 1, 0),
        }
        for number, (name, fit) in enumerate(done, 1)
    ]
    return pd.DataFrame(rows)


def restarted(first: Model, ended: Model) -> tuple[Model, list[str]]:
    """Return the model that the next stage starts from, and what was changed in it.

    A variance that went to zero would stay there: no method can leave that boundary. It gets a
    moderate value again, so that the next stage decides for itself.

    Parameters
    ----------
    first : the start of the chain
    ended : the model with the estimates of the last stage
    """
    said, model = list[str](), ended
    for effect, letter, part in (
        (ETA, "eta", "correlations"),
        (KAPPA, "kappa", "iov_correlations"),
    ):
        sd = {name: effect.sd(p) for name, p in first.parameters.items()}
        lost = [
            name
            for name, p in ended.parameters.items()
            if sd[name] > 0
            and effect.part not in first.parameters[name].fixed
            and effect.sd(p) < LOST_SD * sd[name]
        ]
        parameters, errors = dict(model.parameters), dict(model.errors)
        for name in lost:
            given: dict[str, Any] = {effect.part: GIVEN_SD * sd[name]}
            if effect is ETA and not parameters[name].has_eta:
                given["eta"] = first.parameters[name].eta
            parameters[name] = replace(parameters[name], **given)
        for name, output in _lost_on_errors(first, ended).items() if effect is ETA else ():
            errors[output] = replace(errors[output], iiv=GIVEN_SD * first.eta_sd(name))
            lost.append(name)
        if not lost:
            continue
        pairs = getattr(model, part).items()
        kept = {pair: 0.0 if set(pair) & set(lost) else value for pair, value in pairs}
        if effect is ETA and ended.fixed_correlations:  # zeros beside them may contradict them
            kept = dict(first.correlations)
        model = model.replace(**{"parameters": parameters, "error": errors, part: kept})
        said.append(
            f"The variance of {letter} on {' and '.join(lost)} had gone to zero; the next stage "
            f"started it at {GIVEN_SD:.0%} of the first SD."
        )
    return model, said


def _lost_on_errors(first: Model, ended: Model) -> dict[str, str]:
    """Return the random effects on residual errors whose variance went to zero: name → output."""
    return {
        name: output
        for name, output in first.scaled.items()
        if not first.holds_eta(name) and ended.errors[output].iiv < LOST_SD * first.eta_sd(name)
    }
