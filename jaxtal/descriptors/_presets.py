"""Named descriptors, and one call that describes crystals."""

from typing import Any

import numpy as np

from .._core import Devices
from ..diffraction import ReciprocalSpace
from ._description import AbstractDescriptor, Description
from ._descriptor import Descriptor
from .compat import PaperBesselBasis, RecpDescriptor

PRESETS = ("default", "paper", "recp")


def preset(name: str, n_max: int = 10, l_max: int = 10, q_max: float = 10.0) -> AbstractDescriptor:
    """Make a descriptor by name.

    Args:
        name: "default" (`Descriptor`); "paper": the paper's equations as written, with
            s^2 = (q / 4 pi)^2 in eq. 4, which is meant: International Tables' four Gaussians,
            sqrt(2 / q_max) J_n(pi q / q_max) for n = 0..n_max - 1, no taper, sums over m, hard bins
            of 0.1 1/angstrom for q_max = 10; or "recp" (`RecpDescriptor`: the program that made the
            paper's figures).
        n_max: number of radial functions.
        l_max: highest degree.
        q_max: radius of the sphere, 1/angstrom.

    Raises:
        ValueError: another name, or sizes out of range.
    """
    if name == "default":
        return Descriptor(n_max, l_max, q_max)
    if name == "paper":
        space = ReciprocalSpace(q_max=q_max, kind="it92", taper="none")
        return Descriptor(n_max, l_max, radial=PaperBesselBasis(), space=space, histogram=True)
    if name == "recp":
        return RecpDescriptor(n_max=n_max, l_max=l_max, q_max=q_max)
    raise ValueError(f"preset: expected one of {', '.join(PRESETS)}, got {name!r}")


def describe(
    crystals: Any,
    descriptor: AbstractDescriptor | None = None,
    *,
    mesh: Devices = None,
    **options: Any,
) -> Description:
    """Describe crystals in one call: plan, compile, run, check (host).

    Args:
        crystals: `Crystal`, `WyckoffCrystal` or ASE `Atoms`; several, in a list or a
            `CrystalBatch`, give results with their axis first.
        descriptor: default `Descriptor(**options)`.
        mesh: devices that several crystals are dealt to, see `crystal.apply.apply_plan`.

    Crystals of about the same number of atoms and the same volume share one compiled program.

    Raises:
        ValueError: no crystal, a number in it that is not finite, both a descriptor and options,
            an unknown species, options out of range, or a cell so flat that its reflections
            cannot be listed in this precision.
    """
    if descriptor is not None and options:
        raise ValueError(f"options {sorted(options)} belong to a default descriptor; give one only")
    chosen = Descriptor(**options) if descriptor is None else descriptor
    description = chosen(crystals) if mesh is None else chosen(crystals, mesh=mesh)
    if not np.all(np.asarray(description.complete)):
        raise ValueError(
            "crystals: the list of reflections does not cover every cell in the precision of the "
            "crystals; use float64 or less skewed cells"
        )
    return description
