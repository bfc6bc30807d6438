"""Pictures: spectra, radial distributions, and how a reconstruction went.

Thin wrappers of matplotlib, which is imported when the first picture is drawn. Each function draws
into the `Axes` it is given, or into new ones, and returns them:

    ax = plot.power_spectrum({"target": target, "recovered": recovered})
    ax = plot.radial_distribution({"diamond": a, "h-diamond": b}, descriptor.rdf_centres)
    ax = plot.loss_curves(found)
    figure = plot.reconstruction_figure(found, target, descriptor)    # all three
    figure.savefig("reconstruction.png")

`reconstruction_figure` makes a figure of its own that no window owns: it needs no display.
"""

from ._losses import loss_curves as loss_curves
from ._reconstruction import reconstruction_figure as reconstruction_figure
from ._spectra import power_spectrum as power_spectrum
from ._spectra import radial_distribution as radial_distribution
