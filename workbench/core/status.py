"""Integer codes that kernels return, and the sentences the API says for them."""

from enum import IntEnum


class Status(IntEnum):
    """Outcome of a compiled loop."""

    OK = 0
    MAX_ITER = 1
    NOT_POSITIVE_DEFINITE = 2
    NOT_FINITE = 3
    CANCELLED = 4
    NO_ROOM = 5
    STEP_LIMIT = 6
    NO_STEADY_STATE = 7

    @property
    def message(self) -> str:
        """Say what happened and what to try."""
        return _MESSAGES[self]


_MESSAGES = {
    Status.OK: "Finished.",
    Status.MAX_ITER: (
        "The search for a subject's random effects (EBE) did not settle. "
        "Check that subject's rows, or start nearer to plausible values."
    ),
    Status.NOT_POSITIVE_DEFINITE: (
        "A matrix that must be positive definite was not. Drop a random effect whose variance "
        "is close to zero, or start from a larger one."
    ),
    Status.NOT_FINITE: (
        "A prediction or its variance was not finite. Check the starting values and the units "
        "of dose, time and concentration."
    ),
    Status.CANCELLED: "Stopped on request.",
    Status.NO_ROOM: (
        "A lag, or an infusion, spans very many dosing intervals at steady state. Check the units "
        "of lag, duration and II."
    ),
    Status.STEP_LIMIT: (
        "The differential equations took more steps than allowed. Check starting values and "
        "units; allow more steps, loosen the tolerance, or choose the stiff method."
    ),
    Status.NO_STEADY_STATE: (
        "Doses at steady state have no steady state: the input exceeds what can be eliminated, "
        "or a state only accumulates. Check the dose, its interval and the elimination "
        "parameters, or give the doses one by one."
    ),
}
