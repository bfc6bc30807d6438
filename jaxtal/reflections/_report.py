"""What became of the rows of a reflection list."""

import dataclasses

from ._dropped import Dropped
from ._merge import Disagreement


@dataclasses.dataclass(frozen=True)
class ReflectionReport:
    """Numbers of rows read, left out and merged; rows = kept + all that is between.

    Attributes:
        rows: rows given.
        origin: rows of the reflection (0, ..., 0), left out.
        excluded_weak: rows at or below the sigma cut.
        beyond_limit: rows with d < d_min.
        extinct: systematically absent rows, left out.
        extinct_orbits: the orbits that these belong to.
        merged: rows merged into an equivalent or identical one.
        kept: orbits kept.
        real: orbits of real type (phase up to a sign).
        complex: orbits of complex type.
        reflections: reflections with symmetry, Friedel mates counted.
        rule: "first", "mean" or "robust".
        min_i_over_sigma: the cut, None where there was none.
        r_int: sum |I - <I>| / sum |I| over orbits with several rows; None without such.
        worst: the two equivalent rows that differ most; None where all agree.
        worst_names: how the source calls these two rows.
        outliers: rows that the robust mean left out; among `merged`.
        extinct_strength: mean I and I / sigma of the absent rows; None without such.
        expanded_from: orbits before `Reflections.expanded`; None where it was not used.
    """

    rows: int
    origin: int
    excluded_weak: int
    beyond_limit: int
    extinct: int
    extinct_orbits: int
    merged: int
    kept: int
    real: int
    complex: int
    reflections: int
    rule: str
    min_i_over_sigma: float | int | None
    r_int: float | None
    worst: Disagreement | None
    worst_names: tuple[str, str] | None
    outliers: int = 0
    extinct_strength: Dropped | None = None
    expanded_from: int | None = None

    def text(self) -> str:
        """The report in a few lines."""
        lines = [f"{self.rows} rows read"]
        if self.origin:
            lines.append(f"{self.origin} left out: the origin of reciprocal space has no phase")
        if self.excluded_weak:
            limit = f"I <= 0 or I <= {self.min_i_over_sigma:g} sigma"
            lines.append(f"{self.excluded_weak} left out: {limit}")
        if self.beyond_limit:
            lines.append(f"{self.beyond_limit} left out: beyond the resolution limit")
        if self.extinct:
            lines.append(
                f"{self.extinct} left out: systematically absent"
                if self.extinct_strength is None
                else self.extinct_strength.text()
            )
        if self.merged:
            how = "the first one counts" if self.rule == "first" else "mean taken"
            how += f", {self.outliers} outliers left out" if self.outliers else ""
            lines.append(f"{self.merged} merged with equivalents ({how}), R_int = {self.r_int:.4f}")
        if self.worst is not None and self.worst_names is not None:
            unit = "sigma" if self.worst.in_sigma else "of their sum"
            (a, b), (I, J) = self.worst_names, self.worst.intensities
            lines.append(
                f"worst equivalents: {a} with I = {I:g} and {b} with I = {J:g}, "
                f"{self.worst.deviation:.3g} {unit} apart"
            )
        if self.expanded_from is not None:
            lines.append(f"{self.expanded_from} orbits before symmetry was lowered")
        lines.append(
            f"{self.kept} orbits: {self.real} real, {self.complex} complex; "
            f"{self.reflections} reflections with symmetry"
        )
        return "\n".join(lines)
