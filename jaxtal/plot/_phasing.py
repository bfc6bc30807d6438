"""How a phasing run goes: the density's deciles, and iterations to success."""

from typing import Any

import numpy as np

from ._style import COLOURS, GREY, axes_or_new, tidy

#: Darker towards the median.
_SHADES = (0.25, 0.4, 0.55, 0.7, 1.0, 0.7, 0.55, 0.4, 0.25)


def deciles(values: Any, ax: Any = None, *, first: int = 0, stages: Any = ()) -> Any:
    """Plot minimum, nine deciles and maximum of the density against the iteration.

    The maximum rises out of the rest when the structure is found. The scale is linear around the
    deciles and logarithmic beyond, so that both are seen.

    Args:
        values: columns minimum, 10 %, ..., 90 %, maximum, (iterations, 11), as the observer
            `phasing.deciles` records them.
        ax: matplotlib axes, default new ones.
        first: number of the first iteration.
        stages: iterations at which another stage began, marked by vertical lines.

    Returns:
        The axes.

    Raises:
        ValueError: an array of another shape, or without rows.
    """
    table = decile_table(values)
    ax = axes_or_new(ax, (6.0, 3.8))
    lines = decile_lines(ax)
    x = first + np.arange(len(table))
    for line, column in zip(lines, table.T, strict=True):
        line.set_data(x, column)
    decile_scale(ax, table)
    ax.set_xlim(x[0], max(x[-1], x[0] + 1))
    for stage in stages:
        ax.axvline(stage, color=GREY, linestyle=":", linewidth=1.0)
    ax.legend(frameon=True, framealpha=0.85, edgecolor="none", fontsize="small", loc="upper left")
    return ax


def decile_table(values: Any) -> np.ndarray:
    """The values as an array (iterations, 11)."""
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] != 11 or len(table) == 0:
        raise ValueError(
            "values: expected minimum, nine deciles and maximum of at least one iteration, "
            f"(iterations, 11), got {table.shape}"
        )
    return table


def decile_lines(ax: Any) -> list[Any]:
    """Eleven empty lines: minimum, deciles, maximum; labels and grid of the axes."""
    lines = ax.plot([], [], color=COLOURS[5], linewidth=1.6, label="minimum")
    for i, shade in enumerate(_SHADES):
        name = {0: "deciles 10 to 90 %", 4: "median"}.get(i, "_")
        colour, width = ("black", 1.6) if i == 4 else (COLOURS[0], 0.9)
        lines += ax.plot([], [], color=colour, linewidth=width, alpha=shade, label=name)
    lines += ax.plot([], [], color=COLOURS[1], linewidth=1.6, label="maximum")
    ax.set_xlabel("iteration")
    ax.set_ylabel("density")
    ax.xaxis.get_major_locator().set_params(integer=True)
    tidy(ax)
    return lines


def decile_scale(ax: Any, table: np.ndarray) -> None:
    """A scale that shows deciles and extrema together."""
    from matplotlib.ticker import SymmetricalLogLocator

    finite = table[np.isfinite(table).all(axis=1)]
    if not len(finite):
        return
    inner = float(np.abs(finite[:, 1:-1]).max()) or 1.0
    outer = max(float(np.abs(finite).max()), inner)
    ax.set_yscale("symlog", linthresh=1.2 * inner, linscale=1.5)
    # Ticks from the first power of ten that the linear part does not swallow.
    decade = 10.0 ** np.ceil(np.log10(1.2 * inner))
    ax.yaxis.set_major_locator(SymmetricalLogLocator(base=10.0, linthresh=decade))
    ax.set_ylim(1.3 * min(float(finite.min()), -inner), 1.6 * outer)


def success_histogram(
    iterations: Any, converged: Any, ax: Any = None, *, bins: int = 20, limit: int | None = None
) -> Any:
    """Plot how many iterations the starts took that succeeded, and how many did not.

    Args:
        iterations: of each start, integers, (starts,).
        converged: whether it succeeded, (starts,).
        ax: matplotlib axes, default new ones.
        bins: number of bars, fewer where the range is smaller.
        limit: iterations allowed; default the largest number.

    Returns:
        The axes.

    Raises:
        ValueError: no starts, or arrays of different lengths.
    """
    steps, good = np.asarray(iterations), np.asarray(converged, dtype=bool)
    if steps.ndim != 1 or steps.shape != good.shape or len(steps) == 0:
        raise ValueError(
            f"expected as many iterations as verdicts, got {steps.shape} and {good.shape}"
        )
    ax = axes_or_new(ax, (5.0, 3.4))
    end = int(steps.max()) if limit is None else limit
    width = max(1, -(-(end + 1) // bins))
    edges = np.arange(0, end + width + 1, width)
    found, total = int(good.sum()), len(good)
    ax.hist(
        steps[good],
        bins=edges.tolist(),
        color=COLOURS[0],
        edgecolor="white",
        label=f"{found} of {total} starts",
    )
    if found:
        median = float(np.median(steps[good]))
        label = f"median {median:g}"
        ax.axvline(median, color=COLOURS[1], linestyle="--", linewidth=1.4, label=label)
    if found < total:
        ax.plot([], [], " ", label=f"{total - found} without success")
    ax.set_xlim(0, edges[-1])
    ax.set_xlabel("iterations to success")
    ax.set_ylabel("starts")
    ax.yaxis.get_major_locator().set_params(integer=True)
    tidy(ax)
    ax.legend(frameon=True, framealpha=0.85, edgecolor="none", fontsize="small")
    return ax
