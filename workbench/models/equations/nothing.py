"""The vector function of a system that has nothing to compute: all zeros."""

from workbench.core.jit import OutMat, OutVec, Vec, kernel


@kernel
def nothing(
    order: int,
    t: float,  # noqa: ARG001 - the signature of every vector function
    z: Vec,
    value: OutVec,
    jacobian: OutMat,
    hessian: OutVec,
) -> int:
    """Zeros of whatever size is asked: every state starts at 0, or no dosing quantity is set."""
    for i in range(value.shape[0]):
        value[i] = 0.0
        if order >= 1:
            for j in range(z.shape[0]):
                jacobian[i, j] = 0.0
    if order >= 2:
        for i in range(hessian.shape[0]):
            hessian[i] = 0.0
    return 0
