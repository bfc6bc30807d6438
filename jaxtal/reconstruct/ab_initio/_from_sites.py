"""The search of a crystal whose group and sites are known, but no cell."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from jaxtyping import Array, Float, Int

from ..._core import computing_dtype
from ...crystal import WyckoffCrystal
from ...descriptors import Description
from ...lattice import cell_to_matrix, matrix_to_cell
from ...scattering import Species, parse_species
from ...symmetry import SpaceGroup, absent
from .._objective import Objective, check_target
from .._reconstruct import from_descriptor
from .._result import Reconstruction
from .._search import SearchNews
from .._starts import volume_of
from ._bravais import Bravais
from ._checks import check_radial
from ._lattice_fit import LatticeFit
from ._lattices import find_lattices

#: Relative half-width of the lengths of starts: the cell is known to many digits.
CELL_RANGE = 0.002
#: Draws of coordinates until no two atoms are on top of each other.
_DRAWS = 200


def from_sites(
    target: Description,
    group: int | str | SpaceGroup,
    sites: Sequence[tuple[Species, str]],
    *,
    starts: int = 64,
    key: Array | int = 0,
    volume: float | None = None,
    objective: Objective | None = None,
    tolerance: float = 1e-8,
    lattice_tolerance: float = 1e-11,
    progress: bool = True,
    on_chunk: Callable[[SearchNews], object] | None = None,
) -> Reconstruction:
    """Recover a crystal of which group and sites are known, but neither cell nor coordinates.

        from_sites(target, 141, [("Ti", "4a"), ("O", "8e")])

    Cells are those that explain the radial distribution (see `from_composition`), in all choices of
    axes that the group tells apart; each is searched as `from_descriptor` does, until one holds a
    crystal with the descriptor.

    Args:
        target: what a descriptor with a radial distribution says of the crystal.
        group: number, symbol or group, in a setting of the conventional centring.
        sites: species and Wyckoff letter of each.
        starts: in each cell.
        key: seed or random key of the starts.
        volume: of the conventional cell, angstrom^3; by default what `estimate_volume` says.
        objective: weights and penalty, default `Objective()`.
        tolerance: loss below which a start has converged.
        lattice_tolerance: share of |G|^2 that a lattice may leave unexplained.
        progress: show a progress bar.
        on_chunk: see `from_descriptor`.

    Returns:
        The reconstruction in the first cell that holds a crystal, or that of the lowest loss.

    Raises:
        ValueError: a target without radial distribution, letters that the group lacks, an
            unconventional setting, or no cell that explains the radial distribution.
    """
    check_target(target)
    check_radial(target)
    found_group = SpaceGroup.find(group)
    dtype = computing_dtype(np.asarray(target.rdf).dtype)

    def search(cell: Float[np.ndarray, "6"]) -> Reconstruction:
        return from_descriptor(
            target,
            with_cell(found_group, cell, sites, dtype),
            starts=starts,
            key=key,
            objective=objective,
            cell_range=CELL_RANGE,
            tolerance=tolerance,
            progress=progress,
            on_chunk=on_chunk,
        )

    return in_cells(search, target, found_group, sites, volume, lattice_tolerance)


def in_cells(
    search: Callable[[Float[np.ndarray, "6"]], Reconstruction],
    target: Description,
    group: SpaceGroup,
    sites: Sequence[tuple[Species, str]],
    volume: float | None,
    tolerance: float,
) -> Reconstruction:
    """Search in each cell that explains the radial distribution, until one holds the crystal.

    Raises:
        ValueError: as `from_sites`.
    """
    check_radial(target)
    lattice = Bravais.of(group)
    if lattice.name not in Bravais.names():
        raise ValueError(f"group: expected a setting of a conventional centring, got {group.hm}")
    best: Reconstruction | None = None
    for cell in _cells(target, group, lattice, sites, volume, tolerance):
        found = search(cell)
        if best is None or found.loss < best.loss:
            best = found
        if found.success or found.interrupted:
            break
    if best is None:
        raise ValueError(
            f"target: expected a radial distribution that a lattice {lattice.name} explains, as "
            f"{group.hm} has it; got none within {tolerance:g}"
        )
    return best


def _cells(
    target: Description,
    group: SpaceGroup,
    lattice: Bravais,
    sites: Sequence[tuple[Species, str]],
    volume: float | None,
    tolerance: float,
) -> Iterator[Float[np.ndarray, "6"]]:
    """Cells that explain G, on axes for which the extinctions of the group do."""
    keys = [parse_species(species) for species, _ in sites]
    species = sorted(set(keys))
    amounts = np.zeros(len(species))
    for key, (_, letter) in zip(keys, sites, strict=True):
        amounts[species.index(key)] += group.wyckoff(letter).multiplicity / lattice.points
    if volume is None:
        volume = volume_of(target, species, amounts) * lattice.points
    fit = LatticeFit.of(target)
    for again in (False, True):
        for found in find_lattices(fit, lattice, volume / lattice.points, tolerance, again=again):
            every, _ = lattice.reflections(found.matrix, fit.q_max)
            # Representatives of the holohedry may be absent while equivalents are not.
            every = np.concatenate([every @ W for W in lattice.holohedry.laue_rotations])
            every, bins = np.unique(every, axis=0), fit.bins(lattice, found.matrix)
            for rows in _axes(lattice, group):
                matrix, hkl = cell_to_matrix(matrix_to_cell(rows @ found.matrix)), every @ rows.T
                left = fit.unexplained(hkl[~absent(hkl, group)], matrix, bins)
                if np.sum(left**2) <= 1e3 * max(tolerance, found.unexplained):
                    yield matrix_to_cell(matrix)


def _axes(lattice: Bravais, group: SpaceGroup) -> list[Int[np.ndarray, "3 3"]]:
    """The choices of axes, as rows in those of the lattice, that groups tell apart."""
    a, b, c = np.eye(3, dtype=int)
    if lattice.name in ("oF", "oI", "oP"):
        return [np.array(rows) for rows in itertools.permutations((a, b, c))]
    if lattice.name == "oC":
        # Of the lattice the face C is centred, of Amm2 and its like A.
        turned = {"A": [2, 0, 1], "B": [1, 2, 0]}.get(str(group.hm)[0], [0, 1, 2])
        return [np.array(rows)[turned] for rows in ((a, b, c), (b, a, -c))]
    if lattice.name == "mP":
        choices = [(a, b, c), (-c, b, a + c), (-a - c, b, a), (c, -b, a), (a + c, b, -c)]
        return [np.array(rows) for rows in (*choices, (-a, b, a + c))]
    return [np.array((a, b, c))]


def with_cell(
    group: SpaceGroup, cell: np.ndarray, sites: Sequence[tuple[Species, str]], dtype: Any
) -> WyckoffCrystal:
    """A crystal of the group and sites in a cell, with any coordinates."""
    positions = [group.wyckoff(letter) for _, letter in sites]
    rng = np.random.default_rng(0)
    for last in range(_DRAWS):
        points = [position.orbit(rng.random(position.n_free))[0] for position in positions]
        listed = [(s, l, x) for (s, l), x in zip(sites, points, strict=True)]
        try:
            return WyckoffCrystal.build(group, cell, listed, dtype=dtype)
        except ValueError:
            if last == _DRAWS - 1:
                raise
    raise AssertionError  # not reached
