"""A molecule on a Wyckoff position: what of it is independent, and what may move (host)."""

import dataclasses

import numpy as np
from jaxtyping import Bool, Float, Int

from ...scattering import species_label
from ...symmetry import SpaceGroup, WyckoffPosition
from ._molecule import Molecule

#: How far a molecule may be from the symmetry of its site, angstrom.
_TOLERANCE = 0.1


@dataclasses.dataclass(frozen=True)
class Torsion:
    """Atoms that turn about a bond.

    Attributes:
        axis: the bond; what turns is on the side of its second atom.
        moved: which atoms turn, shape (N,).
        sign: of the angle: images of a torsion under an inversion turn the other way.
        number: of the variable.
    """

    axis: tuple[int, int]
    moved: Bool[np.ndarray, " N"]
    sign: float
    number: int


@dataclasses.dataclass(frozen=True)
class Placement:
    """A molecule on a position of site symmetry 1 or -1.

    Attributes:
        numbers: atomic numbers of all its atoms, shape (N,).
        positions: from its centre, shape (N, 3), angstrom; invariant under the site symmetry.
        position: where the centre is.
        chosen: one of each set of atoms that the site symmetry relates.
        letters: Wyckoff letters of these.
        torsions: what turns.
        n_torsions: variables of torsions.
    """

    numbers: Int[np.ndarray, " N"]
    positions: Float[np.ndarray, "N 3"]
    position: WyckoffPosition
    chosen: tuple[int, ...]
    letters: tuple[str, ...]
    torsions: tuple[Torsion, ...]
    n_torsions: int

    @property
    def sites(self) -> list[tuple[str, str]]:
        """Species and letter of each independent atom."""
        symbols = [species_label((int(self.numbers[i]), 0, 0)) for i in self.chosen]
        return list(zip(symbols, self.letters, strict=True))


def placed(molecule: Molecule, group: SpaceGroup, letter: str, name: str, found: bool) -> Placement:
    """Put a molecule on a Wyckoff position.

    Args:
        molecule: in any orientation.
        group: the space group.
        letter: the Wyckoff letter of its centre.
        name: what messages call it.
        found: whether its torsions were found, so that those that the site forbids are left out.

    Raises:
        ValueError: a letter that the group lacks, a site symmetry other than 1 and -1, or a
            molecule or torsion without it.
    """
    position = group.wyckoff(letter)
    general = group.wyckoff_positions[-1].label
    n = len(molecule.numbers)
    if position.site_symmetry == "1":
        torsions = []
        for k, (b, c) in enumerate(molecule.torsions):
            side = molecule.side(b, c)
            # The smaller part turns.
            axis, moved = ((c, b), ~side) if side.sum() > n / 2 else ((b, c), side)
            torsions.append(Torsion(axis, moved, 1.0, k))
        return Placement(
            molecule.numbers,
            molecule.positions,
            position,
            tuple(range(n)),
            (general,) * n,
            tuple(torsions),
            len(torsions),
        )
    if position.site_symmetry != "-1":
        raise ValueError(
            f"{name}: expected a position of site symmetry 1 or -1, got {position.label} of "
            f"{group.hm}, of {position.site_symmetry} (a group without it may do)"
        )
    image = _inverted(molecule, name)
    positions = (molecule.positions - molecule.positions[image]) / 2
    chosen = tuple(i for i in range(n) if i <= image[i])
    letters = tuple(position.label if image[i] == i else general for i in chosen)
    torsions = _paired(molecule, image, name, found)
    count = len(torsions) // 2
    return Placement(molecule.numbers, positions, position, chosen, letters, torsions, count)


def _inverted(molecule: Molecule, name: str) -> Int[np.ndarray, " N"]:
    """Which atom the inversion makes of each."""
    x = molecule.positions
    gap = np.linalg.norm(x[:, None] + x[None], axis=-1)
    gap[molecule.numbers[:, None] != molecule.numbers[None]] = np.inf
    image = gap.argmin(axis=1)
    far = float(gap[np.arange(len(x)), image].max())
    if far > _TOLERANCE or np.any(image[image] != np.arange(len(x))):
        raise ValueError(
            f"{name}: expected a molecule with a centre of inversion on this position, got one "
            f"with an atom {far:.2g} A from the image of any"
        )
    return image


def _paired(
    molecule: Molecule, image: Int[np.ndarray, " N"], name: str, found: bool
) -> tuple[Torsion, ...]:
    """Each torsion and its image under the inversion, of one variable."""
    torsions: list[Torsion] = []
    known: set[frozenset[int]] = set()
    for b, c in molecule.torsions:
        b2, c2 = int(image[b]), int(image[c])
        if {b, c} == {b2, c2}:
            if found:
                continue
            raise ValueError(
                f"{name}: expected torsions that keep the centre of inversion, got one about the "
                f"bond {b}-{c} through it"
            )
        if frozenset((b, c)) in known:
            continue
        known |= {frozenset((b, c)), frozenset((b2, c2))}
        moved = molecule.side(b, c)
        if moved[image[moved]].any():
            # The centre is on this side: the other one turns.
            b, c, b2, c2, moved = c, b, c2, b2, ~moved
        number = len(torsions) // 2
        torsions.append(Torsion((b, c), moved, 1.0, number))
        torsions.append(Torsion((b2, c2), moved[image], -1.0, number))
    return tuple(torsions)
