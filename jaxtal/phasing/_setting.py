"""Signs that a list was indexed in another setting than its space: lengths, fall-off, R_int."""

import dataclasses

import numpy as np

from ..reflections import Reflections

#: R_int of equivalents that are none: right settings of measured quasicrystals reach 0.1.
_R_INT = 0.15
#: Reflections that a fall-off takes.
_ENOUGH = 50


@dataclasses.dataclass(frozen=True)
class Setting:
    """Lengths of a list in the two spaces, and how its amplitudes fall with each.

    A wrong setting of an aperiodic crystal often converges: exchanged spaces and wrong scalings
    only move reflections. Atoms are small in physical space and extended in internal space, so
    that amplitudes fall with the internal length.

    Attributes:
        d: least and largest spacing 2 pi / |q|, angstrom.
        q_perpendicular: least and largest internal length, None where there is no internal space.
        fall: change of ln |F|, in its standard deviations, for one standard deviation of |q| and
            of the internal length, from one regression with both; None for few reflections, and
            for modulated crystals, whose satellites have orders rather than lengths.
        r_int: of merged equivalents, None without any.
    """

    d: tuple[float, float]
    q_perpendicular: tuple[float, float] | None
    fall: tuple[float, float] | None
    r_int: float | None

    @classmethod
    def of(cls, reflections: Reflections) -> "Setting":
        """Look at a list."""
        q, inner = reflections.q_parallel, reflections.q_perpendicular
        d = (float(2 * np.pi / q.max()), float(2 * np.pi / q.min()))
        r_int = reflections.report.r_int
        space = reflections.space
        if not space.n_internal:
            return cls(d, None, None, r_int)
        ends = (float(inner.min()), float(inner.max()))
        modulated = not space.perpendicular.any(axis=1).all()
        seen = reflections.amplitude > 0
        if modulated or seen.sum() < _ENOUGH:
            return cls(d, ends, None, r_int)
        columns = [np.log(reflections.amplitude[seen]), q[seen], inner[seen]]
        y, a, b = ((x - x.mean()) / max(float(x.std()), 1e-300) for x in columns)
        slopes = np.linalg.lstsq(np.stack([a, b], axis=1), y, rcond=None)[0]
        return cls(d, ends, (float(slopes[0]), float(slopes[1])), r_int)

    @property
    def warnings(self) -> list[str]:
        """What speaks against the setting, a sentence each."""
        found = []
        if self.fall is not None and self.fall[0] < self.fall[1] - 0.1:
            found.append(
                f"amplitudes fall faster with |q| ({self.fall[0]:.2f}) than with the internal "
                f"length ({self.fall[1]:.2f}): are physical and internal space exchanged?"
            )
        if self.q_perpendicular is not None and (self.r_int or 0.0) > _R_INT:
            found.append(
                f"R_int is {self.r_int:.2f}: rows that were merged as equivalents are none, as in "
                "a wrong setting (`phasing.index_settings` tries all exchanges of axes)"
            )
        return found

    def text(self) -> str:
        """Lengths and fall-off in one line."""
        parts = [f"d from {self.d[1]:.4g} to {self.d[0]:.4g} A"]
        if self.q_perpendicular is not None:
            low, high = self.q_perpendicular
            parts.append(f"internal |q| from {low:.3g} to {high:.3g}")
        if self.fall is not None:
            parts.append(f"ln |F| falls by {self.fall[0]:.2f} and {self.fall[1]:.2f} with them")
        return ", ".join(parts)
