"""From one mesh of a cell to a finer or coarser one."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Shaped

from .._core import device_array
from ..symmetry import SpaceGroup
from ._mesh import Mesh
from ._waves import lattice_matrix, tied_aliases


class ResamplePlan(eqx.Module):
    """Plan of resampling: which wave of one mesh goes to which of another.

    F'(n' of G) = sum over the source's tied aliases G of share(G) F(n of G), for the G kept:

    - towards a mesh that is nowhere coarser all are kept, so that the result is the field between
      the nodes (see `mesh_density`) on the finer nodes;
    - otherwise those that have the least length among their aliases on the target mesh, ties
      included; what the target cannot resolve is left out instead of being folded back.

    Both rules commute with every operation that both meshes admit. Refining and coming back is the
    identity as long as the waves of the coarse mesh have least length on the fine one
    (`is_reversible`), which a very skewed cell refined along one axis may break.

    Attributes:
        source: row of the table [F, conj F] of stored source waves, (E,).
        target: stored target wave, flat, (E,).
        share: weight, (E,).
        mesh: the target mesh.
        from_mesh: the source mesh.
        n_lost: tied aliases of the source, both signs, that are left out.
        is_reversible: every wave of the source has least length on the target.
    """

    source: Int[Array, " E"]
    target: Int[Array, " E"]
    share: Float[Array, " E"]
    mesh: Mesh = eqx.field(static=True)
    from_mesh: Mesh = eqx.field(static=True)
    n_lost: int = eqx.field(static=True)
    is_reversible: bool = eqx.field(static=True)

    @classmethod
    def build(
        cls,
        from_mesh: Any,
        mesh: Any,
        lattice: Any,
        dtype: Any = None,
        *,
        group: SpaceGroup | None = None,
    ) -> "ResamplePlan":
        """Work out the tables on the host.

        Args:
            from_mesh: the mesh of the field, or its sizes.
            mesh: the mesh wanted, of the same dimension, or its sizes.
            lattice: `Lattice`, matrix, rows, (D, D), or type and parameters, ("cubic", [3.5]).
            dtype: floating-point type of `share`, default JAX's current one.
            group: symmetry of the lattice, which decides ties exactly.

        Raises:
            ValueError: meshes of different dimensions, or a bad lattice.
        """
        from_mesh, mesh = Mesh.of(from_mesh), Mesh.of(mesh)
        if mesh.dimension != from_mesh.dimension:
            raise ValueError(
                f"expected meshes of one dimension, got {from_mesh} and {mesh} "
                f"({from_mesh.dimension} and {mesh.dimension} dimensions)"
            )
        waves = from_mesh.half_indices().reshape(-1, from_mesh.dimension)
        matrix = lattice_matrix(lattice, mesh.dimension, group)
        aliases, slot = tied_aliases(from_mesh, matrix, waves)
        share = (1.0 / np.bincount(slot, minlength=len(waves)))[slot]
        weight = from_mesh.half_weights().reshape(-1)[slot]
        shortest = _has_least_length(mesh, matrix, aliases)
        finer = all(n >= m for n, m in zip(mesh.sizes, from_mesh.sizes, strict=True))
        kept = np.ones(len(slot), dtype=bool) if finer else shortest
        n_lost = int(weight[~kept].sum())
        aliases, slot, share, weight = aliases[kept], slot[kept], share[kept], weight[kept]
        # Waves whose inverse is not stored bring their inverse along, as a conjugate.
        paired = weight == 2.0
        G = np.concatenate([aliases, -aliases[paired]])
        source = np.concatenate([slot, slot[paired] + len(waves)])
        share = np.concatenate([share, share[paired]])
        stored = mesh.stored(G)
        return cls(
            device_array(source[stored], np.int32),
            device_array(mesh.half_ranks(G[stored]), np.int32),
            device_array(share[stored], dtype or float),
            mesh,
            from_mesh,
            n_lost,
            bool(shortest.all()),
        )


@jax.jit
def resample(values: Shaped[Array, "*sizes"], plan: ResamplePlan) -> Float[Array, "*new"]:
    """Resample one field on another mesh of the same cell (see `ResamplePlan`); linear.

    Args:
        values: one field, (*plan.from_mesh.sizes).
        plan: made by `ResamplePlan.build`.

    Returns:
        The field on the target mesh, in the same unit, (*plan.mesh.sizes).

    Raises:
        ValueError: values of another shape than the plan's source mesh.
    """
    coefficients = plan.from_mesh.to_waves(values).reshape(-1)
    table = jnp.concatenate([coefficients, jnp.conj(coefficients)])
    share = plan.share.astype(table.real.dtype).astype(table.dtype)
    size = int(np.prod(plan.mesh.half_shape))
    waves = jnp.zeros(size, table.dtype).at[plan.target].add(table[plan.source] * share)
    return plan.mesh.to_values(waves.reshape(plan.mesh.half_shape))


def _has_least_length(
    mesh: Mesh, matrix: Float[np.ndarray, "D D"], indices: Int[np.ndarray, "n D"]
) -> Bool[np.ndarray, " n"]:
    """True for the indices that are among their own shortest aliases on a mesh."""
    tied, owner = tied_aliases(mesh, matrix, indices)
    same = (tied == indices[owner]).all(axis=1)
    found = np.zeros(len(indices), dtype=bool)
    found[owner[same]] = True
    return found
