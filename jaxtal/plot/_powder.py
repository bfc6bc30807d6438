"""Powder patterns, calculated and measured."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ._style import COLOURS, GREY, axes_or_new, tidy


def powder_patterns(
    patterns: Mapping[str, tuple[Any, Any]],
    ax: Any = None,
    *,
    title: str = "",
    measured: tuple[Any, Any] | None = None,
    background: Any = None,
) -> Any:
    """Plot powder patterns against 2 theta, calculated ones above each other, measured as dots.

    Beside a measured pattern the calculated ones stand on its background, and on each other.

    Args:
        patterns: angles in degrees and intensities of each calculated pattern, by name.
        ax: matplotlib axes, default new ones.
        title: text above the axes.
        measured: angles and intensities as measured.
        background: of the measured pattern, at its angles; drawn as a dashed line.

    Returns:
        The axes.

    Raises:
        ValueError: nothing to draw, or a background of another length.
    """
    if not patterns and measured is None:
        raise ValueError("patterns: expected at least one, got none")
    ax = axes_or_new(ax, (8.0, 4.0))
    if measured is not None:
        x, y = (np.asarray(v, np.float64) for v in measured)
        base = np.zeros_like(y) if background is None else np.asarray(background, np.float64)
        if base.shape != y.shape:
            raise ValueError(f"background: expected {y.shape}, as measured, got {base.shape}")
        ax.plot(x, y, ".", color=GREY, markersize=2.5, label="measured", zorder=1)
        if background is not None:
            ax.plot(x, base, "--", color="black", linewidth=1.0, label="background", zorder=3)
    for i, (name, (angles, values)) in enumerate(patterns.items()):
        height = np.asarray(values, np.float64)
        if measured is None:
            height = height / max(float(height.max(initial=0.0)), 1e-300) + 1.1 * i
        else:
            height = height + np.interp(angles, x, base)
        ax.plot(angles, height, color=COLOURS[i % len(COLOURS)], linewidth=1.1, label=name)
    ax.set_xlabel("2θ (degrees)")
    if measured is None:
        ax.set_ylabel("intensity, each of its highest")
        ax.set_yticks([])
    else:
        ax.set_ylabel("intensity (as measured)")
    if title:
        ax.set_title(title, fontsize="medium")
    ax.margins(x=0)
    tidy(ax)
    ax.legend(frameon=False, fontsize="small")
    return ax
