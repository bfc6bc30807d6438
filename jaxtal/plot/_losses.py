"""The losses of all starts of a reconstruction."""

from typing import Any

import numpy as np

from ..reconstruct import Reconstruction
from ._style import COLOURS, GREY, axes_or_new, tidy

#: Zero has no place on a logarithmic scale.
_SMALLEST = 1e-18


def loss_curves(found: Reconstruction, ax: Any = None) -> Any:
    """Plot the loss of every start against the iteration, the best one in front.

    Grey starts did not converge. The dotted line is the tolerance. While the objective still
    smooths G(d), the curves show the smoothed objective.

    Args:
        found: the reconstruction.
        ax: matplotlib axes, default new ones.

    Returns:
        The axes.
    """
    ax = axes_or_new(ax, (5.0, 3.6))
    history = np.maximum(np.where(np.isfinite(found.history), found.history, np.nan), _SMALLEST)
    steps = history.shape[1]
    # The history holds losses before each iteration; what follows the last is in `losses`.
    final = np.maximum(np.where(np.isfinite(found.losses), found.losses, np.nan), _SMALLEST)
    curves = np.concatenate([history, final[:, None]], axis=1)
    x = np.arange(steps + 1)
    best = int(np.argmin(found.losses))
    total, good = len(final), int(np.sum(found.converged))
    marker = "-" if steps else "o"  # one point makes no line
    groups = (
        (~found.converged, GREY, f"not converged: {total - good}"),
        (found.converged, COLOURS[0], f"converged: {good}"),
    )
    for members, colour, label in groups:
        alpha = max(0.25, min(0.8, 8 / max(1, int(members.sum()))))
        for i, start in enumerate(np.flatnonzero(members)):
            ax.plot(x, curves[start], marker, color=colour, linewidth=0.8, alpha=alpha)
            if i == 0:
                ax.plot([], [], color=colour, label=label)
    ax.plot(x, curves[best], marker, color=COLOURS[1], linewidth=2.0, label="best start")
    ax.axhline(found.tolerance, color="black", linestyle=":", linewidth=1.2, label="tolerance")
    ax.set_yscale("log")
    ax.set_xlim(-0.01 * steps, max(1, steps))
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set_xlabel("iteration")
    ax.set_ylabel("objective (relative, squared)")
    tidy(ax)
    ax.legend(frameon=True, framealpha=0.85, edgecolor="none", fontsize="small")
    return ax
