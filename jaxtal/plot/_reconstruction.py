"""One picture that tells whether a reconstruction can be believed."""

from typing import Any

from ..descriptors import AbstractDescriptor, Description, Descriptor, OrthonormalBasis, describe
from ..reconstruct import Reconstruction
from ._losses import loss_curves
from ._spectra import power_spectrum, radial_distribution


def reconstruction_figure(
    found: Reconstruction,
    target: Description,
    *,
    title: str = "",
) -> Any:
    """Plot target and recovered power spectrum and G(d), and the loss of every start (host).

    The recovered descriptor is computed afresh from the best crystal.

    Args:
        found: the reconstruction.
        target: what it was asked to reproduce, power spectrum and radial distribution.
        title: text above the picture.

    Returns:
        A matplotlib `Figure` of its own, to be saved with `savefig` or shown in a notebook.
    """
    from matplotlib.figure import Figure

    descriptor = target.specification
    both = {"target": target, "recovered": describe(found.best, descriptor)}
    figure = Figure(figsize=(10.0, 7.2), dpi=130, layout="constrained")
    grid = figure.add_gridspec(2, 2)
    power_spectrum(both, figure.add_subplot(grid[0, :]), unit=_unit(descriptor))
    radial_distribution(both, descriptor.rdf_centres, figure.add_subplot(grid[1, 0]))
    loss_curves(found, figure.add_subplot(grid[1, 1]))
    if title:
        figure.suptitle(title, fontsize="large", x=0.01, ha="left")
    return figure


def _unit(descriptor: AbstractDescriptor) -> str:
    """Unit of P, which is that of R_n squared."""
    orthonormal = isinstance(descriptor, Descriptor) and isinstance(
        descriptor.radial, OrthonormalBasis
    )
    return "Å³" if orthonormal else ""
