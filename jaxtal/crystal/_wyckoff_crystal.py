"""`WyckoffCrystal`: a crystal by space group, free cell parameters and Wyckoff sites."""

import functools
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from .._core import check_finite, device_array, host_array
from ..lattice import Lattice, LatticeSystem, check_cell, host_matrix
from ..scattering import Species, parse_species, species_label
from ..symmetry import SpaceGroup
from ._crystal import Crystal, check_distances
from ._wyckoff_checks import cell_parameters, invariant_tensor, tensor_of_first_atom
from ._wyckoff_plan import WyckoffPlan


class WyckoffCrystal(eqx.Module):
    """A crystal as a differentiable function of its free parameters.

    Floating-point leaves outside `plan` are the parameters; `expand` makes the P1 cell.

    Attributes:
        lattice_parameters: free cell parameters in the order of `plan.system.names`: lengths in
            angstrom, then angles in degrees.
        site_parameters: free fractional coordinates of all sites, one after another.
        occupancies: shape (n_sites,).
        u_iso: isotropic displacements, shape (n_sites,), angstrom^2.
        u_aniso: displacement tensors of the first atom of each site in the CIF convention, shape
            (n_sites, 3, 3), angstrom^2, or None. `expand` takes the part that the site symmetry
            allows, so every real tensor is valid.
        atomic_numbers, charges, isotopes: shape (n_sites,).
        plan: the discrete part.
    """

    lattice_parameters: Float[Array, " k"]
    site_parameters: Float[Array, " f"]
    occupancies: Float[Array, " n_sites"]
    u_iso: Float[Array, " n_sites"]
    u_aniso: Float[Array, "n_sites 3 3"] | None
    atomic_numbers: Int[Array, " n_sites"]
    charges: Int[Array, " n_sites"]
    isotopes: Int[Array, " n_sites"]
    plan: WyckoffPlan

    @classmethod
    def build(
        cls,
        group: int | str | SpaceGroup,
        cell: Any,
        sites: Sequence[tuple[Species, str, Any]],
        *,
        occupancies: Any = None,
        u_iso: Any = None,
        u_aniso: Any = None,
        names: Sequence[str] | None = None,
        tolerance: float = 1e-2,
        dtype: Any = None,
    ) -> "WyckoffCrystal":
        """Crystal from a space group, a cell and its Wyckoff sites (host only).

            WyckoffCrystal.build(227, 3.567, [("C", "8a", (1/8, 1/8, 1/8))])

        Args:
            group: number (standard setting), symbol or `SpaceGroup`.
            cell: six parameters (angstrom, degrees), or only the free ones, in the order a, b, c,
                alpha, beta, gamma: 3.567, or (4.913, 5.405).
            sites: (species, Wyckoff letter such as "8a" or "a", a point of its orbit).
            occupancies: one per site, default 1.
            u_iso: one per site, angstrom^2, default 0.
            u_aniso: one tensor per site, shape (n_sites, 3, 3), angstrom^2, of the point given.
            names: what messages call the sites, default "site 0 (Si 3a)".
            tolerance: how far (angstrom) a point may lie from the position.
            dtype: floating-point type, default JAX's current one.

        Raises:
            ValueError: unknown group or species, a letter the group lacks, a point off its
                position, a cell or a displacement tensor that contradicts the symmetry, or atoms
                closer than 0.1 A.
        """
        group = SpaceGroup.find(group)
        dtype = dtype or float
        plan = WyckoffPlan.build(group, [letter for _, letter, _ in sites], dtype)
        parameters = cell_parameters(plan.system, cell)
        matrix = host_matrix(plan.system.host_cell(parameters))
        n = len(sites)
        aniso = None if u_aniso is None else host_array(u_aniso, "u_aniso")
        if aniso is not None and aniso.shape != (n, 3, 3):
            raise ValueError(f"u_aniso: expected shape ({n}, 3, 3), got {aniso.shape}")
        free = []
        for s, (species, letter, point) in enumerate(sites):
            name = names[s] if names else f"site {s} ({species} {letter})"
            x = host_array(point, name)
            if x.shape != (3,):
                raise ValueError(f"{name}: expected three fractional coordinates, got {point!r}")
            check_finite(x, name)
            position = group.wyckoff(letter)
            u, off = position.project(x, matrix)
            if off > tolerance:
                raise ValueError(
                    f"{name}: expected a point of the orbit {position.xyz()} within "
                    f"{tolerance:g} A, got {np.round(x, 5).tolist()}, which is {off:.3g} A away"
                )
            free.append(u)
            if aniso is not None:
                tensor = tensor_of_first_atom(aniso[s], x, position, u, group, matrix)
                aniso[s] = invariant_tensor(tensor, np.asarray(plan.projectors[s]), matrix, name)
        keys = np.array([parse_species(species) for species, _, _ in sites])

        def per_site(x: Any, default: float, name: str) -> Array:
            values = np.full(n, default) if x is None else host_array(x, name)
            if values.shape != (n,):
                raise ValueError(f"{name}: expected one value per site, {n}, got {values.shape}")
            check_finite(values, name)
            return device_array(values, dtype)

        crystal = cls(
            lattice_parameters=device_array(parameters, dtype),
            site_parameters=device_array(np.concatenate([*free, np.zeros(0)]), dtype),
            occupancies=per_site(occupancies, 1.0, "occupancies"),
            u_iso=per_site(u_iso, 0.0, "u_iso"),
            u_aniso=None if aniso is None else device_array(aniso, dtype),
            atomic_numbers=device_array(keys[:, 0], np.int32),
            charges=device_array(keys[:, 1], np.int32),
            isotopes=device_array(keys[:, 2], np.int32),
            plan=plan,
        )
        crystal.check(names)
        return crystal

    @classmethod
    def from_crystal(
        cls,
        crystal: Crystal,
        *,
        symmetry: bool = True,
        symprec: float = 1e-3,
        angle_tolerance: float = -1.0,
        u_tolerance: float = 1e-4,
    ) -> "WyckoffCrystal":
        """Crystal in the space group that spglib finds, standard setting, or in P1 (host only).

        Occupancies, charges, isotopes and displacements count for symmetry and are kept. The
        result is the same crystal up to a rotation and a shift of the origin.

        Args:
            crystal: P1 content of any cell, primitive, conventional or larger.
            symmetry: False for P1 on the given axes, every atom a site with free coordinates.
            symprec: distance tolerance, angstrom.
            angle_tolerance: spglib's tolerance for angles, degrees; negative: from `symprec`.
            u_tolerance: differences of displacements that are averaged away, angstrom^2.

        Raises:
            ValueError: no symmetry found at this tolerance.
        """
        from ._find_symmetry import find_symmetry, without_symmetry

        if not symmetry:
            return without_symmetry(crystal)
        return find_symmetry(crystal, symprec, angle_tolerance, u_tolerance)

    @classmethod
    def from_ase(cls, atoms: Any, *, symprec: float = 1e-3, dtype: Any = None) -> "WyckoffCrystal":
        """Crystal from ASE `Atoms`, its symmetry found by spglib; see `Crystal.from_ase`."""
        return cls.from_crystal(Crystal.from_ase(atoms, dtype=dtype), symprec=symprec)

    def to_ase(self) -> Any:
        """ASE `Atoms` of the conventional cell; see `Crystal.to_ase`.

        The site of each atom is in `arrays["spacegroup_kinds"]`; the group is in
        `info["spacegroup"]` where ASE knows this setting.
        """
        from ._ase import wyckoff_to_ase

        return wyckoff_to_ase(self)

    def check(self, names: Sequence[str] | None = None) -> None:
        """Validate on the host.

        Args:
            names: what messages call the sites, default "site 0 (Si 3a)".

        Raises:
            ValueError: numbers that are not finite, no valid cell, occupancies outside [0, 1], or
                atoms closer than 0.1 A.
        """
        labels: list[str] = list(names or ()) or [
            f"site {s} ({species} {letter})"
            for s, (species, letter) in enumerate(zip(self.species, self.plan.letters, strict=True))
        ]
        occupancy = host_array(self.occupancies, "occupancies")
        check_finite(occupancy, "occupancies")
        bad = np.flatnonzero((occupancy < 0) | (occupancy > 1 + 1e-6))
        if bad.size:
            s = bad[0]
            raise ValueError(f"{labels[s]}: expected an occupancy 0..1, got {occupancy[s]:g}")
        cell = self.plan.system.host_cell(host_array(self.lattice_parameters, "lattice_parameters"))
        matrix = host_matrix(check_cell(cell))
        free = host_array(self.site_parameters, "site_parameters")
        check_finite(free, "site_parameters")
        frac = self.plan.host_frac(free)
        site = np.asarray(self.plan.site)
        check_distances(matrix, frac, occupancy[site], [labels[s] for s in site])

    @property
    def species(self) -> tuple[str, ...]:
        """Species label of each site ("Si", "O2-", "D"); host only."""
        keys = np.stack([self.atomic_numbers, self.charges, self.isotopes], axis=1)
        return tuple(species_label((int(z), int(q), int(m))) for z, q, m in keys)

    @property
    def lattice(self) -> Lattice:
        """The lattice, in ASE's orientation."""
        return Lattice(self.plan.system.matrix(self.lattice_parameters))

    @property
    def group(self) -> SpaceGroup:
        """The space group."""
        return self.plan.group

    def expand(self) -> Crystal:
        """Every atom of the conventional cell; pure, differentiable, jittable."""
        plan = self.plan
        matrix, frac, mask, aniso, (occupancies, u_iso, numbers, charges, isotopes) = _expand(
            plan.system,
            (plan.maps, plan.shifts, plan.rotations, plan.projectors),
            (plan.site, plan.parameter_index),
            (self.lattice_parameters, self.site_parameters, self.u_aniso),
            (self.occupancies, self.u_iso, self.atomic_numbers, self.charges, self.isotopes),
        )
        return Crystal(
            lattice=Lattice(matrix),
            frac_coords=frac,
            atomic_numbers=numbers,
            occupancies=occupancies,
            u_iso=u_iso,
            u_aniso=aniso,
            charges=charges,
            isotopes=isotopes,
            mask=mask,
        )

    @property
    def n_free(self) -> int:
        """Number of free parameters, cell and coordinates."""
        return self.lattice_parameters.shape[-1] + self.site_parameters.shape[-1]

    def to_variables(self) -> Float[Array, " v"]:
        """Unconstrained variables for an optimiser: every real vector is a valid crystal.

        The cell's come first (`LatticeSystem.unconstrain`), then the free coordinates.
        """
        return _joined(self.plan.system, self.lattice_parameters, self.site_parameters)

    def with_variables(self, variables: Float[Array, " v"]) -> "WyckoffCrystal":
        """The same crystal at other unconstrained variables (inverse of `to_variables`)."""
        return eqx.tree_at(
            lambda c: (c.lattice_parameters, c.site_parameters),
            self,
            _parted(self.plan.system, variables),
        )


@functools.partial(jax.jit, static_argnums=0)
def _joined(system: LatticeSystem, lattice_parameters: Array, site_parameters: Array) -> Array:
    return jnp.concatenate([system.unconstrain(lattice_parameters), site_parameters])


@functools.partial(jax.jit, static_argnums=0)
def _parted(system: LatticeSystem, variables: Array) -> tuple[Array, Array]:
    k = system.n_free
    return system.constrain(variables[:k]), variables[k:]


@functools.partial(jax.jit, static_argnums=0)
def _expand(system: LatticeSystem, moves: tuple, index: tuple, parameters: tuple, per_site: tuple):
    """Everything of `WyckoffCrystal.expand`; compiled by shape, whatever the group and letters."""
    maps, shifts, rotations, projectors = moves
    site, parameter_index = index
    lattice_parameters, site_parameters, u_aniso = parameters
    matrix = system.matrix(lattice_parameters)
    padded = jnp.concatenate([site_parameters, jnp.zeros((1,), site_parameters.dtype)])
    u = padded[parameter_index][site]
    frac = jnp.sum(maps * u[:, None, :], axis=-1) + shifts
    aniso = None
    if u_aniso is not None:
        # U* = D U D (D: lengths of a*, b*, c*) transforms as W U* W^T.
        star = jnp.linalg.norm(jnp.linalg.inv(matrix), axis=0)
        scale = star[:, None] * star[None, :]
        U = 0.5 * (u_aniso + jnp.swapaxes(u_aniso, 1, 2)) * scale[None]
        # The highest precision, since accelerators multiply float32 matrices in fewer bits.
        U = jnp.einsum("sijkl,skl->sij", projectors, U, precision="highest")
        turned = jnp.einsum("nij,njk,nlk->nil", rotations, U[site], rotations, precision="highest")
        aniso = turned / scale[None]
    mask = jnp.ones(site.shape, bool)
    return matrix, frac, mask, aniso, tuple(x[site] for x in per_site)
