"""To and from ASE `Atoms`; ASE is imported when first used."""

import sys
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from ..scattering import parse_species, species_label
from ..scattering._species import isotope_mass
from ..symmetry import SpaceGroup
from ._alike_atoms import OCCUPANCY_TOLERANCE, shared_points
from ._host_atoms import HostAtoms

if TYPE_CHECKING:
    from ase import Atoms

#: Atoms closer than this (angstrom) are one mixed site of ASE.
_SAME_POINT = 1e-3


def is_ase_atoms(given: object) -> bool:
    """Whether something is ASE `Atoms`, without importing ASE: who has one has imported it."""
    module = sys.modules.get("ase.atoms")
    return module is not None and isinstance(given, module.Atoms)


def atoms_from_ase(atoms: "Atoms", dtype: Any = None) -> HostAtoms:
    """See `Crystal.from_ase`."""
    if atoms.cell.rank < 3:
        raise ValueError(
            f"cell: expected three independent vectors, got {atoms.cell.array.tolist()}"
        )
    n = len(atoms)
    charges = atoms.get_initial_charges() if atoms.has("initial_charges") else np.zeros(n)
    if np.any(charges != np.rint(charges)):
        charges = np.zeros(n)  # partial charges of a calculation choose no form factor
    rows: list[int] = []
    keys: list[tuple[int, int, int]] = []
    occupancies: list[float] = []
    isotopes = atoms.arrays.get("isotopes", np.zeros(n, int))
    if "isotopes" not in atoms.arrays and "masses" in atoms.arrays:
        # How ASE marks the deuterium of a CIF.
        heavy = np.abs(atoms.arrays["masses"] - isotope_mass(1, 2)) < 0.01
        isotopes = np.where((atoms.numbers == 1) & heavy, 2, 0)
    for i in range(n):
        own = int(atoms.numbers[i]), int(charges[i]), int(isotopes[i])
        for key, occupancy in _content(atoms, i, own):
            rows.append(i)
            keys.append(key)
            occupancies.append(occupancy)
    column = np.array(keys, int).reshape(-1, 3)
    frac = atoms.get_scaled_positions(wrap=False)
    arrays = atoms.arrays
    return HostAtoms.from_arrays(
        atoms.cell.array,
        frac[rows],
        column[:, 0],
        occupancies=occupancies,
        charges=column[:, 1],
        isotopes=column[:, 2],
        u_iso=arrays["u_iso"][rows] if "u_iso" in arrays else None,
        u_aniso=arrays["u_aniso"].reshape(-1, 3, 3)[rows] if "u_aniso" in arrays else None,
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


def atoms_to_ase(
    atoms: HostAtoms, site: np.ndarray | None = None, group: SpaceGroup | None = None
) -> "Atoms":
    """See `Crystal.to_ase` and `WyckoffCrystal.to_ase`.

    Args:
        atoms: the cell.
        site: site of each atom, (N,), or None.
        group: the space group, or None.
    """
    from ase import Atoms

    contents = shared_points(atoms, _SAME_POINT, np.arange(len(atoms)))
    main = [max(content, key=lambda i: atoms.occupancies[i]) for content in contents]
    made = Atoms(
        numbers=atoms.atomic_numbers[main],
        cell=atoms.matrix,
        scaled_positions=atoms.frac_coords[main],
        pbc=True,
    )
    if atoms.charges.any():
        made.set_initial_charges(atoms.charges[main])
    if atoms.isotopes.any():
        made.set_array("isotopes", atoms.isotopes[main])
        masses = made.get_masses()
        for i, (number, _, mass) in enumerate(atoms.keys[main].tolist()):
            masses[i] = isotope_mass(number, mass) if mass else masses[i]
        made.set_array("masses", masses)
    if atoms.u_iso.any():
        made.set_array("u_iso", atoms.u_iso[main])
    if atoms.u_aniso is not None:
        made.set_array("u_aniso", atoms.u_aniso[main].reshape(-1, 9))
    partial = np.any(atoms.occupancies < 1 - OCCUPANCY_TOLERANCE)
    if site is not None or partial:
        kinds = np.array([content[0] for content in contents] if site is None else site[main])
        made.set_array("spacegroup_kinds", kinds)
        if partial:
            made.info["occupancy"] = {
                str(kind): _table(atoms, content)
                for kind, content in zip(kinds, contents, strict=True)
            }
    known = None if group is None else _ase_group(group)
    if known is not None:
        made.info["spacegroup"] = known
    return made


def _table(atoms: HostAtoms, content: list[int]) -> dict[str, float]:
    """Occupancies by symbol, with charges where the symbols alone would not do."""
    keys = [(int(z), int(q), int(m)) for z, q, m in atoms.keys[content]]
    mixed = len(content) > 1 and any(key[1] or key[2] for key in keys)
    labels = [species_label(key if mixed else key[0]) for key in keys]
    table: dict[str, float] = {}
    for label, i in zip(labels, content, strict=True):
        table[label] = table.get(label, 0.0) + float(atoms.occupancies[i])
    return table


def _ase_group(group: SpaceGroup) -> Any:
    """ASE's space group with the same operations, None where it has none."""
    from ase.spacegroup import Spacegroup

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
    return tuple(Fraction(int(v), 24) % 1 for v in np.rint(24 * w))
