"""Whether bonds have the lengths that they should: a wrong cell fits intensities just as well."""

import numpy as np

from ..refinement import Model
from ..refinement._bonds import images_near, radius

#: Bonds among these are covalent, and as long as the sum of radii says to about a tenth.
_COVALENT = (5, 6, 7, 8, 9, 14, 15, 16, 17, 34, 35)
#: Of the sum of radii: what is shorter is no bond, what is longer isn't, either.
_SHORT, _LONG = 0.6, 1.35
#: Bonds that a fit of six numbers wants; lengths of axes that are off by this share, and by this
#: many standard uncertainties, are wrong.
_ENOUGH, _OFF, _SURE = 12, 0.09, 3.0
#: Least spread of squared bond lengths about squared sums of radii; how far from 1 elements of the
#: metric are looked for.
_SPREAD, _LOOSE = 0.15, 0.5
#: Of the spread of bond lengths what another cell may leave; mean of lengths that are bonds', of
#: sums of radii, how far from it, and their spread; number that tells.
_LEFT, _MEAN, _NEAR, _REGULAR, _SOME = 0.75, 0.96, 0.08, 0.1, 14
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

    Intensities depend on indices, and little on the metric: a structure solved in a cell that is
    stretched, or has its axes exchanged, may have a low R1 and nonsensical bonds. The metric M that
    makes covalent bonds as long as the sums of radii, d M d = (r_i + r_j)^2, tells the axes.

    Args:
        model: refined.
    """
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
        if int(numbers[i]) not in _COVALENT:
            continue
        for j, W, t, _ in near:
            other = heavy[j]
            if int(numbers[other]) in _COVALENT:
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
    if organic and np.isin(numbers[heavy], _COVALENT).all():
        volume = abs(np.linalg.det(model.matrix))
        each = volume / float(np.sum(model.multiplicities[heavy] * model.occupancies[heavy]))
        if each > _ROOM:
            return f"{each:.0f} A^3 for each atom beside hydrogen: the cell is wrong"
    if len(d) < _ENOUGH:
        return None
    A = np.stack([d[:, i] * d[:, j] * (1 + (i != j)) for i, j in _PAIRS], axis=1)
    # Flat molecules say nothing of the direction that they do not have: there M stays what it is.
    known = np.array([1.0, 1.0, 1.0, 0.0, 0.0, 0.0])
    found, spread = known, _SPREAD
    for _ in range(2):
        normal = A.T @ A / (2 * spread**2) + np.eye(6) / _LOOSE**2
        found = known + np.linalg.solve(normal, A.T @ (1 - A @ known) / (2 * spread**2))
        spread = max(_SPREAD, float(np.sqrt(np.mean((A @ found - 1) ** 2))))
    covariance = np.linalg.inv(normal)
    axes, told = [], []
    for axis, name in zip(model.matrix, "abc", strict=True):
        row = np.array([axis[i] * axis[j] * (1 + (i != j)) for i, j in _PAIRS])
        square, length = float(row @ found), float(np.linalg.norm(axis))
        error = float(np.sqrt(row @ covariance @ row))
        axes.append((square / length**2, error / length**2))
        told.append(f"{name} {np.sqrt(max(square, 0.0)):.1f} rather than {length:.1f} A")
    # Radii are none too exact: that all bonds are somewhat long or short says nothing. Each bond is
    # listed from both its ends.
    squares = np.array([one[0] for one in axes])
    errors = np.array([one[1] for one in axes])
    off = np.abs(squares - np.median(squares))
    wrong = (off > 2 * _OFF) & (off > _SURE * errors) & (np.abs(squares - 1) > _OFF)
    # Another cell has to explain the lengths, which false atoms have any of.
    left = np.std(A @ found) / np.std(A @ known)
    if not wrong.any() or left > _LEFT or not _are_bonds(np.sqrt(np.maximum(A @ found, 0.0))):
        return None
    shown = ", ".join(one for one, bad in zip(told, wrong, strict=True) if bad)
    return f"bonds say that the cell is wrong: {shown}"


def _are_bonds(lengths: np.ndarray) -> bool:
    return bool(np.std(lengths) < _REGULAR and abs(np.mean(lengths) - _MEAN) < _NEAR)


_PAIRS = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))
