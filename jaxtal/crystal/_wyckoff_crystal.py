"""`WyckoffCrystal`: a crystal by space group, free cell parameters and Wyckoff sites."""

import functools
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from .._core import AnyArray, check_finite, device_array, host_array
from ..lattice import Lattice, LatticeSystem, cell_to_matrix, check_cell
from ..scattering import Species, parse_species, species_label
from ..symmetry import SpaceGroup
from ._ase import atoms_to_ase
from ._close_atoms import MAX_OCCUPANCY, check_distances
from ._crystal import Crystal
from ._expansion import expanded_coordinates, expanded_tensors
from ._find_symmetry import SymmetricSites, find_symmetry, without_symmetry
from ._host_atoms import HostAtoms
from ._host_crystals import host_crystal
from ._summary import sites_line
from ._wyckoff_checks import cell_parameters, invariant_tensor, tensor_of_first_atom
from ._wyckoff_plan import WyckoffPlan


class WyckoffCrystal(eqx.Module):
    """A crystal as a differentiable function of its free parameters.

    Floating-point leaves outside `plan` are the parameters; `expand` makes the P1 cell. Printed,
    it is one line; `eqx.tree_pformat` shows the arrays.

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
        """Make a crystal of a space group, a cell and its Wyckoff sites (host only).

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
        matrix = cell_to_matrix(plan.system.cell(parameters))
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
        crystal: Any,
        *,
        symmetry: bool = True,
        symprec: float = 1e-3,
        angle_tolerance: float = -1.0,
        u_tolerance: float = 1e-4,
        dtype: Any = None,
    ) -> "WyckoffCrystal":
        """Find the space group of a crystal with spglib, or write it in P1 (host only).

        Occupancies, charges, isotopes and displacements count for symmetry and are kept. The
        result is the same crystal up to a rotation and a shift of the origin.

        Args:
            crystal: `Crystal`, `WyckoffCrystal` or ASE `Atoms`; any cell, primitive, conventional
                or larger.
            symmetry: False for P1 on the given axes, every atom a site with free coordinates.
            symprec: distance tolerance, angstrom.
            angle_tolerance: spglib's tolerance for angles, degrees; negative: from `symprec`.
            u_tolerance: differences of displacements that are averaged away, angstrom^2.
            dtype: floating-point type, default that of the crystal.

        Returns:
            The crystal in the standard setting of its group, or in P1.

        Raises:
            ValueError: no crystal, or no symmetry found at this tolerance.
        """
        atoms = host_crystal(crystal)
        dtype = dtype or atoms.dtype
        if not symmetry:
            return cls._of_sites(without_symmetry(atoms), 1e-2, dtype)
        order = 0
        while True:
            found = find_symmetry(atoms, symprec, angle_tolerance, u_tolerance)
            made = cls._of_sites(found, 10 * symprec, dtype)
            if not found.may_rise or found.group.order <= order:
                return made
            atoms, order = made.to_host(), found.group.order

    @classmethod
    def _of_sites(cls, found: SymmetricSites, tolerance: float, dtype: Any) -> "WyckoffCrystal":
        return cls.build(
            found.group,
            found.cell,
            found.sites,
            occupancies=found.occupancies,
            u_iso=found.u_iso,
            u_aniso=found.u_aniso,
            tolerance=tolerance,
            dtype=dtype,
        )

    @classmethod
    def from_ase(cls, atoms: Any, *, symprec: float = 1e-3, dtype: Any = None) -> "WyckoffCrystal":
        """Find the space group of ASE `Atoms`; see `from_crystal` and `Crystal.from_ase`."""
        return cls.from_crystal(atoms, symprec=symprec, dtype=dtype)

    def to_ase(self) -> Any:
        """Make ASE `Atoms` of the conventional cell; see `Crystal.to_ase`.

        The site of each atom is in `arrays["spacegroup_kinds"]`; the group is in
        `info["spacegroup"]` where ASE knows this setting.
        """
        return atoms_to_ase(self.to_host(), np.asarray(self.plan.site), self.group)

    def to_host(self) -> HostAtoms:
        """Compute every atom of the cell in NumPy, compiling nothing (host only).

        Raises:
            ValueError: traced values, or numbers that are not finite.
        """
        plan = self.plan
        site = host_array(plan.site, "plan", np.int64)
        matrix = self._host_matrix()

        def per_atom(name: str, dtype: Any = np.float64) -> np.ndarray:
            return host_array(getattr(self, name), name, dtype)[site]

        aniso = self.u_aniso
        atoms = HostAtoms(
            matrix=matrix,
            frac_coords=plan.host_coordinates(host_array(self.site_parameters, "site_parameters")),
            atomic_numbers=per_atom("atomic_numbers", np.int64),
            occupancies=per_atom("occupancies"),
            u_iso=per_atom("u_iso"),
            u_aniso=None
            if aniso is None
            else plan.host_tensors(matrix, host_array(aniso, "u_aniso")),
            charges=per_atom("charges", np.int64),
            isotopes=per_atom("isotopes", np.int64),
            dtype=self.lattice_parameters.dtype,
        )
        atoms.check()
        return atoms

    def _host_matrix(self) -> Float[np.ndarray, "3 3"]:
        free = host_array(self.lattice_parameters, "lattice_parameters")
        return cell_to_matrix(check_cell(self.plan.system.cell(free)))

    def check(self, names: Sequence[str] | None = None) -> None:
        """Check numbers, cell and distances on the host.

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
        bad = np.flatnonzero((occupancy < 0) | (occupancy > MAX_OCCUPANCY))
        if bad.size:
            s = bad[0]
            raise ValueError(f"{labels[s]}: expected an occupancy 0..1, got {occupancy[s]:g}")
        matrix = self._host_matrix()
        free = host_array(self.site_parameters, "site_parameters")
        check_finite(free, "site_parameters")
        frac = self.plan.host_coordinates(free)
        site = np.asarray(self.plan.site)
        check_distances(matrix, frac, occupancy[site], [labels[s] for s in site])

    def __repr__(self) -> str:
        """Print group, sites and cell in one line; `eqx.tree_pformat` prints every array."""
        return sites_line(self)

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
        """Compute every atom of the conventional cell; pure, differentiable, compiled."""
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
        """Return variables for an optimiser: every real vector is a valid crystal.

        The cell's come first (`LatticeSystem.unconstrain`), then the free coordinates.
        """
        return _joined(self.plan.system, self.lattice_parameters, self.site_parameters)

    def with_variables(self, variables: Float[AnyArray, " v"]) -> "WyckoffCrystal":
        """Return the crystal at other unconstrained variables (inverse of `to_variables`).

        Variables in NumPy compile nothing.
        """
        if isinstance(variables, np.ndarray):
            k, dtype = self.plan.system.n_free, self.lattice_parameters.dtype
            cell = self.plan.system.constrain(variables[:k].astype(np.float64))
            parts = device_array(cell, dtype), device_array(variables[k:], dtype)
        else:
            parts = _parted(self.plan.system, variables)
        return eqx.tree_at(lambda c: (c.lattice_parameters, c.site_parameters), self, parts)


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
    frac = expanded_coordinates(jnp, maps, shifts, site, parameter_index, site_parameters)
    aniso = None
    if u_aniso is not None:
        aniso = expanded_tensors(jnp, rotations, projectors, site, matrix, u_aniso)
    mask = jnp.ones(site.shape, bool)
    return matrix, frac, mask, aniso, tuple(x[site] for x in per_site)
