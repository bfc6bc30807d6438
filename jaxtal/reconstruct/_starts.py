"""Starting points of a reconstruction: perturbed and fully random crystals."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._core import inverse, safe_norm
from ..crystal import WyckoffCrystal
from ..descriptors import Description, Descriptor, RadialDistribution
from ..scattering import FormFactors


def perturb(crystal: WyckoffCrystal, key: Array, d_lat: float, d_coor: float) -> WyckoffCrystal:
    """The paper's perturbation: every free parameter moved, the symmetry kept.

    Each free length is multiplied by 1 + d_lat (u - 1/2) with u uniform in [0, 1], each free
    angle likewise; the first atom of each site moves by `d_coor` in a direction that is random
    in space, projected on what the site leaves free. Sites without freedom stay.

    Args:
        crystal: the reference.
        key: random key.
        d_lat: relative width of the change of the cell.
        d_coor: length of each displacement, angstrom.

    References:
        O. G. Ridwan et al., "Crystal Representation in the Reciprocal Space" (2026), section IV.B.
    """
    key_cell, key_sites = jax.random.split(key)
    cell = crystal.lattice_parameters
    u = jax.random.uniform(key_cell, cell.shape, cell.dtype)
    cell = cell * (1 + d_lat * (u - 0.5))
    moved = eqx.tree_at(lambda c: c.lattice_parameters, crystal, cell)
    matrix = moved.lattice.matrix
    plan = crystal.plan
    first = jnp.searchsorted(plan.site, jnp.arange(len(plan.letters), dtype=plan.site.dtype))
    directions = jax.random.normal(key_sites, (len(plan.letters), 3), cell.dtype)
    # Columns of B: how the first atom moves in space (angstrom) with each free parameter.
    basis = jnp.einsum("sij,ik->skj", plan.maps[first], matrix, precision="highest")
    gram = jnp.einsum("ski,skj->sij", basis, basis, precision="highest")
    used = jnp.any(basis != 0, axis=1)
    gram = gram + jnp.where(used[:, :, None] & used[:, None, :], 0.0, jnp.eye(3, dtype=cell.dtype))
    along = jnp.einsum("ski,sk->si", basis, directions, precision="highest")
    steps = jnp.einsum("sij,sj->si", jax.vmap(inverse)(gram), along, precision="highest")
    length = safe_norm(jnp.einsum("ski,si->sk", basis, steps, precision="highest"))
    scale = d_coor / jnp.where(length > 0, length, 1.0)
    return _add_to_sites(moved, jnp.where(used, steps * scale[:, None], 0.0))


def random_crystal(
    crystal: WyckoffCrystal,
    key: Array,
    cell_range: float = 0.2,
    volume: float | None = None,
) -> WyckoffCrystal:
    """A crystal of the same group and sites with every free parameter random.

    Coordinates are uniform in the cell; each free length is multiplied by a number uniform in
    1 -+ cell_range; free angles move by up to 50 cell_range degrees. If a volume is given, the
    lengths are then scaled to it.

    Args:
        crystal: group, sites and the cell around which to sample.
        key: random key.
        cell_range: relative half-width of the lengths.
        volume: cell volume in angstrom^3, or None.
    """
    key_cell, key_sites = jax.random.split(key)
    system = crystal.plan.system
    cell = crystal.lattice_parameters
    u = jax.random.uniform(key_cell, cell.shape, cell.dtype, -1.0, 1.0)
    is_length = jnp.arange(cell.shape[0]) < system.n_lengths
    wide = jnp.where(is_length, cell * (1 + cell_range * u), cell + 50 * cell_range * u)
    # Through the unconstrained variables, so that three random angles always enclose a volume.
    sampled = system.constrain(system.unconstrain(wide))
    cell = jnp.where(jnp.all(jnp.isfinite(sampled)), sampled, cell)
    moved = eqx.tree_at(lambda c: c.lattice_parameters, crystal, cell)
    if volume is not None:
        factor = jnp.cbrt(volume / moved.lattice.volume)
        cell = jnp.where(is_length, cell * factor, cell)
        moved = eqx.tree_at(lambda c: c.lattice_parameters, moved, cell)
    sites = jax.random.uniform(key_sites, crystal.site_parameters.shape, cell.dtype)
    return eqx.tree_at(lambda c: c.site_parameters, moved, sites)


def _add_to_sites(crystal: WyckoffCrystal, steps: Float[Array, "n_sites 3"]) -> WyckoffCrystal:
    size = crystal.site_parameters.shape[0]
    total = jnp.zeros((size + 1,), steps.dtype)
    total = total.at[crystal.plan.parameter_index.ravel()].add(steps.ravel())
    return eqx.tree_at(lambda c: c.site_parameters, crystal, crystal.site_parameters + total[:size])


def estimate_volume(target: Description, like: WyckoffCrystal) -> float:
    """Estimate the cell volume (angstrom^3) that explains the total intensity of a target (host).

    By Wilson's statistics the mean of |F|^2 is S(q) = sum_j f_j(q)^2, and the density of
    reflections V / (2 pi)^3, so that, with the origin counted,

        1 + sum_k G_k = V / (2 pi)^3 / F(0)^2 * integral of 4 pi q^2 t(q / q_max) S(q) dq

    What it neglects are interatomic interferences, which the taper t suppresses.

    Args:
        target: a description with a radial distribution.
        like: composition: group and sites; its cell is not used.

    Raises:
        ValueError: a target without radial distribution or specification.

    References:
        A. J. C. Wilson, Nature 150 (1942) 152.
    """
    if target.rdf is None or not isinstance(target.specification, Descriptor | RadialDistribution):
        raise ValueError("target: expected a radial distribution and what made it")
    space, atoms = target.specification.space, like.to_host()
    factors = FormFactors.build(atoms.distinct_species, kind=space.kind, charges=space.charges)
    _, row = np.unique(atoms.keys, axis=0, return_inverse=True)
    amount = np.bincount(row.ravel(), weights=atoms.occupancies)
    q = np.linspace(0.0, space.q_max, 2001)
    f = np.asarray(factors(jnp.asarray((q / (4 * np.pi)) ** 2, float)), dtype=np.float64)
    mean = amount @ f**2
    forward = np.sum(amount) * mean[0] if space.kind == "neutron" else (amount @ f[:, 0]) ** 2
    window = np.asarray(space.window(jnp.asarray(q / space.q_max, float)), dtype=np.float64)
    integral = np.trapezoid(4 * np.pi * q**2 * window * mean, q)
    return float((1 + np.sum(np.asarray(target.rdf))) * (2 * np.pi) ** 3 * forward / integral)
