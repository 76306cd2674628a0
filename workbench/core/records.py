"""Layout of the dose and observation records that the data layer packs.

A subject's records are consecutive rows of one float64 matrix, in time order: one row for each
row of the data. Nothing is expanded: additional doses, ends of infusions and lagged starts
depend on the parameters, and `core.schedule` makes them.
"""

# Columns.
TIME = 0  # in the data's time unit
KIND = 1  # one of the kinds below
CMT = 2  # 1-based compartment of a dose; 0 on other rows
AMT = 3  # amount of a dose, in the data's amount unit
RATE = 4  # 0 bolus, above 0 infusion, -1 rate modelled, -2 duration modelled
II = 5  # time between doses, for ADDL and SS
ADDL = 6  # number of additional doses
SS = 7  # 1: at steady state (the rest is forgotten), 2: steady state on top of the rest
BLOCK = 8  # set of covariate values that holds over (time of the row before, time of this row]
ENDPOINT = 9  # 0-based number of the output that was observed
N_COLUMNS = 10

# Kinds.
OBSERVATION = 0
DOSE = 1
OTHER = 2
RESET = 3
RESET_DOSE = 4
