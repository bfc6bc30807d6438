"""`WyckoffCrystal`: a crystal by space group, free cell parameters and Wyckoff sites."""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from .._core import check_finite, host_array
from ..lattice import Lattice, LatticeSystem, matrix_to_cell
from ..scattering import Species, parse_species
from ..symmetry import SpaceGroup, SymOp, WyckoffPosition
from ._crystal import Crystal, check_distances


class WyckoffPlan(eqx.Module):
    """The discrete part of a `WyckoffCrystal`: everything that no derivative is taken of.

    Atom j of the cell, of site s = `site[j]`, is at x_j = maps[j] @ u_s + shifts[j], u_s the free
    parameters of the site, padded to three.

    Attributes:
        maps: shape (N, 3, 3), columns beyond the site's free parameters are zero.
        shifts: shape (N, 3).
        rotations: an operation's W that takes the site's first atom to atom j, shape (N, 3, 3).
        site: site of each atom, shape (N,).
        parameter_index: where u_s stands in `site_parameters`, shape (n_sites, 3); the number of
            parameters where there is none.
        group: the space group.
        letters: Wyckoff letters of the sites, with multiplicity ("8a").
        system: constraints on the cell.
    """

    maps: Float[Array, "N 3 3"]
    shifts: Float[Array, "N 3"]
    rotations: Float[Array, "N 3 3"]
    site: Int[Array, " N"]
    parameter_index: Int[Array, "n_sites 3"]
    group: SpaceGroup = eqx.field(static=True)
    letters: tuple[str, ...] = eqx.field(static=True)
    system: LatticeSystem = eqx.field(static=True)

    @classmethod
    def build(cls, group: SpaceGroup, letters: Sequence[str], dtype: Any = None) -> "WyckoffPlan":
        """Plan of a group and the letters of its occupied sites (host only).

        Raises:
            ValueError: no sites, or a letter that the group lacks (the message lists those it has).
        """
        if not letters:
            raise ValueError("sites: expected at least one Wyckoff site, got none")
        positions = [group.wyckoff(letter) for letter in letters]
        dtype = dtype or float
        n_free = [p.n_free for p in positions]
        starts = np.concatenate([[0], np.cumsum(n_free)])
        index = np.full((len(positions), 3), starts[-1])
        for s, k in enumerate(n_free):
            index[s, :k] = starts[s] + np.arange(k)
        maps = [np.pad(p.rotations_float, ((0, 0), (0, 0), (0, 3 - p.n_free))) for p in positions]
        return cls(
            maps=jnp.asarray(np.concatenate(maps), dtype),
            shifts=jnp.asarray(np.concatenate([p.translations_float for p in positions]), dtype),
            rotations=jnp.asarray(
                np.concatenate([_coset_rotations(group, p) for p in positions]), dtype
            ),
            site=jnp.asarray(np.repeat(np.arange(len(positions)), [len(m) for m in maps])),
            parameter_index=jnp.asarray(index, jnp.int32),
            group=group,
            letters=tuple(p.label for p in positions),
            system=LatticeSystem.from_rotations(group.point_rotations),
        )

    @property
    def n_site_parameters(self) -> int:
        """Number of free coordinates of all sites together."""
        return sum(self.group.wyckoff(letter).n_free for letter in self.letters)

    @property
    def multiplicities(self) -> tuple[int, ...]:
        """Atoms per cell of each site."""
        return tuple(self.group.wyckoff(letter).multiplicity for letter in self.letters)


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
            (n_sites, 3, 3), angstrom^2, or None.
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
            tolerance: how far (angstrom) a point may lie from the position.
            dtype: floating-point type, default JAX's current one.

        Raises:
            ValueError: unknown group or species, a letter the group lacks, a point off its
                position, a cell that contradicts the group, or atoms closer than 0.1 A.
        """
        group = SpaceGroup.find(group)
        dtype = dtype or float
        plan = WyckoffPlan.build(group, [letter for _, letter, _ in sites], dtype)
        parameters = cell_parameters(plan.system, cell)
        full_cell = np.asarray(plan.system.cell(jnp.asarray(parameters, dtype)), dtype=np.float64)
        matrix = np.asarray(Lattice.from_parameters(*full_cell).matrix, dtype=np.float64)
        n = len(sites)
        aniso = None if u_aniso is None else host_array(u_aniso, "u_aniso")
        if aniso is not None and aniso.shape != (n, 3, 3):
            raise ValueError(f"u_aniso: expected shape ({n}, 3, 3), got {aniso.shape}")
        free = []
        for s, (species, letter, point) in enumerate(sites):
            name = f"site {s} ({species} {letter})"
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
                aniso[s] = _tensor_of_first_atom(aniso[s], x, position, u, group, matrix)
        keys = np.array([parse_species(species) for species, _, _ in sites])

        def per_site(x: Any, default: float, name: str) -> Array:
            values = np.full(n, default) if x is None else host_array(x, name)
            if values.shape != (n,):
                raise ValueError(f"{name}: expected one value per site, {n}, got {values.shape}")
            check_finite(values, name)
            return jnp.asarray(values, dtype)

        crystal = cls(
            lattice_parameters=jnp.asarray(parameters, dtype),
            site_parameters=jnp.asarray(np.concatenate([*free, np.zeros(0)]), dtype),
            occupancies=per_site(occupancies, 1.0, "occupancies"),
            u_iso=per_site(u_iso, 0.0, "u_iso"),
            u_aniso=None if aniso is None else jnp.asarray(aniso, dtype),
            atomic_numbers=jnp.asarray(keys[:, 0], jnp.int32),
            charges=jnp.asarray(keys[:, 1], jnp.int32),
            isotopes=jnp.asarray(keys[:, 2], jnp.int32),
            plan=plan,
        )
        crystal.check()
        return crystal

    def check(self) -> None:
        """Validate on the host.

        Raises:
            ValueError: occupancies outside [0, 1], or atoms closer than 0.1 A.
        """
        occupancy = host_array(self.occupancies, "occupancies")
        bad = np.flatnonzero((occupancy < 0) | (occupancy > 1 + 1e-6))
        if bad.size:
            raise ValueError(f"occupancies[{bad[0]}]: expected 0..1, got {occupancy[bad[0]]:g}")
        atoms = self.expand()
        matrix = np.asarray(atoms.lattice.matrix, dtype=np.float64)
        frac = np.asarray(atoms.frac_coords, dtype=np.float64)
        check_distances(matrix, frac, np.asarray(atoms.occupancies, dtype=np.float64))

    @property
    def lattice(self) -> Lattice:
        """The lattice, in ASE's orientation."""
        return Lattice(self.plan.system.matrix(self.lattice_parameters))

    @property
    def group(self) -> SpaceGroup:
        """The space group."""
        return self.plan.group

    def site_coords(self) -> Float[Array, "n_sites 3"]:
        """Free parameters of each site, padded with zeros to three columns."""
        padded = jnp.concatenate([self.site_parameters, jnp.zeros((1,), self.site_parameters.dtype)])
        return padded[self.plan.parameter_index]

    def expand(self) -> Crystal:
        """Every atom of the conventional cell; pure, differentiable, jittable."""
        plan = self.plan
        u = self.site_coords()[plan.site]
        frac = jnp.sum(plan.maps * u[:, None, :], axis=-1) + plan.shifts
        lattice = self.lattice
        aniso = None
        if self.u_aniso is not None:
            # U* = D U D (D: lengths of a*, b*, c*) transforms as W U* W^T.
            star = jnp.linalg.norm(lattice.reciprocal, axis=1) / (2 * np.pi)
            scale = star[:, None] * star[None, :]
            W = plan.rotations
            moved = jnp.einsum("nij,njk,nlk->nil", W, self.u_aniso[plan.site] * scale[None], W)
            aniso = moved / scale[None]
        return Crystal(
            lattice=lattice,
            frac_coords=frac,
            atomic_numbers=self.atomic_numbers[plan.site],
            occupancies=self.occupancies[plan.site],
            u_iso=self.u_iso[plan.site],
            u_aniso=aniso,
            charges=self.charges[plan.site],
            isotopes=self.isotopes[plan.site],
            mask=jnp.ones(plan.site.shape, bool),
        )

    @property
    def n_free(self) -> int:
        """Number of free parameters, cell and coordinates."""
        return self.lattice_parameters.shape[-1] + self.site_parameters.shape[-1]

    def to_variables(self) -> Float[Array, " v"]:
        """Unconstrained variables for an optimiser: every real vector is a valid crystal.

        The cell's come first (`LatticeSystem.unconstrain`), then the free coordinates.
        """
        cell = self.plan.system.unconstrain(self.lattice_parameters)
        return jnp.concatenate([cell, self.site_parameters])

    def with_variables(self, variables: Float[Array, " v"]) -> "WyckoffCrystal":
        """The same crystal at other unconstrained variables (inverse of `to_variables`)."""
        k = self.plan.system.n_free
        return eqx.tree_at(
            lambda c: (c.lattice_parameters, c.site_parameters),
            self,
            (self.plan.system.constrain(variables[:k]), variables[k:]),
        )


def cell_parameters(system: LatticeSystem, cell: Any) -> Float[np.ndarray, " k"]:
    """Free parameters from all six or from the free ones, checked (host).

    Raises:
        ValueError: neither six nor the number of free parameters, or no valid cell.
    """
    values = np.atleast_1d(host_array(cell, "cell"))
    if values.shape == (6,):
        return system.parameters(values)
    if values.shape != (system.n_free,):
        raise ValueError(
            f"cell: expected 6 parameters or the free ones ({', '.join(system.names)}), "
            f"got {values.tolist()}"
        )
    with_fixed = np.asarray(system.cell(jnp.asarray(values, float)), dtype=np.float64)
    return system.parameters(with_fixed, tolerance=1e-4)


def _coset_rotations(group: SpaceGroup, position: WyckoffPosition) -> np.ndarray:
    """For each atom of the orbit a rotation W of the group that takes the first atom to it."""
    generic = np.array([0.1234567, 0.2718281, 0.4142135])[: position.n_free]
    atoms = position.rotations_float @ generic + position.translations_float
    images = group.rotations @ atoms[0] + group.translations / group.denominator
    gap = atoms[:, None, :] - images[None, :, :]
    gap -= np.round(gap)
    nearest = np.argmin(np.sum(gap**2, axis=-1), axis=1)
    return group.rotations[nearest].astype(float)


def _tensor_of_first_atom(
    u: np.ndarray,
    x: np.ndarray,
    position: WyckoffPosition,
    free: np.ndarray,
    group: SpaceGroup,
    matrix: np.ndarray,
) -> np.ndarray:
    """The tensor of the orbit's first atom, from that of the atom at `x`."""
    first = position.rotations_float[0] @ free + position.translations_float[0]
    images = group.rotations @ x + group.translations / group.denominator
    gap = images - first
    gap -= np.round(gap)
    W = group.rotations[int(np.argmin(np.sum((gap @ matrix) ** 2, axis=1)))]
    star = np.linalg.norm(np.linalg.inv(matrix), axis=0)
    scale = np.outer(star, star)
    return (W @ (u * scale) @ W.T) / scale


def identity_group() -> SpaceGroup:
    """Space group P1, for crystals without symmetry."""
    return SpaceGroup.from_operations([SymOp.identity(3)])


def measured_cell(crystal: Crystal) -> np.ndarray:
    """Cell parameters of a crystal as a host array."""
    return np.asarray(matrix_to_cell(crystal.lattice.matrix), dtype=np.float64)
