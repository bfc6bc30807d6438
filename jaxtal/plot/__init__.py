"""Pictures: spectra, densities, and how a reconstruction or a phasing run went.

Thin wrappers of matplotlib, which is imported when the first picture is drawn. Each function draws
into the `Axes` it is given, or into new ones, and returns them:

    ax = plot.power_spectrum({"target": target, "recovered": recovered})
    ax = plot.radial_distribution({"diamond": a, "h-diamond": b}, descriptor.rdf_centres)
    ax = plot.loss_curves(found)
    figure = plot.reconstruction_figure(found, target, descriptor)    # all three
    figure.savefig("reconstruction.png")

    ax = plot.density_section(rho.section(plane))                    # to scale, cell outlined
    ax = plot.deciles(values)                                         # against the iteration
    ax = plot.success_histogram(iterations, converged)
    view = plot.LiveView(plane)                                       # while phasing goes on

    ax = plot.powder_patterns({"quartz": (two_theta, intensity)})     # beside a measured one, too

    figure = plot.data_report(report)                                 # reflections.DataReport
    figure = plot.solution_figure(jxt.solve(table))                   # solution.Solution, one page

    ax = plot.field_profile(field)                                    # fields.PeriodicField: 1D
    ax = plot.field_section(field, repeat=(2, 2))                     # 2D, planes of 3D
    ax = plot.isosurface(field, level, cells=(2, 2, 1))               # 3D, shaded, caps closed;
                                                                      # needs jaxtal[plot]

`reconstruction_figure` makes a figure of its own that no window owns: it needs no display.

A name is imported when it is first used (`__init__.pyi` lists them).
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
