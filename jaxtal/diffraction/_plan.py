"""`ReciprocalPlan`: the static part of a crystal's points in reciprocal space."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from .._core import bucket, device_array, host_array
from ..crystal import Crystal, HostAtoms
from ..scattering import FormFactors, anomalous
from ..symmetry import laue_unique
from ._hkl import hkl_sphere
from ._laue import checked_laue, laue_frame, metric_mean
from ._signed_sums import signed_places
from ._structure_factors import missing_species

#: Lists reach this much (relative) further than promised, and `covers` uses half of it, so that
#: rounding never makes a crystal outgrow its own plan.
SLACK = 1e-3


class ReciprocalPlan(eqx.Module):
    """Static shapes and tables for the points of one or several similar crystals.

    Attributes:
        hkl: reflections, one of each set of equivalents, shape (P, 3).
        multiplicity: number of equivalents, shape (P,); 0 for padding.
        form_factors: tables of every species.
        references: reciprocal matrices the list was made for, shape (R, 3, 3), 1/angstrom.
        margin: the list holds |q| <= margin * q_max of every reference.
        box_index: places of `hkl` in a half box of indices (`signed_places`), or None for the
            direct sum.
        frame: where symmetry thinned the list, the directions along which Cartesian axes are
            laid (see `laue_frame`); None for the axes of the lattice matrix.
        metric_mean: projection on the metrics of that symmetry, shape (3, 3, 3, 3), or None.
        bounds: largest |h|, |k|, |l| of the box.
        friedel: only one of each pair h, -h is held.
        q_max: radius of the sphere that is held, 1/angstrom.
    """

    hkl: Int[Array, "P 3"]
    multiplicity: Float[Array, " P"]
    form_factors: FormFactors
    references: Float[Array, "R 3 3"]
    margin: Float[Array, ""]
    box_index: Int[Array, " P"] | None
    frame: Float[Array, "3 3"] | None
    metric_mean: Float[Array, "3 3 3 3"] | None
    bounds: tuple[int, int, int] = eqx.field(static=True)
    friedel: bool = eqx.field(static=True)
    q_max: float = eqx.field(static=True)

    @classmethod
    def build(
        cls,
        crystals: list[HostAtoms],
        q_max: float,
        kind: str,
        *,
        margin: float,
        laue: Any = None,
        wavelength: float | None = None,
        displacements: bool = False,
    ) -> "ReciprocalPlan":
        """List the reflections of some crystals (host only); see `ReciprocalSpace.plan`."""
        if not (np.isfinite(margin) and margin >= 1):
            raise ValueError(f"margin: expected a number of at least 1, got {margin}")
        matrices = [atoms.matrix for atoms in crystals]
        dtype = crystals[0].dtype
        keys = sorted({key for atoms in crystals for key in atoms.distinct_species})
        fp, fpp = (None, None) if wavelength is None else anomalous(keys, wavelength)
        factors = FormFactors.build(keys, kind=kind, fp=fp, fpp=fpp, dtype=dtype)
        # Labels are static, and would compile every composition anew; the keys say the same.
        factors = dataclasses.replace(factors, species=())
        friedel = fpp is None
        reach = margin * (1 + SLACK) * q_max
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
        if friedel and not displacements:
            n_atoms = max(map(len, crystals))
            box_index, bounds = _box(hkl, size, n_atoms, len(keys))
        reciprocal = np.stack([2 * np.pi * np.linalg.inv(m).T for m in matrices])
        return cls(
            hkl=device_array(np.pad(hkl, ((0, size - len(hkl)), (0, 0))), np.int32),
            multiplicity=device_array(np.pad(multiplicity, (0, size - len(hkl))), dtype),
            form_factors=factors,
            references=device_array(reciprocal, dtype),
            margin=device_array(margin, dtype),
            box_index=box_index,
            frame=frame,
            metric_mean=mean,
            bounds=bounds,
            friedel=friedel,
            q_max=float(q_max),
        )

    def shareable(self) -> "ReciprocalPlan":
        """The same list for a program that other crystals of about the same size can use (host).

        The sum becomes the direct one, since the bounds of a box are static and differ from cell
        to cell; species without any scattering fill the tables up to a multiple of four.
        """
        factors = self.form_factors
        extra = -factors.keys.shape[0] % 4

        def pad(x: Array) -> Array:
            widths = [(0, extra)] + [(0, 0)] * (x.ndim - 1)
            return device_array(np.pad(host_array(x, "form_factors", x.dtype), widths), x.dtype)

        return dataclasses.replace(
            self, form_factors=jax.tree.map(pad, factors), box_index=None, bounds=(0, 0, 0)
        )

    def covers(self, crystal: Crystal) -> Bool[Array, ""]:
        """Whether the plan serves a crystal: all its reflections, species and symmetry.

        With q = h B and q0 = h B0, |q0| <= |B^-1 B0| |q|: the list is complete if the spectral
        norm of B^-1 B0 is at most the margin for one of the references B0. A thinned list needs
        a metric that has the symmetry.
        """
        matrix = jax.lax.stop_gradient(crystal.lattice.matrix)
        inverse = matrix.T / (2 * np.pi)
        deformation = jnp.matmul(inverse, self.references, precision="highest")
        squared = jnp.matmul(jnp.swapaxes(deformation, 1, 2), deformation, precision="highest")
        stretch = jnp.linalg.eigvalsh(squared)[:, -1]
        complete = jnp.any(stretch <= jnp.square(self.margin * (1 + SLACK / 2)))
        if self.metric_mean is not None:
            metric = jnp.matmul(matrix, matrix.T, precision="highest")
            mean = jnp.einsum("ijkl,kl->ij", self.metric_mean, metric, precision="highest")
            size = jnp.diagonal(metric)
            violation = jnp.square(mean - metric) / (size[:, None] * size[None, :])
            complete = complete & jnp.all(violation < 1e-6)
        return complete & ~jnp.any(missing_species(crystal, self.form_factors))


def _box(
    hkl: np.ndarray, size: int, n_atoms: int, n_species: int
) -> tuple[Array | None, tuple[int, int, int]]:
    """Positions in the half box that holds all indices, if its product beats the direct sum."""
    h_max, k_max, l_max = (int(b) for b in np.max(np.abs(hkl), axis=0, initial=0))
    n_k, n_l = 2 * k_max + 1, 2 * l_max + 1
    # The direct sum costs about ten times as much per (atom, reflection) as the box's product.
    if (h_max + 1) * n_k * n_l * n_species >= 10 * size or n_atoms * size <= 1 << 14:
        return None, (0, 0, 0)
    bounds = (h_max, k_max, l_max)
    index = signed_places(hkl, bounds)
    return device_array(np.pad(index, (0, size - len(hkl))), np.int32), bounds
