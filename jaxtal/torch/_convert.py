"""Arrays between PyTorch and JAX, without copying where both can read the same memory."""

from typing import Any

import jax
import jax.core
import jax.numpy as jnp

try:
    import torch
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "jaxtal.torch needs PyTorch: pip install 'jaxtal[torch]'", name="torch"
    ) from error
from jaxtyping import Array

#: What JAX holds in half the width unless 64-bit types are switched on.
WIDE_FLOATS = (torch.float64, torch.complex128)
#: Platform of JAX for each type of device that both libraries know.
PLATFORMS = {"cpu": "cpu", "cuda": "cuda"}


def to_jax(x: Any, *, copy: bool = False) -> Array:
    """A tensor's values as a JAX array on the same device, outside the autograd graph.

    The memory is shared through DLPack if the tensor is compact (a transposed one is) and begins
    where JAX lets arrays begin (64 bytes on a CPU); it is copied otherwise. JAX takes arrays for
    immutable: do not write into shared memory while the array lives, or ask for a copy.

    Args:
        x: tensor of any shape on a CPU or an NVIDIA GPU. 64-bit integers become 32-bit ones
            unless JAX's 64-bit types are switched on.
        copy: share nothing.

    Returns:
        Array of the same shape.

    Raises:
        ValueError: not a dense tensor, a device that JAX has not, double precision without
            `jax.enable_x64(True)`, or integers beyond 32 bits.
    """
    if not isinstance(x, torch.Tensor):
        raise ValueError(f"x: expected a torch.Tensor, got {type(x).__name__}")
    if x.layout != torch.strided:
        raise ValueError(f"x: expected a dense tensor, got layout {x.layout}")
    _check_device(x)
    x = x.detach().resolve_conj().resolve_neg()
    if not x64_enabled():
        x = _narrowed(x)
    if copy:
        # PyTorch's copy, since only PyTorch waits for what it has itself begun on a GPU.
        x = x.clone(memory_format=torch.contiguous_format)
    try:
        return jax.dlpack.from_dlpack(x)
    except (RuntimeError, BufferError):  # strides that are no transposition
        return jax.dlpack.from_dlpack(x.contiguous())


def to_torch(x: Any, *, copy: bool = False) -> torch.Tensor:
    """A JAX array's values as a tensor on the same device, in shared memory (DLPack).

    PyTorch does not know that JAX takes the memory for immutable: do not write into the tensor
    (`add_`, `optimizer.step`), or ask for a copy.

    Args:
        x: array of any shape on one device.
        copy: share nothing.

    Returns:
        Tensor of the same shape and type.

    Raises:
        ValueError: a traced value, an array spread over devices, or of a type that PyTorch lacks
            (random keys).
    """
    if isinstance(x, jax.core.Tracer):
        raise ValueError(
            "x: expected an array, got a traced value: return it from the compiled function first"
        )
    if not isinstance(x, jax.Array):
        raise ValueError(f"x: expected a jax.Array, got {type(x).__name__}")
    if len(x.devices()) > 1:
        raise ValueError(f"x: expected an array on one device, got one on {len(x.devices())}")
    try:
        # On a GPU the two libraries' streams are ordered by DLPack; a CPU's must be waited for.
        shared = torch.from_dlpack(jax.block_until_ready(x) if _on_cpu(x) else x)
    except (RuntimeError, BufferError, TypeError) as error:
        raise ValueError(f"x: PyTorch takes no JAX array of type {x.dtype}: {error}") from error
    return shared.clone() if copy else shared


def x64_enabled() -> bool:
    """Whether JAX's 64-bit types are switched on in this thread."""
    return jax.dtypes.canonicalize_dtype(float) == jnp.float64


def _on_cpu(x: Array) -> bool:
    return all(device.platform == "cpu" for device in x.devices())


def _check_device(x: torch.Tensor) -> None:
    kind = x.device.type
    if kind not in PLATFORMS:
        raise ValueError(f"x: expected a tensor on a CPU or an NVIDIA GPU, got one on {kind!r}")
    if kind == "cpu":
        return
    try:
        jax.devices(PLATFORMS[kind])
    except RuntimeError as error:
        raise ValueError(
            f"x: the tensor is on {x.device}, where this JAX has no device: install jaxtal's "
            "extra cuda12 or cuda13, or pass x.cpu()"
        ) from error


def _narrowed(x: torch.Tensor) -> torch.Tensor:
    """64-bit integers in 32 bits; JAX would turn doubles into singles without a word."""
    if x.dtype in WIDE_FLOATS:
        raise ValueError(
            f"x: expected at most single precision, got {x.dtype}: call inside "
            "`with jax.enable_x64(True):`, or pass x.float()"
        )
    if x.dtype != torch.int64:
        return x
    limits: Any = torch.iinfo(torch.int32)
    if x.numel() and not (limits.min <= int(x.min()) and int(x.max()) <= limits.max):
        raise ValueError("x: expected integers of at most 32 bits: see jax.enable_x64")
    return x.to(torch.int32)
