"""`ListedReflections`: reflections listed on the host, for crystals whose cells are known."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from .._core import bucket, cofactors, computing_dtype, device_array, safe_norm
from ..crystal import Crystal, CrystalArrays, HostAtoms
from ..crystal.apply import Program
from ..lattice import Lattice
from ..scattering import FormFactors, anomalous
from ..symmetry import laue_unique
from ._box_sums import box_sums
from ._laue_group import checked_laue, frame_axes, laue_frame, metric_mean
from ._reciprocal_points import AbstractReciprocalSpace, AbstractReflections, ReciprocalPoints
from ._structure_factors import (
    combine_species,
    missing_species,
    species_sums,
    species_weights,
    stol2,
    wave_vectors,
)
from .sums import safe_cell, signed_places
from .sums._hkl import hkl_sphere

#: Lists reach this much (relative) further than promised, and `covers` uses half of it, so that
#: rounding never makes a crystal outgrow its own plan.
SLACK = 1e-3
#: The direct sum costs about ten times as much per (atom, reflection) as the product of a box ...
_DEARER = 10
#: ... and up to these many pairs of them it is no matter; so is compiling where it is done once.
_FEW, _FEW_FOR_ONCE = 1 << 14, 1 << 24


class ListedReflections(AbstractReflections):
    """A list of reflections for one or several similar cells.

    The general provider: symmetry may thin the list, atoms may have displacement factors,
    charges, isotopes and anomalous scattering.

    Attributes:
        space: the settings it was made for.
        hkl: reflections, one of each set of equivalents, shape (P, 3).
        multiplicity: number of equivalents, shape (P,); 0 for padding.
        form_factors: tables of every species.
        references: reciprocal matrices the list was made for, shape (R, 3, 3), 1/angstrom.
        max_stretch: the list holds |q| <= max_stretch q_max of every reference.
        box_index: places of `hkl` in a half box of indices (`signed_places`), or None for the
            direct sum.
        frame: where symmetry thinned the list, the directions along which Cartesian axes are
            laid (see `laue_frame`); None for the axes of the lattice matrix.
        metric_mean: projection on the metrics of that symmetry, shape (3, 3, 3, 3), or None.
        bounds: largest |h|, |k|, |l| of the box.
    """

    space: AbstractReciprocalSpace
    hkl: Int[Array, "P 3"]
    multiplicity: Float[Array, " P"]
    form_factors: FormFactors
    references: Float[Array, "R 3 3"]
    max_stretch: Float[Array, ""]
    box_index: Int[Array, " P"] | None
    frame: Float[Array, "3 3"] | None
    metric_mean: Float[Array, "3 3 3 3"] | None
    bounds: tuple[int, int, int] = eqx.field(static=True)

    @classmethod
    def build(
        cls,
        space: AbstractReciprocalSpace,
        crystals: list[HostAtoms],
        *,
        max_stretch: float | int = 1.0,
        laue: Any = None,
        once: bool = False,
    ) -> "ListedReflections":
        """List the reflections of some crystals (host only); see `ReciprocalSpace.plan`.

        Args:
            space: radius, form factors, taper.
            crystals: at least one.
            max_stretch: see `ReciprocalSpace.plan`.
            laue: likewise.
            once: the list serves one call, and its program other crystals of about the same size:
                the sum is the direct one where that is affordable, since the bounds of a box
                differ from cell to cell, and tables are filled up to a multiple of four species.
        """
        matrices = [atoms.matrix for atoms in crystals]
        dtype = computing_dtype(crystals[0].dtype)
        keys = sorted({key for atoms in crystals for key in atoms.distinct_species})
        factors = _factors(space, keys, dtype, -len(keys) % 4 if once else 0)
        friedel = factors.fpp is None
        reach = max_stretch * (1 + SLACK) * space.q_max
        lists = [hkl_sphere(m, reach, half=friedel) for m in matrices]
        hkl = lists[0] if len(lists) == 1 else np.unique(np.concatenate(lists), axis=0)
        multiplicity = np.full(len(hkl), 2 if friedel else 1)
        frame = mean = None
        if laue is not None:
            if not friedel:
                raise ValueError("laue: f'' lowers the Laue symmetry; expected None, got rotations")
            rotations = checked_laue(laue, matrices)
            frame = device_array(laue_frame(rotations), dtype)
            mean = device_array(metric_mean(rotations), dtype)
            orbits, sizes = laue_unique(hkl, rotations)
            hkl, first = np.unique(orbits, axis=0, return_index=True)
            multiplicity = sizes[first]
        size = bucket(len(hkl), 32)
        box_index, bounds = None, (0, 0, 0)
        pairs = max(map(len, crystals)) * size
        if friedel and not space.displacements and pairs > (_FEW_FOR_ONCE if once else _FEW):
            box_index, bounds = _box(hkl, size, len(keys))
        reciprocal = np.stack([2 * np.pi * np.linalg.inv(m).T for m in matrices])
        return cls(
            space=space,
            hkl=device_array(np.pad(hkl, ((0, size - len(hkl)), (0, 0))), np.int32),
            multiplicity=device_array(np.pad(multiplicity, (0, size - len(hkl))), dtype),
            form_factors=factors,
            references=device_array(reciprocal, dtype),
            max_stretch=device_array(max_stretch, dtype),
            box_index=box_index,
            frame=frame,
            metric_mean=mean,
            bounds=bounds,
        )

    @property
    def friedel(self) -> bool:
        """Whether one of each pair h, -h is held, which have equal intensities."""
        return self.form_factors.fpp is None

    def __repr__(self) -> str:
        """Print the size of the list and what it serves."""
        cells, species = len(self.references), len(self.form_factors.keys)
        return f"ListedReflections: room for {len(self.hkl)}, {cells} cells, {species} species"

    def points(self, crystal: Program) -> ReciprocalPoints:
        """Return the points of one crystal; pure."""
        given = crystal.to_crystal() if isinstance(crystal, CrystalArrays) else crystal
        atoms, usable = _finite(given)
        space, factors = self.space, self.form_factors
        q = wave_vectors(atoms, self.hkl)
        if self.frame is not None:
            axes = frame_axes(atoms.lattice.matrix, self.frame)
            q = jnp.matmul(q, axes.T, precision="highest")
        x = safe_norm(q) / space.q_max
        inside = (x < 1) & (self.multiplicity > 0)
        # Far outside, exp(-b s^2) of a table's slightly negative b overflows in the gradient.
        s2 = jnp.where(inside, stol2(atoms, self.hkl), 0.0)
        F = combine_species(self._sums(atoms), s2, factors)
        amounts = jnp.sum(species_weights(atoms, factors), axis=1)
        intensity = space.intensities(F, jnp.where(inside, x, 0.0), amounts, factors)
        return ReciprocalPoints(
            q=q,
            intensity=jnp.where(inside & usable, intensity, 0.0),
            multiplicity=self.multiplicity,
            complete=usable & self.covers(atoms),
            specification=space,
        )

    def covers(self, crystal: Crystal) -> Bool[Array, ""]:
        """Tell whether the list serves a crystal: all its reflections, species and symmetry.

        With q = h B and q0 = h B0, |q0| <= |B^-1 B0| |q|: the list is complete if the spectral
        norm of B^-1 B0 is at most max_stretch for one of the references B0. A thinned list needs
        a metric that has the symmetry.
        """
        matrix = jax.lax.stop_gradient(crystal.lattice.matrix)
        inverse = matrix.T / (2 * np.pi)
        deformation = jnp.matmul(inverse, self.references, precision="highest")
        squared = jnp.matmul(jnp.swapaxes(deformation, 1, 2), deformation, precision="highest")
        limit = jnp.square(self.max_stretch * (1 + SLACK / 2))
        # No eigenvalue is above the limit: what is left to it is positive by its leading minors.
        left = limit * jnp.eye(3, dtype=squared.dtype)[None] - squared
        first = left[:, 0, 0]
        second = first * left[:, 1, 1] - left[:, 0, 1] * left[:, 1, 0]
        _, third = jax.vmap(cofactors)(left)
        complete = jnp.any((first > 0) & (second > 0) & (third > 0))
        if self.metric_mean is not None:
            metric = jnp.matmul(matrix, matrix.T, precision="highest")
            mean = jnp.einsum("ijkl,kl->ij", self.metric_mean, metric, precision="highest")
            size = jnp.diagonal(metric)
            violation = jnp.square(mean - metric) / (size[:, None] * size[None, :])
            complete = complete & jnp.all(violation < 1e-6)
        return complete & ~jnp.any(missing_species(crystal, self.form_factors))

    def _sums(self, crystal: Crystal) -> tuple[Array, Array]:
        if self.box_index is None:
            shown = self.space.displacements
            return species_sums(crystal, self.hkl, self.form_factors, displacements=shown)
        return box_sums(crystal, self.box_index, self.bounds, self.form_factors)


def _finite(crystal: Crystal) -> tuple[Crystal, Bool[Array, ""]]:
    """The crystal, or atoms in a unit cube if its numbers are no crystal; and whether they are."""
    matrix, _, _, regular = safe_cell(crystal.lattice.matrix)
    mask, frac, occupancies = crystal.mask, crystal.frac_coords, crystal.occupancies
    known = jnp.all(jnp.isfinite(frac), axis=1) & jnp.isfinite(occupancies)
    usable = regular & jnp.all(known | ~mask)
    kept = mask & usable
    plain = (
        Lattice(matrix),
        jnp.where(kept[:, None], frac, 0.0),
        jnp.where(kept, occupancies, 0.0),
    )
    parts = eqx.tree_at(lambda c: (c.lattice, c.frac_coords, c.occupancies), crystal, plain)
    return parts, usable


def _factors(
    space: AbstractReciprocalSpace, keys: list[tuple[int, int, int]], dtype: Any, extra: int
) -> FormFactors:
    """Tables of the species, and of `extra` ones that scatter nothing and are no element."""
    fp, fpp = (None, None) if space.wavelength is None else anomalous(keys, space.wavelength)
    factors = FormFactors.build(
        keys, kind=space.kind, charges=space.charges, fp=fp, fpp=fpp, dtype=dtype
    )
    # Labels are static, and would compile every composition anew; the keys say the same.
    factors = dataclasses.replace(factors, species=())
    if not extra:
        return factors

    def pad(x: Array) -> Array:
        return device_array(np.pad(np.asarray(x), [(0, extra)] + [(0, 0)] * (x.ndim - 1)), x.dtype)

    return jax.tree.map(pad, factors)


def _box(hkl: np.ndarray, size: int, n_species: int) -> tuple[Array | None, tuple[int, int, int]]:
    """Places in the half box that holds all indices, if its product beats the direct sum."""
    h_max, k_max, l_max = (int(b) for b in np.max(np.abs(hkl), axis=0, initial=0))
    n_k, n_l = 2 * k_max + 1, 2 * l_max + 1
    if (h_max + 1) * n_k * n_l * n_species >= _DEARER * size:
        return None, (0, 0, 0)
    bounds = (h_max, k_max, l_max)
    index = signed_places(hkl, bounds)
    return device_array(np.pad(index, (0, size - len(hkl))), np.int32), bounds
