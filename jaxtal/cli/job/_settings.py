"""[run] and [output] of a job: how it is run, and what is written."""

import dataclasses
from typing import Literal

from ...phasing import Recipe, recipe
from ._table import Table
from ._values import BelowOne, Count, FilePath, NonNegative, Positive, RecipeName, Whole


class RunTable(Table):
    """How it is run; options of the command line count instead."""

    recipe: RecipeName = "default"
    """stages of cycles: "default", "thorough", "relaxed", "sweep", ..."""
    starts: Count = 4
    """from how many sets of random phases"""
    iterations: Count | None = None
    """of the first stage of the recipe, default the recipe's own"""
    seed: Whole = 0
    """of everything random"""
    dtype: Literal["float32", "float64"] = "float32"
    """precision"""
    unmeasured: Literal["zero", "free"] | NonNegative = "zero"
    """reflections that were not measured: "zero", "free", or a bound in units of the rms modulus"""
    ratio: Positive | None = None
    """least (max - median) / (median - min) of a solution, besides the evidence; default any"""
    agreement: BelowOne | None = None
    """least agreement with what is found without symmetry, default the recipe's"""
    r_factor: Positive | None = None
    """largest R of a solution, besides the evidence; default any"""
    restarts: Whole | None = None
    """how often a start that fails is begun again, default the recipe's"""
    grid: FilePath | None = None
    """a file: the alias-free grid is kept there after the search, and read if it exists"""
    checkpoint: FilePath | None = None
    """a file that work is kept in; a later run goes on from it"""

    def stages(self, reflections: int) -> Recipe:
        """The recipe for so many reflections, changed as asked."""
        found = recipe(self.recipe, reflections)
        found = found if self.iterations is None else found.resized(self.iterations)
        limits = {key: getattr(self, key) for key in ("ratio", "agreement", "r_factor", "restarts")}
        return dataclasses.replace(found, **{k: v for k, v in limits.items() if v is not None})


class OutputTable(Table):
    """Files to write besides summary.json and the sections."""

    csv: bool = True
    """phases.csv: k1, ..., kn, I, real(ampl), imag(ampl)"""
    npz: bool = True
    """phases.npz: every start, symmetry, settings"""
    ccp4: bool | None = None
    """density.ccp4, for viewers of density; by default where there can be one"""
    density: bool = False
    """density.npz: values on the alias-free grid"""
    peaks: bool | Count = False
    """peaks.csv (in 3 dimensions also .cif, .res, .xyz): the highest, one of each set of
    equivalents: true, or how many"""
    peaks_above: BelowOne = 0.1
    """least height of a peak, as a share of the highest"""

    @property
    def n_peaks(self) -> int:
        """How many peaks to list, 0 for none."""
        return (50 if self.peaks else 0) if isinstance(self.peaks, bool) else self.peaks
