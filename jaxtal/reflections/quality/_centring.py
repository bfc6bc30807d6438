"""Centring of a lattice by the reflections that it extinguishes, and obverse / reverse twins."""

import dataclasses

import numpy as np

from .._columns import Columns

_HALF, _THIRD = 0.5, 1 / 3
#: Primitive vectors (rows) in the axes of a centred cell.
PRIMITIVE: dict[str, np.ndarray] = {
    "P": np.eye(3),
    "A": np.array([[1, 0, 0], [0, _HALF, _HALF], [0, -_HALF, _HALF]]),
    "B": np.array([[_HALF, 0, _HALF], [0, 1, 0], [-_HALF, 0, _HALF]]),
    "C": np.array([[_HALF, _HALF, 0], [-_HALF, _HALF, 0], [0, 0, 1]]),
    "I": np.array([[-_HALF, _HALF, _HALF], [_HALF, -_HALF, _HALF], [_HALF, _HALF, -_HALF]]),
    "F": np.array([[0, _HALF, _HALF], [_HALF, 0, _HALF], [_HALF, _HALF, 0]]),
    "R": np.array([[2, 1, 1], [-1, 1, 1], [-1, -2, 1]]) * _THIRD,
    "R reverse": np.array([[1, 2, 1], [-2, -1, 1], [1, -1, 1]]) * _THIRD,
}
#: Centring translations in sixths of the axes; none of "R reverse", which is to be turned.
TRANSLATIONS: dict[str, tuple[tuple[int, int, int], ...]] = {
    "P": ((0, 0, 0),),
    "A": ((0, 0, 0), (0, 3, 3)),
    "B": ((0, 0, 0), (3, 0, 3)),
    "C": ((0, 0, 0), (3, 3, 0)),
    "I": ((0, 0, 0), (3, 3, 3)),
    "F": ((0, 0, 0), (0, 3, 3), (3, 0, 3), (3, 3, 0)),
    "R": ((0, 0, 0), (4, 2, 2), (2, 4, 4)),
}
#: Centred before primitive, finer before coarser.
_ORDER = ("F", "R", "R reverse", "I", "A", "B", "C")
#: Rows of a class that a verdict needs.
_ENOUGH = 12


@dataclasses.dataclass(frozen=True)
class Strength:
    """How strong the reflections are that a symmetry element extinguishes.

    Attributes:
        name: the element.
        rows: number of rows that it extinguishes.
        others: number of rows of the same kind (zone, axis, all) that it does not.
        ratio: mean intensity of these rows over that of the others; NaN where one is missing.
        i_over_sigma: mean I / sigma of these rows; NaN without.
        significant: fraction of these rows above 3 sigma; NaN without.
        verdict: "absent", "present", "unlisted" where the file has none of them though their kind
            was measured, or "unknown" for want of rows.
    """

    name: str
    rows: int
    others: int
    ratio: float
    i_over_sigma: float
    significant: float
    verdict: str


def strength(name: str, columns: Columns, gone: np.ndarray, kept: np.ndarray) -> Strength:
    """Judge whether the rows `gone` are absent beside those `kept`.

    They are where their mean intensity is below 1 % of that of the others, or below 5 % and less
    than a quarter of them stands out of the noise.
    """
    I, sigma = columns.intensity, columns.sigma
    level = float(I[kept].mean()) if kept.any() else np.nan
    ratio = float(I[gone].mean()) / level if gone.any() and level > 0 else np.nan
    signal = significant = np.nan
    if sigma is not None and (good := gone & (sigma > 0)).any():
        signal = float(np.mean(I[good] / sigma[good]))
        significant = float(np.mean(I[good] > 3 * sigma[good]))
    verdict = "unknown"
    if gone.any() and not np.isnan(ratio):
        weak = ratio < 0.01 or (ratio < 0.05 and significant < 0.25)
        few = gone.sum() < 3 or kept.sum() < 2
        if sigma is not None and (good := kept & (sigma > 0)).any():
            # Beside noise nothing is absent, and nothing present.
            few |= float(np.mean(I[good] > 3 * sigma[good])) < 0.2
        verdict = "unknown" if few else "absent" if weak else "present"
    return Strength(name, int(gone.sum()), int(kept.sum()), ratio, signal, significant, verdict)


@dataclasses.dataclass(frozen=True)
class Centring:
    """Centring that the data have.

    Attributes:
        letter: P, A, B, C, I, F, R or "R reverse".
        tested: what each centring would extinguish, and how strong that is.
        twin_fraction: fraction of the reverse (or obverse) domain of a rhombohedral twin; None
            where there is none.
        pseudo: centrings whose extinct reflections are there, but weak: the mean intensity is
            below 20 % of that of the others.
    """

    letter: str
    tested: tuple[Strength, ...]
    twin_fraction: float | None
    pseudo: tuple[str, ...]


def find_centring(columns: Columns, hexagonal: bool) -> Centring:
    """Find the centring; R in both settings only for a cell with hexagonal axes."""
    tested, chosen, pseudo = [], "P", []
    for letter in _ORDER:
        if letter.startswith("R") and not hexagonal:
            continue
        kept = allowed(columns.k, letter)
        found = strength(letter, columns, ~kept, kept)
        if found.rows == 0 and found.others >= _ENOUGH * 4:
            # The list holds none of them: left out by the program that wrote it.
            found = dataclasses.replace(found, verdict="absent")
        elif found.rows < _ENOUGH and found.verdict == "absent":
            found = dataclasses.replace(found, verdict="unknown")
        tested.append(found)
        if found.verdict == "absent" and chosen == "P":
            chosen = letter
        elif found.verdict == "present" and found.ratio < 0.2 and found.rows >= _ENOUGH:
            pseudo.append(letter)
    twin = _obverse_reverse(columns) if hexagonal and chosen == "P" else None
    return Centring(chosen, tuple(tested), twin, tuple(pseudo))


def allowed(k: np.ndarray, letter: str) -> np.ndarray:
    """Tell which indices a centring leaves, (n,)."""
    primitive = k.astype(np.float64) @ PRIMITIVE[letter].T
    return np.asarray((np.abs(primitive - np.rint(primitive)) < 1e-6).all(axis=1))


def _obverse_reverse(columns: Columns) -> float | None:
    """Fraction of the weaker domain where only what both settings extinguish is absent."""
    obverse, reverse = allowed(columns.k, "R"), allowed(columns.k, "R reverse")
    neither, one, two = ~obverse & ~reverse, obverse & ~reverse, reverse & ~obverse
    if min(neither.sum(), one.sum(), two.sum()) < _ENOUGH:
        return None
    if strength("", columns, neither, one | two).verdict != "absent":
        return None
    first, second = columns.intensity[one].mean(), columns.intensity[two].mean()
    return float(min(first, second) / (first + second))
