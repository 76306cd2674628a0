"""2 compartments, first-order absorption from a depot, linear elimination."""

from workbench.models.structural._linear import linear_model

MODEL = linear_model("pk_2cmt_oral", compartments=2, absorption="first_order")
