"""`torch_function`: a JAX function that PyTorch differentiates through."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import torch
from jaxtyping import Array, PyTree

from ._convert import to_jax, to_torch, x64_enabled


def torch_function(f: Callable[..., PyTree]) -> Callable[..., PyTree]:
    """A function of tensors from a pure JAX function of arrays, differentiable once in PyTorch.

        y = f(x),    x.grad += (dy/dx)^T y.grad    by `jax.vjp`

    Compiled once for each combination of shapes, types, static arguments and of which tensors
    require gradients; evaluating and differentiating are two programs, and what the second needs
    stays in JAX's memory until PyTorch frees the graph. Tensors are handed over as `to_jax` does;
    writing into one between forward and backward is an error, as for PyTorch's own functions.
    Results are copies, on the device of the tensors.

    Args:
        f: takes and returns pytrees whose leaves are arrays.

    Returns:
        A function that takes the same arguments with tensors in place of arrays. Those that require
        gradients get them; JAX and NumPy arrays (plans, tables) are passed on as they are, and
        anything else (numbers, names) is static. All arrays in the result become tensors.

    Raises (when called):
        ValueError: no tensor among the arguments, tensors on different devices, a result that is
            not made of arrays, or as `to_jax`.
        RuntimeError: second derivatives, which are not passed on.
    """

    @functools.wraps(f)
    def call(*args: Any, **kwargs: Any) -> PyTree:
        leaves, tree = jax.tree.flatten((args, kwargs))
        tensors = [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]
        devices = {tensor.device for tensor in tensors}
        if len(devices) != 1:
            found = ", ".join(sorted(str(device) for device in devices)) or "no tensors"
            raise ValueError(f"{_name(f)}: expected tensors on one device, got {found}")
        smooth = [_is_smooth(leaf) for leaf in leaves]
        fixed = [_fixed(leaf, s) for leaf, s in zip(leaves, smooth, strict=True)]
        job = _Job(f, tree, fixed, [x for x in tensors if not _is_smooth(x)])
        if not any(smooth):
            return jax.tree.map(functools.partial(to_torch, copy=True), job.evaluate())
        outputs = _Apply.apply(job, *(x for x, s in zip(leaves, smooth, strict=True) if s))
        return jax.tree.unflatten(job.result, outputs)

    # PyTorch's compiler leaves the call as it is instead of tracing into JAX.
    return torch.compiler.disable(call)


class _Job:
    """One call: the function, its arguments without the differentiated ones, and its result."""

    def __init__(
        self, f: Callable[..., PyTree], tree: Any, fixed: list[Any], others: list[torch.Tensor]
    ):
        self.f, self.tree, self.fixed, self.others = f, tree, fixed, others
        self.result: Any = None

    def evaluate(self) -> PyTree:
        return _evaluate(self.f, self.tree, self.fixed)

    def linearise(self, smooth: Sequence[Array]) -> tuple[PyTree, Any]:
        """Result, and the transpose of its derivative."""
        return _linearise(self.f, self.tree, self.fixed, list(smooth))


@eqx.filter_jit
def _evaluate(f: Callable[..., PyTree], tree: Any, leaves: list[Any]) -> PyTree:
    args, kwargs = jax.tree.unflatten(tree, leaves)
    result = f(*args, **kwargs)
    for leaf in jax.tree.leaves(result):
        if not eqx.is_array(leaf):
            raise ValueError(f"{_name(f)}: expected arrays as result, got {type(leaf).__name__}")
    return result


@eqx.filter_jit
def _linearise(
    f: Callable[..., PyTree], tree: Any, fixed: list[Any], smooth: list[Array]
) -> tuple[PyTree, Any]:
    def result(smooth: list[Array]) -> tuple[list[Array], Any]:
        own = iter(smooth)
        leaves = [next(own) if leaf is None else leaf for leaf in fixed]
        found = _evaluate(f, tree, leaves)
        differentiable, others = eqx.partition(found, eqx.is_inexact_array)
        return jax.tree.leaves(differentiable), (differentiable, others)

    _, pullback, parts = jax.vjp(result, smooth, has_aux=True)
    return eqx.combine(*parts), pullback


@jax.jit
def _pull_back(pullback: Any, cotangents: list[Array]) -> list[Array]:
    # PyTorch's gradient of a complex number is the conjugate of JAX's.
    (gradients,) = pullback([jnp.conj(c) for c in cotangents])
    return [jnp.conj(g) for g in gradients]


class _Apply(torch.autograd.Function):
    """Evaluate in JAX and keep what the gradient needs."""

    @staticmethod
    def forward(ctx: Any, job: _Job, *smooth: torch.Tensor) -> tuple[torch.Tensor, ...]:
        ctx.x64 = x64_enabled()
        result, ctx.pullback = job.linearise([to_jax(x) for x in smooth])
        # Not needed, but watched: what JAX keeps may share the memory of any of them.
        ctx.save_for_backward(*smooth, *job.others)
        ctx.n_smooth = len(smooth)
        arrays, job.result = jax.tree.flatten(result)
        outputs = tuple(to_torch(x, copy=True) for x in arrays)
        ctx.differentiable = [_has_gradient(x) for x in outputs]
        ctx.mark_non_differentiable(*(x for x in outputs if not _has_gradient(x)))
        return outputs

    @staticmethod
    def backward(ctx: Any, *cotangents: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        used = [c for c, d in zip(cotangents, ctx.differentiable, strict=True) if d]
        smooth = ctx.saved_tensors[: ctx.n_smooth]  # raises if one was written into
        gradients = _Gradient.apply(ctx.pullback, ctx.x64, len(used), *used, *smooth)
        return None, *gradients


class _Gradient(torch.autograd.Function):
    """The gradient as a function of its own, so that differentiating it says what is wrong."""

    @staticmethod
    def forward(
        ctx: Any, pullback: Any, x64: bool, n: int, *tensors: torch.Tensor
    ) -> tuple[torch.Tensor, ...]:
        # The arguments beyond n make the result depend on them: a second derivative that has no
        # path to follow would be taken for zero.
        with jax.enable_x64(x64):
            gradients = _pull_back(pullback, [to_jax(c) for c in tensors[:n]])
            return tuple(to_torch(g, copy=True) for g in gradients)

    @staticmethod
    def backward(ctx: Any, *cotangents: torch.Tensor) -> Any:
        raise RuntimeError(
            "a JAX function is differentiated once in PyTorch, and this asks for a second "
            "derivative (create_graph=True): write the gradient in JAX, inside the function"
        )


def _is_smooth(leaf: Any) -> bool:
    return (
        isinstance(leaf, torch.Tensor)
        and leaf.requires_grad
        and torch.is_grad_enabled()
        and _has_gradient(leaf)
    )


def _has_gradient(x: torch.Tensor) -> bool:
    return x.is_floating_point() or x.is_complex()


def _fixed(leaf: Any, smooth: bool) -> Any:
    if smooth:
        return None
    return to_jax(leaf) if isinstance(leaf, torch.Tensor) else leaf


def _name(f: Callable[..., PyTree]) -> str:
    return getattr(f, "__name__", type(f).__name__)
