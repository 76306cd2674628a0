"""Residual error models of one's own: the SD as an expression in the prediction f.

The language is that of equation models; the derivatives are symbolic, and what is compiled is a
residual-error kernel like those of the files in `residual`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from workbench.core.residuals import SIGMA_WIDTH
from workbench.errors import ModelError
from workbench.models.equations import System, parse
from workbench.models.equations.grammar import TIME_NAMES
from workbench.models.equations.lowering import lower
from workbench.models.equations.modules import load
from workbench.models.equations.source import HEADER, Source, write
from workbench.models.equations.syntax import names
from workbench.models.equations.typeset import latex_lines
from workbench.models.residual import ErrorModel
from workbench.models.residual._base import no_jacobian

NAME = "expression"
PREDICTION = "f"
CARD = ("model", "fixed", "transform", "of", "expression", "iiv")  # other parts of a model card
RESERVED = (*CARD, "lambda", "df", "sd", "y", *TIME_NAMES)
START = 0.1  # of a parameter of which nothing is known

Floats = NDArray[np.float64]

_IMPORTS = """\
from workbench.core.jit import OutMat as Table
from workbench.core.residuals import FIRST_SIGMA, R_F, R_FF, V_F, V_FF, V_FS, V_S, R, V
"""
_KERNEL = '''

@kernel
def residual(y: Vec, f: Vec, sigma: Vec, out: Table) -> None:
    """Residual, variance and their derivatives; the SD is `output`."""
    z, value = np.zeros({n_z}), np.zeros(1)
    first, second = np.zeros((1, {n_z})), np.zeros({nnz})
{given}
    for j in range(y.shape[0]):
        z[{at_f}] = f[j]
        output(2, 0.0, z, value, first, second)
        sd, slope = value[0], first[0, {at_f}]
        out[j, R], out[j, R_F], out[j, R_FF] = y[j] - f[j], -1.0, 0.0
        out[j, V], out[j, V_F] = sd * sd, 2.0 * sd * slope
        out[j, V_FF] = 2.0 * (slope * slope + sd * {bend})
{by_sigma}
'''


def read(text: str) -> System:
    """Return the expression of an SD, checked.

    Raises
    ------
    EquationError, ModelError
        It cannot be read, or it does not depend on f and parameters alone.
    """
    if not isinstance(text, str) or "\n" in text.strip() or not text.strip():
        raise ModelError(
            f'The SD is one line of text, such as "a*f/(f + 5)" with f for the prediction, not '
            f"{text!r}."
        )
    system = parse(f"sd = {text.strip()}", ["sd"])
    used = {one.name for _, value in system.definitions for one in names(value)}
    for name in sorted(used):
        if name in RESERVED:
            raise ModelError(
                f"The SD {text!r} uses {name}, which means something else here. f is the "
                "prediction; give the parameter another name."
            )
    if not parameters_of(system):
        raise ModelError(
            f"The SD {text!r} has no parameter. Multiply it by one, and fix that if it is known: "
            'wb.error.Expression("a*(…)", {"a": wb.Fixed(1)}).'
        )
    return system


def parameters_of(system: System) -> tuple[str, ...]:
    """Return the residual parameters of an SD, in the order of first appearance."""
    return tuple(name for name in system.parameters if name != PREDICTION)


@lru_cache(maxsize=64)
def expression_model(text: str) -> ErrorModel:
    """Return the error model whose SD is an expression."""
    system = read(text)
    parameters = parameters_of(system)
    lowered = lower(system)
    source = write("output", lowered.graph, lowered.output, len(system.z))
    module = load(HEADER + _IMPORTS + f"\n{source.text}" + _kernel(system, source))
    sd = latex_lines(system)[0].split(" = ", 1)[1]
    return ErrorModel(
        name=NAME,
        title=f"SD = {text.strip()}",
        constructor=f"Expression({text.strip()!r}, ...)",
        parameters=parameters,
        scales=("identity",) * len(parameters),
        defaults=(START,) * len(parameters),
        units=("",) * len(parameters),
        latex=rf"y_{{ij}} = f_{{ij}} + \left({sd}\right)\,\varepsilon_{{ij}}",
        sd=rf"\left({sd}\right)",
        residual=module.residual,
        log_jacobian=no_jacobian,
        shapes=parameters if len(parameters) > 1 else (),
        signed_sd=_signed_sd(system, source, module),
    )


def _signed_sd(
    system: System, source: Source, module: ModuleType
) -> Callable[[Floats, Floats], Floats]:
    """Return the function that gives the SD as it is written, see `ErrorModel`."""
    given = [system.z.index(name) for name in parameters_of(system)]
    at_f = system.z.index(PREDICTION) if PREDICTION in system.z else -1

    def signed_sd(f: Floats, sigma: Floats) -> Floats:
        z, value, out = np.zeros(len(system.z)), np.zeros(1), np.zeros(len(f))
        first, second = np.zeros((1, len(z))), np.zeros(max(1, len(source.hessian_index)))
        z[given] = sigma[: len(given)]
        for j, prediction in enumerate(f):
            if at_f >= 0:
                z[at_f] = prediction
            module.output(0, 0.0, z, value, first, second)
            out[j] = value[0]
        return out

    return signed_sd


def _kernel(system: System, source: Source) -> str:
    """Write the kernel that makes a variance of the SD and its derivatives."""
    parameters, z = parameters_of(system), system.z
    place = {(a, b): k for k, (_, a, b) in enumerate(source.hessian_index)}
    at_f = z.index(PREDICTION) if PREDICTION in z else -1

    def second(a: int, b: int) -> str:
        known = place.get((max(a, b), min(a, b)))
        return "0.0" if known is None or at_f < 0 else f"second[{known}]"

    lines = []
    for k, name in enumerate(parameters):
        at, column = z.index(name), f"FIRST_SIGMA + {SIGMA_WIDTH * k}"
        by = f"first[0, {at}]"
        lines += [
            f"        out[j, {column} + V_S] = 2.0 * sd * {by}",
            f"        out[j, {column} + V_FS] = 2.0 * (slope * {by} + sd * {second(at, at_f)})",
        ]
    text = _KERNEL.format(
        n_z=len(z),
        nnz=max(1, len(source.hessian_index)),
        given="\n".join(f"    z[{z.index(n)}] = sigma[{k}]" for k, n in enumerate(parameters)),
        at_f=at_f,
        bend=second(at_f, at_f),
        by_sigma="\n".join(lines),
    )
    if at_f < 0:  # an SD that the prediction does not move
        text = text.replace("        z[-1] = f[j]\n", "").replace("first[0, -1]", "0.0")
    return text
