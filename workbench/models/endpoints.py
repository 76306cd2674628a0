"""What a model says of its outputs: the residual error of each, and the data it stands for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from workbench.errors import ModelError
from workbench.models.error import RUV, ResidualError
from workbench.registry import unknown_name

Errors = Mapping[str, ResidualError]


def errors_by_output(structure: str, outputs: Sequence[str], error: object) -> Errors:
    """Return the residual error of each output, in the order of the outputs.

    Parameters
    ----------
    structure : its name, for messages
    outputs : names of what the structure predicts
    error : a residual error where there is one output; or output → residual error

    Raises
    ------
    ModelError, UnknownNameError
        It is something else, or names an output that there is not.
    """
    if isinstance(error, ResidualError):
        if len(outputs) > 1:
            wanted = ", ".join(f'"{name}": …' for name in outputs)
            raise ModelError(
                f"{structure} predicts {', '.join(outputs)}: give a residual error for each "
                f"that is observed, error={{{wanted}}}."
            )
        return MappingProxyType({outputs[0]: error})
    if not isinstance(error, Mapping) or not error:
        raise ModelError(
            f"error must be one of wb.error's models, or one for each output "
            f"({', '.join(outputs)}), not {error!r}."
        )
    for name, part in error.items():
        if name not in outputs:
            raise unknown_name(f"output of {structure}", str(name), outputs)
        if not isinstance(part, ResidualError):
            raise ModelError(f"The error of {name} must be one of wb.error's models, not {part!r}.")
    return MappingProxyType({name: error[name] for name in outputs if name in error})


def sigma_names(outputs: Sequence[str], errors: Errors) -> tuple[str, ...]:
    """Return the names of all residual parameters: ``additive``, or ``cp.additive``."""
    return tuple(
        f"{output}.{name}" if len(outputs) > 1 else name
        for output, error in errors.items()
        for name in error.parameters
    )


def sigma_units(errors: Errors) -> tuple[str, ...]:
    """Return the unit templates of all residual parameters, in the order of `sigma_names`."""
    return tuple(unit for error in errors.values() for unit in error.units)


def eta_names(outputs: Sequence[str], errors: Errors) -> dict[str, str]:
    """Return the random effects on the errors, ``ruv``, or ``ruv.cp`` of several outputs.

    Returns
    -------
    dict
        name → output
    """
    return {_eta_name(outputs, o): o for o, error in errors.items() if error.has_eta}


def eta_sds(outputs: Sequence[str], errors: Errors) -> dict[str, float]:
    """Return the SD of each error's random effect by its name, 0 where there is none."""
    return {_eta_name(outputs, output): error.iiv for output, error in errors.items()}


def _eta_name(outputs: Sequence[str], output: str) -> str:
    return f"{RUV}.{output}" if len(outputs) > 1 else RUV


def check_eta_names(structure: str, parameters: Sequence[str], errors: Errors) -> None:
    """Refuse a parameter that has the name of a random effect on the error.

    Raises
    ------
    ModelError
    """
    if RUV in parameters and any(error.has_eta for error in errors.values()):
        raise ModelError(
            f'{structure} has a parameter "{RUV}", which is the name of the random effect on the '
            "residual error (iiv=). Give the parameter another name."
        )


def eta_symbol(name: str) -> str:
    """Return the name of a random effect on an error in mathtext."""
    word, _, output = name.partition(".")
    shown = f"{word},{output}" if output else word
    return rf"\mathrm{{{shown}}}".replace("_", r"\_")


def errors_card(outputs: Sequence[str], errors: Errors) -> dict[str, Any]:
    """Return the errors' part of a model card: that of the only output, or one per output."""
    if len(outputs) == 1:
        return errors[outputs[0]].to_dict()
    return {name: error.to_dict() for name, error in errors.items()}


def read_errors(card: Mapping[str, Any]) -> ResidualError | dict[str, ResidualError]:
    """Read the errors' part of a model card.

    Raises
    ------
    ModelError, UnknownNameError
        An error names no model, an unknown one, or has missing or extra values.
    """
    several = bool(card) and all(isinstance(part, Mapping) for part in card.values())
    if not several:
        return ResidualError.from_dict(card)
    return {name: ResidualError.from_dict(part) for name, part in card.items()}


def errors_python(outputs: Sequence[str], errors: Errors) -> str:
    """Return the Python of the argument `error`."""
    if len(outputs) == 1:
        return errors[outputs[0]].python()
    parts = ", ".join(f"{json.dumps(n)}: {error.python()}" for n, error in errors.items())
    return f"{{{parts}}}"


def errors_latex(outputs: Sequence[str], errors: Errors) -> list[str]:
    """Return lines of mathtext for each error model, with its output where there are several.

    The last lines say how the standardised errors are distributed.
    """
    lines, last = [], []
    symbols = {output: eta_symbol(name) for name, output in eta_names(outputs, errors).items()}
    for output, error in errors.items():
        name = output.replace("_", r"\_")
        before = rf"\mathrm{{{name}}}:\quad " if len(outputs) > 1 else ""
        lines += [before + line for line in error.latex(symbols.get(output, ""))]
        law = r"t_{\nu}" if error.student else r"\mathcal{N}(0,\ 1)"
        last.append((before, rf"\varepsilon_{{ij}} \sim {law}"))
    laws = [law for _, law in last]
    same = len(set(laws)) == 1
    return lines + (laws[:1] if same else [before + law for before, law in last])


def label_key(label: object) -> str:
    """Return a label of the data as text: 1, 1.0 and "1" are the same."""
    if isinstance(label, int | float) and float(label).is_integer():
        return str(int(label))
    return str(label)


def named_endpoints(structure: str, outputs: Sequence[str], endpoints: object) -> Mapping[str, str]:
    """Return label of the data (as text) → output, checked.

    Raises
    ------
    ModelError, UnknownNameError
        It is no mapping, names an output that there is not, or a label twice.
    """
    if not isinstance(endpoints, Mapping):
        raise ModelError(
            f"endpoints must say which label of the data is which output, such as "
            f'{{1: "{outputs[0]}"}}, not {endpoints!r}.'
        )
    named: dict[str, str] = {}
    for label, output in endpoints.items():
        if output not in outputs:
            raise unknown_name(f"output of {structure}", str(output), outputs)
        if label_key(label) in named:
            raise ModelError(f"endpoints names {label!r} twice. Keep one.")
        named[label_key(label)] = output
    return MappingProxyType(named)


def endpoints_python(endpoints: Mapping[str, str]) -> str:
    """Return the Python of the argument `endpoints`."""
    parts = []
    for label, output in endpoints.items():
        plain = label.isdecimal() and label_key(int(label)) == label
        parts.append(f"{label if plain else json.dumps(label)}: {json.dumps(output)}")
    return f"{{{', '.join(parts)}}}"
