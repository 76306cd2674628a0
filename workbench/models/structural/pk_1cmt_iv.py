"""1 compartment, doses into the central one, linear elimination."""

from workbench.models.structural._linear import linear_model, options

MODEL = linear_model("pk_1cmt_iv", options(compartments=1, absorption=None))
