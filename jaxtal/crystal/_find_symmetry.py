"""The space group of atoms and the sites that they occupy, found by spglib."""

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from ..lattice import matrix_to_cell
from ..scattering import cif_scale
from ..symmetry import SpaceGroup
from ._alike_atoms import kinds_of_atoms, shared_points
from ._host_atoms import HostAtoms
from ._nearest_points import NearestPoints
from ._spglib_dataset import PROBE, standard_dataset, with_probe

if TYPE_CHECKING:
    from spglib import SpglibDataset

Site = tuple[tuple[int, int, int], str, np.ndarray]
"""Species (atomic number, charge, mass number), Wyckoff label and a point of the orbit."""


@dataclasses.dataclass(frozen=True, eq=False)
class SymmetricSites:
    """A crystal in the standard setting of its space group, as `WyckoffCrystal.build` takes it.

    Attributes:
        group: the space group.
        cell: six cell parameters, angstrom and degrees.
        sites: species, Wyckoff label and point of each site.
        occupancies: shape (n_sites,).
        u_iso: shape (n_sites,), angstrom^2.
        u_aniso: shape (n_sites, 3, 3), angstrom^2, CIF convention, or None.
        may_rise: the standard cell may have more symmetry than was found: displacement tensors
            were compared under operations that keep the given cell, which may be a supercell.
    """

    group: SpaceGroup
    cell: Float[np.ndarray, "6"]
    sites: tuple[Site, ...]
    occupancies: Float[np.ndarray, " n_sites"]
    u_iso: Float[np.ndarray, " n_sites"]
    u_aniso: Float[np.ndarray, "n_sites 3 3"] | None
    may_rise: bool


def without_symmetry(atoms: HostAtoms) -> SymmetricSites:
    """Take the crystal in P1, every atom a site; the orientation of the axes is dropped."""
    atoms = atoms.right_handed()
    keys = [(int(z), int(q), int(m)) for z, q, m in atoms.keys]
    return SymmetricSites(
        group=SpaceGroup.from_number(1),
        cell=atoms.cell,
        sites=tuple((key, "1a", x) for key, x in zip(keys, atoms.frac_coords, strict=True)),
        occupancies=atoms.occupancies,
        u_iso=atoms.u_iso,
        u_aniso=atoms.u_aniso,
        may_rise=False,
    )


def find_symmetry(
    atoms: HostAtoms,
    symprec: float = 1e-3,
    angle_tolerance: float = -1.0,
    u_tolerance: float = 1e-4,
) -> SymmetricSites:
    """Find the space group and the occupied sites with spglib.

    The standard setting is that of International Tables A (origin choice 2, hexagonal axes,
    unique axis b, cell choice 1). Atoms are equivalent only if they agree in species, charge,
    isotope, occupancy and displacement; atoms that share a point are one site of mixed content.
    Operations that anisotropic displacements break don't count.

    Args:
        atoms: content of any cell.
        symprec: distance tolerance, angstrom.
        angle_tolerance: spglib's tolerance for angles, degrees; negative means from `symprec`.
        u_tolerance: differences of displacements that are averaged away, angstrom^2.

    Raises:
        ValueError: spglib finds no symmetry at this tolerance.

    References:
        A. Togo, K. Shinohara and I. Tanaka, Sci. Technol. Adv. Mater. Methods 4 (2024) 2384822.
    """
    if not (symprec > 0 and u_tolerance > 0):
        raise ValueError(
            f"symprec, u_tolerance: expected positive numbers, got {symprec}, {u_tolerance}"
        )
    atoms = atoms.right_handed()
    kinds = kinds_of_atoms(atoms, u_tolerance)
    points = shared_points(atoms, symprec, kinds)
    contents = [tuple(int(kinds[i]) for i in point) for point in points]
    known = {content: t for t, content in enumerate(dict.fromkeys(contents))}
    frac = np.array([atoms.frac_coords[point[0]] for point in points])
    cell = atoms.matrix, frac, [known[content] for content in contents]
    u_star = atoms.u_star
    if u_star is not None:
        tensors = np.array([u_star[point[0]] for point in points])
        cell = with_probe(cell, tensors, symprec, angle_tolerance, u_tolerance)
    dataset = standard_dataset(cell, symprec, angle_tolerance)
    group = SpaceGroup.from_number(dataset.number)
    sources = _sources(dataset)

    sites, occupancies, u_iso, u_aniso = [], [], [], []
    points_there = NearestPoints(
        np.asarray(dataset.std_positions, np.float64), np.asarray(dataset.std_lattice, np.float64)
    )
    for label, x, members in _orbits(dataset, group, points_there, symprec):
        given = [p for m in members for p in sources[m]]
        for c in range(len(points[given[0]])):
            alike = [points[p][c] for p in given]
            number, charge, mass = (int(v) for v in atoms.keys[alike[0]])
            sites.append(((number, charge, mass), label, x))
            occupancies.append(atoms.occupancies[alike].mean())
            u_iso.append(atoms.u_iso[alike].mean())
            if u_star is not None:
                star = [
                    np.mean([u_star[points[p][c]] for p in sources[m]], axis=0) for m in members
                ]
                u_aniso.append(
                    _mean_tensor(
                        dataset, group, points_there, members, x, np.array(star), u_tolerance
                    )
                )
    return SymmetricSites(
        group=group,
        cell=matrix_to_cell(np.asarray(dataset.std_lattice, np.float64)),
        sites=tuple(sites),
        occupancies=np.array(occupancies),
        u_iso=np.array(u_iso),
        u_aniso=np.array(u_aniso) if u_aniso else None,
        may_rise=PROBE in cell[2],
    )


def _sources(dataset: "SpglibDataset") -> list[np.ndarray]:
    """For each point of the standard cell the given points that are its translates."""
    given = np.asarray(dataset.mapping_to_primitive)
    return [np.flatnonzero(given == i) for i in dataset.std_mapping_to_primitive]


def _orbits(
    dataset: "SpglibDataset", group: SpaceGroup, points: NearestPoints, symprec: float
) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Wyckoff label, first point and all points of each orbit of the standard cell."""
    frac = np.asarray(dataset.std_positions, dtype=np.float64)
    matrix = np.asarray(dataset.std_lattice, dtype=np.float64)
    types = np.asarray(dataset.std_types)
    orbits = []
    left = types != PROBE
    for k in range(len(types)):
        if not left[k]:
            continue
        position, u = group.locate(frac[k], matrix, symprec)
        members, gap = points(position.orbit(u))
        whole = len(np.unique(members)) == position.multiplicity and left[members].all()
        if not whole or gap.max() > 10 * symprec or np.any(types[members] != types[k]):
            raise ValueError(
                f"symprec = {symprec:g} A: the atoms do not form whole orbits of {group!r}; "
                "try another tolerance"
            )
        left[members] = False
        orbits.append((position.label, frac[k], members))
    return orbits


def _mean_tensor(
    dataset: "SpglibDataset",
    group: SpaceGroup,
    points: NearestPoints,
    members: np.ndarray,
    x: np.ndarray,
    given: np.ndarray,
    tolerance: float,
) -> np.ndarray:
    """Mean over an orbit of its displacement tensors, turned to the point x; CIF convention."""
    matrix = np.asarray(dataset.std_lattice, dtype=np.float64)
    P = np.asarray(dataset.transformation_matrix, dtype=np.float64)
    images = group.rotations @ x + group.translations / group.denominator
    back = np.linalg.inv(group.rotations)
    place = {int(m): i for i, m in enumerate(members)}
    moved = P @ given[[place[int(m)] for m in points(images)[0]]] @ P.T
    turned = back @ moved @ back.transpose(0, 2, 1) / cif_scale(matrix)
    mean = turned.mean(axis=0)
    if np.abs(turned - mean).max() > 10 * tolerance:
        raise ValueError(
            f"u_aniso: expected tensors alike within {group!r}, got a difference of "
            f"{np.abs(turned - mean).max():.2g} A^2 in one orbit; try another u_tolerance"
        )
    return mean
