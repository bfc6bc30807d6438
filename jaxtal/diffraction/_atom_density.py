"""The scattering density of a crystal on a mesh, from the structure factors of its waves."""

from collections.abc import Sequence
from typing import Any, get_args

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from .._core import AbstractSpecification, computing_dtype, device_array
from ..crystal import CrystalArrays, HostAtoms, WyckoffCrystal, host_crystal
from ..crystal.apply import Chunk, Program, apply_plan, planned_crystals
from ..fields import Mesh, PeriodicField, Waves
from ..lattice import BravaisLattice
from ..scattering import Charges, FormFactors, isotropic_displacement
from ..scattering._tables import KINDS
from ._box_sums import box_sums
from ._reciprocal_points import raise_if_outgrown
from ._structure_factors import combine_species, missing_species, species_sums, stol2
from .sums import signed_places


def _sizes(mesh: Any) -> tuple[int, ...]:
    return tuple(int(n) for n in (mesh.sizes if isinstance(mesh, Mesh) else mesh))


class AtomDensity(AbstractSpecification):
    """Specification of how a crystal becomes a scattering density on the nodes of a mesh.

    rho(r) = (1/V) sum_G F(G) exp(-2 pi i G.r) over the waves that the mesh resolves, each at its
    shortest alias; on the zone boundary the mean over tied ones, so that rho is real and has the
    symmetry of the crystal. What the mesh does not resolve is cut off, not folded back.

        AtomDensity((48, 48, 60), blur=0.02)(crystal).values        # plans by itself
        plan = AtomDensity((48, 48, 60)).plan(crystal)              # then plan(crystal) in jit

    Attributes:
        mesh: number of nodes along each axis.
        kind: form-factor table (see `FormFactors.build`).
        charges: "nearest" takes the nearest tabulated charge for ions that the table lacks, with a
            warning; "exact" refuses them (see `FormFactors.build`).
        displacements: apply the displacement factors of the atoms.
        blur: mean-square displacement added to that of every atom, angstrom^2: atoms at rest are
            sharper than most meshes resolve, and their series rings.

    References:
        International Tables for Crystallography, Vol. B (2008), section 1.3.4.
    """

    mesh: tuple[int, ...] = eqx.field(static=True, converter=_sizes, default=(32, 32, 32))
    kind: str = eqx.field(static=True, default="waasmaier-kirfel")
    displacements: bool = eqx.field(static=True, default=True)
    blur: float = eqx.field(static=True, converter=float, default=0.0)
    charges: Charges = eqx.field(static=True, default="nearest", kw_only=True)

    def __check_init__(self):
        if Mesh(self.mesh).dimension != 3:
            raise ValueError(f"mesh: expected three dimensions, got {self.mesh}")
        if self.kind not in KINDS:
            raise ValueError(f"kind: expected one of {', '.join(KINDS)}, got {self.kind!r}")
        if self.charges not in get_args(Charges):
            raise ValueError(f"charges: expected one of {get_args(Charges)}, got {self.charges!r}")
        if not (np.isfinite(self.blur) and self.blur >= 0):
            raise ValueError(f"blur: expected angstrom^2, zero or positive, got {self.blur}")

    def plan(self, crystal: Any) -> "AtomDensityPlan":
        """Work out waves and tables (host only).

        Args:
            crystal: of any kind (`host_crystal`); the plan serves every crystal with these
                species and about this cell, whose shortest aliases are the same.

        Raises:
            ValueError: an unknown species, or a crystal that is traced.
        """
        atoms = host_crystal(crystal)
        bravais, parameters = _cell(atoms)
        dtype = computing_dtype(atoms.dtype)
        waves = Waves.build(Mesh(self.mesh), bravais.host_matrix(parameters), dtype)
        index = sign = None
        bounds = (0, 0, 0)
        if not self.displacements:
            hkl = np.asarray(waves.aliases, np.int64)
            h, k, l = (int(b) for b in np.abs(hkl).max(axis=0))
            bounds = (h, k, l)
            flip = np.where(hkl[:, 0] < 0, -1, 1)
            place = signed_places(hkl * flip[:, None], bounds)
            index, sign = device_array(place, np.int32), device_array(flip, dtype)
        return AtomDensityPlan(
            specification=self,
            waves=waves,
            form_factors=FormFactors.build(
                atoms.distinct_species, kind=self.kind, charges=self.charges, dtype=dtype
            ),
            box_index=index,
            box_sign=sign,
            bounds=bounds,
        )

    def __call__(self, crystal: Any) -> "DensityOnMesh":
        """Compute the density of one crystal, planned at once (not inside jit: see `plan`).

        Raises:
            ValueError: a traced crystal, several, or as `plan`.
        """
        atoms, arrays = planned_crystals(crystal)
        if len(atoms) != 1:
            raise ValueError(f"crystal: expected one, got {len(atoms)}")
        return self.plan(atoms[0])(arrays)


class DensityOnMesh(eqx.Module):
    """Density of a crystal on the nodes of a mesh; of several with their axis first.

    Attributes:
        values: electrons / angstrom^3 (X-rays), angstrom / angstrom^3 (electrons) or fm /
            angstrom^3 (neutrons), shape (n1, n2, n3).
        complete: False if atoms are missing whose species the plan has not.
        specification: the `AtomDensity` that made it.
    """

    values: Float[Array, "*B n1 n2 n3"]
    complete: Bool[Array, "*B"]
    specification: AtomDensity = eqx.field(static=True)

    def checked(self) -> "DensityOnMesh":
        """Return the density; raises at run time if it is not complete."""
        return raise_if_outgrown(self)

    def __repr__(self) -> str:
        """Print the size and what made it."""
        return f"DensityOnMesh{self.values.shape} of {self.specification!r}"


class AtomDensityPlan(eqx.Module):
    """Static shapes and tables for the density of crystals: an argument of compiled programs.

    Attributes:
        specification: the density.
        waves: waves of the mesh.
        form_factors: table of every species.
        box_index: places of the waves in a half box of indices (`signed_places`); None with
            displacement factors, which do not separate.
        box_sign: -1 where the inverse wave is the one in the box, (K,), or None.
        bounds: largest |h|, |k| and |l| of the box.
    """

    specification: AtomDensity
    waves: Waves
    form_factors: FormFactors
    box_index: Int[Array, " K"] | None
    box_sign: Float[Array, " K"] | None
    bounds: tuple[int, int, int] = eqx.field(static=True)

    def __call__(self, crystals: Any, *, chunk: Chunk = "auto") -> DensityOnMesh:
        """Density of a crystal, or of several with their axis first; pure: jit, vmap, grad.

        Args:
            crystals: of any kind, see `crystal.apply.apply_plan`.
            chunk: crystals computed side by side, see `crystal.apply.map_crystals`.
        """
        return apply_plan(_density, self, crystals, chunk)


def _density(plan: AtomDensityPlan, crystal: Program) -> DensityOnMesh:
    spec, waves, factors = plan.specification, plan.waves, plan.form_factors
    atoms = crystal.to_crystal() if isinstance(crystal, CrystalArrays) else crystal
    s2 = stol2(atoms, waves.aliases)
    if plan.box_index is None or plan.box_sign is None:
        sums = species_sums(atoms, waves.aliases, factors, displacements=spec.displacements)
    else:
        real, imag = box_sums(atoms, plan.box_index, plan.bounds, factors)
        sums = (real, imag * plan.box_sign[None, :])
    real, imag = combine_species(sums, s2, factors)
    blur = jnp.asarray([spec.blur], s2.dtype)
    weight = isotropic_displacement(blur, s2)[0] * waves.share / atoms.lattice.volume
    # The field layer has exp(+2 pi i G.r): the conjugate.
    values = lax.complex(real * weight, -imag * weight)
    shape = waves.mesh.half_shape
    half = jnp.zeros(int(np.prod(shape)), values.dtype).at[waves.slot].add(values)
    known = ~jnp.any(missing_species(atoms, factors))
    return DensityOnMesh(waves.mesh.to_values(half.reshape(shape)), known, spec)


def field_from_crystal(
    crystal: Any,
    mesh: Mesh | Sequence[int],
    *,
    kind: str = "waasmaier-kirfel",
    displacements: bool = True,
    blur: float | int = 0.0,
) -> PeriodicField:
    """Compute the density of a crystal, a `PeriodicField` with lattice and group (host).

    Args:
        crystal: of any kind (`host_crystal`); the group is that of a `WyckoffCrystal`, none for
            others.
        mesh: nodes, or their number along each axis.
        kind: form-factor table, see `AtomDensity`, which also has the other settings.
        displacements: apply the displacement factors of the atoms.
        blur: mean-square displacement added to that of every atom, angstrom^2.

    Returns:
        One field, in the units of `AtomDensity`.

    Raises:
        ValueError: as `AtomDensity`, a left-handed cell, or a mesh on which the group
            does not act (the message names one that would do).
    """
    mesh = mesh if isinstance(mesh, Mesh) else Mesh(mesh)
    group = crystal.group if isinstance(crystal, WyckoffCrystal) else None
    if group is not None:
        mesh.check_group(group)
    atoms = host_crystal(crystal)
    bravais, parameters = _cell(atoms)
    if np.linalg.det(atoms.matrix) < 0:
        raise ValueError("crystal: expected a right-handed cell, got one of negative determinant")
    density = AtomDensity(mesh, kind=kind, displacements=displacements, blur=blur)
    values = density(crystal).values
    return PeriodicField.from_arrays(values, bravais, parameters, group)


def _cell(atoms: HostAtoms) -> tuple[BravaisLattice, np.ndarray]:
    """Lattice type and parameters of a crystal, whose matrix ties waves exactly.

    A float32 matrix ties no two waves of a hexagonal cell; the type that it fits does. Waves do not
    depend on the hand of the cell.
    """
    matrix = atoms.right_handed().matrix
    return BravaisLattice.of(matrix)
