"""How well a model fits: R1, wR2, goodness of fit."""

import dataclasses

import numpy as np

from ._least_squares import Calculated
from ._measurements import Measurements


@dataclasses.dataclass(frozen=True)
class Figures:
    """Agreement of calculated and measured intensities.

    Attributes:
        r1: sum ||F_o| - |F_c|| / sum |F_o| over I > 2 sigma.
        r1_all: over all, |F_o| = max(I, 0)^(1/2).
        wr2: (sum w (I - Y)^2 / sum w I^2)^(1/2).
        gof: (sum w (I - Y)^2 / (n - p))^(1/2).
        strong: reflections with I > 2 sigma.
        reflections: n.
        parameters: p.
        restraints: how many there were.
    """

    r1: float
    r1_all: float
    wr2: float
    gof: float
    strong: int
    reflections: int
    parameters: int
    restraints: int = 0

    @classmethod
    def of(
        cls,
        measured: Measurements,
        calculated: Calculated,
        weights: np.ndarray,
        parameters: int,
        restraints: tuple[int, float] = (0, 0.0),
    ) -> "Figures":
        """Those of calculated intensities; of restraints their number and chi^2."""
        I, Y = measured.intensity, calculated.intensity
        strong = 2 * measured.sigma < I
        F_o, F_c = np.sqrt(np.maximum(I, 0.0)), np.sqrt(np.maximum(Y, 0.0))
        off = np.abs(F_o - F_c)
        chi2 = float(weights @ (I - Y) ** 2)
        return cls(
            float(off[strong].sum() / max(F_o[strong].sum(), 1e-300)),
            float(off.sum() / max(F_o.sum(), 1e-300)),
            float(np.sqrt(chi2 / max(float(weights @ I**2), 1e-300))),
            float(np.sqrt((chi2 + restraints[1]) / max(len(I) + restraints[0] - parameters, 1))),
            int(strong.sum()),
            len(I),
            parameters,
            restraints[0],
        )

    def __str__(self) -> str:
        return (
            f"R1 {self.r1:.4f} ({self.strong} with I > 2 sigma), {self.r1_all:.4f} "
            f"({self.reflections} all), wR2 {self.wr2:.4f}, GoF {self.gof:.3f}, "
            f"{self.parameters} parameters"
        )
