"""2 compartments, first-order absorption from a depot, linear elimination."""

from workbench.models.structural._linear import linear_model, options

MODEL = linear_model("pk_2cmt_oral", options(compartments=2, absorption="first_order"))
