"""`AbstractLoss`: what the losses of this room have in common, and how a new one is made."""

import abc
from typing import Any, Literal, TypeVar, get_args

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.sharding import Mesh
from jaxtyping import Array, Bool, Float

from .._core import Devices, map_rows, mesh_of, on_mesh
from ..crystal.apply import Chunk, Program, as_program, widened
from ._per_crystal_loss import per_crystal_loss

Kind = TypeVar("Kind")
#: What the loss of a crystal is that does not fit the plan.
Outgrown = Literal["ignore", "far off", "raise"]


class AbstractLoss(eqx.Module):
    """Loss of each crystal against what is wanted of it; for training loops.

    Every loss plans on the host when it is made, and is used in one way:

        loss = MetricLoss(crystals, max_stretch=1.5)
        targets = loss.represent(batch)                   # once; `targets[rows]` takes some
        values, fits = loss(batch, targets[rows])         # (B,), (B,)

    Both are pure: for jit, grad, vmap and scan, where a loss is an argument like any other (an
    `eqx.Module`). The gradient is found beside the value, crystal by crystal, so that reverse mode
    evaluates none twice; it is the only mode (`between` has the other). What is computed is in the
    crystals' own precision, at least single; gradients have the type of the arrays they belong to,
    bfloat16 for example.

    `outgrown` says what becomes of a crystal that does not fit the plan (`fits` is False):

    - "ignore": its loss is 0 with gradient 0; average over those that fit.
    - "far off": its loss is that of a crystal that has nothing in common with the target, without
      gradient.
    - "raise": an error at run time.

    Crystals of no atoms, which only fill a batch, and those whose target is not complete, have loss
    0 with gradient 0 in the first two cases; the former in the last one, too.

    A loss of one's own has the three fields and two methods on results of one crystal, `mismatch`
    and `far_off`. `plan` may be anything that maps a crystal to an `eqx.Module` of arrays with
    `complete`, finite always.
    """

    plan: eqx.AbstractVar[Any]
    outgrown: eqx.AbstractVar[Outgrown]
    chunk: eqx.AbstractVar[Chunk]

    @abc.abstractmethod
    def mismatch(self, found: Any, target: Any) -> Float[Array, ""]:
        """Return the loss of one result against another of equal shapes."""

    @abc.abstractmethod
    def far_off(self, target: Any) -> Float[Array, ""]:
        """Return the loss of a result that is as large as the target and orthogonal to it."""

    def wanted(self, target: Any) -> Any:
        """Return a target as a result of the plan.

        Raises:
            ValueError: it was made with other settings.
        """
        if not hasattr(target, "specification"):
            raise ValueError(
                "target: expected what `represent` of the loss returns, got "
                f"{type(target).__name__}"
            )
        differing = target.specification.difference(self.plan.specification)
        if differing:
            raise ValueError(f"target: expected equal settings, got {'; '.join(differing)}")
        return target

    def represent(self, crystals: Any, *, mesh: Devices = None) -> Any:
        """Return what the loss compares: one result, or several with their axis first; pure.

        Args:
            crystals: of any kind, one or several (`crystal.apply.apply_plan`).
            mesh: devices that several crystals are dealt to, likewise.
        """
        if mesh is None:
            return self.plan(crystals, chunk=self.chunk)
        return self.plan(crystals, chunk=self.chunk, mesh=mesh)

    def __call__(
        self, crystals: Any, target: Any, *, mesh: Devices = None
    ) -> tuple[Float[Array, "*B"], Bool[Array, "*B"]]:
        """Return the loss of each crystal, and which crystals fit; pure.

        Args:
            crystals: B crystals of any kind (a `CrystalBatch`, or `CrystalArrays` with a leading
                axis, in which sites may be mixed), or one. Differentiated in all their
                floating-point arrays; a `WyckoffCrystal` in its free parameters.
            target: what `represent` returned for B crystals, or for one; not differentiated.
            mesh: devices that the crystals are dealt to, also inside `jit` and `grad`: nothing is
                sent between them, neither for values nor for gradients. Then B is best a multiple
                of the devices. See `crystal.apply.apply_plan`.

        Returns:
            Values, shape (B,), dimensionless, at least in single precision, and whether they count,
            shape (B,): False for crystals that do not fit the plan, and where the target is not
            complete. For one crystal shapes ().

        Raises:
            ValueError: something that is no crystal, or targets of another number of crystals,
                other settings or another shape.
        """
        given, wanted = as_program(crystals), self.wanted(target)
        devices = None if given.mask.ndim == 1 else mesh_of(mesh)
        if devices is not None:
            dtype = widened(given)[1]
            wanted = _for_each(wanted, given.mask.shape[0], dtype)
        return on_mesh(_losses, self, (given, wanted), devices)

    def between(self, found: Any, target: Any) -> tuple[Float[Array, "*B"], Bool[Array, "*B"]]:
        """Return the losses of what has been represented already; pure, any mode.

        Args:
            found: what `represent` returns.
            target: likewise, of as many crystals or of one.

        Returns:
            Values and flags, as a call.
        """
        return _between(self, self.wanted(found), self.wanted(target))

    def _settled(self, found: Any, wanted: Any) -> tuple[Array, Array]:
        """Loss and flag of one crystal."""
        fits = found.complete & wanted.complete
        # Here, so that a crystal without loss has no gradient whatever its slope would be.
        found = jax.tree.map(
            lambda x: (
                jnp.where(fits, x, jax.lax.stop_gradient(x)) if eqx.is_inexact_array(x) else x
            ),
            found,
        )
        value = self.mismatch(found, wanted)
        other = jnp.zeros_like(value)
        if self.outgrown == "far off":
            other = jnp.where(wanted.complete, self.far_off(wanted), other)
        return jnp.where(fits, value, jax.lax.stop_gradient(other)), fits


def check_policy(outgrown: str) -> None:
    """Refuse anything but the three policies."""
    if outgrown not in get_args(Outgrown):
        raise ValueError(f"outgrown: expected one of {get_args(Outgrown)}, got {outgrown!r}")


def one_of(given: Kind | None, settings: dict[str, Any], kind: type[Kind], name: str) -> Kind:
    """Return a specification that was given, or make it of settings.

    Raises:
        ValueError: both, an unknown setting, or as the specification.
    """
    if given is None:
        try:
            return kind(**settings)
        except TypeError as error:
            raise ValueError(f"{kind.__name__}: {error}") from error
    if settings:
        raise ValueError(f"{name}: expected it or its settings, got both ({', '.join(settings)})")
    if not isinstance(given, kind):
        raise ValueError(f"{name}: expected a {kind.__name__}, got {type(given).__name__}")
    return given


@eqx.filter_jit
def _losses(
    loss: AbstractLoss, rows: tuple[Program, Any], mesh: Mesh | None
) -> tuple[Array, Array]:
    return map_rows(_losses_of_rows, loss, rows, mesh)


def _losses_of_rows(loss: AbstractLoss, rows: tuple[Program, Any]) -> tuple[Array, Array]:
    crystals, dtype = widened(rows[0])
    one_only = crystals.mask.ndim == 1
    if one_only:
        crystals = jax.tree.map(lambda x: x[None], crystals)
    target = _for_each(rows[1], crystals.mask.shape[0], dtype)
    smooth, others = eqx.partition(crystals, eqx.is_inexact_array)

    def one(smooth: Any, fixed: Any, loss: AbstractLoss) -> tuple[Array, Array]:
        others, wanted = fixed
        crystal = eqx.combine(smooth, others)
        value, fits = loss._settled(loss.plan(crystal), wanted)
        filled = jnp.any(crystal.mask)
        return jnp.where(filled, value, jnp.zeros_like(value)), fits

    values, fits = per_crystal_loss(one, smooth, (others, target), loss, chunk=loss.chunk)
    if loss.outgrown == "raise":
        values = _raising(values, fits | ~jnp.any(crystals.mask, axis=1))
    return (values[0], fits[0]) if one_only else (values, fits)


@eqx.filter_jit
def _between(loss: AbstractLoss, found: Any, target: Any) -> tuple[Array, Array]:
    found = jax.tree.map(jnp.asarray, found)
    one_only = found.complete.ndim == 0
    if one_only:
        found = jax.tree.map(lambda x: x[None], found)
    leaves = [x for x in jax.tree.leaves(found) if eqx.is_inexact_array(x)]
    target = _for_each(target, found.complete.shape[0], jnp.result_type(*leaves))
    values, fits = jax.vmap(loss._settled)(found, target)
    if loss.outgrown == "raise":
        values = _raising(values, fits)
    return (values[0], fits[0]) if one_only else (values, fits)


def _for_each(target: Any, n: int, dtype: Any) -> Any:
    """A target for each of n crystals, in the precision of what it is compared with."""

    def cast(x: Any) -> Array:
        x = jax.lax.stop_gradient(jnp.asarray(x))
        return x.astype(dtype) if jnp.issubdtype(x.dtype, jnp.floating) else x

    target = jax.tree.map(cast, target)
    if target.complete.ndim == 0:
        target = jax.tree.map(lambda x: x[None], target)
    if target.complete.shape == (1,):
        return jax.tree.map(lambda x: jnp.broadcast_to(x, (n, *x.shape[1:])), target)
    if target.complete.shape != (n,):
        raise ValueError(
            f"target: expected that of {n} crystals or of one, `complete` of shape ({n},), got "
            f"shape {target.complete.shape}"
        )
    return target


def _raising(values: Array, fits: Array) -> Array:
    return eqx.error_if(
        values,
        ~fits,
        "a crystal does not fit the plan of the loss, or its target is not complete: plan with a "
        'larger max_stretch, or choose outgrown="ignore" or "far off"',
    )
