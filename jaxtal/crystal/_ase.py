"""To and from ASE `Atoms`; ASE is imported when first used."""

from typing import TYPE_CHECKING, Any

import numpy as np

from ..scattering import parse_species, species_label
from ._crystal import Crystal
from ._host_atoms import OCCUPANCY_TOLERANCE, HostAtoms
from ._host_expand import expand_on_host
from ._wyckoff_crystal import WyckoffCrystal

if TYPE_CHECKING:
    from ase import Atoms

#: Atoms closer than this (angstrom) are one mixed site of ASE.
_SAME_POINT = 1e-3


def crystal_from_ase(atoms: "Atoms", dtype: Any = None) -> Crystal:
    """See `Crystal.from_ase`."""
    if atoms.cell.rank < 3:
        raise ValueError(
            f"atoms: expected a cell of three independent vectors, got {atoms.cell.array.tolist()}"
        )
    n = len(atoms)
    charges = atoms.get_initial_charges() if atoms.has("initial_charges") else np.zeros(n)
    if np.any(charges != np.rint(charges)):
        charges = np.zeros(n)  # partial charges of a calculation choose no form factor
    rows: list[int] = []
    keys: list[tuple[int, int, int]] = []
    occupancies: list[float] = []
    isotopes = atoms.arrays.get("isotopes", np.zeros(n, int))
    for i in range(n):
        own = int(atoms.numbers[i]), int(charges[i]), int(isotopes[i])
        for key, occupancy in _content(atoms, i, own):
            rows.append(i)
            keys.append(key)
            occupancies.append(occupancy)
    column = np.array(keys, int).reshape(-1, 3)
    frac = atoms.get_scaled_positions(wrap=False)
    return Crystal.from_arrays(
        atoms.cell.array,
        frac[rows],
        column[:, 0],
        occupancies=occupancies,
        charges=column[:, 1],
        isotopes=column[:, 2],
        u_iso=atoms.arrays["u_iso"][rows] if "u_iso" in atoms.arrays else None,
        u_aniso=atoms.arrays["u_aniso"].reshape(-1, 3, 3)[rows]
        if "u_aniso" in atoms.arrays
        else None,
        dtype=dtype,
    )


def _content(
    atoms: "Atoms", i: int, own: tuple[int, int, int]
) -> list[tuple[tuple[int, int, int], float]]:
    """Species and occupancy of everything on the point of one atom."""
    table = atoms.info.get("occupancy")
    if table is None:
        return [(own, 1.0)]
    if "spacegroup_kinds" not in atoms.arrays:
        raise ValueError("atoms.info['occupancy']: expected arrays['spacegroup_kinds'] beside it")
    kind = atoms.arrays["spacegroup_kinds"][i]
    content = table.get(str(kind), table.get(kind))
    if content is None:
        raise ValueError(
            f"atom {i}: expected its kind {kind} in info['occupancy'], got kinds {list(table)}"
        )
    found = []
    for label, occupancy in content.items():
        key = parse_species(label)
        # ASE's keys are bare symbols: charge and isotope of the main species are the atom's own.
        found.append((own if key == (own[0], 0, 0) else key, float(occupancy)))
    return found


def crystal_to_ase(crystal: Crystal) -> "Atoms":
    """See `Crystal.to_ase`."""
    host = HostAtoms.of(crystal)
    contents = host.points(_SAME_POINT, np.arange(len(host.frac)))
    return _atoms(crystal, host, contents, None)


def wyckoff_to_ase(crystal: WyckoffCrystal) -> "Atoms":
    """See `WyckoffCrystal.to_ase`."""
    cell = expand_on_host(crystal)
    host = HostAtoms.of(cell)
    contents = host.points(_SAME_POINT, np.arange(len(host.frac)))
    atoms = _atoms(cell, host, contents, np.asarray(crystal.plan.site))
    group = _ase_group(crystal)
    if group is not None:
        atoms.info["spacegroup"] = group
    return atoms


def _atoms(
    crystal: Crystal, host: HostAtoms, contents: list[list[int]], site: np.ndarray | None
) -> "Atoms":
    from ase import Atoms

    main = [max(content, key=lambda i: host.occupancies[i]) for content in contents]
    matrix = np.asarray(crystal.lattice.matrix, dtype=np.float64)
    # HostAtoms inverts left-handed axes; the fractional coordinates follow the axes used.
    frac = host.frac[main] if np.linalg.det(matrix) > 0 else -host.frac[main]
    atoms = Atoms(numbers=host.keys[main, 0], cell=matrix, scaled_positions=frac, pbc=True)
    if host.keys[:, 1].any():
        atoms.set_initial_charges(host.keys[main, 1])
    if host.keys[:, 2].any():
        atoms.set_array("isotopes", host.keys[main, 2])
    if host.u_iso.any():
        atoms.set_array("u_iso", host.u_iso[main])
    if host.u_aniso is not None:
        atoms.set_array("u_aniso", host.u_aniso[main].reshape(-1, 9))
    partial = np.any(host.occupancies < 1 - OCCUPANCY_TOLERANCE)
    if site is None and not partial:
        return atoms
    kinds = np.array([content[0] for content in contents] if site is None else site[main])
    atoms.set_array("spacegroup_kinds", kinds)
    if partial:
        atoms.info["occupancy"] = {
            str(kind): _table(host, content) for kind, content in zip(kinds, contents, strict=True)
        }
    return atoms


def _table(host: HostAtoms, content: list[int]) -> dict[str, float]:
    """Occupancies by symbol, with charges where the symbols alone would not do."""
    keys = [host.species(i) for i in content]
    mixed = len(content) > 1 and any(key[1] or key[2] for key in keys)
    labels = [species_label(key if mixed else key[0]) for key in keys]
    table: dict[str, float] = {}
    for label, i in zip(labels, content, strict=True):
        table[label] = table.get(label, 0.0) + float(host.occupancies[i])
    return table


def _ase_group(crystal: WyckoffCrystal) -> Any:
    """ASE's space group with the same operations, None where it has none."""
    from ase.spacegroup import Spacegroup

    group = crystal.group
    own = {(op.rotation, op.fractions) for op in group.operations}
    for setting in (1, 2):
        if group.number is None:
            return None
        try:
            candidate = Spacegroup(group.number, setting)
        except Exception as error:  # ASE's own error classes differ between versions
            if "Spacegroup" not in type(error).__name__:
                raise
            continue
        listed = {(tuple(map(tuple, W.tolist())), _fractions(w)) for W, w in candidate.get_symop()}
        if listed == own:
            return candidate
    return None


def _fractions(w: np.ndarray) -> tuple:
    from fractions import Fraction

    return tuple(Fraction(int(v), 24) % 1 for v in np.rint(24 * w))
