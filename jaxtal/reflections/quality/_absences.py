"""Screw axes and glide planes: what each would extinguish, and how strong that is."""

import dataclasses
import itertools
import math

import numpy as np

from ...symmetry import SpaceGroup
from .._columns import Columns
from ._centring import Strength, strength

#: Components of lattice vectors that are looked at, in the axes of the cell.
_SEARCHED = 3


@dataclasses.dataclass(frozen=True)
class Element:
    """A screw axis or a glide plane, and the reflections that it extinguishes.

    Attributes:
        kind: "screw" or "glide".
        symbol: "21", "31", "42", ...; "a", "b", "c", "n", "d".
        direction: of the axis, or normal to the plane, (3,) in the axes of the cell.
        translation: along it, fractions of the cell, (3,).
        found: strength of what it extinguishes beside the rest of its axis or zone.
    """

    kind: str
    symbol: str
    direction: tuple[int, int, int]
    translation: tuple[float, float, float]
    found: Strength


def find_elements(
    columns: Columns, group: SpaceGroup, possible: np.ndarray | None
) -> tuple[Element, ...]:
    """Test every screw axis and glide plane that a Laue class and a centring allow.

    An axis of order n along the lattice vector t with the screw translation j t / n extinguishes
    the reflections on it with h.t j / n not an integer; a glide by t / 2, t a lattice vector in the
    plane, those of the zone with h.t odd. What is there of equivalent elements is taken together;
    elements that the centring makes the same are listed once.

    Args:
        columns: rows in the setting of the group, without those that the centring extinguishes.
        group: symmorphic, with the rotations of the Laue class and the centring.
        possible: indices that could have been measured, (m, 3); None if they are too many.
    """
    if possible is None:
        possible = np.unique(columns.k, axis=0)
    zone = _Zone(columns, possible, rotations := group.laue_rotations.astype(np.int64))
    lattice = _lattice_vectors(group)
    found: list[Element] = []
    seen: set[bytes] = set()
    # Of axes of one direction the highest first: 2_1 says the same as 4_2.
    known: set[bytes] = {b""}
    for W in sorted(rotations, key=_order, reverse=True):
        proper = round(np.linalg.det(W)) > 0
        order = _order(W)
        if W.tobytes() in seen or (proper and order == 1) or (not proper and order != 2):
            continue
        if not proper and np.array_equal(W, -np.eye(3, dtype=np.int64)):
            continue
        # All elements of one class extinguish equivalent reflections.
        for U in rotations:
            inverse = np.rint(np.linalg.inv(U)).astype(np.int64)
            seen.add((U @ W @ inverse).tobytes())
            seen.add((U @ np.rint(np.linalg.inv(W)).astype(np.int64) @ inverse).tobytes())
        if proper:
            found += _screws(zone, W, lattice, order, known)
        else:
            found += _glides(zone, W, lattice)
    return tuple(found)


@dataclasses.dataclass(frozen=True, eq=False)
class _Zone:
    """Rows, and what could have been measured, to be looked at on an axis or a plane."""

    columns: Columns
    possible: np.ndarray
    rotations: np.ndarray

    def judge(self, name: str, W: np.ndarray, t: np.ndarray, step: int) -> tuple[bytes, Strength]:
        """What h.t not divisible by `step` says; a key of the reflections that it extinguishes."""
        every, dot = _on_element(self.possible, self.rotations, W, t)
        key = every & (dot % step != 0)
        here, dot = _on_element(self.columns.k, self.rotations, W, t)
        gone, kept = here & (dot % step != 0), here & (dot % step == 0)
        found = strength(name, self.columns, gone, kept)
        if not gone.any() and key.sum() >= 2 and kept.sum() >= 2:
            found = dataclasses.replace(found, verdict="unlisted")
        return key.tobytes() if key.any() else b"", found


def _screws(
    zone: _Zone, W: np.ndarray, lattice: np.ndarray, order: int, known: set[bytes]
) -> list[Element]:
    along = lattice[np.abs(lattice @ W.T - lattice).max(axis=1) < 1e-9]
    t = along[np.argmin((along**2).sum(axis=1))]
    elements = []
    for j in range(1, order // 2 + 1):
        name = f"{order}{j}"
        step = order // math.gcd(order, j)
        label = f"screw {name} along {_text(_direction(t))}"
        key, found = zone.judge(label, W, t, step)
        if key not in known:
            known.add(key)
            elements.append(Element("screw", name, _direction(t), _rounded(t * j / order), found))
    return elements


def _glides(zone: _Zone, W: np.ndarray, lattice: np.ndarray) -> list[Element]:
    inside = lattice[np.abs(lattice @ W.T - lattice).max(axis=1) < 1e-9]
    normal = lattice[np.abs(lattice @ W.T + lattice).max(axis=1) < 1e-9]
    n = normal[np.argmin((normal**2).sum(axis=1))]
    first, second = _plane_basis(inside)
    elements, known = [], {b""}
    for t in sorted((first, second, first + second), key=lambda t: np.count_nonzero(t)):
        letter = _letter(t / 2, n)
        label = f"glide {letter} across {_text(_direction(n))}"
        key, found = zone.judge(label, W, t, 2)
        if key not in known:
            known.add(key)
            elements.append(Element("glide", letter, _direction(n), _rounded(t / 2 % 1), found))
    return elements


def _on_element(
    k: np.ndarray, rotations: np.ndarray, W: np.ndarray, t: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Rows whose equivalents lie on the element, and h.t of one that does."""
    here, dot = np.zeros(len(k), bool), np.zeros(len(k), np.int64)
    for U in rotations:
        image = k @ U
        on = (image @ W == image).all(axis=1) & ~here
        dot[on] = np.rint(image[on] @ t).astype(np.int64)
        here |= on
    return here & k.any(axis=1), dot


def _lattice_vectors(group: SpaceGroup) -> np.ndarray:
    """Short lattice vectors, centring included, none of them zero, (n, 3)."""
    span = range(-_SEARCHED, _SEARCHED + 1)
    whole = np.array(list(itertools.product(span, repeat=3)), float)
    centring = group.centering / group.denominator
    vectors = (whole[:, None] + centring[None]).reshape(-1, 3)
    return vectors[np.abs(vectors).max(axis=1) > 1e-9]


def _plane_basis(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two short vectors that span the lattice of a plane."""
    # Positive components first, so that a glide is written (1/2, 0, 0) and not (-1/2, 0, 0).
    order = np.lexsort((-vectors.sum(axis=1), np.round((vectors**2).sum(axis=1), 9)))
    vectors = vectors[order]
    first = vectors[0]
    best, second = np.inf, vectors[0]
    for v in vectors:
        area = float(np.linalg.norm(np.cross(first, v)))
        if 1e-9 < area < best - 1e-9:
            best, second = area, v
    return first, second


def _letter(shift: np.ndarray, normal: np.ndarray) -> str:
    fraction = np.round(np.abs(shift) % 1.0, 6)
    if np.isclose(fraction % 0.5, 0.25).any():
        return "d"
    names = [name for name, value in zip("abc", fraction, strict=True) if np.isclose(value, 0.5)]
    single = len(names) == 1 and np.count_nonzero(normal) == 1
    return names[0] if single or (len(names) == 1 and names[0] == "c") else "n"


def _direction(t: np.ndarray) -> tuple[int, int, int]:
    numbers = np.rint(t * 6).astype(int)
    numbers //= math.gcd(*numbers.tolist()) or 1
    if numbers[np.flatnonzero(numbers)[0]] < 0:
        numbers = -numbers
    return (int(numbers[0]), int(numbers[1]), int(numbers[2]))


def _text(direction: tuple[int, int, int]) -> str:
    return "[" + " ".join(map(str, direction)) + "]"


def _rounded(t: np.ndarray) -> tuple[float, float, float]:
    values = [float(round(x, 6)) + 0.0 for x in t]
    return (values[0], values[1], values[2])


def _order(W: np.ndarray) -> int:
    power, n = W, 1
    while not np.array_equal(power, np.eye(3, dtype=np.int64)):
        power, n = power @ W, n + 1
    return n
