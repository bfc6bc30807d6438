"""Sections of a density placed and drawn, once there is a density."""

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..._core import write_bytes, write_container
from ...density import Density, Peaks, Plane
from ...plot import density_section
from ._sections import SectionPlan


def placed(density: Density, plans: Sequence[SectionPlan]) -> list[SectionPlan]:
    """Move the planes that go by peaks to where the phases have put those."""
    if not any(plan.at_peak for plan in plans):
        return list(plans)
    wanted = 50 if any(plan.edge is not None for plan in plans) else 1
    peaks = density.peaks(wanted, above=0.3 if wanted > 1 else 0.9)
    return [_moved(density, plan, peaks) if plan.at_peak else plan for plan in plans]


def write_section(
    density: Density, plan: SectionPlan, source: str, failure: str, folder: pathlib.Path
) -> None:
    """Write NAME.png and NAME.npz.

    Args:
        density: what is drawn.
        plan: where.
        source: the job, for the title.
        failure: what went wrong, told in red.
        folder: for the files.
    """
    from matplotlib.figure import Figure

    drawn = density.section(plan.plane, plan.shape)
    figure = Figure(figsize=(5.6, 4.8), layout="constrained")
    title = f"{source}: {plan.name}"
    if density.dimension > 2:
        title += f"\nthrough {_where(plan)}"
    density_section(
        drawn,
        figure.add_subplot(),
        title=title,
        failure=failure,
        outline=plan.outline,
        clip=plan.clip,
    )
    write_bytes(
        folder / f"{plan.name}.png",
        lambda file: figure.savefig(file, format="png", dpi=150, bbox_inches="tight"),
    )
    plane = plan.plane
    write_arrays(
        folder / f"{plan.name}.npz",
        values=drawn.values,
        corner=plane.corner,
        edges=plane.edges,
        frame=plane.frame,
        offset=plane.offset,
        outline=plane.outline,
    )


def write_arrays(path: pathlib.Path, **arrays: Any) -> None:
    """Write arrays to an .npz, whole or not at all; no reader here takes it back."""
    write_container(path, "jaxtal-density", 1, arrays)


def _where(plan: SectionPlan) -> str:
    """What the middle of the picture is, and its coordinates."""
    x = np.round(plan.plane.points(plan.plane.middle), 3) % 1.0
    place = f"({', '.join(f'{value:g}' for value in x)})"
    if plan.edge is not None:
        return f"the highest peak {place} and its two nearest"
    return f"the highest peak {place}" if plan.at_peak else place


def _moved(density: Density, plan: SectionPlan, peaks: Peaks) -> SectionPlan:
    plane = plan.plane
    if plan.edge is not None and density.space is not None:
        images = np.concatenate([_images(density, x) for x in peaks.position])
        cell = 2 * np.pi * np.linalg.inv(density.space.parallel).T
        first, second = _directions(peaks.position[0], images, cell)
        plane = Plane.physical(density.space, plan.edge * first, plan.edge * second)
    return dataclasses.replace(plan, plane=plane.through(peaks.position[0]))


def _images(density: Density, x: np.ndarray) -> np.ndarray:
    if density.group is None:
        return x[None]
    group = density.group
    return group.rotations @ x + group.translations / group.denominator


def _directions(x: np.ndarray, images: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """Two unit vectors, at right angles, in the plane of a point and the two nearest to it."""
    shifts = np.indices((3, 3, 3)).reshape(3, -1).T - 1
    apart = images - x
    apart = ((apart - np.round(apart))[:, None] + shifts).reshape(-1, 3) @ cell
    apart = apart[np.argsort(np.linalg.norm(apart, axis=1))]
    apart = apart[np.linalg.norm(apart, axis=1) > 0.5]
    first = apart[0] / np.linalg.norm(apart[0])
    across = apart - (apart @ first)[:, None] * first
    # The next one that is not in line with it.
    second = across[np.argmax(np.linalg.norm(across, axis=1) > 0.3)]
    return np.stack([first, second / np.linalg.norm(second)])
