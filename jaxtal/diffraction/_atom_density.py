"""The scattering density of a crystal on a mesh, from the structure factors of its waves."""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int

from .._core import device_array
from ..crystal import Crystal, HostAtoms, WyckoffCrystal, as_crystal, host_crystal
from ..fields import Mesh, PeriodicField, Waves
from ..lattice import BravaisLattice
from ..scattering import FormFactors, isotropic_displacement
from ._box_sums import box_sums
from ._structure_factors import combine_species, nan_if_missing, species_sums, stol2
from .sums import signed_places


class AtomDensityPlan(eqx.Module):
    """Static shapes and tables for the density of crystals on one mesh.

    Attributes:
        waves: waves of the mesh.
        form_factors: table of every species.
        blur: mean-square displacement added to that of every atom, angstrom^2.
        box_index: places of the waves in a half box of indices (`signed_places`); None with
            displacement factors, which do not separate.
        box_sign: -1 where the inverse wave is the one in the box, (K,), or None.
        bounds: largest |h|, |k| and |l| of the box.
        displacements: apply the displacement factors of the atoms.
    """

    waves: Waves
    form_factors: FormFactors
    blur: Float[Array, ""]
    box_index: Int[Array, " K"] | None
    box_sign: Float[Array, " K"] | None
    bounds: tuple[int, int, int] = eqx.field(static=True)
    displacements: bool = eqx.field(static=True)

    @classmethod
    def build(
        cls,
        crystal: Any,
        mesh: Mesh | Sequence[int],
        *,
        kind: str = "waasmaier-kirfel",
        displacements: bool = True,
        blur: float | int = 0.0,
    ) -> "AtomDensityPlan":
        """Work out waves and tables (host only).

        Args:
            crystal: of any kind (`host_crystal`); the plan serves every crystal with these
                species and about this cell.
            mesh: nodes, or their number along each axis.
            kind: form-factor table (see `FormFactors.build`).
            displacements: apply the displacement factors of the atoms.
            blur: mean-square displacement added to that of every atom, angstrom^2: atoms at rest
                are sharper than most meshes resolve, and their series rings.

        Raises:
            ValueError: a mesh that is not three-dimensional, an unknown table or species, a blur
                that is negative or not finite, or a crystal that is traced.
        """
        mesh = mesh if isinstance(mesh, Mesh) else Mesh(mesh)
        if mesh.dimension != 3:
            raise ValueError(f"mesh: expected three dimensions, got {mesh}")
        if not (np.isfinite(blur) and blur >= 0):
            raise ValueError(f"blur: expected angstrom^2, zero or positive, got {blur}")
        atoms = host_crystal(crystal)
        bravais, parameters = _cell(atoms)
        dtype = atoms.dtype
        waves = Waves.build(mesh, bravais.host_matrix(parameters), dtype)
        index = sign = None
        bounds = (0, 0, 0)
        if not displacements:
            hkl = np.asarray(waves.aliases, np.int64)
            h, k, l = (int(b) for b in np.abs(hkl).max(axis=0))
            bounds = (h, k, l)
            flip = np.where(hkl[:, 0] < 0, -1, 1)
            place = signed_places(hkl * flip[:, None], bounds)
            index, sign = device_array(place, np.int32), device_array(flip, dtype)
        return cls(
            waves=waves,
            form_factors=FormFactors.build(atoms.distinct_species, kind=kind, dtype=dtype),
            blur=device_array(blur, dtype),
            box_index=index,
            box_sign=sign,
            bounds=bounds,
            displacements=displacements,
        )


@eqx.filter_jit
def density_on_mesh(
    crystal: Crystal | WyckoffCrystal, plan: AtomDensityPlan
) -> Float[Array, "n1 n2 n3"]:
    """Scattering density on the nodes of a mesh; pure, differentiable in the crystal.

    rho(r) = (1/V) sum_G F(G) exp(-2 pi i G.r) over the waves that the mesh resolves, each at its
    shortest alias; on the zone boundary the mean over tied ones, so that rho is real and has the
    symmetry of the crystal. What the mesh does not resolve is cut off, not folded back.

    Args:
        crystal: the atoms; a `WyckoffCrystal` is expanded.
        plan: made by `AtomDensityPlan.build`.

    Returns:
        The density in electrons / angstrom^3 (X-rays), angstrom / angstrom^3 (electrons) or
        fm / angstrom^3 (neutrons), (n1, n2, n3). NaN if the table lacks a species.

    References:
        International Tables for Crystallography, Vol. B (2008), section 1.3.4.
    """
    atoms = as_crystal(crystal)
    waves, factors = plan.waves, plan.form_factors
    s2 = stol2(atoms, waves.aliases)
    if plan.box_index is None or plan.box_sign is None:
        sums = species_sums(atoms, waves.aliases, factors, displacements=plan.displacements)
    else:
        real, imag = box_sums(atoms, plan.box_index, plan.bounds, factors)
        sums = (real, imag * plan.box_sign[None, :])
    real, imag = combine_species(sums, s2, factors)
    weight = isotropic_displacement(plan.blur[None], s2)[0] * waves.share / atoms.lattice.volume
    # The field layer has exp(+2 pi i G.r): the conjugate.
    values = nan_if_missing(lax.complex(real * weight, -imag * weight), atoms, factors)
    shape = waves.mesh.half_shape
    half = jnp.zeros(int(np.prod(shape)), values.dtype).at[waves.slot].add(values)
    return waves.mesh.to_values(half.reshape(shape))


def field_from_crystal(
    crystal: Any,
    mesh: Mesh | Sequence[int],
    *,
    kind: str = "waasmaier-kirfel",
    displacements: bool = True,
    blur: float | int = 0.0,
) -> PeriodicField:
    """The density of a crystal as a `PeriodicField` with its lattice and its group (host).

    Args:
        crystal: of any kind (`host_crystal`); the group is that of a `WyckoffCrystal`, none for
            others.
        mesh: nodes, or their number along each axis.
        kind: form-factor table, see `AtomDensityPlan.build`, which also has the other arguments.
        displacements: apply the displacement factors of the atoms.
        blur: mean-square displacement added to that of every atom, angstrom^2.

    Returns:
        One field, in the units of `density_on_mesh`.

    Raises:
        ValueError: as `AtomDensityPlan.build`, a left-handed cell, or a mesh on which the group
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
    plan = AtomDensityPlan.build(crystal, mesh, kind=kind, displacements=displacements, blur=blur)
    values = density_on_mesh(as_crystal(crystal), plan)
    return PeriodicField.from_arrays(values, bravais, parameters, group)


def _cell(atoms: HostAtoms) -> tuple[BravaisLattice, np.ndarray]:
    """Lattice type and parameters of a crystal, whose matrix ties waves exactly.

    A float32 matrix ties no two waves of a hexagonal cell; the type that it fits does. Waves do not
    depend on the hand of the cell.
    """
    matrix = atoms.right_handed().matrix
    return BravaisLattice.of(matrix)
