"""Who is bonded to whom, images by symmetry included."""

import dataclasses
from collections.abc import Iterable

import numpy as np

from ..symmetry import SpaceGroup
from ._model import Model

#: Bonds are this much longer than the sum of covalent radii, at most, angstrom.
_SLACK = 0.4
_STEPS = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3, indexing="ij"), axis=-1).reshape(-1, 3)


@dataclasses.dataclass(frozen=True, eq=False)
class Bond:
    """A bond of an atom of the asymmetric unit.

    Attributes:
        atom: index of the atom.
        other: index of the atom whose image it is bonded to.
        rotation: W of the image x' = W x + t, (3, 3).
        translation: t, fractions, (3,).
        length: angstrom.
    """

    atom: int
    other: int
    rotation: np.ndarray
    translation: np.ndarray
    length: float

    @property
    def image(self) -> tuple[int, np.ndarray, np.ndarray]:
        """Atom, W and t."""
        return self.other, self.rotation, self.translation


def radius(atomic_number: int) -> float:
    """Covalent radius, angstrom."""
    from ase.data import covalent_radii

    return float(covalent_radii[atomic_number])


def find_bonds(model: Model, slack: float = _SLACK) -> list[list[Bond]]:
    """List the bonds of each atom: closer than the sum of covalent radii and a slack.

    Hydrogen atoms have one bond, to the nearest atom.

    Args:
        model: the atoms.
        slack: angstrom.

    Returns:
        for each atom its bonds, shortest first.
    """
    r = np.array([radius(z) for z in model.atomic_numbers.tolist()])
    found: list[list[Bond]] = []
    for i in range(len(model)):
        reach = r[i] + r + slack
        near = images_near(model.frac[i], model.frac, model.group, model.matrix, reach)
        found.append([Bond(i, *one) for one in near])
    hydrogen = model.atomic_numbers == 1
    for i in np.flatnonzero(hydrogen):
        heavy = [bond for bond in found[i] if not hydrogen[bond.other]]
        found[i] = heavy[:1]
    partner = {(bonds[0].atom, bonds[0].other) for bonds in found if bonds}
    for i in np.flatnonzero(~hydrogen):
        found[i] = [b for b in found[i] if not hydrogen[b.other] or (b.other, i) in partner]
    return found


def images_near(
    x: np.ndarray,
    frac: np.ndarray,
    group: SpaceGroup,
    matrix: np.ndarray,
    reach: np.ndarray | float,
    nearest: float = 0.1,
) -> list[tuple[int, np.ndarray, np.ndarray, float]]:
    """Images of atoms near a point: index, W, t, distance; shortest first, each once.

    Args:
        x: fractional coordinates of the point, (3,).
        frac: atoms, (N, 3).
        group: space group.
        matrix: lattice vectors as rows, angstrom.
        reach: largest distance, one or (N,), angstrom.
        nearest: closer ones are the point itself.
    """
    W, w = group.rotations, group.translations / group.denominator
    images = np.einsum("oij,nj->noi", W, frac) + w
    base = -np.round(images - x)
    d = (images - x + base)[:, :, None] + _STEPS
    length = np.linalg.norm(d @ matrix, axis=-1)
    limit = np.broadcast_to(reach, (len(frac),))[:, None, None]
    hits = np.argwhere((length < limit) & (length > nearest))
    order = np.argsort(length[tuple(hits.T)], kind="stable")
    found, seen = [], []
    for n, o, s in hits[order]:
        place = d[n, o, s]
        if any(m == n and np.abs(place - p).max() < 1e-3 for m, p in seen):
            continue
        seen.append((n, place))
        shift = w[o] + base[n, o] + _STEPS[s]
        found.append((int(n), W[o].astype(float), shift, float(length[n, o, s])))
    return found


def shortest_image(model: Model, one: str, other: str) -> tuple[int, int, int]:
    """The lattice translation that brings an atom nearest to another.

    Raises:
        ValueError: an unknown label.
    """
    for label in (one, other):
        if label not in model.labels:
            raise ValueError(f"expected a label of the model, got {label!r}")
    i, j = model.labels.index(one), model.labels.index(other)
    d = model.frac[j] - model.frac[i]
    shifts = _STEPS - np.round(d)
    best = np.linalg.norm((d + shifts) @ model.matrix, axis=1).argmin()
    a, b, c = shifts[best].astype(int).tolist()
    return a, b, c


def nearest_atoms(
    points: np.ndarray, model: Model, among: Iterable[int] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The distance of each point to the nearest image of an atom, and which atom it is."""
    at = np.arange(len(model)) if among is None else np.array(list(among), dtype=int)
    if len(at) == 0:
        return np.full(len(points), np.inf), np.zeros(len(points), int)
    W, w = model.group.rotations, model.group.translations / model.group.denominator
    images = np.einsum("oij,nj->noi", W, model.frac[at]) + w
    distance, which = np.empty(len(points)), np.empty(len(points), int)
    for p, x in enumerate(points):
        d = images - x
        d = (d - np.round(d))[:, :, None] + _STEPS
        length = np.linalg.norm(d @ model.matrix, axis=-1).min(axis=(1, 2))
        which[p], distance[p] = at[length.argmin()], length.min()
    return distance, which
