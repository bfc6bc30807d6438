"""Absolute structure: Flack's parameter from quotients of Friedel mates, and the other hand."""

import dataclasses
import itertools

import numpy as np

from ..symmetry import SpaceGroup, SymOp, laue_unique
from ._measurements import Measurements
from ._model import Model
from ._parameters import ride


@dataclasses.dataclass(frozen=True)
class Flack:
    """Share x of the inverted crystal.

    Attributes:
        value: x: 0 for the model's hand, 1 for the other.
        esd: its standard uncertainty.
        pairs: Friedel pairs that it rests on.
    """

    value: float
    esd: float
    pairs: int

    @property
    def decided(self) -> bool:
        """True where the uncertainty lets the hand be told (below 0.1)."""
        return self.esd < 0.1

    def __str__(self) -> str:
        return f"Flack parameter {self.value:.3f} +- {self.esd:.3f} ({self.pairs} pairs)"


def flack_parameter(measured: Measurements, intensity: np.ndarray) -> Flack | None:
    """Find Flack's x from Parsons' quotients.

        Q = 2 (I(h) - I(-h)) / (I(h) + I(-h))        Q_obs = (1 - 2 x) Q_calc

    Args:
        measured: intensities with Friedel mates apart.
        intensity: what the model gives, x = 0, on any scale, (n,).

    Returns:
        x; None where there are no pairs or the model has no anomalous differences.

    References:
        Parsons, Flack & Wagner (2013), Acta Cryst. B69, 249.
    """
    if not measured.has_pairs:
        return None
    one, other = friedel_pairs(measured)
    I, sigma = measured.intensity, measured.sigma
    strong = (I[one] > 3 * sigma[one]) & (I[other] > 3 * sigma[other])
    one, other = one[strong], other[strong]
    if len(one) < 10:
        return None
    total = I[one] + I[other]
    quotient = 2 * (I[one] - I[other]) / total
    error = 4 * np.hypot(I[other] * sigma[one], I[one] * sigma[other]) / total**2
    Y = np.asarray(intensity)
    expected = 2 * (Y[one] - Y[other]) / np.maximum(Y[one] + Y[other], 1e-300)
    # A pair whose mates differ by far more than is possible is an outlier, not evidence.
    sound = np.abs(quotient) < 3 * np.abs(expected).max() + 3 * error
    w, expected, quotient = error[sound] ** -2, expected[sound], quotient[sound]
    power = float(w @ expected**2)
    if power < 1e-6:
        return None
    slope = float(w @ (expected * quotient)) / power
    scatter = float(w @ (quotient - slope * expected) ** 2) / max(len(w) - 1, 1)
    return Flack(0.5 * (1 - slope), 0.5 * float(np.sqrt(max(scatter, 1.0) / power)), len(w))


def friedel_pairs(measured: Measurements) -> tuple[np.ndarray, np.ndarray]:
    """Rows of reflections and of their Friedel mates where both were measured, each pair once."""
    rotations = measured.group.point_rotations
    own = laue_unique(measured.hkl, rotations)[0]
    mate = laue_unique(-measured.hkl, rotations)[0]
    rows = {tuple(h): i for i, h in enumerate(own.tolist())}
    pairs = [(i, rows.get(tuple(h), -1)) for i, h in enumerate(mate.tolist())]
    kept = np.array([(i, j) for i, j in pairs if j > i], dtype=int).reshape(-1, 2)
    return kept[:, 0], kept[:, 1]


def inverted(measured: Measurements, model: Model) -> tuple[Measurements, Model]:
    """The other hand of a model, and the intensities under its group.

    P61 becomes P65, and so on; in other groups the model is inverted through the point that leaves
    the group as it is (0, 0, 0 in most, 1/8 in some).

    Args:
        measured: the intensities.
        model: the model.
    """
    group = model.group
    W, w = group.rotations, -group.translations / group.denominator
    centre = np.zeros(3)
    new = None
    for steps in itertools.product(range(8), repeat=3):
        # x' = s - x: W x + t becomes W x' + s - W s - t.
        shift = np.array(steps) / 8
        if _same(W, shift - W @ shift + w, group):
            centre, new = shift, group
            break
    if new is None:
        D = group.denominator
        operations = [
            SymOp.from_xyz(_xyz(R, t, D)) for R, t in zip(W, -group.translations % D, strict=True)
        ]
        new = SpaceGroup.from_operations(operations)
    groups = tuple(
        dataclasses.replace(
            one,
            torsion=-one.torsion,
            offset=None if one.offset is None else -one.offset,
            neighbours=tuple((i, R, centre - R @ centre - t) for i, R, t in one.neighbours),
        )
        for one in model.hydrogens
    )
    moved = model.replace(frac=centre - model.frac, group=new, hydrogens=groups)
    return dataclasses.replace(measured, group=new), ride(moved)


def _same(W: np.ndarray, t: np.ndarray, group: SpaceGroup) -> bool:
    """Whether operations are those of a group."""
    own = {
        _key(R, v / group.denominator)
        for R, v in zip(group.rotations, group.translations, strict=True)
    }
    return all(_key(R, v) in own for R, v in zip(W, t, strict=True))


def _key(R: np.ndarray, t: np.ndarray) -> tuple[int, ...]:
    return (*R.astype(int).ravel().tolist(), *(np.rint(t * 48).astype(int) % 48).tolist())


def _xyz(R: np.ndarray, t: np.ndarray, denominator: int) -> str:
    rows = []
    for row, shift in zip(R.tolist(), t.tolist(), strict=True):
        terms = "".join(f"{'+' if v > 0 else '-'}{'xyz'[i]}" for i, v in enumerate(row) if v)
        rows.append(f"{terms}+{int(shift)}/{denominator}")
    return ",".join(rows)
