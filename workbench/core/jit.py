"""The one decorator for compiled code: one set of options, one cache, signatures from annotations.

A kernel's annotations are its compiled signature. It is compiled (or loaded from the disk cache)
when it is first needed and never for any other types, so importing the package costs no
compilation and a strange array can not start one.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import inspect
import os
import platform
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints, overload

import numba
import numpy as np
import platformdirs
from numba import types
from numba.core import config
from numba.core.compiler_lock import global_compiler_lock
from numba.extending import intrinsic
from numpy.typing import NDArray

F = TypeVar("F", bound=Callable[..., Any])

JIT_DISABLED = bool(config.DISABLE_JIT)

_f8, _i8 = types.float64, types.int64


def _readonly(dtype: Any, ndim: int) -> Any:
    return types.Array(dtype, ndim, "C", readonly=True)


# Array roles. An input is read-only in the compiled signature: a kernel that writes to it does
# not compile, and callers may hand in frozen arrays.
Vec = Annotated[NDArray[np.float64], _readonly(_f8, 1)]
Mat = Annotated[NDArray[np.float64], _readonly(_f8, 2)]
Cube = Annotated[NDArray[np.float64], _readonly(_f8, 3)]
IntVec = Annotated[NDArray[np.int64], _readonly(_i8, 1)]
IntMat = Annotated[NDArray[np.int64], _readonly(_i8, 2)]
OutVec = Annotated[NDArray[np.float64], types.Array(_f8, 1, "C")]
OutMat = Annotated[NDArray[np.float64], types.Array(_f8, 2, "C")]
OutCube = Annotated[NDArray[np.float64], types.Array(_f8, 3, "C")]
OutIntVec = Annotated[NDArray[np.int64], types.Array(_i8, 1, "C")]

# Strict floating point: with fastmath the process that compiles and the one that loads the
# cache can differ in the last bit.
OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
# Of kernels that take a NamedTuple, which are compiled into each of their callers: what they call
# without one is optimised in full. Compiling takes a tenth less, and what runs 2 % longer.
LIGHT: Any = type(config.OPT)(1)
_ALLOCATING = frozenset({"zeros", "empty", "ones", "full", "zeros_like", "empty_like", "array"})
_SCALARS = {float: types.float64, int: types.int64, bool: types.boolean, type(None): types.void}


def _tree_id() -> str:
    """Hash everything that compiled code depends on: our kernel sources, numba, Python."""
    root = Path(__file__).parents[1]
    digest = hashlib.sha256(f"{numba.__version__} {platform.python_version()}".encode())
    for folder in ("core", "models"):
        for source in sorted((root / folder).rglob("*.py")):
            digest.update(source.relative_to(root).as_posix().encode())
            digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def _cache_root() -> Path:
    for variable in ("WORKBENCH_CACHE_DIR", "NUMBA_CACHE_DIR"):
        if os.environ.get(variable):
            return Path(os.environ[variable])
    return Path(platformdirs.user_cache_dir("nlme-workbench")) / "kernels"


# numba never notices an edited callee in another file; a folder per source tree does.
CACHE_FOLDER = _cache_root() / _tree_id()


@contextlib.contextmanager
def our_cache() -> Iterator[None]:
    """Point numba's disk cache at our folder, for our functions only."""
    before = config.CACHE_DIR
    config.CACHE_DIR = str(CACHE_FOLDER)
    try:
        yield
    finally:
        config.CACHE_DIR = before


def _numba_type(hint: Any) -> Any:
    if get_origin(hint) is Annotated:
        return get_args(hint)[1]
    if get_origin(hint) is tuple:
        return types.BaseTuple.from_types([_numba_type(part) for part in get_args(hint)])
    if isinstance(hint, type) and issubclass(hint, tuple) and hasattr(hint, "_fields"):
        fields = get_type_hints(hint, include_extras=True)
        return types.BaseTuple.from_types([_numba_type(fields[f]) for f in hint._fields], hint)
    return _SCALARS[hint]


@overload
def kernel(func: F) -> F: ...
@overload
def kernel(*, inline: bool) -> Callable[[F], F]: ...
def kernel(func: F | None = None, *, inline: bool = True) -> F | Callable[[F], F]:
    """Compile a function in nopython mode, on first use, with the signature its annotations spell.

    Arguments may be scalars (``int``, ``float``, ``bool``), the array roles above, or a
    ``NamedTuple`` of those. Under ``NUMBA_DISABLE_JIT=1`` the function stays plain Python.

    Parameters
    ----------
    inline : False for a large kernel that takes a ``NamedTuple``, is called from several places
        and works long beside the passing of its arguments: it is then compiled once, not into
        each of them
    """
    if func is None:
        return lambda named: _compiled(named, inline)
    return _compiled(func, inline)


def _compiled(func: F, inline: bool) -> F:
    if JIT_DISABLED:
        return func
    hints = get_type_hints(func, include_extras=True)
    arguments = [_numba_type(hints[name]) for name in inspect.signature(func).parameters]
    signature = _numba_type(hints["return"])(*arguments)
    # A NamedTuple travels by value, field by field; LLVM must inline such a kernel into its
    # callers, or the passing costs more than the work.
    inline = inline and any(isinstance(argument, types.BaseTuple) for argument in arguments)
    gives = _has_arrays(signature.return_type)
    counts = gives or _owns_arrays(func)
    with our_cache():
        compiled = numba.njit(cache=True, forceinline=inline, _nrt=counts, **OPTIONS)(func)
    compiled.gives_arrays = gives
    _identify_by_source(compiled, func)
    _compile_on_first_use(compiled, signature, LIGHT if inline else config.OPT)
    return compiled


def _owns_arrays(func: Callable[..., Any]) -> bool:
    """Say whether a kernel allocates arrays, itself or by a kernel that returns some.

    Such a kernel, and one that returns arrays, counts references. In all others counting is left
    out: what they are given outlives them, and atomic counters cost more than a third of a
    prediction.
    """
    names = set(func.__code__.co_names)
    called = (func.__globals__.get(name) for name in names)
    return bool(names & _ALLOCATING) or any(getattr(k, "gives_arrays", False) for k in called)


def _has_arrays(kind: Any) -> bool:
    if isinstance(kind, types.BaseTuple):
        return any(_has_arrays(part) for part in kind)
    return isinstance(kind, types.Array)


@contextlib.contextmanager
def _optimised(level: Any) -> Iterator[None]:
    """Let LLVM optimise at a level what is compiled meanwhile; numba's lock must be held."""
    before = config.OPT
    config.OPT = level
    try:
        yield
    finally:
        config.OPT = before


def _compile_on_first_use(compiled: Any, signature: Any, level: Any) -> None:
    """Let the dispatcher compile exactly `signature`, when it is first called or linked."""
    call_template = compiled.get_call_template

    def ready() -> Any:
        # Threads may meet here at the first call. Their lock is numba's own: another one, taken
        # in the other order by a thread that is compiling a caller, would deadlock.
        with global_compiler_lock:
            if not compiled.overloads:
                with _optimised(level):
                    compiled.compile(signature)
                compiled.disable_compile()
        return next(iter(compiled.overloads.values())).entry_point

    def compile_for_args(*args: Any, **_kwargs: Any) -> Any:
        given = [compiled.typeof_pyval(arg) for arg in args]
        convert = compiled.typingctx.can_convert
        if len(given) != len(signature.args) or any(
            convert(one, other) is None for one, other in zip(given, signature.args, strict=True)
        ):
            raise TypeError(f"{compiled.__name__}{signature.args} was given {tuple(given)}.")
        return ready()

    def get_call_template(args: Any, kwargs: Any) -> Any:
        ready()
        return call_template(args, kwargs)

    compiled._compile_for_args = compile_for_args
    compiled.get_call_template = get_call_template
    compiled.ready = ready


def _identify_by_source(compiled: Any, func: Callable[..., Any]) -> None:
    """Pickle the dispatcher as a name plus a hash of sources.

    numba keys the disk cache of a closure by the pickle of what it closes over; a dispatcher's
    own pickle differs from process to process, so such a closure would never be found again.
    """
    digest = hashlib.sha256(inspect.getsource(func).encode())
    for name in func.__code__.co_names:
        digest.update(getattr(func.__globals__.get(name), "source_id", "").encode())
    compiled.source_id = digest.hexdigest()
    identity = (func.__module__, func.__qualname__, compiled.source_id)
    compiled.__reduce_ex__ = lambda protocol: (_find_kernel, identity)


def _find_kernel(module: str, name: str, source_id: str) -> Any:
    """Return the kernel that was pickled by `_identify_by_source`."""
    return getattr(importlib.import_module(module), name)


if JIT_DISABLED:

    def load(flag: Any, index: int) -> int:
        """Read one element of a shared int64 array."""
        return int(flag[index])

else:

    @intrinsic
    def load(typingctx: Any, flag: Any, index: Any) -> Any:
        """Read one element of a shared int64 array atomically.

        A plain read is hoisted out of the loop by the compiler, which then never sees another
        thread's write.
        """

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            data = context.make_array(sig.args[0])(context, builder, args[0]).data
            return builder.load_atomic(builder.gep(data, [args[1]]), "monotonic", 8)

        return types.int64(flag, types.int64), codegen


__all__ = [
    "CACHE_FOLDER",
    "JIT_DISABLED",
    "OPTIONS",
    "Cube",
    "IntMat",
    "IntVec",
    "Mat",
    "OutCube",
    "OutIntVec",
    "OutMat",
    "OutVec",
    "Vec",
    "kernel",
    "load",
    "our_cache",
]
