"""Whether bonds have the lengths that they should: a wrong cell fits intensities just as well."""

import numpy as np

from ..refinement import Model
from ..refinement._bonds import images_near, radius
from ._metric_by_bonds import COVALENT, metric_by_bonds

#: Of the sum of radii: what is shorter is no bond, what is longer isn't, either.
_SHORT, _LONG = 0.6, 1.35
#: Mean of lengths that are bonds', of sums of radii, how far from it, and their spread; number that
#: tells.
_MEAN, _NEAR, _REGULAR, _SOME = 0.96, 0.08, 0.1, 14
#: Doubt of the metric at which a cell is wrong, and at which a user should look at it. Of 39 right
#: cells one is above the second (0.76). At 0.60 half of the cells with an
#: axis off by 5 % are seen, and 80 % of those off by 8 %; a third and 68 % are above the first; by
#: 22 %, all but those of parallel flat molecules.
_WRONG, _DOUBTFUL = 1.0, 0.65
#: Share of the carbon atoms that may be bonded to nothing, and number from which on they count.
_ALONE, _CARBONS = 0.25, 6
#: Volume of a covalent atom in crystals that are mostly carbon, at most, A^3 (usual: 15-22).
_ROOM = 31.0
#: No two atoms but hydrogen that are both there are closer, angstrom (N2: 1.10; C=O: 1.13). What
#: element they are need not be known. Share of the atoms, and number, that may have such ones.
_CLOSE, _MANY, _FEW = 1.08, 0.1, 2
#: Occupancy of an atom that is not one of several places.
_THERE = 0.95


def wrong_cell(model: Model) -> str | None:
    """Say how the cell is wrong, as far as bonds tell; None where they don't.

    A structure solved in a cell that is stretched, or has its axes exchanged, may have a low R1 and
    nonsensical bonds. What they should be tells the axes (`_metric_by_bonds`).

    Args:
        model: refined.
    """
    metric = metric_by_bonds(model)
    if metric is not None and metric.doubt > _WRONG:
        return f"bonds say that the cell is wrong: {metric.text()}"
    numbers = model.atomic_numbers
    heavy = np.flatnonzero(numbers > 1)
    r = np.array([radius(int(z)) for z in numbers[heavy]])
    rows, carbons, alone = [], 0, 0
    close: set[int] = set()
    for i, own in zip(heavy, r, strict=True):
        near = images_near(
            model.frac[i], model.frac[heavy], model.group, model.matrix, _LONG * (own + r)
        )
        if numbers[i] == 6:
            carbons, alone = carbons + 1, alone + (not near)
        if int(numbers[i]) not in COVALENT:
            continue
        for j, W, t, _ in near:
            other = heavy[j]
            if int(numbers[other]) in COVALENT:
                step = (W @ model.frac[other] + t - model.frac[i]) @ model.matrix
                rows.append(step / (own + r[j]))
                there = min(model.occupancies[i], model.occupancies[other]) > _THERE
                if there and np.linalg.norm(step) < _CLOSE:
                    close |= {int(i), int(other)}
    d = np.array(rows).reshape(-1, 3)
    d = d[np.linalg.norm(d, axis=1) > _SHORT]
    # Atoms at random places, which no chemistry has put there, say nothing of the cell.
    regular = len(d) >= _SOME and _are_bonds(np.linalg.norm(d, axis=1))
    if regular and carbons >= _CARBONS and alone > _ALONE * carbons:
        return f"{alone} of {carbons} carbon atoms have no neighbour: the cell is wrong"
    if len(close) > max(_FEW, _MANY * len(heavy)):
        closer = f"{len(close)} of {len(heavy)} atoms have neighbours closer than any bond"
        return f"{closer}: the cell is wrong, or atoms are"
    organic = carbons >= max(_CARBONS, len(heavy) / 2)
    if organic and np.isin(numbers[heavy], COVALENT).all():
        volume = abs(np.linalg.det(model.matrix))
        each = volume / float(np.sum(model.multiplicities[heavy] * model.occupancies[heavy]))
        if each > _ROOM:
            return f"{each:.0f} A^3 for each atom beside hydrogen: the cell is wrong"
    return None


def doubtful_cell(model: Model) -> str | None:
    """Say how the cell may be wrong by some per cent, as far as bonds tell; None where they don't.

    Args:
        model: refined.
    """
    metric = metric_by_bonds(model)
    if metric is None or metric.doubt < _DOUBTFUL:
        return None
    return f"check the cell, bonds would have {metric.text()}"


def _are_bonds(lengths: np.ndarray) -> bool:
    return bool(np.std(lengths) < _REGULAR and abs(np.mean(lengths) - _MEAN) < _NEAR)
