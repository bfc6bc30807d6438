"""`ReciprocalSpace`: how a crystal becomes points in reciprocal space."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, get_args

import equinox as eqx
import numpy as np

from .._core import limit_programs
from ..crystal import CrystalArrays, CrystalBatch, HostAtoms, host_crystals
from ..crystal.apply import planned_crystals
from ..scattering import Charges
from ._found_reflections import FoundReflections
from ._host_points import host_factors, host_points
from ._listed_reflections import ListedReflections
from ._reciprocal_points import (
    AbstractReciprocalSpace,
    AbstractReflections,
    ReciprocalPoints,
    Taper,
)

#: Who finds the reflections: a list made on the host, or the program.
Provider = Literal["auto", "listed", "found"]
#: Up to so many cells their reflections are listed, unless stated.
_FEW_CELLS = 4


class ReciprocalSpace(AbstractReciprocalSpace):
    """Specification of how a crystal becomes points in reciprocal space.

    I(q) = |F(q)|^2 / |F(0)|^2 t(q / q_max), with the taper t(x) = (1 - x^2)^3 ("smooth": value,
    slope and curvature vanish at q_max, so that nothing jumps when a reflection enters or leaves
    the sphere) or 1 ("none": I jumps). For neutrons, where F(0) may vanish, |F(0)|^2 is replaced by
    N sum_j o_j b_j^2, with N = sum_j o_j.

        ReciprocalSpace()(crystal)                      # plans by itself
        plan = ReciprocalSpace(q_max=8.0).plan(crystals, max_stretch=1.2)
        plan(crystal)                                   # pure: jit, vmap, grad

    Attributes:
        q_max: radius of the sphere, 1/angstrom.
        kind: form-factor table (see `FormFactors.build`).
        charges: "nearest" takes the nearest tabulated charge for ions that the table lacks, with a
            warning; "exact" refuses them (see `FormFactors.build`).
        taper: "smooth" or "none".
        displacements: apply Debye-Waller factors; off by default, so that the descriptor
            compares structures and not temperatures.
        wavelength: X-ray wavelength (angstrom) at which f' and f'' are added; None for neither.
            Friedel's law then fails, and the whole sphere is used.

    References:
        O. G. Ridwan et al., "Crystal Representation in the Reciprocal Space" (2026), eqs. 7-9.
    """

    q_max: float = eqx.field(static=True, converter=float, default=10.0)
    kind: str = eqx.field(static=True, default="waasmaier-kirfel")
    taper: Taper = eqx.field(static=True, default="smooth")
    displacements: bool = eqx.field(static=True, default=False)
    wavelength: float | None = eqx.field(static=True, default=None)
    charges: Charges = eqx.field(static=True, kw_only=True, default="nearest")

    def __check_init__(self):
        self.check()

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
    ) -> AbstractReflections:
        """Decide static shapes and tables for some crystals (host only).

        Args:
            crystals: one or several of any kind (`host_crystals`) that the plan must serve.
            max_stretch: by what factor any direction of the lattice may stretch in real space
                before a crystal no longer fits; 1.1 allows for 10 %. Reflections grow with its
                third power.
            reflections: "listed" on the host, for one or several similar cells; or "found" by the
                program, for any cells, of neutral atoms at rest. "auto" is "found" for a batch
                and for more than four crystals, wherever that is possible, and else "listed".
            laue: integer rotations W of the Laue group, shape (n, 3, 3), of crystals whose
                intensities are known to have that symmetry, I(h W) = I(h); only one reflection
                of each orbit is then listed, and the points come in Cartesian axes that follow
                the lattice. Default: Friedel's law alone.
            max_species: different elements in one crystal, if reflections are found; default the
                most that one of them holds, at least 4.
            elements: numbers or symbols, if reflections are found; default all that the table of
                form factors holds.
            once: the plan serves a single call; its program is shared by other crystals of about
                the same size, where reflections are listed.

        Raises:
            ValueError: no crystals, max_stretch below 1, an unknown species, rotations that are
                no Laue group of the lattices, or reflections that cannot be found as told.
        """
        limit_programs()
        atoms = host_crystals(crystals)
        many = isinstance(crystals, CrystalBatch | CrystalArrays) or len(atoms) > _FEW_CELLS
        if not (np.isfinite(max_stretch) and max_stretch >= 1):
            raise ValueError(f"max_stretch: expected a number of at least 1, got {max_stretch}")
        if reflections not in get_args(Provider):
            raise ValueError(
                f"reflections: expected one of {get_args(Provider)}, got {reflections!r}"
            )
        plain = not (self.displacements or self.wavelength is not None or laue is not None)
        charged = any((one.keys[:, 1:] != 0).any() for one in atoms)
        if reflections == "auto":
            reflections = "found" if many and plain and not charged else "listed"
        if reflections == "listed":
            if not (max_species is None and elements is None):
                raise ValueError(
                    "max_species, elements: expected none where reflections are listed, whose plan "
                    "has the species of its crystals"
                )
            return ListedReflections.build(
                self, atoms, max_stretch=max_stretch, laue=laue, once=once
            )
        if laue is not None or charged:
            what = "a Laue group" if laue is not None else "ions or isotopes"
            raise ValueError(f'reflections: expected "listed" for {what}, got "found"')
        return FoundReflections.for_crystals(
            self, atoms, max_stretch=max_stretch, max_species=max_species, elements=elements
        )

    def in_numpy(self, crystals: list[HostAtoms]) -> Callable[[HostAtoms], ReciprocalPoints]:
        """Return what computes the points of each of some crystals in NumPy and float64 (host).

        Raises:
            ValueError: displacement factors, or an unknown species.
        """
        factors = host_factors(self, crystals)
        return lambda atoms: host_points(self, atoms, factors)[0]

    def __call__(self, crystals: Any) -> ReciprocalPoints:
        """Return the points of crystals, planned for at once (not inside jit: see `plan`).

        Args:
            crystals: one or several of any kind; several give results with their axis first.

        Raises:
            ValueError: traced crystals, or as `plan`.
        """
        atoms, arrays = planned_crystals(crystals)
        return self.plan(atoms, max_stretch=1.0, once=True)(arrays)
