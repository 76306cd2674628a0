"""NLME workbench: nonlinear mixed-effects models, fitted and looked at in one place.

>>> import workbench as wb
>>> data = wb.load_dataset("theophylline")
>>> model = wb.Model.from_dict(data.info.suggested_model)
>>> fit = wb.fit(model, data, method="focei")
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench import plots
    from workbench.app import Workbench
    from workbench.data.dataset import Dataset, read_dataset
    from workbench.datasets import list_datasets, load_dataset
    from workbench.diagnostics import (
        Vpc,
        prediction_distribution,
        variance_decomposition,
        vpc,
    )
    from workbench.diagnostics._simulated import npde
    from workbench.estimation import (
        CancelToken,
        Progress,
        evaluate,
        fit,
        saem_steps,
        starting_values,
    )
    from workbench.models import covariates as covariate
    from workbench.models import error, eta, transform
    from workbench.models.model import Model
    from workbench.models.parameter import LogitNormal, LogNormal, Normal, ProbitNormal
    from workbench.models.pk import pk
    from workbench.models.prior import Prior
    from workbench.models.structural import Solver, equations, structure
    from workbench.models.values import Estimated, Fixed
    from workbench.results import FitResult, load_fit
    from workbench.simulation import simulate
    from workbench.workflows.compare import compare
    from workbench.workflows.compare_blq import compare_blq
    from workbench.workflows.covariate_candidates import covariate_candidates
    from workbench.workflows.imputation import multiple_imputation
    from workbench.workflows.influence import influence
    from workbench.workflows.likelihood_ratio import likelihood_ratio_test
    from workbench.workflows.multistart import multistart
    from workbench.workflows.rank_covariates import rank_covariates
    from workbench.workflows.scm import load_search, scm

__version__ = "0.1.0"

# Name → module that defines it; imported when first used, so that `import workbench` stays quick.
_PUBLIC = {
    "CancelToken": "workbench.estimation",
    "Dataset": "workbench.data.dataset",
    "Estimated": "workbench.models.values",
    "FitResult": "workbench.results",
    "Fixed": "workbench.models.values",
    "LogNormal": "workbench.models.parameter",
    "LogitNormal": "workbench.models.parameter",
    "Model": "workbench.models.model",
    "Normal": "workbench.models.parameter",
    "Prior": "workbench.models.prior",
    "ProbitNormal": "workbench.models.parameter",
    "Progress": "workbench.estimation",
    "Vpc": "workbench.diagnostics",
    "Workbench": "workbench.app",
    "compare": "workbench.workflows.compare",
    "compare_blq": "workbench.workflows.compare_blq",
    "covariate_candidates": "workbench.workflows.covariate_candidates",
    "evaluate": "workbench.estimation",
    "fit": "workbench.estimation",
    "influence": "workbench.workflows.influence",
    "likelihood_ratio_test": "workbench.workflows.likelihood_ratio",
    "list_datasets": "workbench.datasets",
    "load_dataset": "workbench.datasets",
    "load_fit": "workbench.results",
    "load_search": "workbench.workflows.scm",
    "npde": "workbench.diagnostics._simulated",
    "pk": "workbench.models.pk",
    "equations": "workbench.models.structural",
    "multiple_imputation": "workbench.workflows.imputation",
    "multistart": "workbench.workflows.multistart",
    "prediction_distribution": "workbench.diagnostics",
    "rank_covariates": "workbench.workflows.rank_covariates",
    "read_dataset": "workbench.data.dataset",
    "saem_steps": "workbench.estimation",
    "scm": "workbench.workflows.scm",
    "simulate": "workbench.simulation",
    "starting_values": "workbench.estimation",
    "Solver": "workbench.models.structural",
    "structure": "workbench.models.structural",
    "variance_decomposition": "workbench.diagnostics",
    "vpc": "workbench.diagnostics",
}
_MODULES = {
    "covariate": "workbench.models.covariates",
    "error": "workbench.models.error",
    "eta": "workbench.models.eta",
    "plots": "workbench.plots",
    "transform": "workbench.models.transform",
}

__all__ = [*_PUBLIC, *_MODULES, "__version__"]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        value = importlib.import_module(_MODULES[name])
    elif name in _PUBLIC:
        value = getattr(importlib.import_module(_PUBLIC[name]), name)
    else:
        raise AttributeError(f"module 'workbench' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
