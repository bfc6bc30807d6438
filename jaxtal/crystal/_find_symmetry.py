"""From a `Crystal` to a `WyckoffCrystal`: symmetry found by spglib, or none (P1)."""

from typing import TYPE_CHECKING

import numpy as np

from ..lattice import LatticeSystem, host_cell
from ..scattering import cif_scale
from ..symmetry import SpaceGroup
from ._crystal import Crystal
from ._host_atoms import HostAtoms
from ._spglib_dataset import PROBE, standard_dataset, with_probe
from ._wyckoff_crystal import WyckoffCrystal

if TYPE_CHECKING:
    from spglib import SpglibDataset


def without_symmetry(crystal: Crystal) -> WyckoffCrystal:
    """The crystal in P1, every atom a site with three free coordinates.

    Padding is dropped, and so is the orientation of the axes.

    Raises:
        ValueError: as `WyckoffCrystal.build`.
    """
    atoms = HostAtoms.of(crystal)
    return WyckoffCrystal.build(
        1,
        atoms.cell,
        [(atoms.species(i), "1a", x) for i, x in enumerate(atoms.frac)],
        occupancies=atoms.occupancies,
        u_iso=atoms.u_iso,
        u_aniso=atoms.u_aniso,
        dtype=crystal.frac_coords.dtype,
    )


def find_symmetry(
    crystal: Crystal,
    symprec: float = 1e-3,
    angle_tolerance: float = -1.0,
    u_tolerance: float = 1e-4,
    least_order: int = 0,
) -> WyckoffCrystal:
    """The crystal in the standard setting of the space group that spglib finds.

    The standard setting is that of International Tables A (origin choice 2, hexagonal axes,
    unique axis b, cell choice 1). Atoms are equivalent only if they agree in species, charge,
    isotope, occupancy and displacement; atoms that share a point are one site of mixed content.
    Operations that anisotropic displacements break don't count.

    Args:
        crystal: P1 content of any cell; padding is dropped.
        symprec: distance tolerance, angstrom.
        angle_tolerance: spglib's tolerance for angles, degrees; negative means from `symprec`.
        u_tolerance: differences of displacements that are averaged away, angstrom^2.
        least_order: the search ends at a group of no higher order (for its second pass).

    Raises:
        ValueError: spglib finds no symmetry at this tolerance.

    References:
        A. Togo, K. Shinohara and I. Tanaka, Sci. Technol. Adv. Mater. Methods 4 (2024) 2384822.
    """
    if not (symprec > 0 and u_tolerance > 0):
        raise ValueError(
            f"symprec, u_tolerance: expected positive numbers, got {symprec}, {u_tolerance}"
        )
    atoms = HostAtoms.of(crystal)
    kinds = atoms.kinds(u_tolerance)
    points = atoms.points(symprec, kinds)
    contents = [tuple(int(kinds[i]) for i in point) for point in points]
    known = {content: t for t, content in enumerate(dict.fromkeys(contents))}
    frac = np.array([atoms.frac[point[0]] for point in points])
    cell = atoms.matrix, frac, [known[content] for content in contents]
    if atoms.u_star is not None:
        tensors = np.array([atoms.u_star[point[0]] for point in points])
        cell = with_probe(cell, tensors, symprec, angle_tolerance, u_tolerance)
    dataset = standard_dataset(cell, symprec, angle_tolerance)
    group = SpaceGroup.from_number(dataset.number)
    sources = _sources(dataset)

    sites, occupancies, u_iso, u_aniso = [], [], [], []
    for label, x, members in _orbits(dataset, group, symprec):
        given = [p for m in members for p in sources[m]]
        for c in range(len(points[given[0]])):
            alike = [points[p][c] for p in given]
            sites.append((atoms.species(alike[0]), label, x))
            occupancies.append(atoms.occupancies[alike].mean())
            u_iso.append(atoms.u_iso[alike].mean())
            if atoms.u_star is not None:
                star = [
                    np.mean([atoms.u_star[points[p][c]] for p in sources[m]], axis=0)
                    for m in members
                ]
                u_aniso.append(
                    _mean_tensor(dataset, group, members, x, np.array(star), u_tolerance)
                )
    system = LatticeSystem.from_rotations(group.point_rotations)
    found = WyckoffCrystal.build(
        group,
        system.parameters(host_cell(np.asarray(dataset.std_lattice))),
        sites,
        occupancies=occupancies,
        u_iso=u_iso,
        u_aniso=np.array(u_aniso) if u_aniso else None,
        tolerance=10 * symprec,
        dtype=crystal.frac_coords.dtype,
    )
    if PROBE not in cell[2] or group.order <= least_order:
        return found
    # Tensors were compared under operations that keep the given cell, which may be a supercell;
    # the standard cell may allow more.
    return find_symmetry(found.expand(), symprec, angle_tolerance, u_tolerance, group.order)


def _sources(dataset: "SpglibDataset") -> list[np.ndarray]:
    """For each point of the standard cell the given points that are its translates."""
    given = np.asarray(dataset.mapping_to_primitive)
    return [np.flatnonzero(given == i) for i in dataset.std_mapping_to_primitive]


def _orbits(
    dataset: "SpglibDataset", group: SpaceGroup, symprec: float
) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Wyckoff label, first point and all points of each orbit of the standard cell."""
    frac = np.asarray(dataset.std_positions, dtype=np.float64)
    matrix = np.asarray(dataset.std_lattice, dtype=np.float64)
    types = np.asarray(dataset.std_types)
    orbits = []
    left = types != PROBE
    while left.any():
        k = int(np.flatnonzero(left)[0])
        position, u = group.locate(frac[k], matrix, symprec)
        members, gap = _nearest(position.orbit(u), frac, matrix)
        whole = len(np.unique(members)) == position.multiplicity and left[members].all()
        if not whole or gap.max() > 10 * symprec or np.any(types[members] != types[k]):
            raise ValueError(
                f"symprec = {symprec:g} A: the atoms do not form whole orbits of {group!r}; "
                "try another tolerance"
            )
        left[members] = False
        orbits.append((position.label, frac[k], members))
    return orbits


def _nearest(x: np.ndarray, frac: np.ndarray, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each of some points the nearest of others, and its distance in angstrom."""
    gap = x[:, None, :] - frac[None, :, :]
    distance = np.linalg.norm((gap - np.round(gap)) @ matrix, axis=-1)
    return np.argmin(distance, axis=1), np.min(distance, axis=1)


def _mean_tensor(
    dataset: "SpglibDataset",
    group: SpaceGroup,
    members: np.ndarray,
    x: np.ndarray,
    given: np.ndarray,
    tolerance: float,
) -> np.ndarray:
    """Mean over an orbit of its displacement tensors, turned to the point x; CIF convention."""
    matrix = np.asarray(dataset.std_lattice, dtype=np.float64)
    P = np.asarray(dataset.transformation_matrix, dtype=np.float64)
    frac = np.asarray(dataset.std_positions)[members]
    images = group.rotations @ x + group.translations / group.denominator
    back = np.linalg.inv(group.rotations)
    moved = P @ given[_nearest(images, frac, matrix)[0]] @ P.T
    turned = back @ moved @ back.transpose(0, 2, 1) / cif_scale(matrix)
    mean = turned.mean(axis=0)
    if np.abs(turned - mean).max() > 10 * tolerance:
        raise ValueError(
            f"u_aniso: expected tensors alike within {group!r}, got a difference of "
            f"{np.abs(turned - mean).max():.2g} A^2 in one orbit; try another u_tolerance"
        )
    return mean
