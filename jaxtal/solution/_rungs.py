"""The ladder: recipes from the cheapest to the hardest, climbed until runs agree."""

import dataclasses
from typing import Literal


@dataclasses.dataclass(frozen=True)
class Rung:
    """One recipe of phasing in P1: relaxed reflections, then a short sweep.

    Attributes:
        window: profile that amplitudes are multiplied by (`scattering.window_profile`).
        beta: step of `phasing.RelaxedReflections`.
        cycles: how many.
        support: share of the points that may hold density.
        floated: let reflections that were not measured, inside the sphere of those that were,
            take any amplitude rather than none.
        coarser: factor on the least spacing d: above 1 the outermost reflections are left out.
    """

    window: str = "triangle"
    beta: float = 0.5
    cycles: int = 1000
    support: float = 0.1
    floated: bool = False
    coarser: float = 1.0

    def __post_init__(self):
        """Check the numbers.

        Raises:
            ValueError: numbers out of range.
        """
        if not 0 < self.beta < 2 or not 0 < self.support < 1:
            raise ValueError(
                f"expected beta in (0, 2) and support in (0, 1), got {self.beta} and {self.support}"
            )
        if self.cycles < 1 or self.coarser < 1:
            raise ValueError(
                f"expected cycles >= 1 and coarser >= 1, got {self.cycles} and {self.coarser}"
            )

    def text(self) -> str:
        """The recipe in one line."""
        more = ", unmeasured ones floated" if self.floated else ""
        cut = f", d {self.coarser:g} times coarser" if self.coarser > 1 else ""
        return f"{self.cycles} cycles, beta {self.beta:g}, window {self.window}{more}{cut}"


#: Over 28 measured sets the first rung solves 26. Large crystals of equal atoms that are measured
#: well to 0.85 A want the amplitudes that a window takes away, or patience, or both; what follows
#: is for poorly complete data, and for data that are good to less than their edge.
LADDER = (
    Rung(),
    Rung(window="none"),
    Rung(beta=0.25, cycles=4000),
    Rung(window="none", beta=0.25, cycles=4000),
    Rung(window="gaussian", beta=0.25, cycles=4000, floated=True),
    Rung(window="none", beta=0.25, cycles=4000, coarser=1.2),
)

Radiation = Literal["xray", "electron", "neutron"]
