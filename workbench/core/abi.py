"""Model functions as data: a readable kernel in, a C address out, one compiled caller for all.

Estimator kernels take addresses (plain integers), so they compile once, are cached on disk, and
serve every structural and residual model ever added. Without the JIT an address is an index
into a table.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array

from workbench.core.jit import JIT_DISABLED, our_cache

_P = types.CPointer(types.float64)
_I = types.int64

_J = types.CPointer(types.int64)

# Arguments of a structural kernel: order; number of directions; context, its length; settings,
# their length; params, rows; covariates, rows, columns; records, rows, columns; out, rows; columns
# of params and out; work, its length. Every matrix is row-major and comes with its sizes.
PREDICT = _I(_I, _I, _J, _I, _P, _I, _P, _I, _P, _I, _I, _P, _I, _I, _P, _I, _I, _P, _I)
# Arguments of a residual kernel: y, f, their length; sigma, its length; out, its columns.
RESIDUAL = _I(_P, _P, _I, _P, _I, _P, _I)

# Arguments of a vector function: order; t; z and its length; value, its length; jacobian; hessian,
# its length.
VECTOR = _I(_I, types.float64, _P, _I, _P, _I, _P, _P, _I)

# Arguments of an operation, a kernel that others call by address so that it is not compiled again
# into each of them: a number, five integers, the addresses of its integers and of its floats.
OPERATION = _I(types.float64, _I, _I, _I, _I, _I, _I, _I)

_ANY_LENGTH = 2**40  # of an array whose length only its user knows

_table: list[Callable[..., Any]] = []  # used only when the JIT is disabled
_alive: list[Any] = []  # a C callback dies with its Python object


@lru_cache(maxsize=512)
def export_predict(predict: Callable[..., int]) -> int:
    """Return the address of a structural kernel; `core.frame` has its arguments."""

    def shim(
        order: int,
        p: int,
        context: Any,
        n_context: int,
        settings: Any,
        n_settings: int,
        params: Any,
        n_params: int,
        covariates: Any,
        n_blocks: int,
        n_covariates: int,
        records: Any,
        n_records: int,
        n_columns: int,
        out: Any,
        n_obs: int,
        n_parts: int,
        work: Any,
        n_work: int,
    ) -> int:
        return predict(
            order,
            p,
            view(context, (n_context,)),
            view(settings, (n_settings,)),
            view(params, (n_params, n_parts)),
            view(covariates, (n_blocks, n_covariates)),
            view(records, (n_records, n_columns)),
            view(out, (n_obs, n_parts)),
            view(work, (n_work,)),
        )

    return _export(shim, PREDICT)


@lru_cache(maxsize=512)
def export_residual(residual: Callable[..., None]) -> int:
    """Return the address of a residual-error kernel ``residual(y, f, sigma, out)``."""

    def shim(y: Any, f: Any, n: int, sigma: Any, n_sigma: int, out: Any, n_columns: int) -> int:
        residual(view(y, (n,)), view(f, (n,)), view(sigma, (n_sigma,)), view(out, (n, n_columns)))
        return 0

    return _export(shim, RESIDUAL)


@lru_cache(maxsize=512)
def export_vector(function: Callable[..., int]) -> int:
    """Return the address of ``function(order, t, z, value, jacobian, hessian)``."""

    def shim(
        order: int,
        t: float,
        z: Any,
        n_z: int,
        value: Any,
        k: int,
        jacobian: Any,
        hessian: Any,
        nnz: int,
    ) -> int:
        return function(
            order,
            t,
            view(z, (n_z,)),
            view(value, (k,)),
            view(jacobian, (k, n_z)),
            view(hessian, (nnz,)),
        )

    return _export(shim, VECTOR)


@lru_cache(maxsize=512)
def export_operation(operation: Any) -> int:
    """Return the address of a kernel whose arguments are all numbers.

    numba makes a C function of every kernel, for its function pointers.
    """
    if JIT_DISABLED:
        _table.append(operation)
        return len(_table) - 1
    operation.ready()
    compiled = next(iter(operation.overloads.values()))
    name = compiled.fndesc.llvm_cfunc_wrapper_name
    return int(compiled.library.get_pointer_to_function(name))


def _export(shim: Callable[..., int], signature: Any) -> int:
    if JIT_DISABLED:
        _table.append(shim)
        return len(_table) - 1
    with our_cache():
        callback = numba.cfunc(
            signature, nopython=True, cache=True, error_model="numpy", _nrt=False
        )(shim)
    _alive.append(callback)
    return int(callback.address)


if JIT_DISABLED:

    def view(flat: Any, shape: tuple[int, ...]) -> Any:
        """See flat storage as an array of some shape."""
        size = 1
        for n in shape:
            size *= n
        return flat[:size].reshape(shape)

    def at(array: Any, offset: int) -> Any:
        """Point at element `offset` of the array's flat storage."""
        return array.reshape(-1)[offset:]

    def call_predict(address: int, *args: Any) -> int:
        """Call a structural kernel through the table."""
        return int(_table[address](*args))

    def call_residual(address: int, *args: Any) -> int:
        """Call a residual-error kernel through the table."""
        return int(_table[address](*args))

    def call_vector(address: int, *args: Any) -> int:
        """Call a vector function through the table."""
        return int(_table[address](*args))

    def call_operation(address: int, *args: Any) -> int:
        """Call an operation through the table."""
        return int(_table[address](*args))

    def address_of(array: Any) -> int:
        """Return where an array lies; it must outlive the use of the address."""
        return int(array.ctypes.data)

    def floats_at(address: int) -> Any:
        """Point at the floats that begin at an address."""
        return np.ctypeslib.as_array((ctypes.c_double * _ANY_LENGTH).from_address(int(address)))

    def ints_at(address: int) -> Any:
        """Point at the integers that begin at an address."""
        return np.ctypeslib.as_array((ctypes.c_int64 * _ANY_LENGTH).from_address(int(address)))

else:

    @intrinsic
    def view(typingctx: Any, flat: Any, shape: Any) -> Any:
        """See flat storage as an array of some shape; it does not own what it shows."""
        kind = types.Array(flat.dtype, len(shape), "C")

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            pointer, sizes = args
            itemsize = context.get_constant(types.intp, flat.dtype.bitwidth // 8)
            extents = cgutils.unpack_tuple(builder, sizes, len(shape))
            strides: list[Any] = []
            stride = itemsize
            for extent in reversed(extents):
                strides.insert(0, stride)
                stride = builder.mul(stride, extent)
            array = context.make_array(kind)(context, builder)
            data = builder.bitcast(pointer, array.data.type)
            populate_array(array, data, extents, strides, itemsize, None)
            return array._getvalue()

        return kind(flat, shape), codegen

    @intrinsic
    def at(typingctx: Any, array: Any, offset: Any) -> Any:
        """Point at element `offset` of the array's flat storage."""

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            data = context.make_array(sig.args[0])(context, builder, args[0]).data
            return builder.gep(data, [args[1]])

        return types.CPointer(array.dtype)(array, _I), codegen

    def _through(signature: Any) -> Any:
        """Return the intrinsic's answer: call the address in the first argument."""

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            c_args = [context.get_value_type(a) for a in signature.args]
            c_type = ir.FunctionType(context.get_value_type(signature.return_type), c_args)
            return builder.call(builder.inttoptr(args[0], c_type.as_pointer()), args[1:])

        return signature.return_type(types.intp, *signature.args), codegen

    @intrinsic
    def call_predict(
        typingctx: Any,
        address: Any,
        order: Any,
        p: Any,
        context: Any,
        n_context: Any,
        settings: Any,
        n_settings: Any,
        params: Any,
        n_params: Any,
        covariates: Any,
        n_blocks: Any,
        n_covariates: Any,
        records: Any,
        n_records: Any,
        n_columns: Any,
        out: Any,
        n_obs: Any,
        n_parts: Any,
        work: Any,
        n_work: Any,
    ) -> Any:
        """Call a structural kernel by address."""
        return _through(PREDICT)

    @intrinsic
    def call_residual(
        typingctx: Any,
        address: Any,
        y: Any,
        f: Any,
        n: Any,
        sigma: Any,
        n_sigma: Any,
        out: Any,
        n_columns: Any,
    ) -> Any:
        """Call a residual-error kernel by address."""
        return _through(RESIDUAL)

    @intrinsic
    def call_vector(
        typingctx: Any,
        address: Any,
        order: Any,
        t: Any,
        z: Any,
        n_z: Any,
        value: Any,
        k: Any,
        jacobian: Any,
        hessian: Any,
        nnz: Any,
    ) -> Any:
        """Call a vector function by address."""
        return _through(VECTOR)

    @intrinsic
    def call_operation(
        typingctx: Any,
        address: Any,
        number: Any,
        a: Any,
        b: Any,
        c: Any,
        d: Any,
        e: Any,
        ints: Any,
        floats: Any,
    ) -> Any:
        """Call an operation by address."""
        return _through(OPERATION)

    @intrinsic
    def address_of(typingctx: Any, array: Any) -> Any:
        """Return where an array lies; it must outlive the use of the address."""

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            data = context.make_array(sig.args[0])(context, builder, args[0]).data
            return builder.ptrtoint(data, context.get_value_type(_I))

        return _I(array), codegen

    def _point(dtype: Any) -> Any:
        """Return the intrinsic's answer: take an integer for a pointer."""
        pointer = types.CPointer(dtype)

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            return builder.inttoptr(args[0], context.get_value_type(pointer))

        return pointer(_I), codegen

    @intrinsic
    def floats_at(typingctx: Any, address: Any) -> Any:
        """Point at the floats that begin at an address."""
        return _point(types.float64)

    @intrinsic
    def ints_at(typingctx: Any, address: Any) -> Any:
        """Point at the integers that begin at an address."""
        return _point(_I)


__all__ = [
    "address_of",
    "at",
    "call_operation",
    "call_predict",
    "call_residual",
    "call_vector",
    "export_operation",
    "export_predict",
    "export_residual",
    "export_vector",
    "floats_at",
    "ints_at",
    "view",
]
