"""`represent`: the descriptor of whatever a training loop produces, and a loss on it."""

import json

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from .._core import safe_divide, safe_norm
from ..diffraction import ReciprocalPlan, ReciprocalPoints, taper
from ..scattering import FormFactors
from ._capacity import SLACK, RepresentPlan
from ._descriptor import Description
from ._power_spectrum import SpectrumPlan
from ._signed_sums import signed_sums

#: A cell is near-singular if its volume is less than this part of the product of its lengths.
FLATTEST = 1e-4
#: And if an axis is outside this interval, in angstrom.
LENGTHS = (0.01, 1e4)


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
        0.01..10,000 angstrom), a number not finite, or no atom there. The numbers then describe
        the part that fits, and for a near-singular cell or numbers that are not finite, zero.

    Raises:
        ValueError: species weights whose columns are not those of the plan.
    """
    dtype = lattice.dtype
    weights, factors, known = _content(species, mask, plan, dtype)
    usable = jnp.all(jnp.isfinite(frac) | ~mask[:, None]) & jnp.any(mask)
    matrix, reciprocal, regular = _safe_cell(lattice)
    usable = usable & regular
    x = jnp.where((mask & usable)[:, None], frac, 0.0)
    # Axes in the order of their lengths: cells that are long in different directions share a box.
    lengths = jax.lax.stop_gradient(safe_norm(matrix))
    order = jnp.argsort(lengths)
    reciprocal, x, lengths = reciprocal[order], x[:, order], lengths[order]
    space = plan.descriptor.spectrum.space
    room = jnp.asarray(np.array(plan.bounds) + 1 - 1e-6, dtype)
    fits = jnp.all(lengths * (space.q_max / (2 * np.pi)) < room)
    picked, kept, enough = _inside(plan, reciprocal, space.q_max)
    hkl = jnp.where(kept[None, :], plan.hkl.astype(dtype)[:, picked], 0.0)
    # A matrix product, whose result is stored; at the highest precision, as on a GPU it is TF32.
    q = jnp.matmul(hkl.T, reciprocal, precision="highest")
    size = safe_norm(q)
    within = kept & (size < space.q_max)
    sums = jnp.stack(signed_sums(x, weights, plan.bounds))
    sums = sums[:, :, plan.box_index[picked]]
    F = jnp.sum(factors(jnp.sum(q * q, axis=-1) / (16 * np.pi**2))[None] * sums, axis=1)
    window = taper(jnp.where(within, size / space.q_max, 0.0), space.taper)
    forward = _forward(weights, factors, space.kind)
    scale = window * safe_divide(jnp.ones_like(forward), forward)
    points = ReciprocalPoints(
        q=q,
        intensity=jnp.where(within & usable, jnp.sum(F * F, axis=0) * scale, 0.0),
        multiplicity=jnp.where(within, jnp.asarray(2, dtype), 0.0),
        complete=usable & fits & enough & known,
    )
    return _description(points, plan)


def _description(points: ReciprocalPoints, plan: RepresentPlan) -> Description:
    descriptor = plan.descriptor
    nothing = jnp.zeros((0,), points.q.dtype)
    listed = ReciprocalPlan(
        hkl=jnp.zeros((0, 3), jnp.int32),
        multiplicity=nothing,
        form_factors=plan.form_factors,
        references=jnp.zeros((0, 3, 3), points.q.dtype),
        margin=jnp.ones((), points.q.dtype),
        box_index=None,
        frame=None,
        metric_mean=None,
        bounds=plan.bounds,
        friedel=True,
    )
    return Description(
        power_spectrum=descriptor.spectrum.from_points(points, SpectrumPlan(listed, None)),
        rdf=descriptor.distribution.from_points(points),
        complete=points.complete,
        specification=json.dumps(descriptor.specification, sort_keys=True),
    )


def _safe_cell(
    lattice: Float[Array, "3 3"],
) -> tuple[Float[Array, "3 3"], Float[Array, "3 3"], Bool[Array, ""]]:
    """The matrix, its reciprocal, and whether they are those of the lattice or of a unit cube."""
    fixed = jax.lax.stop_gradient(lattice)
    unit = jnp.eye(3, dtype=lattice.dtype)
    regular = jnp.all(jnp.isfinite(fixed))
    fixed = jnp.where(regular, fixed, unit)
    lengths = safe_norm(fixed)
    regular = regular & jnp.all((lengths > LENGTHS[0]) & (lengths < LENGTHS[1]))
    fixed = jnp.where(regular, fixed, unit)
    _, volume = _cofactors(fixed / safe_norm(fixed)[:, None])
    regular = regular & (jnp.abs(volume) > FLATTEST)
    matrix = jnp.where(regular, lattice, unit)
    lengths = safe_norm(matrix)
    cofactors, volume = _cofactors(matrix / lengths[:, None])
    return matrix, (2 * np.pi) * cofactors / (volume * lengths)[:, None], regular


def _cofactors(rows: Float[Array, "3 3"]) -> tuple[Float[Array, "3 3"], Float[Array, ""]]:
    """Cross products of the other two rows, and the determinant."""
    after, before = jnp.roll(rows, -1, axis=0), jnp.roll(rows, -2, axis=0)
    cofactors = jnp.roll(after, -1, axis=1) * jnp.roll(before, -2, axis=1) - jnp.roll(
        after, -2, axis=1
    ) * jnp.roll(before, -1, axis=1)
    return cofactors, jnp.sum(rows[0] * cofactors[0])


def _inside(
    plan: RepresentPlan, reciprocal: Float[Array, "3 3"], q_max: float
) -> tuple[Int[Array, " P"], Bool[Array, " P"], Bool[Array, ""]]:
    """Places in the box of the reflections in the sphere, which are real, and whether all fit."""
    basis = jax.lax.stop_gradient(reciprocal)
    h = plan.hkl.astype(basis.dtype)
    # A little more than the sphere: the last digit of |q| depends on how a program is compiled.
    x, y, z = _vector(h, basis)
    inside = x * x + y * y + z * z < (q_max * (1 + SLACK / 2)) ** 2
    place = jnp.cumsum(inside.astype(jnp.int32))
    target = jnp.where(inside, place - 1, plan.points)
    every = jnp.arange(h.shape[1], dtype=jnp.int32)
    picked = jnp.zeros((plan.points,), jnp.int32).at[target].set(every, mode="drop")
    kept = jnp.arange(plan.points, dtype=jnp.int32) < place[-1]
    return picked, kept, place[-1] <= plan.points


def _vector(h: Float[Array, "3 M"], basis: Float[Array, "3 3"]) -> list[Float[Array, " M"]]:
    """x, y and z of h_i b_i."""
    return [h[0] * basis[0, i] + h[1] * basis[1, i] + h[2] * basis[2, i] for i in range(3)]


def _content(
    species: Int[Array, " N"] | Float[Array, "N Z"],
    mask: Bool[Array, " N"],
    plan: RepresentPlan,
    dtype: jnp.dtype,
) -> tuple[Float[Array, "S N"], FormFactors, Bool[Array, ""]]:
    """Weight of each atom in each sum, the form factors of the sums, and whether all are there."""
    factors = plan.form_factors
    n_rows = factors.c.shape[0]
    if species.ndim == 2:
        if species.shape[1] != n_rows:
            raise ValueError(
                f"species: expected one column for each of the {n_rows} elements of the plan, got "
                f"shape {species.shape}"
            )
        finite = jnp.isfinite(species)
        weights = jnp.where(mask[:, None] & finite, species, 0.0).astype(dtype)
        return weights.T, factors, jnp.all(finite | ~mask[:, None])
    listed = (species >= 0) & (species < plan.row.shape[0])
    row = jnp.where(listed, plan.row[jnp.where(listed, species, 0)], -1)
    rows = jnp.arange(n_rows, dtype=jnp.int32)
    present = jnp.any((row[None, :] == rows[:, None]) & mask[None, :], axis=1)
    place = jnp.cumsum(present.astype(jnp.int32))
    target = jnp.where(present, place - 1, plan.slots)
    chosen = jnp.full((plan.slots,), n_rows, jnp.int32).at[target].set(rows, mode="drop")
    weights = (row[None, :] == chosen[:, None]) & mask[None, :]
    known = jnp.all((row >= 0) | ~mask) & (place[-1] <= plan.slots)
    own = jax.tree.map(lambda table: table[jnp.minimum(chosen, n_rows - 1)], factors)
    return weights.astype(dtype), own, known


def _forward(weights: Float[Array, "S N"], factors: FormFactors, kind: str) -> Float[Array, ""]:
    """|F(0)|^2, or for neutrons N sum b^2, as `ReciprocalSpace` has it."""
    amount = jnp.sum(weights, axis=1)
    f = factors(jnp.zeros((1,), weights.dtype))[:, 0]
    if kind == "neutron":
        return jnp.sum(amount) * jnp.sum(amount * f * f)
    return jnp.square(jnp.sum(amount * f))
