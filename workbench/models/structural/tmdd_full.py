"""Target-mediated drug disposition, full model (Mager & Jusko 2001)."""

from workbench.models.structural._tmdd import tmdd_model

MODEL = tmdd_model("tmdd_full", "full")
