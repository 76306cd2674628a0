"""Layout of the events that solvers walk through, made from records by `core.schedule`.

One row is one thing, in the order in which things happen. Where the time of an event depends on
the parameters (a lag, a modelled duration), TIME is its value and TIME_JET names the row of the
event jets with its derivatives; the same for VALUE.

A dosing interval at steady state stands between CYCLE_START and CYCLE_END: the TIME of the rows
inside, and of CYCLE_END, is the offset from the start of the interval, and their rates come on
top of zero. The state becomes (VALUE of CYCLE_END: 1) or is increased by (2) the periodic
solution at the ends of the interval; the real time, and the rates, are then as before.
"""

# Columns.
TIME = 0
KIND = 1  # one of the kinds below
STATE = 2  # 0-based state that takes the input
VALUE = 3  # amount of a bolus, change of an input rate; bioavailability included
TIME_JET = 4  # row of the event jets: derivatives of the time, its value part is 0; -1: none
VALUE_JET = 5  # row of the event jets: VALUE with derivatives; -1: constant
BLOCK = 6  # set of covariate values up to this event
ENDPOINT = 7  # output that is observed; on CONSTANT rows 1 (set) or 2 (add)
N_COLUMNS = 8

# Kinds.
OBSERVATION = 0
BOLUS = 1
RATE = 2
RESET = 3
OTHER = 4
CYCLE_START = 5
CYCLE_END = 6
CONSTANT = 7
