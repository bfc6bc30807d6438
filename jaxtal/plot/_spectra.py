"""Power spectra and radial distributions, several in one picture."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..descriptors import Description
from ._style import COLOURS, axes_or_new, tidy


def power_spectrum(
    descriptions: Mapping[str, Description],
    ax: Any = None,
    *,
    unit: str = "",
    decades: float = 6.0,
) -> Any:
    """Plot power spectra P_nl on a logarithmic scale, entries grouped by degree l.

    Within each group n runs from 0 to n_max - 1. Degrees that vanish in all spectra (the odd ones,
    by Friedel's law) are left out. The first spectrum is drawn as a line, the others as markers,
    so that equal ones can be told from one alone.

    Args:
        descriptions: spectra of one shape by name.
        ax: matplotlib axes, default new ones.
        unit: unit of P, for the label.
        decades: the scale ends at most this many decades below the largest entry.

    Returns:
        The axes.

    Raises:
        ValueError: no spectra, spectra of different shapes, or nothing positive.
    """
    spectra = {name: np.asarray(d.power_spectrum, float) for name, d in descriptions.items()}
    shapes = {P.shape for P in spectra.values()}
    if len(shapes) != 1 or len(next(iter(shapes))) != 2:
        raise ValueError(
            f"descriptions: expected spectra of one shape (n_max, l_max + 1), got {sorted(shapes)}"
        )
    stack = np.stack(list(spectra.values()))
    top = np.nanmax(stack, initial=0.0)
    if not top > 0:
        raise ValueError("descriptions: expected at least one positive entry, got none")
    n_max = stack.shape[1]
    degrees = [l for l in range(stack.shape[2]) if np.any(stack[:, :, l] > 0)]
    bottom = max(top * 10.0**-decades, np.min(stack[stack > 0]) / 3)

    ax = axes_or_new(ax, (8.0, 3.6))
    gap = max(1.0, 0.15 * n_max)
    starts = np.arange(len(degrees)) * (n_max + gap)
    for k, (name, P) in enumerate(spectra.items()):
        colour = COLOURS[k % len(COLOURS)]
        for i, l in enumerate(degrees):
            x = starts[i] + np.arange(n_max)
            y = np.maximum(P[:, l], bottom * 0.5)
            style = (
                {"linewidth": 2.0, "marker": "o", "markersize": 3.5}
                if k == 0
                else {"linestyle": "", "marker": "ox+^sd"[(k - 1) % 6], "markersize": 7}
            )
            ax.plot(
                x,
                y,
                color=colour,
                markerfacecolor=colour if k == 0 else "none",
                label=name if i == 0 else None,
                **style,
            )
    for start in starts[1:]:
        ax.axvline(start - (gap + 1) / 2, color="#d0d0d0", linewidth=0.8)
    ax.set_yscale("log")
    ax.set_ylim(bottom, top * 3)
    ax.set_xlim(-(gap + 1) / 2, starts[-1] + n_max - 1 + (gap + 1) / 2)
    ax.set_xticks(starts + (n_max - 1) / 2, [f"$l = {l}$" for l in degrees])
    ax.tick_params(axis="x", length=0)
    ax.set_xlabel(f"degree $l$; within each, $n = 0$ to ${n_max - 1}$ from left to right")
    ax.set_ylabel("power spectrum $P_{nl}$" + (f" ({unit})" if unit else ""))
    tidy(ax)
    ax.grid(False, axis="x")
    # Above the axes: any corner of them may hold points.
    ax.legend(
        frameon=False,
        ncols=min(4, len(spectra)),
        loc="lower right",
        bbox_to_anchor=(1.0, 1.0),
        borderaxespad=0.1,
    )
    return ax


def radial_distribution(
    descriptions: Mapping[str, Description], centres: Any, ax: Any = None
) -> Any:
    """Plot reciprocal radial distributions G(q).

    The first is a filled line, the others dashed lines over it.

    Args:
        descriptions: distributions on the same bins, by name.
        centres: where the bins lie (`descriptor.rdf_centres`), shape (n_bins,), 1/angstrom.
        ax: matplotlib axes, default new ones.

    Returns:
        The axes.

    Raises:
        ValueError: no distributions, or as many bins as there are not centres.
    """
    q = np.asarray(centres, float)
    curves = {name: np.asarray(d.rdf, float) for name, d in descriptions.items()}
    wrong = {G.shape for G in curves.values()} - {q.shape}
    if not curves or wrong:
        raise ValueError(f"descriptions: expected bins of shape {q.shape}, got {sorted(wrong)}")
    ax = axes_or_new(ax, (5.0, 3.6))
    for k, (name, G) in enumerate(curves.items()):
        colour = COLOURS[k % len(COLOURS)]
        ax.plot(q, G, "-" if k == 0 else "--", color=colour, linewidth=2.0, label=name)
        if k == 0:
            ax.fill_between(q, G, color=colour, alpha=0.15, linewidth=0)
    ax.set_xlim(q[0], q[-1])
    ax.set_ylim(bottom=0)
    ax.set_xlabel(r"$|\mathbf{q}|$ (Å$^{-1}$)")
    ax.set_ylabel("radial distribution $G$")
    tidy(ax)
    ax.legend(frameon=False)
    return ax
