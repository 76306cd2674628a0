"""2 compartments, doses into the central one, linear elimination."""

from workbench.models.structural._linear import linear_model

MODEL = linear_model("pk_2cmt_iv", compartments=2, absorption=None)
