"""`represent`: the descriptor of whatever a training loop produces, and a loss on it."""

import json

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from .._core import safe_divide
from ..crystal import Cells, CrystalBatch, over_batch
from ..diffraction import ReciprocalPoints, countable, safe_cell, species_slots, sphere_sums, taper
from ..scattering import FormFactors
from ._descriptor import Description
from ._represent_plan import RepresentPlan


def represent(
    lattice: Float[Array, "3 3"],
    frac: Float[Array, "N 3"],
    species: Int[Array, " N"] | Float[Array, "N Z"],
    mask: Bool[Array, " N"],
    plan: RepresentPlan,
) -> Description:
    """Power spectrum and radial distribution of one crystal; pure, for jit, vmap, grad and scan.

    The same numbers as `describe`, but the reflections are found inside the compiled program: all
    with |q| <= q_max whatever the cell, since |h_i| <= q_max |a_i| / 2 pi. The program depends on
    the plan's capacity alone. What a crystal has beyond that capacity makes `complete` False.
    Values and gradients are finite always, for any content of padding atoms as well.

    Args:
        lattice: rows a, b, c, angstrom; either hand.
        frac: fractional coordinates.
        species: atomic numbers; or occupancies of each of `plan.elements` (columns) at each atom,
            in which P and G are differentiable. They cost time in proportion to their number.
        mask: True for atoms.
        plan: capacity and tables.

    Returns:
        The description. `complete` is False if an axis is too long for `plan.bounds`, the volume
        too large for `plan.points`, an element not in `plan.elements`, the elements more than
        `plan.slots`, the cell near-singular (a volume below 1e-4 |a| |b| |c|, or an axis outside
        0.01..10,000 angstrom), a number not finite, or no atoms there, that is less than 0.001 or
        more than 10^6. The numbers then describe the part that fits, and in the last three cases
        nothing: they are zero.

    Raises:
        ValueError: species weights whose columns are not those of the plan.
    """
    dtype = lattice.dtype
    weights, rows, known = species_slots(
        species, mask, plan.row, plan.form_factors.c.shape[0], plan.slots, dtype
    )
    factors = jax.tree.map(lambda table: table[rows], plan.form_factors)
    matrix, reciprocal, _, regular = safe_cell(lattice)
    usable = regular & jnp.all(jnp.isfinite(frac) | ~mask[:, None]) & countable(weights)
    weights = jnp.where(usable, weights, 0.0)
    space = plan.descriptor.spectrum.space
    found = sphere_sums(
        matrix,
        reciprocal,
        jnp.where((mask & usable)[:, None], frac, 0.0),
        weights,
        space.q_max,
        plan.box,
    )
    f = factors(jnp.sum(found.q * found.q, axis=-1) / (16 * np.pi**2))
    F = jnp.sum(f[None] * found.sums, axis=1)
    window = taper(jnp.where(found.within, found.size / space.q_max, 0.0), space.taper)
    forward = _forward(weights, factors, space.kind)
    scale = window * safe_divide(jnp.ones_like(forward), forward)
    points = ReciprocalPoints(
        q=found.q,
        intensity=jnp.where(found.within & usable, jnp.sum(F * F, axis=0) * scale, 0.0),
        multiplicity=jnp.where(found.within, jnp.asarray(2, dtype), 0.0),
        complete=usable & found.complete & known,
    )
    descriptor = plan.descriptor
    return Description(
        power_spectrum=descriptor.spectrum.from_points(points),
        rdf=descriptor.distribution.from_points(points),
        complete=points.complete,
        specification=json.dumps(descriptor.specification, sort_keys=True),
    )


def represent_batch(
    batch: CrystalBatch | Cells, plan: RepresentPlan, *, chunk: int | None = 1
) -> Description:
    """Descriptions of all crystals of a batch; pure, for jit and grad.

    Args:
        batch: B crystals; or their matrix, frac, species and mask, where species may be weights of
            each of `plan.elements`, shape (B, N, Z).
        plan: capacity and tables.
        chunk: crystals computed side by side, the chunks one after another. One at a time stays in
            the cache of a CPU; a GPU wants many, or None for all. Memory is in proportion. One at
            a time keeps one core busy: threads that call with a part of the batch each use more.

    Returns:
        A description whose arrays have B for their first axis; `complete` has shape (B,).

    Raises:
        ValueError: a chunk below 1.
    """

    def one(matrix: Array, frac: Array, species: Array, mask: Array) -> Description:
        return represent(matrix, frac, species, mask, plan)

    return over_batch(one, batch, chunk)


def _forward(weights: Float[Array, "S N"], factors: FormFactors, kind: str) -> Float[Array, ""]:
    """|F(0)|^2, or for neutrons N sum b^2, as `ReciprocalSpace` has it."""
    amount = jnp.sum(weights, axis=1)
    f = factors(jnp.zeros((1,), weights.dtype))[:, 0]
    if kind == "neutron":
        return jnp.sum(amount) * jnp.sum(amount * f * f)
    return jnp.square(jnp.sum(amount * f))
