"""Models written as equations: text, checked and typeset, and compiled with exact derivatives."""

from workbench.models.equations.compiled import CompiledSystem, VectorFunction, compile_system
from workbench.models.equations.meaning import parse
from workbench.models.equations.system import DoseInput, System

__all__ = ["CompiledSystem", "DoseInput", "System", "VectorFunction", "compile_system", "parse"]
