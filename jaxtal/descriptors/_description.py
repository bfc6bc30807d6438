"""`Description`: what a descriptor says of a crystal, and the seam of descriptors."""

import abc
from typing import Any

import equinox as eqx
from jaxtyping import Bool, Float
from numpy import ndarray

from .._core import AbstractSpecification, AnyArray, Devices, mesh_of, take_rows
from ..crystal import CrystalArrays, CrystalBatch, is_crystal
from ..crystal.apply import planned_crystals
from ..diffraction._reciprocal_points import raise_if_outgrown
from ._by_sizes import by_sizes

#: Crystals that one program takes as they are.
_ONE_SHAPE = (CrystalBatch, CrystalArrays)


class Description(eqx.Module):
    """What a descriptor says of one crystal, or of many with their axes first.

    Attributes:
        power_spectrum: P_nl, shape (*B, n_max, l_max + 1), dimensionless up to the unit of R_n^2;
            None if the descriptor makes none.
        rdf: reciprocal radial distribution G(d), shape (*B, n_bins), dimensionless; or None.
        complete: shape (*B,); False if the plan does not serve the crystal, which has reflections
            inside q_max or species that the plan lacks: the numbers are then those of the part
            that fits.
        specification: the descriptor that made it; descriptions of different ones cannot be
            compared. None if unknown.
    """

    power_spectrum: Float[AnyArray, "*B n_max l_max_1"] | None
    rdf: Float[AnyArray, "*B n_bins"] | None
    complete: Bool[AnyArray, "*B"]
    specification: Any = eqx.field(static=True, default=None)

    def checked(self) -> "Description":
        """Return the description; raises at run time if it is not complete."""
        return raise_if_outgrown(self)

    def __getitem__(self, rows: Any) -> "Description":
        """Take the descriptions of some of many crystals.

        Args:
            rows: what an array takes for its first axes.
        """
        return take_rows(self, rows)

    def __repr__(self) -> str:
        """Print what there is, for how many crystals, and what made it."""
        names = {"power spectrum": self.power_spectrum, "radial distribution": self.rdf}
        n = self.complete.ndim
        parts = [f"{name} {x.shape[n:]}" for name, x in names.items() if x is not None]
        many = f" of {self.complete.shape} crystals" if n else ""
        return f"Description{many}: {', '.join(parts)}\n  {self.specification!r}"


class AbstractDescriptor(AbstractSpecification):
    """Anything that plans on the host and then maps crystals to a `Description`."""

    @abc.abstractmethod
    def plan(self, crystals: Any, *, max_stretch: float | int = 1.1, **options: Any) -> Any:
        """Static shapes and tables for some crystals (host only).

        Args:
            crystals: one or several of any kind that the plan must serve.
            max_stretch: by what factor any direction of the lattice may stretch in real space
                before a crystal no longer fits.
            options: what else the plan depends on.

        Returns:
            What maps crystals to a `Description`; pure, for jit, vmap and grad.
        """

    @property
    @abc.abstractmethod
    def rdf_centres(self) -> Float[ndarray, " n_bins"] | None:
        """Where the entries of `Description.rdf` lie, 1/angstrom."""

    def __call__(self, crystals: Any, *, mesh: Devices = None) -> Description:
        """Describe crystals, planned for and computed at once (not inside jit: see `plan`).

        Crystals of about the same number of atoms and the same volume share a compiled program.

        Args:
            crystals: `Crystal`, `WyckoffCrystal`, ASE `Atoms` or `HostAtoms`; several, in a list
                or a `CrystalBatch`, give results with their axis first.
            mesh: devices that several crystals are dealt to, see `crystal.apply.apply_plan`; those
                of a list by sizes, each with a program of its own.

        Raises:
            ValueError: traced crystals, something that is no crystal, fewer devices than asked
                for, or as `plan`.
        """
        devices = mesh_of(mesh)
        if devices is not None and not (is_crystal(crystals) or isinstance(crystals, _ONE_SHAPE)):
            mesh_of(devices, own=True)
            return by_sizes(self.plan, crystals, devices)
        atoms, arrays = planned_crystals(crystals)
        plan = self.plan(atoms, max_stretch=1.0, once=True)
        return plan(arrays) if devices is None else plan(arrays, mesh=devices)
