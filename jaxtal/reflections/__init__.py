"""Reflection lists in N dimensions: merged, typed by symmetry, sharpened. Host only, float64.

    space = Superspace.icosahedral(a=5.689)
    group = SpaceGroup.from_generators([r3, r5])
    refl = Reflections.from_arrays(space, group, k, I, sigma=sigma, min_i_over_sigma=1)
    refl = Reflections.from_table(space, group, io.read_reflection_columns(...))   # from a file
    print(refl.report.text())                     # rows, cut, merged, R_int, worst equivalents

`Reflections` holds one representative for each orbit of the group, in order of first appearance:
`k`, `intensity`, `sigma`, `amplitude`, lengths `q_parallel` and `q_perpendicular`, `real` (phase up
to a sign), and `orbits` with every equivalent and its exact phase. Equivalents are merged by a
stated rule: "first" (the first row counts) or "mean" (weighted with 1 / sigma^2). Systematically
absent reflections are an error that names them, unless they are to be dropped.

Amplitudes for phasing are observed ones divided by form factors, times windows:

    f = Composition("Cd5.7Yb", b_iso=1.8)         # tabulated form factors and a known B
    f = WilsonPlot("Cd5.7Yb")                     # B and scale fitted: .fit(refl).b_iso
    f = NormalisedE()                             # |E| in resolution shells, <E^2> = 1
    normalised_amplitudes(refl, f, Window("ball", "ball"))

Each factor can be had alone: `f.form_factors(refl)`, `Window(...).factors(refl)`. Anything with
`form_factors` is a `Sharpening`, anything with `factors` a window:

    profile    function of one length x = q / q_max, by name: `scattering.window_profile("ball")`
    window     factor of each reflection, the product of a profile in physical and one in internal
               space: `Window("ball", "none")`
    fitted     window that makes a point atom come out flattest: `phasing.fit_window`

Every error is a ValueError that names the row (or the line, for data from a file).
"""

from ._amplitudes import AbstractWindow as AbstractWindow
from ._amplitudes import Composition as Composition
from ._amplitudes import Sharpening as Sharpening
from ._amplitudes import Window as Window
from ._amplitudes import normalised_amplitudes as normalised_amplitudes
from ._normalised import NormalisedE as NormalisedE
from ._reflection_table import ReflectionTable as ReflectionTable
from ._reflections import Reflections as Reflections
from ._wilson import WilsonPlot as WilsonPlot
