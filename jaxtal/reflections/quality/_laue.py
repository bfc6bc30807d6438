"""Laue class of the data: every group of the lattice's rotations, and how the rows agree in it."""

import dataclasses

import numpy as np

from ...lattice import cell_to_matrix, matrix_to_cell, niggli_reduce
from ...symmetry import SpaceGroup, SymOp
from .._columns import Columns
from ._centring import PRIMITIVE, TRANSLATIONS, Centring, allowed
from ._completeness import possible_count
from ._lattice_symmetry import lattice_rotations, subgroups
from ._rows import Agreement, Rows, agreement, friedel_keys, r_int

#: An operation is accepted up to this R, or up to a multiple of the smallest one found.
_R_ACCEPTED, _R_FACTOR, _R_LARGEST = 0.10, 2.5, 0.35
#: Completeness that makes a list of unique reflections one of a Laue class that no pair tests.
_FILLED = 0.6


@dataclasses.dataclass(frozen=True, eq=False)
class LaueCandidate:
    """A Laue class that the lattice allows, and how the rows agree in it.

    Attributes:
        name: "-1", "2/m", "mmm", "4/m", "4/mmm", "-3", "-3m", "6/m", "6/mmm", "m-3" or "m-3m".
        rotations: its proper rotations, of coordinate columns in the cell as given where they are
            integers there, (n, 3, 3).
        r_int: sum |I - <I>| / sum |I| of all rows; None where no two are equivalent.
        compared: rows that have an equivalent.
        worst: largest R of its operations; None where none was tested.
        completeness: fraction of its unique reflections that was measured, to the resolution of the
            data; None where the cell is too large to count.
        accepted: whether no operation contradicts it.
    """

    name: str
    rotations: np.ndarray
    r_int: float | None
    compared: int
    worst: float | None
    completeness: float | None
    accepted: bool


@dataclasses.dataclass(frozen=True)
class TwinOperation:
    """A rotation of the lattice that the data do not have: a possible twin law.

    Attributes:
        matrix: acting on index columns, h' = M h, in the cell of the report; may be fractional.
        r: R of the pairs that it makes, see `Agreement`.
        fraction: of the smaller twin domain if it is a twin law, 1/2 - mean |I1 - I2| / (I1 + I2),
            without a centre of symmetry; 0 at least.
        pairs: pairs compared.
    """

    matrix: tuple[tuple[float, ...], ...]
    r: float
    fraction: float
    pairs: int


@dataclasses.dataclass(frozen=True, eq=False)
class Laue:
    """The Laue class found, its setting, and all candidates.

    Attributes:
        chosen: the candidate.
        group: the symmorphic group with its rotations and the centring, in `cell`: "P 1 2/m 1".
        cell: angstrom and degrees, its metric made to fit the group, (6,).
        index_matrix: indices in `cell` are index_matrix @ (indices as given), (3, 3).
        candidates: all of them, the highest symmetry first.
        operations: agreement of each rotation of the lattice, None where fewer than ten pairs.
        twins: rotations that the data do not have, but nearly.
    """

    chosen: LaueCandidate
    group: SpaceGroup
    cell: np.ndarray
    index_matrix: np.ndarray
    candidates: tuple[LaueCandidate, ...]
    operations: tuple[tuple[np.ndarray, Agreement | None], ...]
    twins: tuple[TwinOperation, ...]

    @property
    def by_class(self) -> tuple[LaueCandidate, ...]:
        """The candidate found, and of every other class that whose operations agree best."""
        best: dict[str, LaueCandidate] = {self.chosen.name: self.chosen}
        for one in self.candidates:
            known = best.setdefault(one.name, one)
            if known is not self.chosen and (one.worst or 0.0) < (known.worst or 0.0):
                best[one.name] = one
        return tuple(sorted(best.values(), key=lambda one: -len(one.rotations)))


def find_laue(
    columns: Columns, cell: np.ndarray, centring: Centring, tol: float, stated: SpaceGroup | None
) -> Laue:
    """Find the Laue class: the largest group of lattice rotations that no pair contradicts.

    The lattice's rotations come from its reduced primitive cell, so that symmetry higher than that
    of the cell given is found, too. An operation is contradicted where R of the pairs that it makes
    is above 0.10 and above 2.5 times the smallest R found (of Friedel mates and duplicates or of
    another operation). Of groups that no pair tests, because the file lists unique reflections
    alone, the largest counts whose unique reflections were measured to 60 %, unless the group that
    is stated has another Laue class.

    Args:
        columns: rows, those that the centring extinguishes included.
        cell: as given, (6,).
        centring: of that cell.
        tol: largest violation of the metric by a rotation, relative.
        stated: group stated for the cell as given.
    """
    matrix = np.asarray(cell_to_matrix(np.asarray(cell, np.float64)))
    primitive = PRIMITIVE[centring.letter]
    reduced, transform = niggli_reduce(primitive @ matrix)
    basis = transform @ primitive  # rows: the reduced basis in the cell as given
    inside = columns.take(allowed(columns.k, centring.letter))
    k = np.rint(inside.k @ basis.T).astype(np.int64)
    primitive_columns = Columns(k, inside.intensity, inside.sigma)
    rows = Rows.of(primitive_columns)
    W = lattice_rotations(reduced, tol)
    found = [None if i == 0 else agreement(rows, W[i]) for i in range(len(W))]
    limit = _limit(found, rows.r_friedel)
    known = _stated_rotations(stated, basis)
    candidates, members = [], []
    for numbers in subgroups(W):
        candidates.append(
            _candidate(
                primitive_columns, rows, reduced, W[numbers], [found[i] for i in numbers], limit
            )
        )
        members.append(numbers)
    best = _choice(candidates, W, members, known)
    group, index_matrix, new_cell = _setting(W[members[best]], basis, matrix, centring)
    twins = _twins(W, found, members[best], basis, index_matrix)
    back = np.linalg.inv(basis.T)
    turn = basis.T  # coordinates: x as given = turn @ x reduced
    shown = [
        dataclasses.replace(one, rotations=_if_integer(turn @ one.rotations @ back))
        for one in candidates
    ]
    order = sorted(range(len(shown)), key=lambda i: (-len(shown[i].rotations), i != best))
    return Laue(
        shown[best],
        group,
        new_cell,
        index_matrix,
        tuple(shown[i] for i in order),
        tuple((_if_integer(turn @ w @ back), a) for w, a in zip(W, found, strict=True)),
        twins,
    )


def laue_name(rotations: np.ndarray) -> str:
    """Name of a Laue class from its proper rotations."""
    orders = [_order(W) for W in rotations]
    n, highest = len(rotations), max(orders)
    names = {1: "-1", 2: "2/m", 3: "-3", 8: "4/mmm", 24: "m-3m"}
    if n == 4:
        return "4/m" if highest == 4 else "mmm"
    if n == 6:
        return "6/m" if highest == 6 else "-3m"
    if n == 12:
        return "6/mmm" if highest == 6 else "m-3"
    return names[n]


def _order(W: np.ndarray) -> int:
    power, n = W, 1
    while not np.allclose(power, np.eye(3), atol=1e-6):
        power, n = power @ W, n + 1
    return n


def _limit(found: list[Agreement | None], r_friedel: float | None) -> float:
    known = [one.r for one in found if one is not None]
    known += [] if r_friedel is None else [r_friedel]
    smallest = min(known, default=0.0)
    return float(np.clip(_R_FACTOR * smallest, _R_ACCEPTED, _R_LARGEST))


def _candidate(
    columns: Columns,
    rows: Rows,
    matrix: np.ndarray,
    W: np.ndarray,
    found: list[Agreement | None],
    limit: float,
) -> LaueCandidate:
    tested = [one.r for one in found if one is not None]
    worst = max(tested, default=None)
    value, compared = r_int(columns, W)
    d_min = float((2 * np.pi) / np.sqrt(_q2(rows.mean.k, matrix).max()))
    possible = possible_count(matrix, d_min, W)
    complete = None
    if possible:
        best = friedel_keys(rows.mean.k)
        for one in W:
            best = np.maximum(best, friedel_keys(rows.mean.k @ one))
        complete = float(len(np.unique(best)) / possible)
    return LaueCandidate(
        laue_name(W), W, value, compared, worst, complete, worst is None or worst <= limit
    )


def _q2(k: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    return (((k @ np.linalg.inv(matrix).T) * 2 * np.pi) ** 2).sum(axis=1)


def _choice(
    candidates: list[LaueCandidate],
    W: np.ndarray,
    members: list[np.ndarray],
    known: set[bytes] | None,
) -> int:
    """Number of the largest candidate that is supported by pairs, by completeness or as stated."""
    lowest = candidates[0].completeness
    best, best_key = 0, (1, -np.inf)
    for i, one in enumerate(candidates):
        if not one.accepted:
            continue
        elements = {W[j].tobytes() for j in members[i]}
        tested = one.worst is not None
        filled = (
            one.completeness is not None
            and lowest is not None
            and one.completeness >= _FILLED
            and one.completeness > 1.4 * lowest
        )
        said = known is not None and elements <= known
        if len(elements) > 1 and not (tested or said or (filled and known is None)):
            continue
        key = (len(elements), -(one.worst or 0.0) if tested else (one.completeness or 0.0))
        if key > best_key:
            best, best_key = i, key
    return best


def _stated_rotations(stated: SpaceGroup | None, basis: np.ndarray) -> set[bytes] | None:
    """Proper rotations of the stated Laue class in the reduced basis; None where it says nothing.

    P 1 and P -1 stand in files that know no better.
    """
    if stated is None or len(stated.laue_rotations) <= 2:
        return None
    turn = np.linalg.inv(basis.T)
    found = set()
    for W in stated.laue_rotations:
        if np.linalg.det(W) > 0:
            moved = turn @ W @ basis.T
            if np.abs(moved - np.rint(moved)).max() < 1e-6:
                found.add(np.rint(moved).astype(np.int64).tobytes())
    return found


def _if_integer(W: np.ndarray) -> np.ndarray:
    whole = np.rint(W)
    return whole.astype(np.int64) if np.abs(W - whole).max(initial=0) < 1e-6 else np.round(W, 6)


def _setting(
    W: np.ndarray, basis: np.ndarray, matrix: np.ndarray, centring: Centring
) -> tuple[SpaceGroup, np.ndarray, np.ndarray]:
    """Group, index matrix and cell: the cell as given where the group has its axes along it."""
    proper = [SymOp(one, [0, 0, 0]) for one in W]
    inverted = [SymOp(-one, [0, 0, 0]) for one in W]
    here = SpaceGroup.from_operations(proper + inverted)
    change = here.from_standard
    given = _given_setting(W, basis, centring, here.number)
    if given is not None:
        return given, np.eye(3), _fitted(matrix, given)
    if change is None:
        return here, basis, _fitted(basis @ matrix, here)
    P = np.array(change.fractions, dtype=float)
    index_matrix = P.T @ basis
    group = SpaceGroup.from_number(int(here.number or 2))
    return group, np.round(index_matrix, 9), _fitted(index_matrix @ matrix, group)


def _given_setting(
    W: np.ndarray, basis: np.ndarray, centring: Centring, number: int | None
) -> SpaceGroup | None:
    """The group in the cell as given; None where its axes are not those of a tabulated setting."""
    if centring.letter == "R reverse":
        return None
    turned = basis.T @ W @ np.linalg.inv(basis.T)
    if np.abs(turned - np.rint(turned)).max() > 1e-6:
        return None
    rotations = np.rint(turned).astype(int)
    shifts = TRANSLATIONS[centring.letter]
    operations = [
        SymOp(sign * one, shift, 6) for one in rotations for sign in (1, -1) for shift in shifts
    ]
    group = SpaceGroup.from_operations(operations)
    tabulated = group.hm is not None and group.number == number
    return group if tabulated else None


def _fitted(matrix: np.ndarray, group: SpaceGroup) -> np.ndarray:
    """The cell whose metric the group keeps: the mean of all images."""
    W = group.laue_rotations.astype(float)
    metric = (W.swapaxes(1, 2) @ (matrix @ matrix.T) @ W).mean(axis=0)
    return np.round(np.asarray(matrix_to_cell(np.linalg.cholesky(metric))), 6)


def _twins(
    W: np.ndarray,
    found: list[Agreement | None],
    members: np.ndarray,
    basis: np.ndarray,
    index_matrix: np.ndarray,
) -> tuple[TwinOperation, ...]:
    """One operation of each coset of the group that was found."""
    inside = {W[i].tobytes() for i in members}
    left = [i for i in range(len(W)) if i not in set(members.tolist())]
    twins = []
    turn = index_matrix @ np.linalg.inv(basis)
    while left:
        coset = {(W[left[0]] @ W[j]).tobytes() for j in members}
        coset |= {(W[j] @ W[left[0]]).tobytes() for j in members}
        same = [i for i in left if W[i].tobytes() in coset]
        tested = [(agreed, i) for i in same if (agreed := found[i]) is not None]
        left = [i for i in left if i not in same]
        if not tested or not inside:
            continue
        agreed, i = max(tested, key=lambda one: one[0].pairs)
        moved = turn @ W[i].T.astype(float) @ np.linalg.inv(turn)
        twins.append(
            TwinOperation(
                tuple(tuple(float(x) for x in row) for row in np.round(moved, 4) + 0.0),
                agreed.r,
                float(max(0.5 - agreed.h, 0.0)),
                agreed.pairs,
            )
        )
    return tuple(sorted(twins, key=lambda one: one.r))
