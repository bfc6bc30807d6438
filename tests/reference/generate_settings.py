"""Choose the change of basis to each setting so that Wyckoff letters agree with spglib's.

Run by hand:  python tests/reference/generate_settings.py

The map from the standard setting to another is defined only up to the normaliser of the group, and
the normaliser can exchange Wyckoff positions. gemmi's maps give exact operations, but for some
settings (origin choice 1 of five groups, some monoclinic cells and orthorhombic axes) letters other
than those of International Tables and spglib. For these the nearest equivalent map with spglib's
letters is written to the package's `settings.txt`; all others stay gemmi's.
"""

import itertools
import pathlib
from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction

import gemmi
import numpy as np

from jaxtal.symmetry import BasisChange, SpaceGroup
from jaxtal.symmetry._identify import generic_lattice
from jaxtal.symmetry._locate_point import locate
from jaxtal.symmetry._spglib import dataset, space_group_type
from jaxtal.symmetry._wyckoff_table import wyckoff_positions

OUTPUT = pathlib.Path(__file__).parents[2] / "jaxtal" / "symmetry" / "_data" / "settings.txt"


def settings() -> Iterator[tuple[int, gemmi.SpaceGroup]]:
    """spglib's Hall number and gemmi's entry of each of the 530 settings."""
    entries = defaultdict(list)
    for entry in gemmi.spacegroup_table():
        entries[entry.hall].append(entry)
    for hall_number in range(1, 531):
        listed = entries[space_group_type(hall_number).hall_symbol]
        # Where two symbols share their operations, both tables list them in the same order.
        yield hall_number, listed.pop(0) if len(listed) > 1 else listed[0]


def seen_by_spglib(group: SpaceGroup, hall_number: int) -> list[tuple[np.ndarray, str]]:
    """One point of each position, in this setting's coordinates, and the letter spglib gives it."""
    rng = np.random.default_rng(hall_number + 1000)
    matrix = generic_lattice(group.rotations, rng, 12.0)
    positions = group.wyckoff_positions
    frac, species = [], []
    for kind, position in enumerate((positions[-1], positions[-1], *positions)):
        frac.append(position.orbit(rng.uniform(size=position.n_free)))
        species += [kind] * position.multiplicity
    x = np.concatenate(frac)
    data = dataset((matrix, x, species), symprec=1e-4, hall_number=hall_number)
    if data is None or data.number != group.number or len(data.rotations) != group.order:
        raise RuntimeError(f"spglib sees {data and data.number} in the probe of {group}")
    starts = np.cumsum([0, *(len(part) for part in frac)])[2:-1]
    change, shift = np.array(data.transformation_matrix), np.array(data.origin_shift)
    return [(change @ x[start] + shift, data.wyckoffs[start]) for start in starts]


def agrees(group: SpaceGroup, change: BasisChange, seen: list[tuple[np.ndarray, str]]) -> bool:
    """Whether a change of basis leads to spglib's letters."""
    arrays = group.rotations, group.translations, group.denominator
    positions = wyckoff_positions(group.number, *arrays, change)
    matrix = 10.0 * np.eye(3)
    return all(locate(positions, x, matrix, 1e-4)[0].letter == letter for x, letter in seen)


def unimodular() -> list[np.ndarray]:
    """Linear parts to try: small ones, and larger shears of the monoclinic plane, simple first."""
    small = (np.array(v).reshape(3, 3) for v in itertools.product((-1, 0, 1), repeat=9))
    plane = (
        np.array([[a, 0, b], [0, 1, 0], [c, 0, d]])
        for a, b, c, d in itertools.product(range(-2, 3), repeat=4)
    )
    distinct = {m.tobytes(): m for m in (*small, *plane) if abs(round(np.linalg.det(m))) == 1}
    return sorted(
        distinct.values(), key=lambda m: (np.abs(m - np.eye(3)).sum(), (m < 0).sum(), m.tolist())
    )


def candidates(
    group: SpaceGroup, start: BasisChange, turns: list[np.ndarray]
) -> Iterator[BasisChange]:
    """gemmi's change of basis after each element of the standard group's normaliser tried."""
    standard = SpaceGroup.from_number(group.number)
    rotations = {W.tobytes() for W in standard.rotations}
    wanted = set(standard.operations)
    quarters = [Fraction(k, 4) for k in (0, 1, -1, 2)]
    shifts = sorted(
        itertools.product(quarters, repeat=3), key=lambda s: (sum(map(abs, s)), [-v for v in s])
    )
    for turn in turns:
        inverse = np.round(np.linalg.inv(turn)).astype(int)
        if any((turn @ W @ inverse).tobytes() not in rotations for W in standard.rotations):
            continue
        for shift in shifts:
            normaliser = BasisChange.from_fractions(turn.tolist(), shift)
            if all(normaliser.transform(op) in wanted for op in standard.operations):
                P = np.array(start.fractions, dtype=object) @ turn
                p = start(np.array(shift, dtype=object))
                yield BasisChange.from_fractions(P.tolist(), p.tolist())


def main() -> None:
    lines = ["# Hermann-Mauguin symbol | coordinates in this setting from the standard ones"]
    turns = unimodular()
    for hall_number, entry in settings():
        group = SpaceGroup.from_name(entry.xhm())
        seen = seen_by_spglib(group, hall_number)
        start = BasisChange.from_xyz(entry.basisop.triplet())
        if agrees(group, start, seen):
            continue
        change = next(c for c in candidates(group, start, turns) if agrees(group, c, seen))
        lines.append(f"{entry.xhm()} | {change.to_xyz()}")
        print(lines[-1], "| gemmi:", start.to_xyz())
    OUTPUT.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
