"""Layout of the event records that the data layer packs and the structural kernels read.

A subject's events are consecutive rows of one float64 matrix, in the order in which they
happen. One row is one thing: an observation, a bolus, a change of infusion rate, or a time
point without effect. Additional doses and ends of infusions are rows of their own.
"""

# Columns.
TIME = 0  # in the data's time unit
KIND = 1  # one of the kinds below
CMT = 2  # 1-based compartment of a dose; 0 on other rows
AMT = 3  # amount of a bolus, in the data's amount unit
RATE = 4  # change of the infusion rate (amount per time); negative where an infusion ends
N_COLUMNS = 5

# Kinds.
OBSERVATION = 0
BOLUS = 1
INFUSION = 2
OTHER = 3
