"""Target-mediated drug disposition, quasi-equilibrium (Mager & Krzyzanski 2005)."""

from workbench.models.structural._tmdd import tmdd_model

MODEL = tmdd_model("tmdd_qe", "qe")
