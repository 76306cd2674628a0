"""Target-mediated drug disposition, Michaelis-Menten approximation (Gibiansky et al. 2008)."""

from workbench.models.structural._tmdd import tmdd_model

MODEL = tmdd_model("tmdd_mm", "mm")
