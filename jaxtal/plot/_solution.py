"""A solved structure on one page: what was found, and why to believe it."""

import textwrap
from typing import Any

import numpy as np

from ..lattice import cell_to_matrix, matrix_to_cell
from ..refinement import Refinement
from ..solution import Solution
from ._data_report import draw_wilson
from ._projection import (
    Projection,
    draw_atoms,
    draw_density,
    gathered,
    whole_cell,
    window_of,
)
from ._style import COLOURS, GREY, RED, tidy

#: A landscape page, inches.
_PAGE = (11.7, 8.3)
#: Runs whose agreements are written into the picture, and steps of refinement that are listed.
_NUMBERED, _STEPS = 8, 14


def solution_figure(found: Solution, title: str = "") -> Any:
    """Draw a solution on one page, whose title says in red if it is not to be believed.

    Density along the shortest axis with the atoms, Wilson plot, agreement of the runs in P1 by
    families, R1 at each step of the refinement, F_obs against F_calc, key figures. Without a
    refined model the density is that of the phases in P1.

    Args:
        found: the solution.
        title: name of the crystal, above the page.

    Returns:
        A matplotlib `Figure` that no window owns.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=_PAGE, layout="constrained")
    grid = figure.add_gridspec(3, 4, height_ratios=(1.0, 1.0, 0.5))
    refined = found.refinement
    # Wide cells leave room below, where the numbers are.
    _density(figure.add_subplot(grid[:2, :2], anchor="N"), found)
    draw_wilson(figure.add_subplot(grid[0, 2]), found.report)
    _families(figure.add_subplot(grid[0, 3]), found)
    steps, amplitudes = figure.add_subplot(grid[1, 3]), figure.add_subplot(grid[1, 2])
    if refined is None:
        for ax in (steps, amplitudes):
            ax.text(0.5, 0.5, "no refined model", ha="center", color=GREY, transform=ax.transAxes)
            ax.set_axis_off()
    else:
        _convergence(steps, refined)
        _amplitudes(amplitudes, refined)
    _figures(figure.add_subplot(grid[2, :]), found)
    _headline(figure, found, title)
    return figure


def _headline(figure: Any, found: Solution, title: str) -> None:
    start = f"{title}: " if title else ""
    refined, candidate = found.refinement, found.candidate
    if found.solved and refined is not None and candidate is not None:
        head, rest = f"{start}solved in {candidate.group.hm}, R1 {refined.R1:.4f}", ""
    else:
        head, rest = f"{start}NOT SOLVED", found.message.removeprefix("not solved: ")
    text = "\n".join(line for one in (head, rest) for line in textwrap.wrap(one, 110))
    colour = "black" if found.solved else RED
    figure.suptitle(text, x=0.01, ha="left", color=colour, fontsize="large", weight="bold")


def _density(ax: Any, found: Solution) -> None:
    refined, structure = found.refinement, found.structure
    if refined is None:
        seen = Projection.along_shortest(cell_to_matrix(found.report.laue.cell))
        draw_density(ax, structure.values, seen, whole_cell(), signed=structure.signed)
        ax.set_title(
            f"phases in P1, density along {'abc'[seen.along]}", fontsize="medium", color=RED
        )
        return
    model = refined.model
    seen = Projection.along_shortest(model.matrix)
    window = window_of(gathered(model), seen)
    signed = refined.measured.radiation == "neutron"
    draw_density(ax, refined.density, seen, window, signed=signed)
    draw_atoms(ax, model, seen, window)


def _families(ax: Any, found: Solution) -> None:
    structure = found.structure
    order = [run for family in structure.families for run in family]
    agreement = structure.agreement[np.ix_(order, order)]
    ax.imshow(agreement, cmap="Blues", vmin=0.0, vmax=1.0)
    n, at = len(order), 0
    for family in structure.families:
        if len(family) > 1:
            x = np.array([0, 1, 1, 0, 0]) * len(family) + at - 0.5
            y = np.array([0, 0, 1, 1, 0]) * len(family) + at - 0.5
            ax.plot(x, y, color=COLOURS[1], linewidth=2, clip_on=False)
        at += len(family)
    for i in range(n if n <= _NUMBERED else 0):
        for j in range(n):
            if i != j:
                shade = "white" if agreement[i, j] > 0.55 else "black"
                text = f"{agreement[i, j]:.2f}"
                ax.text(j, i, text, ha="center", va="center", color=shade, fontsize="small")
    ax.set_xticks(range(n), [str(run + 1) for run in order])
    ax.set_yticks(range(n), [str(run + 1) for run in order])
    ax.set_xlabel(structure.rung.text(), fontsize="x-small")
    sizes = ", ".join(str(len(family)) for family in structure.families)
    ax.set_title(f"agreement of runs in P1\nfamilies: {sizes}", fontsize="medium")


def _convergence(ax: Any, refined: Refinement) -> None:
    steps = refined.history[-_STEPS:]
    y = np.arange(len(steps))
    ax.plot([figures.r1 for _, figures in steps], y, "o-", color=COLOURS[0], markersize=4)
    for i, (what, _) in enumerate(steps):
        ax.text(0.99, i, what, ha="right", va="center", fontsize="x-small", transform=_across(ax))
    ax.set_yticks([])
    ax.set_ylim(len(steps) - 0.4, -0.6)
    high = max((figures.r1 for _, figures in steps), default=0.1)
    ax.set_xlim(0, 1.9 * high)
    ax.set_xlabel("R1")
    ax.set_title("refinement, step by step", fontsize="medium")
    tidy(ax)
    ax.spines["left"].set_visible(False)


def _across(ax: Any) -> Any:
    """x as a share of the axes, y by the data."""
    from matplotlib.transforms import blended_transform_factory

    return blended_transform_factory(ax.transAxes, ax.transData)


def _amplitudes(ax: Any, refined: Refinement) -> None:
    measured, k = refined.measured, float(refined.model.scale or 1.0)
    F_o = np.sqrt(np.maximum(measured.intensity, 0.0) / k)
    F_c = np.sqrt(np.maximum(refined.calculated.intensity, 0.0) / k)
    strong = measured.intensity > 2 * measured.sigma
    for some, colour, label in (
        (~strong, GREY, "I ≤ 2σ"),
        (strong, COLOURS[0], "I > 2σ"),
    ):
        ax.plot(F_c[some], F_o[some], ".", color=colour, markersize=2, label=label, rasterized=True)
    top = 1.04 * float(max(F_o.max(), F_c.max()))
    ax.plot([0, top], [0, top], color=COLOURS[1], linewidth=0.8)
    ax.set_xlim(0, top)
    ax.set_ylim(0, top)
    ax.set_xlabel("|F_calc|")
    ax.set_ylabel("|F_obs|")
    ax.set_title(f"R1 = {refined.R1:.4f}", fontsize="medium")
    ax.legend(frameon=False, fontsize="small", loc="upper left", markerscale=4)
    tidy(ax)


def _figures(ax: Any, found: Solution) -> None:
    """What was found on the left, how well it is known on the right, warnings below."""
    ax.set_axis_off()
    report, structure, refined = found.report, found.structure, found.refinement
    cell = report.laue.cell if refined is None else matrix_to_cell(refined.model.matrix)
    lengths = " ".join(f"{v:.4g}" for v in cell[:3])
    angles = " ".join(f"{v:.4g}" for v in cell[3:])
    left = [f"cell  {lengths} Å, {angles}°", f"data  {_data(found)}"]
    right = [f"phases  {structure.message}"]
    if found.candidate is not None:
        left.insert(0, f"space group  {found.candidate.group.hm}")
        right.append(f"symmetry  {found.candidate.text()}")
    if found.alternatives:
        right.append(f"not ruled out  {', '.join(found.alternatives)}")
    if refined is not None:
        model, figures = refined.model, refined.figures
        left.insert(1, f"contents of the cell  {model.formula}")
        left.append(
            f"fit  R1 {figures.r1:.4f} ({figures.strong} with I > 2σ), wR2 {figures.wr2:.4f}, "
            f"GoF {figures.gof:.2f}, {figures.parameters} parameters"
        )
        difference = refined.difference
        left.append(
            f"difference density  {difference.lowest:.2f} to {difference.highest:.2f} "
            f"{difference.unit}"
        )
        if refined.flack is not None:
            right.append(str(refined.flack))
    told = [*found.warnings, *(() if refined is None else refined.model.notes)]
    for x, lines in ((0.0, left), (0.5, right)):
        text = "\n".join(textwrap.fill(line, 80, subsequent_indent="    ") for line in lines)
        ax.text(x, 1.0, text, va="top", fontsize="small", transform=ax.transAxes, linespacing=1.35)
    shown = textwrap.wrap("; ".join(told), 190)[:2]
    ax.text(
        0.0, 0.0, "\n".join(shown), va="bottom", fontsize="small", color=RED, transform=ax.transAxes
    )


def _data(found: Solution) -> str:
    report = found.report
    d_min = float(2 * np.pi / report.reflections.q_parallel.max())
    r_int = "" if report.r_int is None else f", R_int {report.r_int:.3f}"
    return (
        f"{len(report.reflections.k)} unique of {len(report.table.indices)} rows to "
        f"{d_min:.2f} Å{r_int}, {report.table.radiation or 'X-rays'}"
    )
