"""Starting points of a reconstruction: perturbed and fully random crystals."""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._core import AnyArray, inverse, namespace, safe_norm
from ..crystal import WyckoffCrystal
from ..descriptors import Description, Descriptor, RadialDistribution
from ..lattice import LatticeSystem, cell_to_matrix
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
    cell, sites = crystal.lattice_parameters, crystal.site_parameters
    u = jax.random.uniform(key_cell, cell.shape, cell.dtype)
    directions = jax.random.normal(key_sites, (len(crystal.plan.letters), 3), cell.dtype)
    return _with(crystal, *_perturbed(crystal.plan, cell, sites, u, directions, d_lat, d_coor))


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
    cell = crystal.lattice_parameters
    u = jax.random.uniform(key_cell, cell.shape, cell.dtype, -1.0, 1.0)
    sites = jax.random.uniform(key_sites, crystal.site_parameters.shape, cell.dtype)
    return _with(crystal, widened(crystal.plan.system, cell, u, cell_range, volume), sites)


def draw_variables(
    like: WyckoffCrystal,
    seed: int | Array,
    starts: int,
    perturbation: tuple[float, float] | None,
    cell_range: float,
    volume: float | None,
) -> Float[np.ndarray, "starts v"]:
    """Variables of crystals as `perturb` or `random_crystal` make them, in NumPy (host).

    Args:
        like: the crystal in the middle.
        seed: an integer or a random key; `jax.random.key(n)` says the same as n.
        starts: how many.
        perturbation: (d_lat, d_coor), or None for random crystals.
        cell_range, volume: of random crystals.

    Raises:
        ValueError: a number out of range.
    """
    if not 0 <= cell_range < 1:
        raise ValueError(f"cell_range: expected 0 <= cell_range < 1, got {cell_range}")
    if volume is not None and not (np.isfinite(volume) and volume > 0):
        raise ValueError(f"volume: expected a positive number of angstrom^3, got {volume}")
    if perturbation is not None and not (0 <= perturbation[0] < 2 and perturbation[1] >= 0):
        raise ValueError(
            f"perturbation: expected 0 <= d_lat < 2 and d_coor >= 0, got {perturbation}"
        )
    system, rng = like.plan.system, np.random.default_rng(words(seed))
    cell, sites = (
        np.asarray(x, np.float64) for x in (like.lattice_parameters, like.site_parameters)
    )
    plan = jax.tree.map(np.asarray, like.plan)
    rows = []
    for _ in range(starts):
        if perturbation is None:
            u = rng.uniform(-1.0, 1.0, len(cell))
            moved = widened(system, cell, u, cell_range, volume), rng.uniform(size=len(sites))
        else:
            u = rng.uniform(size=len(cell))
            directions = rng.standard_normal((len(plan.letters), 3))
            moved = _perturbed(plan, cell, sites, u, directions, *perturbation)
        rows.append(np.concatenate([system.unconstrain(moved[0]), moved[1]]))
    return np.array(rows)


def words(seed: int | Array) -> list[int]:
    """Two words of 32 bits, those of JAX's key."""
    if isinstance(seed, int):
        return [seed >> 32 & 0xFFFFFFFF, seed & 0xFFFFFFFF]
    typed = jnp.issubdtype(seed.dtype, jax.dtypes.prng_key)
    return np.asarray(jax.random.key_data(seed) if typed else seed).ravel().tolist()


def _with(crystal: WyckoffCrystal, cell: Array, sites: Array) -> WyckoffCrystal:
    return eqx.tree_at(lambda c: (c.lattice_parameters, c.site_parameters), crystal, (cell, sites))


def widened(
    system: LatticeSystem,
    cell: Float[AnyArray, " k"],
    u: Float[AnyArray, " k"],
    cell_range: float,
    volume: float | None,
) -> Float[AnyArray, " k"]:
    """The free cell parameters of `random_crystal` for numbers u in -1..1."""
    xp = namespace(cell)
    is_length = xp.arange(cell.shape[0]) < system.n_lengths
    wide = xp.where(is_length, cell * (1 + cell_range * u), cell + 50 * cell_range * u)
    # Through the unconstrained variables, so that three random angles always enclose a volume.
    with np.errstate(invalid="ignore", divide="ignore"):
        sampled = system.constrain(system.unconstrain(wide))
    cell = xp.where(xp.all(xp.isfinite(sampled)), sampled, cell)
    if volume is not None:
        own = xp.abs(xp.linalg.det(cell_to_matrix(system.cell(cell))))
        cell = xp.where(is_length, cell * xp.cbrt(volume / own), cell)
    return cell


def _perturbed(
    plan: Any,
    cell: Float[AnyArray, " k"],
    sites: Float[AnyArray, " f"],
    u: Float[AnyArray, " k"],
    directions: Float[AnyArray, "n_sites 3"],
    d_lat: float,
    d_coor: float,
) -> tuple[Float[AnyArray, " k"], Float[AnyArray, " f"]]:
    """The free parameters of `perturb` for numbers u in 0..1 and vectors in space."""
    xp = namespace(cell)
    cell = cell * (1 + d_lat * (u - 0.5))
    matrix = cell_to_matrix(plan.system.cell(cell))
    first = xp.searchsorted(plan.site, xp.arange(len(plan.letters), dtype=plan.site.dtype))
    # Columns of B: how the first atom moves in space (angstrom) with each free parameter.
    basis = _einsum("sij,ik->skj", plan.maps[first], matrix)
    gram = _einsum("ski,skj->sij", basis, basis)
    used = xp.any(basis != 0, axis=1)
    gram = gram + xp.where(used[:, :, None] & used[:, None, :], 0.0, xp.eye(3, dtype=cell.dtype))
    along = _einsum("ski,sk->si", basis, directions)
    inverses = np.linalg.inv(gram) if xp is np else jax.vmap(inverse)(gram)
    steps = _einsum("sij,sj->si", inverses, along)
    length = safe_norm(_einsum("ski,si->sk", basis, steps))
    steps = xp.where(used, steps * (d_coor / xp.where(length > 0, length, 1.0))[:, None], 0.0)
    # What is no parameter of a site points behind the last one, and is dropped.
    places, size = plan.parameter_index.ravel(), sites.shape[0]
    every = xp.arange(size, dtype=places.dtype)
    moves = xp.where(places[None, :] == every[:, None], steps.ravel()[None, :], 0.0)
    return cell, sites + xp.sum(moves, axis=1)


def _einsum(terms: str, *arrays: AnyArray) -> AnyArray:
    """The highest precision, since accelerators multiply float32 matrices in fewer bits."""
    if namespace(*arrays) is np:
        return np.einsum(terms, *arrays)
    return jnp.einsum(terms, *arrays, precision="highest")


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
    atoms = like.to_host()
    _, row = np.unique(atoms.keys, axis=0, return_inverse=True)
    amounts = np.bincount(row.ravel(), weights=atoms.occupancies)
    return volume_of(target, atoms.distinct_species, amounts)


def volume_of(
    target: Description, species: Sequence[Any], amounts: Float[np.ndarray, " S"]
) -> float:
    """Estimate the volume as `estimate_volume` does, of so many atoms of each species."""
    if target.rdf is None or not isinstance(target.specification, Descriptor | RadialDistribution):
        raise ValueError("target: expected a radial distribution and what made it")
    space = target.specification.space
    factors = FormFactors.build(
        species, kind=space.kind, charges=space.charges, dtype=np.float64, host=True
    )
    q = np.linspace(0.0, space.q_max, 2001)
    f = factors((q / (4 * np.pi)) ** 2)
    mean = amounts @ f**2
    forward = np.sum(amounts) * mean[0] if space.kind == "neutron" else (amounts @ f[:, 0]) ** 2
    window = space.window(q / space.q_max)
    integral = np.trapezoid(4 * np.pi * q**2 * window * mean, q)
    return float((1 + np.sum(np.asarray(target.rdf))) * (2 * np.pi) ** 3 * forward / integral)
