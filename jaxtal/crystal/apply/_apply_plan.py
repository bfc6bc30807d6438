"""Calling plans and specifications with crystals of every kind, one or several."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.core
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array

from ..._core import (
    Devices,
    bucket,
    computing_dtype,
    device_array,
    map_rows,
    mesh_of,
    on_cores,
    on_host,
    on_mesh,
)
from .._as_crystal import as_crystal
from .._batch import CrystalBatch
from .._crystal import Crystal
from .._crystal_arrays import CrystalArrays
from .._host_atoms import HostAtoms
from .._host_crystals import host_crystals, is_crystal
from ._map_crystals import Chunk, map_crystals

Program = Crystal | CrystalArrays
"""What compiled programs work on: every atom as arrays, with or without a leading axis."""


def apply_plan(
    one: Callable[[Any, Program], Any],
    plan: Any,
    crystals: Any,
    chunk: Chunk = "auto",
    mesh: Devices = None,
) -> Any:
    """Return `one(plan, crystal)` of a crystal, or of several with their axis first; compiled.

    Pure, for `jit`, `grad` and `vmap`; outside of them one program for each shape. Everything is
    computed in the widest floating-point type of the crystals' arrays, at least float32, and
    gradients come back in the type of each array.

    Args:
        one: pure function of a plan and one crystal; always the same object.
        plan: its first argument.
        crystals: `Crystal`, `WyckoffCrystal` (expanded), ASE `Atoms` or `HostAtoms`; a list of
            them, a `CrystalBatch`, or `CrystalArrays` of one crystal or many.
        chunk: crystals computed side by side, on each device, see `map_crystals`.
        mesh: devices that the crystals are dealt to, in order: a `jax.sharding.Mesh` (all of its
            axes deal), a number of this process's devices, or a list. They exchange nothing; the
            results stay where they are made. Default the one that JAX takes; so is one crystal.
            Of a CPU, outside of `jit` and with `chunk="auto"`, all cores take their part.

    Raises:
        ValueError: something that is no crystal, a chunk below 1, or fewer devices than asked for.
    """
    given = as_program(crystals)
    if _matrix(given).ndim == 2:
        return _applied(plan, given, None, one, chunk)
    many = mesh_of(mesh)
    if many is None and chunk == "auto":
        return on_cores(lambda plan, some: _applied(plan, some, None, one, chunk), plan, given)
    return on_mesh(_applied, plan, given, many, one, chunk)


@eqx.filter_jit
def _applied(plan: Any, crystals: Program, mesh: Mesh | None, one: Any, chunk: Chunk) -> Any:
    crystals, dtype = widened(crystals)
    plan = _cast(plan, dtype)
    if _matrix(crystals).ndim == 2:
        return one(plan, crystals)

    def some(plan: Any, crystals: Program) -> Any:
        return map_crystals(lambda crystal: one(plan, crystal), crystals, chunk=chunk)

    return map_rows(some, plan, crystals, mesh)


def as_program(crystals: Any) -> Program:
    """Turn whatever a user has into arrays; pure where the crystals are those of JAX."""
    if isinstance(crystals, CrystalBatch):
        return CrystalArrays.of_batch(crystals)
    if isinstance(crystals, Program):
        return crystals
    if is_crystal(crystals):
        return as_crystal(crystals)
    if is_traced(crystals):
        return _stacked([as_crystal(one, f"crystal {i}") for i, one in enumerate(crystals)], jnp)
    return _stacked_on_host(host_crystals(crystals))


def is_traced(crystals: Any) -> bool:
    """Tell crystals that are traced, or some of which are."""
    return any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(crystals))


def refuse_traced(crystals: Any) -> None:
    """Raise if crystals are traced, where numbers must be known to plan with.

    Raises:
        ValueError: they are; the message says how plans are used inside `jit`.
    """
    if is_traced(crystals):
        raise ValueError(
            "expected crystals whose numbers are known, got traced ones: plan on the host first, "
            "`plan = specification.plan(crystals)`, then call `plan(crystal)` inside jit, grad "
            "and vmap"
        )


def planned_crystals(crystals: Any) -> tuple[list[HostAtoms], Program]:
    """Return crystals on the host, to plan with, and as arrays, for what is called without a plan.

    The arrays have sizes in steps, so that crystals of similar size share a compiled program.

    Raises:
        ValueError: traced crystals, or something that is no crystal.
    """
    refuse_traced(crystals)
    atoms = host_crystals(crystals)
    if isinstance(crystals, CrystalBatch | CrystalArrays):
        return atoms, as_program(crystals)
    if is_crystal(crystals):
        return atoms, Crystal.from_host(atoms[0], pad_to=bucket(len(atoms[0])))
    return atoms, _stacked_on_host(atoms)


def atoms_on_host(crystals: Any) -> list[HostAtoms] | None:
    """Return crystals whose numbers are computed in NumPy, or None if a program is to be compiled.

    It is for raw arrays, for batches with places that hold no atoms, and for much work, or many
    crystals where there is an accelerator (`on_host`).

    Raises:
        ValueError: traced crystals, or something that is no crystal.
    """
    refuse_traced(crystals)
    if isinstance(crystals, CrystalArrays):
        return None
    atoms = host_crystals(crystals)
    if isinstance(crystals, CrystalBatch) and len(crystals) > len(atoms):
        return None
    return atoms if on_host([len(one) for one in atoms]) else None


def stacked_on_device(results: list[Any], dtype: Any, *, one: bool) -> Any:
    """Turn results in NumPy into one of JAX's arrays in the type in which crystals are computed.

    Args:
        results: of each crystal, of one structure.
        dtype: of the crystals.
        one: there is one crystal, whose result gets no axis in front.
    """
    kind = computing_dtype(dtype)

    def stack(*rows: np.ndarray) -> Array:
        values = np.asarray(rows[0] if one else np.stack(rows))
        return device_array(values, kind if values.dtype.kind == "f" else values.dtype)

    return jax.tree.map(stack, *results)


def _stacked_on_host(atoms: list[HostAtoms]) -> Crystal:
    size = bucket(max(map(len, atoms)))
    dtype = atoms[0].dtype
    return _stacked([Crystal.from_host(one, pad_to=size, dtype=dtype) for one in atoms], np)


def _stacked(crystals: list[Crystal], xp: Any) -> Crystal:
    """Crystals padded to one size, with their axis first; `xp` is the module that does it."""
    size = max(crystal.mask.shape[-1] for crystal in crystals)
    tensors = any(crystal.u_aniso is not None for crystal in crystals)

    def padded(crystal: Crystal) -> Crystal:
        if tensors and crystal.u_aniso is None:
            nothing = xp.zeros((*crystal.mask.shape, 3, 3), crystal.u_iso.dtype)
            crystal = eqx.tree_at(
                lambda c: c.u_aniso, crystal, nothing, is_leaf=lambda x: x is None
            )

        def pad(x: Any) -> Any:
            return xp.pad(x, [(0, size - x.shape[0])] + [(0, 0)] * (x.ndim - 1))

        lattice = crystal.lattice
        rest = jax.tree.map(pad, eqx.tree_at(lambda c: c.lattice, crystal, None))
        return eqx.tree_at(lambda c: c.lattice, rest, lattice, is_leaf=lambda x: x is None)

    def stack(*columns: Any) -> Array:
        stacked = xp.stack(columns)
        return device_array(stacked, stacked.dtype) if xp is np else stacked

    return jax.tree.map(stack, *map(padded, crystals))


def _matrix(crystals: Program) -> Array:
    return crystals.lattice.matrix if isinstance(crystals, Crystal) else crystals.matrix


def widened(crystals: Program) -> tuple[Program, Any]:
    """Cast crystals to the widest floating-point type of their arrays, at least float32."""
    leaves = [x for x in jax.tree.leaves(crystals) if jnp.issubdtype(x.dtype, jnp.floating)]
    dtype = jnp.float64 if any(x.dtype == jnp.float64 for x in leaves) else jnp.float32
    return _cast(crystals, dtype), dtype


def _cast(tree: Any, dtype: Any) -> Any:
    def cast(x: Any) -> Any:
        inexact = eqx.is_array(x) and jnp.issubdtype(x.dtype, jnp.floating)
        return x.astype(dtype) if inexact else x

    return jax.tree.map(cast, tree)
