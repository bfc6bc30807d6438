"""Atoms of the asymmetric unit moved to where they are bonded to each other."""

import numpy as np

from ._bonds import find_bonds
from ._model import Model

_STEPS = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3, indexing="ij"), axis=-1).reshape(-1, 3)


def assembled(model: Model) -> Model:
    """Move atoms to equivalent places, so that molecules are whole and near to each other.

    The first of them is in the middle cell; the others take the image whose centre is nearest.

    Args:
        model: isotropic, without atoms that ride.
    """
    frac, parts = _connected(model)
    parts.sort(key=len, reverse=True)
    group, placed = model.group, np.empty_like(frac)
    W, w = group.rotations, group.translations / group.denominator
    middle = frac[parts[0]].mean(axis=0) if parts else np.zeros(3)
    middle -= np.floor(middle)
    for at in parts:
        images = np.einsum("oij,nj->oni", W, frac[at]) + w[:, None]
        centres = images.mean(axis=1)
        base = -np.round(centres - middle)
        off = (centres + base - middle)[:, None] + _STEPS
        distance = np.linalg.norm(off @ model.matrix, axis=-1)
        # The image as it is, if none is nearer: of a first molecule, and of all in P 1.
        o, s = np.unravel_index(
            int((distance + 1e-6 * np.arange(len(W))[:, None]).argmin()), distance.shape
        )
        placed[at] = images[o] + base[o] + _STEPS[s]
    return model.replace(frac=placed)


def _connected(model: Model) -> tuple[np.ndarray, list[list[int]]]:
    """Coordinates at which bonded atoms are neighbours, and the parts that hang together."""
    bonds, frac = find_bonds(model), model.frac.copy()
    place: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    parts = []
    for root in range(len(model)):
        if root in place:
            continue
        place[root] = (np.eye(3), np.zeros(3))
        part = [root]
        for atom in part:  # grows
            W, w = place[atom]
            for bond in bonds[atom]:
                if bond.other not in place:
                    place[bond.other] = (W @ bond.rotation, W @ bond.translation + w)
                    part.append(bond.other)
        parts.append(part)
    for atom, (W, w) in place.items():
        frac[atom] = W @ model.frac[atom] + w
    return frac, parts
