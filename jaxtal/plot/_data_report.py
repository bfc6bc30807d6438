"""Measured reflections at a glance."""

from typing import Any

import numpy as np

from ..reflections import DataReport
from ._style import COLOURS, GREY, RED, tidy


def data_report(report: DataReport, title: str = "") -> Any:
    """Draw Wilson plot, completeness, signal and R_int by resolution, N(z), and Laue candidates.

    Args:
        report: what is drawn.
        title: text above the figure.

    Returns:
        A figure that no window owns.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.0, 7.2), layout="constrained")
    axes = figure.subplots(2, 2)
    draw_wilson(axes[0, 0], report)
    _shells(axes[0, 1], report)
    _distribution(axes[1, 0], report)
    _laue(axes[1, 1], report)
    if title:
        figure.suptitle(title, fontsize="medium")
    return figure


def draw_wilson(ax: Any, report: DataReport) -> None:
    ax.set_title("Wilson plot", fontsize="medium")
    ax.set_xlabel("sin²θ/λ² (1/Å²)")
    ax.set_ylabel("ln ⟨I / (ε f²)⟩")
    fit = report.wilson
    if fit is None:
        ax.text(0.5, 0.5, "no positive intensity", ha="center", transform=ax.transAxes)
        return
    ax.plot(fit.stol2, fit.log_ratio, "o", color=COLOURS[0], markersize=4)
    x = np.array([0.0, float(fit.stol2.max())])
    label = f"B = {fit.b_iso:.2f} Å²"
    ax.plot(x, np.log(fit.scale) - 2 * fit.b_iso * x, color=COLOURS[1], label=label)
    tidy(ax)
    ax.legend(frameon=False, fontsize="small")


def _shells(ax: Any, report: DataReport) -> None:
    ax.set_title("by resolution", fontsize="medium")
    x = [0.5 * (one.d_max**-2 + one.d_min**-2) for one in report.shells]
    complete = [np.nan if s.completeness is None else 100 * s.completeness for s in report.shells]
    r_int = [np.nan if s.r_int is None else 100 * s.r_int for s in report.shells]
    signal = [np.nan if s.i_over_sigma is None else s.i_over_sigma for s in report.shells]
    ax.plot(x, complete, "o-", color=COLOURS[0], markersize=4, label="completeness (%)")
    ax.plot(x, r_int, "s-", color=RED, markersize=4, label="R_int (%)")
    ax.set_ylim(0, 105)
    ax.set_ylabel("%")
    ticks = np.linspace(min(x), max(x), 5)
    ax.set_xticks(ticks, [f"{t**-0.5:.2f}" for t in ticks])
    ax.set_xlabel("d (Å)")
    tidy(ax)
    other = ax.twinx()
    other.plot(x, signal, "^-", color=COLOURS[2], markersize=4, label="⟨I/σ⟩, right")
    other.set_ylim(bottom=0)
    other.set_ylabel("⟨I/σ⟩")
    other.spines["top"].set_visible(False)
    lines = [*ax.get_lines(), *other.get_lines()]
    ax.legend(lines, [str(line.get_label()) for line in lines], frameon=False, fontsize="small")


def _distribution(ax: Any, report: DataReport) -> None:
    from scipy.special import erf

    ax.set_title("distribution of intensities", fontsize="medium")
    z = np.linspace(0.0, 2.0, 201)
    ax.plot(z, 1 - np.exp(-z), color="black", linewidth=1, label="acentric")
    ax.plot(z, erf(np.sqrt(z / 2)), "--", color="black", linewidth=1, label="centric")
    ax.plot(z, 1 - (1 + 2 * z) * np.exp(-2 * z), ":", color=RED, label="perfect twin")
    found = report.statistics
    if found is not None:
        label = f"measured, ⟨|E²-1|⟩ = {found.e2_minus_1:.2f}"
        x = np.linspace(0.0, 2.0, len(found.n_z))
        ax.plot(x, found.n_z, "o", color=COLOURS[0], markersize=3, label=label)
    ax.set_xlabel("z = E²")
    ax.set_ylabel("N(z)")
    tidy(ax)
    ax.legend(frameon=False, fontsize="small", loc="lower right")


def _laue(ax: Any, report: DataReport) -> None:
    ax.set_title("Laue classes of the lattice", fontsize="medium")
    shown = report.laue.by_class[::-1]
    for i, one in enumerate(shown):
        chosen = one is report.laue.chosen
        colour = COLOURS[2] if chosen else COLOURS[0] if one.accepted else RED
        if one.r_int is None:
            ax.text(0.0, i, " no equivalents", va="center", fontsize="small", color=GREY)
            continue
        ax.barh(i, 100 * one.r_int, color=colour, height=0.6)
    names = [f"{o.name} (found)" if o is report.laue.chosen else o.name for o in shown]
    ax.set_yticks(range(len(shown)), names)
    ax.set_xlabel("R_int (%); red: contradicted")
    ax.set_ylim(-0.6, len(shown) - 0.4)
    ax.set_xlim(left=0)
    tidy(ax)
