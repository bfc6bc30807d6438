"""One picture that tells whether a reconstruction can be believed."""

import textwrap
from typing import Any

from ..descriptors import AbstractDescriptor, Description, Descriptor, OrthonormalBasis, describe
from ..reconstruct import Reconstruction
from ._losses import loss_curves
from ._spectra import power_spectrum, radial_distribution
from ._style import RED


def reconstruction_figure(
    found: Reconstruction,
    target: Description,
    *,
    title: str = "",
    failure: str = "",
) -> Any:
    """Plot target and recovered power spectrum and G(d), and the loss of every start (host).

    The recovered descriptor is computed afresh from the best crystal. Curves that lie on each other
    do not prove a crystal: where the search has failed, the picture says so in red.

    Args:
        found: the reconstruction.
        target: what it was asked to reproduce, power spectrum and radial distribution.
        title: text above the picture.
        failure: what went wrong, where the caller knows more than `found.success` tells.

    Returns:
        A matplotlib `Figure` of its own, to be saved with `savefig` or shown in a notebook.
    """
    from matplotlib.figure import Figure

    descriptor = target.specification
    name = "recovered" if found.success else "best start, not converged"
    both = {"target": target, name: describe(found.best, descriptor)}
    if not found.success:
        failure = failure or found.message
    lines = [title, failure and f"NOT SOLVED: {failure}"]
    text = "\n".join(textwrap.fill(line, 110) for line in lines if line)
    # Stated margins: to have them found takes as long as to draw the picture, with every command.
    above = 0.035 * len(text.splitlines())
    figure = Figure(figsize=(10.0, 7.2), dpi=130)
    grid = figure.add_gridspec(
        2, 2, left=0.075, right=0.985, bottom=0.075, top=0.955 - above, hspace=0.33, wspace=0.2
    )
    power_spectrum(both, figure.add_subplot(grid[0, :]), unit=_unit(descriptor))
    radial_distribution(both, descriptor.rdf_centres, figure.add_subplot(grid[1, 0]))
    loss_curves(found, figure.add_subplot(grid[1, 1]))
    if text:
        colour = RED if failure else "black"
        figure.suptitle(text, fontsize="large", x=0.01, y=0.988, va="top", ha="left", color=colour)
    return figure


def _unit(descriptor: AbstractDescriptor) -> str:
    """Unit of P, which is that of R_n squared."""
    orthonormal = isinstance(descriptor, Descriptor) and isinstance(
        descriptor.radial, OrthonormalBasis
    )
    return "Å³" if orthonormal else ""
