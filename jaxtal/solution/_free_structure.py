"""Phases in P1: what every run found, and whether to believe it."""

import dataclasses
import functools

import numpy as np
from jaxtyping import Complex, Float, Int

from .._core import next_smooth
from ..density import Density
from ..grids import mesh_grid
from ..reflections import Reflections
from ._rungs import Rung

#: Agreement of two runs in P1: right ones reach 0.75 to 1.0, wrong ones 0.66 at most.
PAIRS = 0.70
#: <|E^2 - 1|> below this is none of intensities, of twins neither.
_NO_CRYSTAL = 0.48


@dataclasses.dataclass(frozen=True, eq=False)
class FreeStructure:
    """A structure phased in P1, without any symmetry but that of the moduli.

    Attributes:
        reflections: merged data that were phased.
        k: one of each Friedel pair of every equivalent, (m, 3).
        orbit: row of `reflections` that each belongs to, (m,).
        modulus: sharpened and windowed moduli that were phased, (m,).
        F: amplitudes that each run found, modulus and phase, (runs, m), on its own origin and hand.
        r_factor: R of each run, which means little in P1, (runs,).
        families: runs that agree, largest first.
        agreement: of every two runs, (runs, runs).
        rung: the recipe that found them.
        twin: <|E^2 - 1|> where it is as low as twins alone have it, otherwise None.
        signed: densities of both signs were allowed (neutrons).
        seconds: spent.
    """

    reflections: Reflections
    k: Int[np.ndarray, "m 3"]
    orbit: Int[np.ndarray, " m"]
    modulus: Float[np.ndarray, " m"]
    F: Complex[np.ndarray, "runs m"]
    r_factor: Float[np.ndarray, " runs"]
    families: list[list[int]]
    agreement: Float[np.ndarray, "runs runs"]
    rung: Rung
    twin: float | None
    signed: bool
    seconds: float
    average: Complex[np.ndarray, " m"] = dataclasses.field(repr=False)

    @property
    def pairs(self) -> float:
        """Mean agreement of pairs of runs of the largest family, NaN for a run alone."""
        return family_agreement(self.agreement, self.families[0])

    @property
    def agrees(self) -> bool:
        """Runs agree, and more of them than on any other structure."""
        sizes = [len(family) for family in self.families]
        return sizes[0] > 1 and (len(sizes) == 1 or sizes[0] > sizes[1])

    @property
    def converged(self) -> bool:
        """Runs agree, and the intensities are not those of a twin.

        The symmetry that they turn out to have is evidence besides: see `find_space_group`.
        """
        return self.agrees and self.twin is None

    @functools.cached_property
    def density(self) -> Density:
        """Density in one cell, the origin anywhere, in units of the sharpened moduli."""
        volume = 1.0
        return dataclasses.replace(
            Density.from_reflections(self.k, self.average, volume), space=self.reflections.space
        )

    @functools.cached_property
    def values(self) -> Float[np.ndarray, "n1 n2 n3"]:
        """The density at (i / n1, j / n2, k / n3) along a, b, c, twice as fine as the data are."""
        sizes = [next_smooth(int(4 * h + 1)) for h in np.abs(self.k).max(axis=0)]
        return np.asarray(self.density.on_grid(mesh_grid(sizes)), np.float64)

    @property
    def message(self) -> str:
        """One sentence on the outcome."""
        n, first = len(self.F), len(self.families[0])
        sizes = [len(family) for family in self.families if len(family) > 1]
        if self.twin is not None and self.twin < _NO_CRYSTAL:
            return (
                f"not believed: <|E^2 - 1|> is {self.twin:.3f}, lower than any crystal has (0.736 "
                "expected, 0.541 of a twin): |F| instead of F^2 (HKLF 3), or noise"
            )
        if self.twin is not None:
            return (
                f"not believed: <|E^2 - 1|> is {self.twin:.3f}, which says that the crystal is "
                "twinned (0.736 expected, 0.541 of a twin)"
            )
        if first < 2:
            return f"none of {n} runs in P1 agree"
        if not self.agrees:
            return f"two contradicting families of {sizes[0]} and {sizes[1]} runs in P1"
        return f"{first} of {n} runs in P1 agree at {self.pairs:.2f} ({self.rung.text()})"

    def __repr__(self) -> str:
        return f"FreeStructure({len(self.k)} reflections): {self.message}"


def family_agreement(agreement: np.ndarray, family: list[int]) -> float:
    """Mean agreement of the pairs of a family, NaN for one alone."""
    n = len(family)
    if n < 2:
        return float("nan")
    inside = agreement[np.ix_(family, family)]
    return float((inside.sum() - np.trace(inside)) / (n * n - n))
