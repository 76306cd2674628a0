"""2 compartments, doses into the central one, linear elimination."""

from workbench.models.structural._linear import linear_model, options

MODEL = linear_model("pk_2cmt_iv", options(compartments=2, absorption=None))
