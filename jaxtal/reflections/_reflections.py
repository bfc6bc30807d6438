"""A reflection list in N dimensions: independent reflections, their symmetry and lengths."""

import dataclasses
import functools
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from ..lattice import Lattice, Superspace
from ..symmetry import Orbits, SpaceGroup, SymOp, absent, epsilon, laue_unique
from ._columns import Columns, RowName, check_columns
from ._dropped import Dropped
from ._extinct import extinct_strength
from ._merge import Rule, merge
from ._reflection_table import ReflectionTable
from ._report import ReflectionReport

_NAMED = 5  # extinct reflections that an error lists


@dataclasses.dataclass(frozen=True, eq=False)
class Reflections:
    """Independent reflections of a crystal in N dimensions, one for each orbit of its group.

    Attributes:
        space: reciprocal basis in physical and internal space.
        orbits: orbits of the representatives under the group, none of them extinct.
        intensity: merged I, arbitrary units, (n,).
        sigma: standard uncertainty of I, (n,), or None.
        report: what became of the rows given.
        table: the rows as they were read, before any cut, with wavelength, radiation, composition
            where the file says them; None for arrays.
    """

    space: Superspace
    orbits: Orbits
    intensity: Float[np.ndarray, " n"]
    sigma: Float[np.ndarray, " n"] | None
    report: ReflectionReport
    table: ReflectionTable | None = None

    # --- ways in -----------------------------------------------------------------------------

    @classmethod
    def from_arrays(
        cls,
        space: Any,
        group: int | str | SpaceGroup,
        k: Any,
        intensity: Any = None,
        *,
        amplitude: Any = None,
        sigma: Any = None,
        merge: Rule = "first",
        min_i_over_sigma: float | int | None = None,
        d_min: float | int | None = None,
        extinct: Literal["error", "drop"] = "error",
        index_matrix: Any = None,
        tol: float = 1e-3,
    ) -> "Reflections":
        """Make a list from columns of numbers: cut, checked for absences and merged.

        In this order: origin left out, sigma cut, resolution limit, systematic absences,
        equivalents merged.

        Args:
            space: a `Superspace`, or the cell of a periodic crystal: a `Lattice`, a matrix (3, 3),
                rows in angstrom, or cell parameters (6,), angstrom and degrees. Its metric must fit
                the group.
            group: a group in N dimensions, or the name or number of a space group, or the name of
                a quasicrystal group ("icosahedral P235").
            k: integer indices, (rows, M); M = N unless there is an `index_matrix`.
            intensity: I, (rows,).
            amplitude: |F|, (rows,), instead of I: I = F^2, sigma_I = 2 F sigma_F.
            sigma: standard uncertainty of I or of |F|, (rows,).
            merge: "first" keeps the first row of an orbit, "mean" takes the mean weighted with
                1 / sigma^2 (plain without sigma), "robust" the same without outliers and with a
                sigma no smaller than the scatter says. Friedel mates are equivalent.
            min_i_over_sigma: leave out rows with I <= 0 or I <= this many sigma.
            d_min: leave out rows with 2 pi / |q| below it, angstrom.
            extinct: whether systematically absent rows are an error or left out; strong ones are
                an error anyway, since they contradict the group.
            index_matrix: integers (N, M): the indices become index_matrix @ k (columns).
            tol: largest relative violation of the metric by the group.

        Raises:
            ValueError: wrong shapes, NaN, indices that are not integers, negative |F| or sigma,
                a cut without sigma, extinct reflections (to be left out: five or more as strong
                as the others), a basis that does not fit the group,
                or no reflection left; the message names the row.
        """
        options = _Options(merge, min_i_over_sigma, d_min, extinct, tol)
        data = (k, intensity, amplitude, sigma, index_matrix)
        return cls._build(space, group, data, options, lambda row: f"row {row}")

    @classmethod
    def from_table(
        cls,
        space: Any,
        group: int | str | SpaceGroup,
        table: ReflectionTable,
        *,
        merge: Rule = "first",
        min_i_over_sigma: float | int | None = None,
        d_min: float | int | None = None,
        extinct: Literal["error", "drop"] = "error",
        index_matrix: Any = None,
        tol: float = 1e-3,
    ) -> "Reflections":
        """Make a list from a file read before; arguments and errors as in `from_arrays`."""
        options = _Options(merge, min_i_over_sigma, d_min, extinct, tol)
        data = (table.indices, table.intensity, table.amplitude, table.sigma, index_matrix)
        try:
            built = cls._build(space, group, data, options, table.row_name)
            return dataclasses.replace(built, table=table)
        except ValueError as error:
            if not table.source:
                raise
            raise ValueError(f"{table.source}: {error}") from error

    @classmethod
    def _build(
        cls,
        space: Any,
        group: int | str | SpaceGroup,
        data: tuple[Any, Any, Any, Any, Any],
        options: "_Options",
        name: RowName,
    ) -> "Reflections":
        options.check()
        if not isinstance(space, Superspace):
            space = Superspace.periodic(space.matrix if isinstance(space, Lattice) else space)
        group = SpaceGroup.find(group)
        if group.dimension != space.dimension:
            raise ValueError(
                f"expected a group in {space.dimension} dimensions like the basis, got "
                f"{group.dimension}"
            )
        space.check_group(group.rotations, options.tol)
        columns = check_columns(*data, space.dimension, name)
        left = np.arange(len(columns.k))
        counts, strength = {"rows": len(left)}, None
        for what, keep in (
            ("origin", lambda c: c.k.any(axis=1)),
            ("excluded_weak", options.strong),
            ("beyond_limit", lambda c: options.resolved(c, space)),
            ("extinct", lambda c: ~absent(c.k, group)),
        ):
            kept = keep(columns.take(left))
            if what == "extinct" and not kept.all() and options.extinct == "error":
                raise _extinct_error(columns.k, left[~kept], group, name)
            if what == "extinct" and not kept.all():
                # Judged with the weak rows: those that a cut has left are the strongest by choice.
                gone = absent(columns.k, group) & columns.k.any(axis=1)
                extinct_strength(columns.take(gone), columns.take(~gone), group)
                lost = columns.take(left[~kept])
                strength = Dropped.of("systematically absent", lost.intensity, lost.sigma)
            if what == "extinct":
                gone = laue_unique(columns.k[left[~kept]], group.laue_rotations)[0]
                counts["extinct_orbits"] = len(np.unique(gone, axis=0))
            left, counts[what] = left[kept], int((~kept).sum())
            if len(left) == 0:
                raise ValueError(
                    f"expected at least one reflection, got {counts['rows']} rows, none of which "
                    "is left: "
                    + ", ".join(
                        f"{counts[key]} {key}"
                        for key in counts
                        if counts[key] and key != "extinct_orbits"
                    )
                )
        merged = merge(columns.take(left), group.laue_rotations, options.merge, left)
        orbits = Orbits.build(group, merged.columns.k)
        worst = merged.worst
        report = ReflectionReport(
            **counts,
            merged=len(left) - len(merged.columns.k),
            kept=len(merged.columns.k),
            real=orbits.counts["real"],
            complex=orbits.counts["complex"],
            reflections=orbits.n_reflections,
            rule=options.merge,
            min_i_over_sigma=options.min_i_over_sigma,
            r_int=merged.r_int,
            outliers=merged.outliers,
            extinct_strength=strength,
            worst=worst,
            worst_names=None if worst is None else (name(worst.rows[0]), name(worst.rows[1])),
        )
        return cls(space, orbits, merged.columns.intensity, merged.columns.sigma, report)

    # --- the same data in lower symmetry -----------------------------------------------------

    def expanded(self, group: int | str | SpaceGroup = "P 1") -> "Reflections":
        """List the same data as a subgroup sees them: in P 1, all that the Laue group generates.

        Intensity and sigma of a representative go to all its equivalents. A list that was merged
        under the Laue group of a crystal (say "P 2/m") is complete in P 1 where its unique part
        was; a file of unique reflections read in P 1 is not.

        Args:
            group: a group all of whose rotations (Friedel's law included) and centring
                translations this one has; default none but the identity.

        Returns:
            the list under that group, one reflection for each of its orbits.

        Raises:
            ValueError: another dimension, or a group that is no subgroup in this sense.
        """
        other = SpaceGroup.find(self._trivial if group == "P 1" else group)
        if other.dimension != self.group.dimension:
            raise ValueError(
                f"expected a group in {self.group.dimension} dimensions, got {other!r}"
            )
        known = {W.tobytes() for W in self.group.laue_rotations}
        foreign = [W for W in other.laue_rotations if W.tobytes() not in known]
        if foreign:
            raise ValueError(
                f"expected a group with rotations of {self.group!r} alone, got {other!r} with "
                f"{foreign[0].tolist()}"
            )
        members, owner = self.orbits.members, self.orbits.orbit
        if absent(members, other).any():
            raise ValueError(f"expected a group that extinguishes no listed one, got {other!r}")
        unique = laue_unique(members, other.laue_rotations)[0]
        first = np.sort(np.unique(unique, axis=0, return_index=True)[1])
        orbits = Orbits.build(other, members[first])
        report = dataclasses.replace(
            self.report,
            kept=len(first),
            real=orbits.counts["real"],
            complex=orbits.counts["complex"],
            reflections=orbits.n_reflections,
            expanded_from=len(self),
        )
        sigma = None if self.sigma is None else self.sigma[owner[first]]
        intensity = self.intensity[owner[first]]
        return dataclasses.replace(
            self, orbits=orbits, intensity=intensity, sigma=sigma, report=report
        )

    @property
    def _trivial(self) -> SpaceGroup:
        return SpaceGroup.from_operations([SymOp.identity(self.group.dimension)])

    # --- what follows ------------------------------------------------------------------------

    @property
    def group(self) -> SpaceGroup:
        """The group."""
        return self.orbits.group

    @property
    def k(self) -> Int[np.ndarray, "n N"]:
        """Indices of the representatives, in order of first appearance, (n, N)."""
        return self.orbits.k

    def __len__(self) -> int:
        return len(self.orbits.k)

    @property
    def n_reflections(self) -> int:
        """Number of reflections with symmetry, Friedel mates counted."""
        return self.orbits.n_reflections

    @property
    def real(self) -> Bool[np.ndarray, " n"]:
        """True for orbits whose phase is known up to a sign, (n,)."""
        return self.orbits.real

    @property
    def amplitude(self) -> Float[np.ndarray, " n"]:
        """|F| = sqrt(max(I, 0)), (n,)."""
        return np.sqrt(np.maximum(self.intensity, 0.0))

    @functools.cached_property
    def q_parallel(self) -> Float[np.ndarray, " n"]:
        """Return the length of the physical wave vector, 1/angstrom, (n,)."""
        return np.linalg.norm(self.space.q_parallel(self.k), axis=1)

    @functools.cached_property
    def q_perpendicular(self) -> Float[np.ndarray, " n"]:
        """Return internal lengths |q|, 1/angstrom (dimensionless for modulations), (n,)."""
        return np.linalg.norm(self.space.q_perpendicular(self.k), axis=1)

    @property
    def stol2(self) -> Float[np.ndarray, " n"]:
        """s^2 = (sin(theta) / lambda)^2 = (q / 4 pi)^2, 1/A^2, (n,)."""
        return (self.q_parallel / (4 * np.pi)) ** 2

    @functools.cached_property
    def epsilon(self) -> Int[np.ndarray, " n"]:
        """Count point operations that fix each reflection: <I> is epsilon times as large."""
        return epsilon(self.k, self.group)

    def __repr__(self) -> str:
        group = self.group.hm or f"group of order {self.group.order}"
        d_min = 2 * np.pi / float(self.q_parallel.max())
        return (
            f"Reflections({self.report.real} real + {self.report.complex} complex orbits, "
            f"{self.n_reflections} reflections in {self.space.dimension} dimensions, {group}, "
            f"d >= {d_min:.3g} A)"
        )


@dataclasses.dataclass(frozen=True)
class _Options:
    merge: Rule
    min_i_over_sigma: float | int | None
    d_min: float | int | None
    extinct: str
    tol: float

    def check(self) -> None:
        if self.merge not in ("first", "mean", "robust"):
            raise ValueError(f"merge: expected 'first', 'mean' or 'robust', got {self.merge!r}")
        if self.extinct not in ("error", "drop"):
            raise ValueError(f"extinct: expected 'error' or 'drop', got {self.extinct!r}")
        cut, limit = self.min_i_over_sigma, self.d_min
        if cut is not None and not (np.isfinite(cut) and cut >= 0):
            raise ValueError(f"min_i_over_sigma: expected a number >= 0, got {cut}")
        if limit is not None and not (np.isfinite(limit) and limit > 0):
            raise ValueError(f"d_min: expected a positive number of angstrom, got {limit}")

    def strong(self, columns: Columns) -> np.ndarray:
        cut = self.min_i_over_sigma
        if cut is None:
            return np.ones(len(columns.k), dtype=bool)
        positive = columns.intensity > 0
        if cut == 0:
            return positive
        if columns.sigma is None:
            raise ValueError(f"min_i_over_sigma = {cut:g}: expected sigma, got none")
        return positive & (columns.intensity > cut * columns.sigma)

    def resolved(self, columns: Columns, space: Superspace) -> np.ndarray:
        if self.d_min is None:
            return np.ones(len(columns.k), dtype=bool)
        q = np.linalg.norm(space.q_parallel(columns.k), axis=1)
        return q * self.d_min <= 2 * np.pi * (1 + 1e-12)


def _extinct_error(k: np.ndarray, rows: np.ndarray, group: SpaceGroup, name: RowName) -> ValueError:
    listed = ", ".join(f"{k[row].tolist()} ({name(int(row))})" for row in rows[:_NAMED])
    more = f" and {len(rows) - _NAMED} more" if len(rows) > _NAMED else ""
    return ValueError(
        f"expected no reflections that {group!r} extinguishes, got {len(rows)}: {listed}{more}; "
        "drop them, or cut weak ones, if they are noise"
    )
