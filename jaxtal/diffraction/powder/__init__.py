"""Powder patterns: `PowderPattern` and the lines that it is made of.

pattern = PowderPattern("CuKa", limits=(10, 80), fwhm=0.2)    # specification
pattern(crystal).intensity                                    # plans by itself
plan = pattern.plan(crystals, max_stretch=1.1)                # host
plan(crystal)                                                 # pure: jit, vmap, grad
powder_lines(crystal, pattern)                                # table of lines (host)
"""

from ._diffractogram import Diffractogram as Diffractogram
from ._lines import PowderLine as PowderLine
from ._lines import powder_lines as powder_lines
from ._pattern import PowderPattern as PowderPattern
from ._pattern import PowderPlan as PowderPlan
from ._peaks import PowderPeaks as PowderPeaks
