"""From a target and a crystal's sites to the arrays of `SearchProblem` (host)."""

import dataclasses
import functools
import itertools

import jax
import numpy as np
from jaxtyping import Float, Int
from numpy.polynomial import chebyshev, legendre

from .._core import computing_dtype
from ..crystal import WyckoffCrystal
from ..descriptors import Description
from ..descriptors._laue_invariants import laue_invariants
from ..descriptors.expansion import real_spherical_harmonics
from ..diffraction import hkl_sphere
from ..scattering import FormFactors
from ..symmetry import SpaceGroup, absent, laue_unique
from ._cell_variables import CellVariables
from ._objective import Objective
from ._overlapping_pairs import OverlappingPairs
from ._profiles import parts_of
from ._search_problem import BLOCK, CELL, SearchProblem

#: Cells that have shrunk further than by this factor may overlook overlaps with images.
_SHRUNK = 1.5


def search_problem(
    objective: Objective, target: Description, like: WyckoffCrystal, max_stretch: float
) -> tuple[SearchProblem, CellVariables] | None:
    """Make the arrays of an objective for a crystal's group and sites.

    Args:
        objective: weights.
        target: what is to be reproduced, checked.
        like: group, sites and a cell of about the right size.
        max_stretch: by what factor any direction of the cell may stretch.

    Returns:
        The problem and its variables of the cell, or None where it is not one of arrays alone:
        further terms, displacements, anomalous scattering, or a cell on unconventional axes.
    """
    space = target.specification.space
    if objective.terms or space.displacements or space.wavelength is not None:
        return None
    dtype = computing_dtype(like.lattice_parameters.dtype)
    width = ladder(like.n_free, 4)
    cell = CellVariables.build(like)
    if cell is None:
        return None
    atoms = like.to_host()
    maps, shifts = _all_maps(like, width)
    chosen, copies, centric = _independent_atoms(like, maps, shifts)
    keys = sorted(set(atoms.distinct_species))
    row = np.array([keys.index(tuple(key)) for key in atoms.keys[chosen].tolist()])
    size, species = ladder(len(chosen), 4), ladder(len(keys), 4)
    factors = FormFactors.build(
        keys, kind=space.kind, charges=space.charges, dtype=np.float64, host=True
    )
    factors = dataclasses.replace(factors, species=())
    weights = copies * atoms.occupancies[chosen]
    # A structure factor of 1 at the origin has the intensity that one over |F(0)| squares to.
    unit, middle = (np.ones(1), np.zeros(1)), np.zeros(1)
    amounts = np.bincount(row, weights=weights, minlength=len(keys))
    weights = weights * np.sqrt(space.intensities(unit, middle, amounts, factors))
    real = np.zeros((size, species))
    real[np.arange(len(chosen)), row] = weights
    # The constant is a Gaussian of width 0; widths go with |q|^2.
    heights = np.concatenate([factors.a, factors.c[:, None]], axis=1)
    widths = np.concatenate([factors.b, np.zeros((len(keys), 1))], axis=1) / -(16 * np.pi**2)
    hkl, multiplicity, rotations = _reflections(like, cell, space.q_max * max_stretch)
    hkl = hkl @ np.linalg.inv(cell.basis).T
    room = ladder(len(hkl), 4 * BLOCK, 4)
    spectrum, distribution = parts_of(target.specification)
    P = G = kernel = directions = harmonics = None
    rest = scale = 0.0
    if objective.spectrum_weight and spectrum is not None:
        P = np.asarray(target.power_spectrum, np.float64)
        scale = np.sqrt(objective.spectrum_weight / (np.sum(P * P) or 1.0))
        # Odd degrees of what is computed vanish.
        P, rest = scale * P[:, ::2], np.sum(np.square(scale * P[:, 1::2]))
        highest = spectrum.l_max - spectrum.l_max % 2
        kernel = _kernel(highest)
        directions, harmonics = _harmonics(rotations, highest)
        harmonics = np.sqrt(scale) * harmonics
    if objective.distribution_weight and distribution is not None:
        G = np.asarray(target.rdf, np.float64)
    shears, shear_offsets = cell.shears
    summed = _padded(cell.basis.T @ maps[chosen], size)
    problem = SearchProblem(
        lengths=_padded(cell.lengths.T, min(width, CELL)),
        offsets=cell.offsets,
        shears=_padded(shears, min(width, CELL)),
        shear_offsets=shear_offsets,
        maps=summed,
        shifts=_padded(shifts[chosen] @ cell.basis, size),
        turns=4 * np.pi * np.moveaxis(summed, 2, 0),
        real=real,
        imag=real * (0.0 if centric else 1.0),
        heights=_padded(heights, species),
        widths=_padded(widths, species),
        hkl=_padded(hkl, room).T,
        multiplicity=_padded(multiplicity.astype(float), room),
        n_blocks=np.array(-(-len(hkl) // BLOCK), np.int32),
        kernel=kernel,
        directions=directions,
        harmonics=harmonics,
        overlaps=_overlaps(objective, like, maps, shifts, cell.basis),
        spectrum=P,
        rest=np.array(rest),
        distribution=G,
        distribution_weight=np.array(objective.distribution_weight),
        specification=target.specification,
    )
    return jax.tree.map(lambda x: x if x.dtype.kind == "i" else x.astype(dtype), problem), cell


def ladder(n: int, least: int, factor: int = 2) -> int:
    """The smallest of least, least factor, least factor^2, ... that is at least n.

    Coarse steps: most of the time goes into harmonics and bins, whose sizes are exact.
    """
    size = least
    while size < n:
        size *= factor
    return size


def _padded(x: np.ndarray, size: int) -> np.ndarray:
    return np.pad(x, [(0, size - len(x))] + [(0, 0)] * (x.ndim - 1))


def _all_maps(like: WyckoffCrystal, width: int) -> tuple[np.ndarray, np.ndarray]:
    """x = maps v + shifts of every atom of the cell."""
    plan, cells = like.plan, like.lattice_parameters.shape[-1]
    own, shifts = np.array(plan.maps, np.float64), np.array(plan.shifts, np.float64)
    index = np.asarray(plan.parameter_index)[np.asarray(plan.site)]
    maps = np.zeros((len(own), 3, width + 1))
    for column in range(3):
        # What is no parameter points behind the last one, and has a column of zeros.
        there = np.where(index[:, column] < like.site_parameters.shape[-1], index[:, column], -1)
        place = np.where(there >= 0, cells + there, width)
        maps[np.arange(len(own)), :, place] += own[:, :, column]
    return maps[:, :, :width], shifts


def _independent_atoms(
    like: WyckoffCrystal, maps: np.ndarray, shifts: np.ndarray
) -> tuple[Int[np.ndarray, " n"], Int[np.ndarray, " n"], bool]:
    """One of each set of atoms that centring and inversion relate, and how many there are.

    Whether there is an inversion comes with them; `shifts` are then moved, so that it is at the
    origin.
    """
    group, site = like.group, np.asarray(like.plan.site)
    inversions = np.flatnonzero((group.rotations == -np.eye(3, dtype=int)).all(axis=(1, 2)))
    if centric := bool(len(inversions)):
        shifts -= group.translations[inversions[0]] / group.denominator / 2
    generic = np.random.default_rng(0).uniform(size=maps.shape[2])
    x = maps @ generic + shifts
    moves = [x + t / group.denominator for t in group.centering]
    if centric:
        moves += [-image for image in moves]
    same_site = site[:, None] == site[None, :]
    related = np.zeros((len(x), len(x)), bool)
    for image in moves:
        gap = image[:, None, :] - x[None, :, :]
        related |= same_site & (np.abs(gap - np.rint(gap)).max(axis=2) < 1e-6)
    first = related.argmax(axis=1)
    chosen, copies = np.unique(first, return_counts=True)
    return chosen, copies, centric


def _reflections(
    like: WyckoffCrystal, cell: CellVariables, reach: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Reflections that are present, their multiplicities, and the Cartesian Laue rotations.

    Where the rotations turn with the cell there are none, and Friedel's law alone holds.
    """
    group = like.group
    hkl = hkl_sphere(like.to_host().matrix, reach * (1 + 1e-3))
    hkl = hkl[~absent(hkl, group)]
    rotations = _cartesian(group, like, cell)
    if rotations is None:
        return hkl, np.full(len(hkl), 2), None
    orbits, sizes = laue_unique(hkl, group.laue_rotations)
    hkl, first = np.unique(orbits, axis=0, return_index=True)
    return hkl, sizes[first], rotations


def _kernel(highest: int) -> np.ndarray:
    """K = sum_l (2 l + 1) P_l of even degrees, and K' / t, as Chebyshev series in 2 t^2 - 1."""
    l = np.arange(highest + 1)
    series = np.where(l % 2 == 0, 2.0 * l + 1, 0.0)
    t = chebyshev.chebpts1(highest + 1)
    # Of 2 t^2 - 1 the polynomial T_j is the T_2j of t.
    value = chebyshev.chebfit(t, legendre.legval(t, series), highest)[::2]
    if highest == 0:
        return np.stack([value, np.zeros(1)], axis=1)
    t = chebyshev.chebpts1(highest)
    over = legendre.legval(t, legendre.legder(series)) / t
    slope = chebyshev.chebfit(t, over, highest - 1)[::2]
    return np.stack([value, np.pad(slope, (0, len(value) - len(slope)))], axis=1)


@functools.cache
def _directions(highest: int) -> tuple[np.ndarray, np.ndarray]:
    """As many directions u_k as even harmonics, and these as combinations of the K(q . u_k)."""
    size = (highest + 1) * (highest + 2) // 2
    z, turn = (np.arange(20 * size) + 0.5) / (20 * size), np.arange(20 * size) * np.pi
    r, turn = np.sqrt(1 - z * z), turn * (1 + np.sqrt(5))
    spiral = np.stack([r * np.cos(turn), r * np.sin(turn), z], axis=1)
    # The addition theorem: K(q . u) = 4 pi sum_lm Y_lm(q) Y_lm(u).
    rows = real_spherical_harmonics(spiral, highest, "even")
    # Those directions of a dense spiral that differ most: one after another, as in QR with pivots.
    chosen, left = [], rows.copy()
    for _ in range(size):
        best = int(np.argmax(np.sum(left * left, axis=1)))
        unit = left[best] / np.linalg.norm(left[best])
        left -= np.outer(left @ unit, unit)
        chosen.append(best)
    return spiral[chosen], np.linalg.inv(4 * np.pi * rows[chosen].T)


def _harmonics(rotations: np.ndarray | None, highest: int) -> tuple[np.ndarray, np.ndarray]:
    """Directions, and for each even degree the combinations that the rotations leave."""
    directions, matrix = _directions(highest)
    if rotations is None:
        return directions, matrix
    harmonics, kept, start = np.zeros_like(matrix), laue_invariants(rotations, highest), 0
    for l in range(0, highest + 1, 2):
        block = matrix[:, start : start + 2 * l + 1] @ kept[l // 2]
        harmonics[:, start : start + block.shape[1]] = block
        start += 2 * l + 1
    return directions, harmonics


def _cartesian(
    group: SpaceGroup, like: WyckoffCrystal, cell: CellVariables
) -> Float[np.ndarray, "n 3 3"] | None:
    """The Laue rotations of Cartesian rows; None if they turn with the cell parameters."""
    rng, found = np.random.default_rng(0), []
    for _ in range(2):
        matrix = cell.matrix(0.3 * rng.standard_normal(like.plan.system.n_free))
        found.append(np.linalg.inv(matrix) @ np.swapaxes(group.laue_rotations, 1, 2) @ matrix)
    return found[0] if np.allclose(*found, rtol=0, atol=1e-9) else None


def _overlaps(
    objective: Objective,
    like: WyckoffCrystal,
    maps: np.ndarray,
    shifts: np.ndarray,
    basis: np.ndarray,
) -> OverlappingPairs:
    """Each site's first atom with every atom and image that might come within its reach."""
    from ase.data import covalent_radii

    atoms, site = like.to_host(), np.asarray(like.plan.site)
    radii, occupancy = covalent_radii[atoms.atomic_numbers], atoms.occupancies
    centres = np.searchsorted(site, np.arange(len(like.plan.letters)))
    multiplicity = np.bincount(site)
    slopes = (maps[None, :] - maps[centres][:, None]).reshape(-1, *maps.shape[1:])
    offsets = (shifts[None, :] - shifts[centres][:, None]).reshape(-1, 3)
    reach = objective.distance_factor * (radii[centres][:, None] + radii[None, :]).ravel()
    # Atoms that share one site (occupancies up to one) may coincide.
    shared = ((occupancy[centres][:, None] + occupancy[None, :]) <= 1 + 1e-3).ravel()
    own = (centres[:, None] == np.arange(len(site))[None, :]).ravel()
    images = np.array(list(itertools.product((-1, 0, 1), repeat=3)))
    # Least distance along each reciprocal axis, in fractions: where nothing is free it is known.
    free = np.any(slopes != 0, axis=2)
    fixed = offsets - np.rint(offsets)
    least = np.where(
        free[:, None, :],
        np.maximum(np.abs(images) - 0.5, 0.0)[None],
        np.abs(fixed[:, None, :] + images[None]),
    )
    spacing = 1 / np.linalg.norm(np.linalg.inv(atoms.matrix), axis=0) / _SHRUNK
    near = np.all(least * spacing < reach[:, None, None], axis=2)
    home = np.all(images == 0, axis=1)
    pair, image = np.nonzero(near & ~shared[:, None] & ~(own[:, None] & home[None, :]))
    size = ladder(len(pair), 128, 4)
    weights = objective.distance_weight * np.repeat(multiplicity / len(site), len(site))
    return OverlappingPairs(
        slopes=_padded(slopes[pair], size),
        offsets=_padded(offsets[pair], size),
        images=_padded(images[image].astype(float), size),
        over_reach=_padded(1 / reach[pair], size),
        weights=_padded(weights[pair], size),
        basis=basis,
    )
