"""Where the rows of a `.bf` file belong in a star basis."""

import dataclasses

import numpy as np
from jaxtyping import Float, Int

from ...fields import StarBasis, Stars
from ._errors import FieldMeshError
from ._rows import BasisRows

_FOREIGN, _CANCELLED, _SIZE, _SHARED, _ALONE, _PLACED = range(6)
_REASONS = {
    _FOREIGN: "is no wave of the basis (not the shortest of its aliases)",
    _CANCELLED: "belongs to a cancelled star, where the group allows no coefficient",
    _SIZE: "belongs to a star of another size: expected {expected}, got {got}",
    _SHARED: "is in the same star as the wave of another row",
    _ALONE: "belongs to a pair of open stars, the other row of which is missing",
}


@dataclasses.dataclass(frozen=True, eq=False)
class Placement:
    """The coefficients of the rows of a file in a basis, and what did not go in.

    Attributes:
        coefficients: in the order of the basis, zero where the file has none, (n_basis, n).
        dropped_lines: lines of the rows that have no place in the basis, (d,).
        reasons: why, one each.
        missing: basis functions without a row, (m,).
        stars: the stars of the basis.
    """

    coefficients: Float[np.ndarray, "n_basis n"]
    dropped_lines: Int[np.ndarray, " d"]
    reasons: tuple[str, ...]
    missing: Int[np.ndarray, " m"]
    stars: Stars

    def text(self) -> str:
        """One line for a report."""
        n_basis = len(self.coefficients)
        return (
            f"{n_basis - len(self.missing)} of {n_basis} basis functions read, "
            f"{len(self.missing)} set to zero, {len(self.dropped_lines)} rows left out"
        )

    def check_complete(self, path: str, line: int) -> None:
        """Check that all rows have a place and all basis functions a row.

        Args:
            path: the file.
            line: where it states the number of rows.

        Raises:
            FieldMeshError: otherwise, naming the first row without a place, or the first wave
                without a row.
        """
        hint = f"a file of another mesh than {self.stars.mesh}?"
        if len(self.dropped_lines):
            more = f" ({len(self.dropped_lines)} rows like that)"
            first = f"{path}:{self.dropped_lines[0]}: {self.reasons[0]}{more}"
            raise FieldMeshError(f"{first}; {hint}")
        if len(self.missing):
            wave = self.stars.characteristic[self.stars.basis_star[self.missing[0]]]
            raise FieldMeshError(
                f"{path}:{line}: expected {len(self.coefficients)} basis functions, "
                f"{len(self.missing)} have no row, the first that of wave {wave.tolist()}; {hint}"
            )


def place_rows(rows: BasisRows, basis: StarBasis) -> Placement:
    """Match the rows of a file with the functions of a basis by the waves that name them.

    A row names its star by one of its waves, and its function by that wave's phase: real and
    positive in an open star, of positive real part or -i in a closed one. Of two rows that name
    inverse open stars, the first one (A) and the second one (B) are the coefficients of

        (phi + phi*) / sqrt 2   and   (phi - phi*) / (i sqrt 2)

    with phi the function of the star of the first. With e = c / |c| the phase, in the basis, of the
    wave named first, its own coefficients a, b of the star of flag 1 and of its inverse are
    a + i b = (A + i B) e if the wave named first is in the star of flag 1, and (A - i B) e*
    otherwise.

    Rows that fill the basis without gap or overlap are those of its mesh: then the waves are taken
    modulo the mesh, so that a cell that has moved since, and with it the shortest alias of a wave
    at the edge, does no harm. Otherwise only waves that are the shortest of their aliases match.

    Raises:
        ValueError: a wave that occurs twice, a pair of open stars named by waves that are not
            inverse to each other, or no row for the constant term.
    """
    text, values, waves, sizes, lines = (
        rows.text,
        rows.coefficients,
        rows.waves,
        rows.sizes,
        rows.lines,
    )
    _refuse_twice(rows)
    stars = basis.stars
    wave = stars.wave_of_rank[stars.mesh.ranks(waves)]
    star = stars.star[wave]
    place = stars.basis_id[star]
    status = np.where(place < 0, _CANCELLED, np.where(stars.sizes[star] == sizes, _PLACED, _SIZE))
    if (status < _PLACED).any() or not len(waves) == stars.n_basis == len(np.unique(place)):
        status[(stars.waves[wave] != waves).any(axis=1)] = _FOREIGN
        fitting = np.bincount(place[status == _PLACED], minlength=stars.n_basis)
        status[(status == _PLACED) & (fitting[place] > 1)] = _SHARED
    fits = status == _PLACED

    phase = stars.coefficients[wave] * np.sqrt(stars.sizes[star])
    coefficients = np.zeros((stars.n_basis, values.shape[1]))
    closed = fits & (stars.flag[star] == 0)
    real, imag = np.real(phase), np.imag(phase)
    positive = (real > 0.0) | ((real == 0.0) & (imag < 0.0))
    coefficients[place[closed]] = values[closed] * np.where(positive[closed], 1.0, -1.0)[:, None]

    first, second = _pairs(stars, star, fits)
    inverse = stars.mesh.ranks(-waves[first]) == stars.mesh.ranks(waves[second])
    if not inverse.all():
        i, j = first[~inverse][0], second[~inverse][0]
        text.fail(
            f"expected the wave inverse to {waves[i].tolist()} of line {lines[i]}, got "
            f"{waves[j].tolist()}",
            int(lines[j]),
        )
    forward = stars.flag[star[first]][:, None] > 0
    A, B, e = values[first], values[second], phase[first][:, None]
    turned = np.where(forward, (A + 1j * B) * e, (A - 1j * B) * e.conj())
    plus = np.where(forward[:, 0], place[first], place[second])
    coefficients[plus], coefficients[plus + 1] = np.real(turned), np.imag(turned)

    status[fits & ~closed] = _ALONE
    status[first] = status[second] = _PLACED
    placed = status == _PLACED
    present = np.zeros(stars.n_basis, dtype=bool)
    present[place[placed]] = True
    if not present[0]:
        text.fail("expected a row for the constant term, wave 0", rows.header.lines["N_basis"])
    dropped = np.flatnonzero(~placed)
    reasons = []
    for i in dropped:
        why = _REASONS[int(status[i])].format(expected=stars.sizes[star[i]], got=sizes[i])
        reasons.append(f"wave {waves[i].tolist()} {why}")
    missing = np.flatnonzero(~present)
    return Placement(coefficients, lines[dropped], tuple(reasons), missing, stars)


def _refuse_twice(rows: BasisRows) -> None:
    waves, lines = rows.waves, rows.lines
    order = np.lexsort(waves.T)
    same = np.flatnonzero((waves[order[1:]] == waves[order[:-1]]).all(axis=1))
    if len(same):
        i, j = order[same[0]], order[same[0] + 1]
        rows.text.fail(
            f"wave {waves[j].tolist()} has a row on line {lines[i]} already", int(lines[j])
        )


def _pairs(stars: Stars, star: np.ndarray, fits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows of complete pairs of open stars: the first and the second of each in the file."""
    rows = np.flatnonzero(fits & (stars.flag[star] != 0))
    pair = star[rows] - (stars.flag[star[rows]] < 0)
    order = np.argsort(pair, kind="stable")
    rows, pair = rows[order], pair[order]
    both = np.flatnonzero(pair[1:] == pair[:-1])
    return rows[both], rows[both + 1]
