"""The metric in which bonds, and atoms bonded to the same one, are as far apart as they should be.

Intensities depend on indices, and hardly on the metric: a structure solved in a wrong cell has as
low an R1 as in the right one, and other distances. Covalent bonds d_ij are about as long as r_i +
r_j, and atoms i and k bonded to the same atom are about R_i + R_k apart, whatever the hybridisation
[1, 2]; the metric M that fits best, with the symmetry of the crystal, minimises

    sum over distances of (d M d / s^2 - 1 - o_kind)^2 / sigma^2  +  sum over kinds of o^2 / omega^2

where s is the sum of radii, and o what all distances of a kind have in common: aromatic bonds are
shorter than others, and no sign of a wrong cell.

[1] L. S. Bartell, J. Chem. Phys. 32 (1960) 827.  [2] C. Glidewell, Inorg. Chim. Acta 12 (1975) 219.
"""

import dataclasses

import numpy as np
from jaxtyping import Float

from ..lattice import matrix_to_cell
from ..refinement import Model
from ..refinement._bonds import images_near, radius

#: Bonds among these are covalent, and as long as the sum of radii says to about a tenth.
COVALENT = (5, 6, 7, 8, 9, 14, 15, 16, 17, 34, 35, 53)
#: R of atoms bonded to the same atom of carbon, nitrogen or oxygen, angstrom.
_APART = {5: 1.33, 6: 1.25, 7: 1.14, 8: 1.13, 9: 1.08, 14: 1.55, 15: 1.46, 16: 1.45, 17: 1.44}
_APART |= {34: 1.58, 35: 1.59}
_CENTRES = (6, 7, 8)
#: Of bonds and of such distances: mean, of sums of radii; spread within a kind; spread of kinds.
_MEAN, _WITHIN, _KINDS = (0.955, 0.997), (0.030, 0.022), (0.035, 0.025)
#: Of the sum of radii: what is shorter is no bond, what is longer isn't, either.
_SHORT, _LONG = 0.6, 1.3
#: Radii are good to this on the whole; elements of M are looked for this far from those of 1.
_SCALE, _LOOSE = 0.012, 0.5
#: Least spread that is believed, and largest that bonds have, of what was expected.
_LEAST, _MOST = 0.8, 2.0
#: Bonds that a fit wants, each listed from both ends; rounds of finding bonds, and of weights.
_ENOUGH, _ROUNDS, _WEIGHTS = 12, 6, 4
#: chi^2 of k parameters is k +- sqrt(2 k): how many of these, and how much more, no right cell has.
_SIGMAS, _SURE = 3.0, 2.15
#: Parameters of the cell are named that are off by this many standard uncertainties.
_NAMED = 2.5
_NAMES = ("a", "b", "c", "alpha", "beta", "gamma")


@dataclasses.dataclass(frozen=True, eq=False)
class BondMetric:
    """The cell that bonds ask for.

    Attributes:
        cell: a, b, c, angstrom, and angles, degrees, (6,).
        stated: those of the model, (6,).
        uncertainty: standard ones of `cell`, (6,).
        doubt: chi^2 of the difference over the largest that a right cell has: up to about 0.8
            of 40 crystals.
    """

    cell: Float[np.ndarray, "6"]
    stated: Float[np.ndarray, "6"]
    uncertainty: Float[np.ndarray, "6"]
    doubt: float

    def text(self) -> str:
        """What should be otherwise, the worst at least."""
        off = np.abs(self.cell - self.stated) / np.maximum(self.uncertainty, 1e-9)
        named = [i for i in range(6) if off[i] >= min(_NAMED, off.max())]
        return ", ".join(
            f"{_NAMES[i]} {self.cell[i]:.{2 if i < 3 else 0}f}({self.uncertainty[i]:.2g}) rather "
            f"than {self.stated[i]:.{2 if i < 3 else 0}f} {'A' if i < 3 else 'degrees'}"
            for i in named
        )


def metric_by_bonds(model: Model) -> BondMetric | None:
    """Fit the metric to covalent distances; None where these are few, or have no usual lengths.

    Args:
        model: refined.
    """
    basis = _invariant(model)
    k = len(basis)
    flat = basis.reshape(k, 9).T
    stated = np.linalg.lstsq(flat, np.eye(3).ravel(), rcond=None)[0]
    found, matrix, scale, normal = stated, model.matrix, _MOST, np.eye(k)
    for _ in range(_ROUNDS):
        steps, sums, which, kinds = _distances(model, matrix)
        if np.count_nonzero(which == 0) < _ENOUGH:
            return None
        d = steps @ model.matrix
        names = sorted(set(kinds))
        kind = np.array([names.index(one) for one in kinds])
        # (1 + x)^2 = 1 + 2 x: squares of lengths spread twice as far.
        spread = 2 * np.array(_WITHIN)[which]
        shared = 2 * np.array([_KINDS[which[list(kinds).index(one)]] for one in names])
        A = np.einsum("ni,kij,nj->nk", d, basis, d) / sums[:, None] ** 2
        A = np.concatenate([A, kind[:, None] == np.arange(len(names))], axis=1)
        prior = np.concatenate([np.full(k, _LOOSE), shared]) ** -2.0
        start = np.concatenate([stated, np.zeros(len(names))])
        y = np.concatenate([found, np.zeros(len(names))])
        for _ in range(_WEIGHTS):
            left = (1 - A @ y) / spread
            # False atoms have any distances.
            robust = 1 / (1 + (left / (3 * scale)) ** 2) ** 2
            weight = np.where(which == 0, 0.5, 1.0) * robust / (spread * scale) ** 2
            normal = A.T @ (weight[:, None] * A) + np.diag(prior)
            y = start + np.linalg.solve(normal, A.T @ (weight * (1 - A @ start)))
            scale = max(_LEAST, 1.4826 * float(np.median(np.abs(1 - A @ y) / spread)))
        found = y[:k]
        M = np.einsum("k,kij->ij", found, basis)
        if np.linalg.eigvalsh(M).min() < 1 - 1.5 * _LOOSE:
            return None
        matrix = model.matrix @ np.linalg.cholesky(M)
    if scale > _MOST:
        return None
    covariance, off = np.linalg.inv(normal)[:k, :k], found - stated
    both = covariance + 4 * _SCALE**2 * np.outer(stated, stated)
    chi2 = float(off @ np.linalg.solve(both, off))
    # What all radii have in common is no matter of the cell.
    share = float(stated @ np.linalg.solve(covariance, stated))
    common = float(stated @ np.linalg.solve(covariance, off)) / (share + 0.25 / _SCALE**2)
    found = found - float(np.clip(common, -3 * _SCALE, 3 * _SCALE)) * stated

    def cell(x: np.ndarray) -> np.ndarray:
        return matrix_to_cell(model.matrix @ np.linalg.cholesky(np.einsum("k,kij->ij", x, basis)))

    h = 1e-5 * np.eye(k)
    slope = np.stack([(cell(found + step) - cell(found - step)) / 2e-5 for step in h], axis=1)
    return BondMetric(
        cell=cell(found),
        stated=matrix_to_cell(model.matrix),
        uncertainty=np.sqrt(np.einsum("ik,kl,il->i", slope, both, slope)),
        doubt=chi2 / (_SURE * (k + _SIGMAS * np.sqrt(2 * k))),
    )


def _invariant(model: Model) -> np.ndarray:
    """Symmetric matrices that the point group leaves as they are, (k, 3, 3)."""
    inverse = np.linalg.inv(model.matrix)
    turns = [inverse @ W.T @ model.matrix for W in model.group.point_rotations]
    every = []
    for i in range(3):
        for j in range(i, 3):
            one = np.zeros((3, 3))
            one[i, j] = one[j, i] = 1.0
            every.append(np.mean([turn @ one @ turn.T for turn in turns], axis=0).ravel())
    _, size, vectors = np.linalg.svd(np.array(every))
    return vectors[: np.count_nonzero(size > 1e-6)].reshape(-1, 3, 3)


def _distances(
    model: Model, matrix: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[tuple]]:
    """Steps in fractions, (n, 3), expected lengths, 0 of bonds and 1 of others, and their kinds.

    A kind has the same elements, bonded to as many others.
    """
    numbers = model.atomic_numbers
    atoms = np.flatnonzero(np.isin(numbers, COVALENT))
    r = np.array([radius(int(z)) for z in numbers[atoms]])
    near: dict[int, list[tuple[int, np.ndarray]]] = {}
    for i, own in zip(atoms.tolist(), r, strict=True):
        reach = _LONG * (own + r)
        near[i] = [
            (int(atoms[j]), W @ model.frac[atoms[j]] + t - model.frac[i])
            for j, W, t, length in images_near(
                model.frac[i], model.frac[atoms], model.group, matrix, reach
            )
            if length > _SHORT * (own + r[j])
        ]
    kind = {i: (int(numbers[i]), len(near[i])) for i in near}
    size = dict(zip(atoms.tolist(), r, strict=True))
    steps, sums, which, kinds = [], [], [], []
    for i, others in near.items():
        for n, (j, step) in enumerate(others):
            steps.append(step)
            sums.append(_MEAN[0] * (size[i] + size[j]))
            which.append(0)
            kinds.append((0, *sorted((kind[i], kind[j]))))
            for m, second in others[:n]:
                ends = int(numbers[j]), int(numbers[m])
                if kind[i][0] in _CENTRES and ends[0] in _APART and ends[1] in _APART:
                    steps.append(step - second)
                    sums.append(_MEAN[1] * (_APART[ends[0]] + _APART[ends[1]]))
                    which.append(1)
                    kinds.append((1, kind[i], *sorted((kind[j], kind[m]))))
    return np.array(steps).reshape(-1, 3), np.array(sums), np.array(which, int), kinds
