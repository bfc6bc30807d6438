"""Programs that take longer to compile than to run."""

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import equinox as eqx
import jax
import jax.core

P = ParamSpec("P")
R = TypeVar("R")

#: Versions of JAX with which XLA still has its older emitter of loops for CPUs. It compiles large
#: programs of many small steps in two thirds of the time, and they run no slower. XLA refuses
#: options that it does not know.
_OLDER_EMITTER = ("0.10.0", "0.10.1", "0.10.2")
_OPTIONS: dict[str, Any] = (
    {"xla_cpu_use_fusion_emitters": False} if jax.__version__ in _OLDER_EMITTER else {}
)


def quick_to_compile(function: Callable[P, R]) -> Callable[P, R]:
    """Compile as `equinox.filter_jit` does, but sooner where XLA offers it, on CPUs.

    Inside of another compiled function the options are those of that one.
    """
    usual = eqx.filter_jit(function)
    if not _OPTIONS:
        return usual
    with_options: Any = eqx.filter_jit  # its overloads leave out what goes on to `jax.jit`
    quick = with_options(function, compiler_options=_OPTIONS)

    @functools.wraps(function)
    def compiled(*args: P.args, **kwargs: P.kwargs) -> R:
        leaves = jax.tree.leaves((args, kwargs))
        traced = any(isinstance(leaf, jax.core.Tracer) for leaf in leaves)
        return (usual if traced else quick)(*args, **kwargs)

    return compiled
