"""The ladder: recipes from the cheapest to the hardest, climbed until runs agree."""

import dataclasses
from typing import Literal


@dataclasses.dataclass(frozen=True)
class Rung:
    """One recipe of phasing in P1: relaxed reflections, then a short sweep.

    Attributes:
        window: profile that amplitudes are multiplied by (`scattering.window_profile`).
        sharpened: power of the normalised amplitudes. Above 1 the strong ones lead, which finds
            large structures of equal atoms from atomic data; the phases are then finished with
            the amplitudes themselves, in a triangle.
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
    sharpened: float = 1.0

    def __post_init__(self):
        """Check the numbers.

        Raises:
            ValueError: numbers out of range.
        """
        if not 0 < self.beta < 2 or not 0 < self.support < 1:
            raise ValueError(
                f"expected beta in (0, 2) and support in (0, 1), got {self.beta} and {self.support}"
            )
        for name in ("cycles", "coarser", "sharpened"):
            if not getattr(self, name) >= 1:
                raise ValueError(f"{name}: expected at least 1, got {getattr(self, name)}")

    def text(self) -> str:
        """The recipe in one line."""
        more = f", amplitudes^{self.sharpened:g}" if self.sharpened > 1 else ""
        more += ", unmeasured ones floated" if self.floated else ""
        cut = f", d {self.coarser:g} times coarser" if self.coarser > 1 else ""
        return f"{self.cycles} cycles, beta {self.beta:g}, window {self.window}{more}{cut}"


#: Over 28 measured sets the first rung solves 26. Large crystals of equal atoms that are measured
#: well to 0.85 A want the amplitudes that a window takes away, the strong ones above all: with 46
#: such atoms in P212121 no run ends right with a window, two of four in 8000 cycles without one,
#: four of four in 300 with their power 1.8; with 69 atoms four of four in 1000. Data to 1.1 A want
#: them as they are. What follows is patience, poorly complete data, and data that are good to less
#: than their edge.
LADDER = (
    Rung(),
    Rung(window="none", beta=0.25, cycles=2000, sharpened=1.8),
    Rung(window="none"),
    Rung(window="none", beta=0.25, cycles=6000, sharpened=1.5),
    Rung(beta=0.25, cycles=4000),
    Rung(window="none", beta=0.25, cycles=4000),
    Rung(window="gaussian", beta=0.25, cycles=4000, floated=True),
    Rung(window="none", beta=0.25, cycles=4000, coarser=1.2),
)

Radiation = Literal["xray", "electron", "neutron"]
