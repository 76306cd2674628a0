"""Units of a model's parameters with given data, where each endpoint may have a unit of its own."""

from __future__ import annotations

from workbench.data.dataset import Dataset
from workbench.errors import WorkbenchError
from workbench.models.endpoints import label_key
from workbench.models.model import Model
from workbench.problem.endpoints import endpoint_outputs

OF_RESPONSE = ("kin",)  # parameters whose unit is that of the last output, the response


def units_of(model: Model, data: Dataset | None) -> dict[str, str]:
    """Return the unit of each parameter, coefficients included; "" where unknown.

    DV has the unit of the endpoint that an output stands for, where the data name it, else that
    of all DV. Structural parameters go by the first output, those of a response by the last.
    """
    if data is None:
        return model.units({})
    of_output = _of_outputs(model, data)
    outputs = model.structure.outputs
    by_output = {
        name: model.units({**data.units, "DV": of_output.get(name, data.units.get("DV", ""))})
        for name in outputs
    }
    units = dict(by_output[outputs[0]])
    for name in OF_RESPONSE:
        if name in units:
            units[name] = by_output[outputs[-1]][name]
    for name in model.sigma_names:
        output = name.partition(".")[0]
        if output in by_output:
            units[name] = by_output[output][name]
    return units


def _of_outputs(model: Model, data: Dataset) -> dict[str, str]:
    """Return the unit of each output that an endpoint with a unit stands for."""
    given = [data.units.get(label_key(label), "") for label in data.endpoints]
    if not any(given):
        return {}
    try:
        numbers = endpoint_outputs(model, data.endpoints)
    except WorkbenchError:
        return {}
    outputs = model.structure.outputs
    return {outputs[k]: unit for k, unit in zip(numbers, given, strict=True) if unit}
