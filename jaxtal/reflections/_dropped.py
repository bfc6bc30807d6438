"""What was left out of a list of reflections, and how strong it was."""

import dataclasses
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True)
class Dropped:
    """Rows left out for one reason.

    Attributes:
        reason: why.
        rows: how many.
        mean_intensity: their mean I; None where they had no value.
        mean_i_over_sigma: their mean I / sigma, over rows with sigma > 0; None without.
    """

    reason: str
    rows: int
    mean_intensity: float | None = None
    mean_i_over_sigma: float | None = None

    @classmethod
    def of(cls, reason: str, intensity: Any = None, sigma: Any = None, rows: int = 0) -> "Dropped":
        """Count rows with intensities and uncertainties, or rows without a value."""
        if intensity is None:
            return cls(reason, rows)
        known = np.isfinite(intensity)
        mean = float(np.mean(intensity[known])) if known.any() else None
        ratio = None
        if sigma is not None and (good := known & (sigma > 0)).any():
            ratio = float(np.mean(intensity[good] / sigma[good]))
        return cls(reason, len(intensity), mean, ratio)

    def text(self) -> str:
        """One line."""
        strength = []
        if self.mean_intensity is not None:
            strength.append(f"mean I {self.mean_intensity:.4g}")
        if self.mean_i_over_sigma is not None:
            strength.append(f"mean I/sigma {self.mean_i_over_sigma:.2f}")
        more = f" ({', '.join(strength)})" if strength else ""
        return f"{self.rows} left out: {self.reason}{more}"
