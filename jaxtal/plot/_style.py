"""What all pictures share: axes made on demand, colours, grids."""

from typing import Any

#: Okabe and Ito's colours, told apart with every kind of colour vision.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
GREY = "#9a9a9a"
#: What went wrong is told in this.
RED = "#c00000"
#: Dots per inch of new figures, at least.
DPI = 120


def axes_or_new(ax: Any, figsize: tuple[float, float]) -> Any:
    """The axes given, or those of a new pyplot figure, which a notebook then shows."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    dpi = max(DPI, plt.rcParams["figure.dpi"])
    _, ax = plt.subplots(figsize=figsize, dpi=dpi, layout="constrained")
    return ax


def tidy(ax: Any) -> None:
    """A faint grid, and no frame where no scale is."""
    ax.grid(True, which="major", color="#e4e4e4", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
