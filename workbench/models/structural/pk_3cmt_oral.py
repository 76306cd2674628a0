"""3 compartments, first-order absorption from a depot, linear elimination."""

from workbench.models.structural._linear import linear_model

MODEL = linear_model("pk_3cmt_oral", compartments=3, absorption="first_order")
