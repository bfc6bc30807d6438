"""Pictures: spectra, densities, and how a reconstruction or a phasing run went.

Thin wrappers of matplotlib, which is imported when the first picture is drawn. Each function draws
into the `Axes` it is given, or into new ones, and returns them:

    ax = plot.power_spectrum({"target": target, "recovered": recovered})
    ax = plot.radial_distribution({"diamond": a, "h-diamond": b}, descriptor.rdf_centres)
    ax = plot.loss_curves(found)
    figure = plot.reconstruction_figure(found, target, descriptor)    # all three
    figure.savefig("reconstruction.png")

    ax = plot.density_section(fields.section(density, plane))         # to scale, cell outlined
    ax = plot.deciles(values)                                         # against the iteration
    ax = plot.success_histogram(iterations, converged)
    view = plot.LiveView(plane)                                       # while phasing goes on

`reconstruction_figure` makes a figure of its own that no window owns: it needs no display.
"""

from ._density import density_section as density_section
from ._live import LiveView as LiveView
from ._losses import loss_curves as loss_curves
from ._phasing import deciles as deciles
from ._phasing import success_histogram as success_histogram
from ._reconstruction import reconstruction_figure as reconstruction_figure
from ._spectra import power_spectrum as power_spectrum
from ._spectra import radial_distribution as radial_distribution
