"""1 compartment, first-order absorption from a depot, linear elimination."""

from workbench.models.structural._linear import linear_model, options

MODEL = linear_model("pk_1cmt_oral", options(compartments=1, absorption="first_order"))
