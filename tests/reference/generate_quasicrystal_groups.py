"""Derive the library of quasicrystal space groups: jaxtal/symmetry/_data/quasicrystal_groups.txt.

The groups of each point group and lattice are derived from the Frobenius congruences; their
symbols are read off the operations. Run from the repository root:

    python tests/reference/generate_quasicrystal_groups.py
"""

import itertools
import pathlib
from fractions import Fraction

import numpy as np

from jaxtal.symmetry import SpaceGroup, derive_space_groups

TABLE = pathlib.Path(__file__).parents[2] / "jaxtal/symmetry/_data/quasicrystal_groups.txt"
FAMILIES = {"pentagonal": 10, "decagonal": 10, "octagonal": 8, "dodecagonal": 12}

R3 = np.eye(6, dtype=int)[[2, 0, 1, 5, 3, 4]]
R5 = np.array(
    [
        [1, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 1, 0],
        [0, 1, 0, 0, 0, 0],
        [0, 0, 1, 0, 0, 0],
        [0, 0, 0, 0, 0, -1],
        [0, 0, 0, -1, 0, 0],
    ]
)
HALF = Fraction(1, 2)
CENTRING = {
    "P": [],
    "F": [[HALF if j in (0, i) else 0 for j in range(6)] for i in range(1, 6)],
    "I": [[HALF] * 6],
}


# --- axial families: k_a at the angle a 2 pi / n in the plane, and c* ----------------------------


def star(n: int, a: int) -> np.ndarray:
    """Indices of the unit vector at the angle a 2 pi / n, (4,), on the basis of the family."""
    a %= n
    basis = np.eye(4, dtype=int)
    if n == 10:  # k_1 ... k_4 at multiples of 72 degrees
        if a % 2:
            return -star(n, a + 5)
        return basis[a // 2 - 1] if a else -np.ones(4, dtype=int)
    if a >= n // 2:
        return -star(n, a - n // 2)
    return basis[a] if a < 4 else star(n, a - 2) - star(n, a - 4)  # n = 12: z^4 = z^2 - 1


def basis_angles(n: int) -> list[int]:
    """Angles of the four basis vectors in units of 2 pi / n."""
    return [2, 4, 6, 8] if n == 10 else [0, 1, 2, 3]


def in_plane(n: int, turn: int, flip: bool, c: int) -> np.ndarray:
    """W for an index map that takes the angle a to turn + a or turn - a, and c* to c c*."""
    W = np.zeros((5, 5), dtype=int)
    for row, a in enumerate(basis_angles(n)):
        W[row, :4] = star(n, turn - a if flip else turn + a)
    W[4, 4] = c
    return W


def elements(n: int) -> dict[str, np.ndarray]:
    """The operations that a symbol speaks of.

    W turns indices the way opposite to the rotation of space. Secondary mirrors contain star
    vectors; secondary twofold axes are normal to secondary mirrors.
    """
    return {
        "r": in_plane(n, -1, False, 1),
        "r5": in_plane(n, -2, False, 1),
        "-1": -np.eye(5, dtype=int),
        "mz": in_plane(n, 0, False, -1),
        "m2": in_plane(n, 0, True, 1),
        "m3": in_plane(n, 1, True, 1),
        "22": in_plane(n, n // 2, True, -1),
        "23": in_plane(n, n // 2 + 1, True, -1),
    }


def point_groups(family: str) -> dict[str, list[np.ndarray]]:
    """Generators of each point group of the family."""
    n = FAMILIES[family]
    e = elements(n)
    r, r5, bar, bar5 = e["r"], e["r5"], -e["r"], -e["r5"]
    if family == "pentagonal":
        return {
            "5": [r5],
            "-5": [bar5],
            "5 2 1": [r5, e["22"]],
            "5 1 2": [r5, e["23"]],
            "5 m 1": [r5, e["m2"]],
            "5 1 m": [r5, e["m3"]],
            "-5 m 1": [bar5, e["m2"]],
            "-5 1 m": [bar5, e["m3"]],
        }
    return {
        f"{n}": [r],
        f"-{n}": [bar],
        f"{n}/m": [r, e["mz"]],
        f"{n} 2 2": [r, e["22"]],
        f"{n} m m": [r, e["m2"]],
        f"-{n} m 2": [bar, e["m2"]],
        f"-{n} 2 m": [bar, e["22"]],
        f"{n}/m m m": [r, e["mz"], e["m2"]],
    }


def symbol(group: SpaceGroup, family: str, point_group: str) -> str:
    """The Hermann-Mauguin symbol of a derived group.

    The screw n_j is read off the translation along c of the rotation by +2 pi / n. A mirror is m,
    c, b or n as the reflections in it are extinct by nothing, by l odd, by their indices in the
    plane (half a lattice translation there), or by both; a twofold axis is 2 or 2_1.
    """
    n = FAMILIES[family]
    e = elements(n)
    places = point_group.replace("/", " / ").split()
    first, rest = places[0], places[1:]
    axis = e["r5" if family == "pentagonal" else "r"]
    if not first.startswith("-"):
        order = int(first)
        turns = translation(group, axis)[4] * order
        assert turns.denominator == 1, (point_group, turns)
        first += f"_{int(turns % order)}" if turns % order else ""
    written = [first]
    if rest[:1] == ["/"]:
        written[0] += "/" + letter(group, e["mz"], "m")
        rest = rest[2:]
    for place, kind in enumerate(rest, 2):
        written.append("1" if kind == "1" else letter(group, e[f"{kind}{place}"], kind))
    return "P" + joined(written)


def letter(group: SpaceGroup, W: np.ndarray, kind: str) -> str:
    w = translation(group, W)
    fixed = [k for k in itertools.product((-1, 0, 1), repeat=5) if (np.array(k) @ W == k).all()]
    phase = {k: sum(a * b for a, b in zip(k, w, strict=True)) % 1 for k in fixed}
    across = any(phase[k] for k in fixed if k[4] == 0)
    along = bool(phase.get((0, 0, 0, 0, 1)))
    if kind == "2":
        return "2_1" if across else "2"
    if across:
        return "n" if along or W[4, 4] == -1 else "b"
    return "c" if along else "m"


def translation(group: SpaceGroup, W: np.ndarray) -> tuple[Fraction, ...]:
    rotation = tuple(map(tuple, W.tolist()))
    return next(op.fractions for op in group.operations if op.rotation == rotation)


def joined(places: list[str]) -> str:
    """Places of a symbol: blanks only where two digits would meet."""
    text = places[0]
    for place in places[1:]:
        text += (" " if text[-1].isdigit() and place[0].isdigit() else "") + place
    return text


def axial(family: str) -> list[tuple[str, SpaceGroup, list[np.ndarray]]]:
    """Symbols, groups and generating rotations of a family, in the order of the point groups."""
    n = FAMILIES[family]
    e = elements(n)
    # Rotations of the holohedry: they keep enantiomorphs and the two kinds of mirrors apart.
    proper = [e["r"], e["22"]]
    found = []
    for point_group, generators in point_groups(family).items():
        derived = derive_space_groups(generators, equivalences=proper)
        found += [(symbol(g, family, point_group), g, generators) for g in derived]
    return found


# --- icosahedral ----------------------------------------------------------------------------------


def icosahedral() -> list[tuple[str, SpaceGroup, list[np.ndarray]]]:
    """The groups of the three lattices, those related by a scaling of the lattice taken as one."""
    found = []
    for lattice, centring in CENTRING.items():
        unit = golden(3 if lattice == "P" else 1)
        for generators in ([R3, R5], [R3, R5, -np.eye(6, dtype=int)]):
            derived = derive_space_groups(generators, centring, [unit])
            suffixes = ["m-3-5", "n-3-5"] if len(generators) == 3 else ["235", "235_1"]
            # The symmorphic group comes first, and no class has more than one other.
            assert len(derived) <= 2
            found += [
                (lattice + suffix, group, generators)
                for suffix, group in zip(suffixes, derived, strict=False)
            ]
    return found


def golden(power: int) -> np.ndarray:
    """Multiplication by (-1 / tau)^power, tau^power in the two three-dimensional spaces.

    The matrix S = sum over the images of one fivefold axis gives sqrt(5) = 2 tau - 1: six axes,
    with the scalar products +-1 of their directions.
    """
    t = (1 + 5**0.5) / 2
    rows = [[1, t, 0, -1, t, 0], [t, 0, 1, t, 0, -1], [0, 1, t, 0, -1, t]]
    parallel = np.array(rows).T / np.sqrt(1 + t * t)
    root = np.rint(np.sqrt(5) * (parallel @ parallel.T - np.eye(6))).astype(int)
    assert (root @ root == 5 * np.eye(6)).all()
    tau = np.array([[Fraction(int(v), 2) for v in row] for row in root + np.eye(6, dtype=int)])
    result = np.array([[Fraction(int(i == j)) for j in range(6)] for i in range(6)])
    for _ in range(power):
        result = result @ tau
    return result


def _first_of_each(group: SpaceGroup) -> list:
    smallest = {}
    for op in group.operations:
        held = smallest.get(op.rotation)
        if held is None or sum(op.fractions) < sum(held.fractions):
            smallest[op.rotation] = op
    return list(smallest.values())


def main() -> None:
    lines = [
        "# Made by tests/reference/generate_quasicrystal_groups.py; its reader has the conventions",
        "# family | symbol | generators (the centring of F and I apart)",
    ]
    for family in ("icosahedral", *FAMILIES):
        for name, group, generators in icosahedral() if family == "icosahedral" else axial(family):
            operations = _first_of_each(group)
            chosen = [
                op.to_xyz()
                for W in generators
                for op in operations
                if op.rotation == tuple(map(tuple, W.tolist()))
            ]
            lines.append(f"{family} | {name} | {' ; '.join(chosen)}")
    TABLE.write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
