"""Reflection lists in N dimensions: merged, typed by symmetry, sharpened. Host only, float64.

    space = Superspace.icosahedral(a=5.689)
    group = SpaceGroup.from_generators([r3, r5])
    refl = Reflections.from_arrays(space, group, k, I, sigma=sigma, min_i_over_sigma=1)
    refl = Reflections.from_table(space, group, io.read_reflection_columns(...))   # from a file
    print(refl.report.text())                     # rows, cut, merged, R_int, worst equivalents
    refl.expanded()                               # the same data in P 1, every equivalent listed

`Reflections` holds one representative for each orbit of the group, in order of first appearance:
`k`, `intensity`, `sigma`, `amplitude`, lengths `q_parallel` and `q_perpendicular`, `real` (phase up
to a sign), and `orbits` with every equivalent and its exact phase. Equivalents are merged by a
stated rule: "first" (the first row counts), "mean" (weighted with 1 / sigma^2) or "robust" (the
same without outliers). Systematically absent reflections are an error that names them, unless they
are to be dropped; strong ones are an error always, since they contradict the group.

What a file holds is a `ReflectionTable`: rows as measured, what was left out of them and why, and
cell, group, wavelength, radiation and composition as far as the file says them.

    table = io.read_reflection_table("data.hkl")          # "data.ins" beside it tells the rest
    table = table.stating(cell=[7.1, 8.2, 9.3, 90, 105, 90], composition="C12 H22 O11")
    table.merged("P 21", anomalous=True)                  # one row for each, Friedel mates apart
    table.reindexed([[0, 0, 1], [0, 1, 0], [-1, 0, -1]])  # other axes

What rows say before any structure is a `DataReport` (`jaxtal data` prints it): centring, Laue class
with R_int of each candidate of the lattice's metric, obverse and reverse settings, screw axes and
glide planes with the strength of what each extinguishes, completeness and R_int by shell, moments
of E, the L test of twins, a Wilson plot, and warnings.

    report = DataReport.of(table)
    report.laue.group, report.laue.cell, report.laue.index_matrix
    report.reflections.expanded()                         # merged under it, complete in P 1
    report.laue.twins, report.elements, report.warnings


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
from ._dropped import Dropped as Dropped
from ._normalised import NormalisedE as NormalisedE
from ._reflection_table import ReflectionTable as ReflectionTable
from ._reflections import Reflections as Reflections
from ._wilson import WilsonPlot as WilsonPlot
from .quality._data_report import DataReport as DataReport
