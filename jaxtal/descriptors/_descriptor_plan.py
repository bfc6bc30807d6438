"""`DescriptorPlan`: what decides the shapes of descriptors made of points."""

import abc
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float, PyTree

from .._core import AnyArray, Devices, device_array
from ..crystal import is_crystal
from ..crystal.apply import Chunk, Program, apply_plan, atoms_on_host, stacked_on_device
from ..diffraction import AbstractReflections, ReciprocalPoints, ReciprocalSpace
from ..diffraction._laue_group import cartesian_rotations
from ..diffraction._listed_reflections import ListedReflections
from ..diffraction._reciprocal_space import Provider
from ..reflections import Reflections
from ._description import AbstractDescriptor, Description
from ._laue_invariants import laue_invariants
from ._measured_points import measured_points


class AbstractPointDescriptor(AbstractDescriptor):
    """A descriptor of reciprocal points: `PowerSpectrum`, `RadialDistribution`, or both."""

    space: eqx.AbstractVar[ReciprocalSpace]

    @property
    @abc.abstractmethod
    def highest_degree(self) -> int | None:
        """Highest degree of the spherical harmonics it expands in, None without any."""

    @abc.abstractmethod
    def moments(self, points: ReciprocalPoints, *, friedel: bool = True) -> PyTree:
        """Sums over the points that the description is made of: additive over them; pure.

        Args:
            points: of one crystal, all or some.
            friedel: one of each pair of points q, -q is there, so that odd degrees vanish.
        """

    @abc.abstractmethod
    def from_moments(
        self,
        moments: PyTree,
        *,
        friedel: bool = True,
        invariants: Sequence[Float[Array, "_m _k"]] | None = None,
    ) -> tuple[AnyArray | None, AnyArray | None]:
        """Power spectrum and radial distribution of the sums of `moments`; pure.

        Args:
            moments: over all points of one crystal.
            friedel: as the sums were made with.
            invariants: bases of the harmonics that symmetry leaves, see `DescriptorPlan`.
        """

    def from_points(
        self, points: ReciprocalPoints, *, friedel: bool = True
    ) -> tuple[AnyArray | None, AnyArray | None]:
        """Power spectrum and radial distribution of points that are at hand already; pure.

        Args:
            points: of one crystal.
            friedel: one of each pair of points q, -q is there, so that odd degrees vanish.
        """
        return self.from_moments(self.moments(points, friedel=friedel), friedel=friedel)

    def from_reflections(self, reflections: Reflections, *, forward: float | int) -> Description:
        """Describe a measured list of reflections, without a crystal (host).

        With intensities on the scale of a calculated pattern, and displacements at rest, this is
        the description of the crystal: `jxt.distance` compares the two. An absolute scale is that
        of `WilsonPlot`.

        Args:
            reflections: merged, of a crystal in three dimensions.
            forward: |F(0)|^2 in the unit of the intensities: for X-rays the square of the electrons
                in the cell; for neutrons N sum_j b_j^2.

        Returns:
            The description; `complete` is False if reflections within q_max are missing.

        Raises:
            ValueError: another dimension, no reflection within q_max, or `forward` not positive.
        """
        points = measured_points(reflections, self.space, float(forward))
        P, G = self.from_points(points)
        return Description(P, G, points.complete, self)

    def plan(
        self,
        crystals: Any,
        *,
        max_stretch: float | int = 1.1,
        reflections: Provider = "auto",
        laue: Any = None,
        max_species: int | None = None,
        elements: Sequence[int | str] | None = None,
        once: bool = False,
    ) -> "DescriptorPlan":
        """Decide static shapes and tables for some crystals (host only).

        Arguments and errors as `ReciprocalSpace.plan`. With `laue`, only harmonics invariant under
        that Laue group are kept.
        """
        points = self.space.plan(
            crystals,
            max_stretch=max_stretch,
            reflections=reflections,
            laue=laue,
            max_species=max_species,
            elements=elements,
            once=once,
        )
        invariants = None
        if self.highest_degree is not None and laue is not None:
            assert isinstance(points, ListedReflections)
            rotations = cartesian_rotations(np.asarray(laue, np.int64), np.asarray(points.frame))
            dtype = points.multiplicity.dtype
            bases = laue_invariants(rotations, self.highest_degree)
            invariants = tuple(device_array(basis, dtype) for basis in bases)
        return DescriptorPlan(self, points, invariants)

    def __call__(self, crystals: Any, *, mesh: Devices = None) -> Description:
        """Describe crystals (not inside jit: see `plan`).

        A few of them, and on a CPU also many small ones, by the same formulas in NumPy and float64:
        nothing is compiled. Much work, displacement factors and a radial basis of JAX alone take a
        program that crystals of about the same number of atoms and the same volume share.

        Args:
            crystals: `Crystal`, `WyckoffCrystal`, ASE `Atoms` or `HostAtoms`; several, in a list
                or a `CrystalBatch`, give results with their axis first.
            mesh: devices that several crystals are dealt to, see `crystal.apply.apply_plan`; a
                program computes them then, however few they are, and one for each size in a list.

        Raises:
            ValueError: traced crystals, something that is no crystal, fewer devices than asked
                for, or as `plan`.
        """
        atoms = atoms_on_host(crystals) if self.takes_numpy and mesh is None else None
        if atoms is None:
            return super().__call__(crystals, mesh=mesh)
        points = self.space.in_numpy(atoms)
        found = [self._described(points(one)) for one in atoms]
        return stacked_on_device(found, atoms[0].dtype, one=is_crystal(crystals))

    @property
    def takes_numpy(self) -> bool:
        """Whether crystals can be described without compiling anything."""
        radial = getattr(self, "radial", None)
        return self.space.takes_numpy and (radial is None or radial.takes_numpy)

    def _described(self, points: ReciprocalPoints) -> Description:
        P, G = self.from_points(points, friedel=self.space.wavelength is None)
        return Description(P, G, points.complete, self)


class DescriptorPlan(eqx.Module):
    """Static shapes of a descriptor, and the descriptor: an argument of compiled programs.

    Attributes:
        specification: the descriptor.
        reflections: the plan of its points.
        invariants: for each even degree an orthonormal basis of the harmonics invariant under the
            Laue group, shape (2l + 1, k_l); None keeps all.
    """

    specification: AbstractPointDescriptor
    reflections: AbstractReflections
    invariants: tuple[Float[Array, "_m _k"], ...] | None

    def __call__(
        self, crystals: Any, *, chunk: Chunk = "auto", mesh: Devices = None
    ) -> Description:
        """Describe a crystal, or several with their axis first; pure: jit, vmap, grad.

        Args:
            crystals: of any kind, see `crystal.apply.apply_plan`.
            chunk: crystals computed side by side, see `crystal.apply.map_crystals`.
            mesh: devices that several crystals are dealt to, see `crystal.apply.apply_plan`.

        Returns:
            The description; whether the plan serves the crystal is in `complete`.
        """
        return apply_plan(_description, self, crystals, chunk, mesh)

    def __repr__(self) -> str:
        """Print what is described and by which reflections."""
        return f"DescriptorPlan: {self.reflections!r}\n  {self.specification!r}"


def _description(plan: DescriptorPlan, crystal: Program) -> Description:
    made, friedel = plan.specification, plan.reflections.friedel
    moments, complete = plan.reflections.summed(
        crystal, lambda points: made.moments(points, friedel=friedel)
    )
    P, G = made.from_moments(moments, friedel=friedel, invariants=plan.invariants)
    return Description(P, G, complete, made)
