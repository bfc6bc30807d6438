"""A crystal as points in reciprocal space: positions q and normalised intensities."""

from collections.abc import Sequence
from typing import Any, Literal, get_args

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from .._core import bucket, host_array, safe_norm
from ..crystal import Crystal
from ..scattering import FormFactors, anomalous
from ._hkl import hkl_bounds, hkl_sphere
from ._structure_factors import (
    box_sums,
    combine_species,
    missing_species,
    species_sums,
    species_weights,
    stol2,
)

#: How intensities are taken to zero at q_max, as a function of x = q / q_max.
Taper = Literal["smooth", "cosine", "none"]


class ReciprocalPoints(eqx.Module):
    """Points of reciprocal space and their weights.

    Attributes:
        q: wave vectors, shape (P, 3), 1/angstrom.
        intensity: tapered I / I(0), shape (P,), dimensionless; 0 outside q_max and for padding.
        multiplicity: equivalent points that each one stands for, shape (P,).
        complete: False if the lattice has reflections inside q_max that the plan lacks, or the
            crystal a species that the plan lacks.
    """

    q: Float[Array, "P 3"]
    intensity: Float[Array, " P"]
    multiplicity: Float[Array, " P"]
    complete: Bool[Array, ""]


class ReciprocalPlan(eqx.Module):
    """Static shapes and tables for the points of one or several similar crystals.

    Attributes:
        hkl: reflections, one of each set of equivalents, shape (P, 3).
        multiplicity: number of equivalents, shape (P,); 0 for padding.
        form_factors: tables of every species.
        references: reciprocal matrices the list was made for, shape (R, 3, 3), 1/angstrom.
        margin: the list holds |q| <= margin * q_max of every reference.
        box_index: positions of `hkl` in a half box of indices, or None for the direct sum.
        bounds: largest |h|, |k|, |l| of that box.
        friedel: only one of each pair h, -h is held.
    """

    hkl: Int[Array, "P 3"]
    multiplicity: Float[Array, " P"]
    form_factors: FormFactors
    references: Float[Array, "R 3 3"]
    margin: Float[Array, ""]
    box_index: Int[Array, " P"] | None
    bounds: tuple[int, int, int] = eqx.field(static=True)
    friedel: bool = eqx.field(static=True)

    def covers(self, crystal: Crystal) -> Bool[Array, ""]:
        """Whether the list holds every reflection of the crystal with |q| <= q_max.

        With q = h B and q0 = h B0, |q0| <= |B^-1 B0| |q|: the list is complete if the spectral
        norm of B^-1 B0 is at most the margin for one of the references B0.
        """
        inverse = crystal.lattice.matrix.T / (2 * np.pi)
        deformation = jax.lax.stop_gradient(inverse @ self.references)
        stretch = jnp.linalg.eigvalsh(jnp.swapaxes(deformation, -1, -2) @ deformation)[:, -1]
        inside = jnp.any(stretch <= jnp.square(self.margin * (1 + 1e-5)))
        return inside & ~jnp.any(missing_species(crystal, self.form_factors))


class ReciprocalSpace(eqx.Module):
    """How a crystal becomes points in reciprocal space.

    I(q) = |F(q)|^2 / |F(0)|^2 t(q / q_max), with the taper t(x) = (1 - x^2)^3 ("smooth": value,
    slope and curvature vanish at q_max, so that nothing jumps when a reflection enters or leaves
    the sphere), cos(pi x / 2) ("cosine") or 1 ("none": I jumps). For neutrons, where F(0) may
    vanish, |F(0)|^2 is replaced by N sum_j o_j b_j^2, with N = sum_j o_j.

    Attributes:
        q_max: radius of the sphere, 1/angstrom.
        kind: form-factor table (see `FormFactors.build`).
        taper: "smooth", "cosine" or "none".
        displacements: apply Debye-Waller factors; off by default, so that the descriptor
            compares structures and not temperatures.
        wavelength: X-ray wavelength (angstrom) at which f' and f'' are added; None for neither.
            Friedel's law then fails, and the whole sphere is used.

    References:
        O. G. Ridwan et al., "Crystal Representation in the Reciprocal Space" (2026), eqs. 7-9.
    """

    q_max: float = eqx.field(static=True, default=10.0)
    kind: str = eqx.field(static=True, default="waasmaier-kirfel")
    taper: Taper = eqx.field(static=True, default="smooth")
    displacements: bool = eqx.field(static=True, default=False)
    wavelength: float | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        if not (np.isfinite(self.q_max) and self.q_max > 0):
            raise ValueError(f"q_max: expected a positive number of 1/angstrom, got {self.q_max}")
        if self.taper not in get_args(Taper):
            raise ValueError(f"taper: expected one of {get_args(Taper)}, got {self.taper!r}")

    def plan(
        self,
        crystals: Crystal | Sequence[Crystal],
        *,
        margin: float = 1.05,
        laue: Any = None,
    ) -> ReciprocalPlan:
        """Decide the reflection list and the tables for some crystals (host only).

        Args:
            crystals: one crystal, or several that the same plan must serve.
            margin: how far any direction of the lattice may shrink in real space: the list
                holds |q| <= margin * q_max. 1.05 allows for 5 %.
            laue: integer rotations W of the Laue group, shape (n, 3, 3), of a crystal whose
                intensities are known to have that symmetry, I(h W) = I(h); only one reflection
                of each orbit is then kept. Default: Friedel's law alone.

        Raises:
            ValueError: no crystals, margin below 1, or an unknown species.
        """
        crystals = [crystals] if isinstance(crystals, Crystal) else list(crystals)
        if not crystals:
            raise ValueError("crystals: expected at least one, got none")
        if margin < 1:
            raise ValueError(f"margin: expected at least 1, got {margin}")
        keys = sorted({key for crystal in crystals for key in _species(crystal)})
        dtype = crystals[0].lattice.matrix.dtype
        fp, fpp = (None, None) if self.wavelength is None else anomalous(keys, self.wavelength)
        factors = FormFactors.build(keys, kind=self.kind, fp=fp, fpp=fpp, dtype=dtype)
        friedel = factors.fpp is None
        matrices = [host_array(c.lattice.matrix, "lattice matrix") for c in crystals]
        lists = [hkl_sphere(m, margin * self.q_max, half=friedel) for m in matrices]
        hkl = lists[0] if len(lists) == 1 else np.unique(np.concatenate(lists), axis=0)
        multiplicity = np.full(len(hkl), 2.0 if friedel else 1.0)
        if laue is not None:
            if not friedel:
                raise ValueError("laue: anomalous scattering lowers the Laue symmetry; give None")
            hkl, multiplicity = _unique_under(hkl, np.asarray(laue))
        n_atoms = max(c.mask.shape[0] for c in crystals)
        h_max, k_max, l_max = (int(b) for b in np.max(np.abs(hkl), axis=0, initial=0))
        size = bucket(len(hkl), 32)
        # The direct sum costs ~10 times as much per (atom, reflection) as the box's product.
        box_points = (h_max + 1) * (2 * k_max + 1) * (2 * l_max + 1)
        use_box = (
            friedel and not self.displacements and box_points * len(keys) < 10 * size
            and n_atoms * size > 1 << 14
        )
        box_index = None
        if use_box:
            strides = np.array([(2 * k_max + 1) * (2 * l_max + 1), 2 * l_max + 1, 1])
            index = (hkl + np.array([0, k_max, l_max])) @ strides
            box_index = jnp.asarray(np.pad(index, (0, size - len(hkl))), jnp.int32)
        reciprocal = np.stack([2 * np.pi * np.linalg.inv(m).T for m in matrices])
        return ReciprocalPlan(
            hkl=jnp.asarray(np.pad(hkl, ((0, size - len(hkl)), (0, 0))), jnp.int32),
            multiplicity=jnp.asarray(np.pad(multiplicity, (0, size - len(hkl))), dtype),
            form_factors=factors,
            references=jnp.asarray(reciprocal, dtype),
            margin=jnp.asarray(margin, dtype),
            box_index=box_index,
            bounds=(h_max, k_max, l_max),
            friedel=friedel,
        )

    def __call__(self, crystal: Crystal, plan: ReciprocalPlan) -> ReciprocalPoints:
        """Points of one crystal; pure, differentiable, to be jitted and vmapped."""
        q = plan.hkl.astype(crystal.lattice.matrix.dtype) @ crystal.lattice.reciprocal
        s2 = stol2(crystal, plan.hkl)
        real, imag = combine_species(self._sums(crystal, plan), s2, plan.form_factors)
        x = safe_norm(q) / self.q_max
        inside = (x < 1) & (plan.multiplicity > 0)
        scale = taper(jnp.where(inside, x, 0.0), self.taper) / self._forward(crystal, plan)
        return ReciprocalPoints(
            q=q,
            intensity=jnp.where(inside, (real * real + imag * imag) * scale, 0.0),
            multiplicity=plan.multiplicity,
            complete=plan.covers(crystal),
        )

    def _sums(self, crystal: Crystal, plan: ReciprocalPlan) -> tuple[Array, Array]:
        if plan.box_index is None:
            return species_sums(
                crystal, plan.hkl, plan.form_factors, displacements=self.displacements
            )
        real, imag = box_sums(crystal, plan.bounds, plan.form_factors)
        n_species = real.shape[0]
        both = jnp.concatenate([real.reshape(n_species, -1), imag.reshape(n_species, -1)])
        return tuple(jnp.split(both[:, plan.box_index], 2))  # pyright: ignore[reportReturnType]

    def _forward(self, crystal: Crystal, plan: ReciprocalPlan) -> Float[Array, ""]:
        """|F(0)|^2, or for neutrons N sum b^2."""
        weights = species_weights(crystal, plan.form_factors)
        amount = jnp.sum(weights, axis=1)
        zero = jnp.zeros((1,), weights.dtype)
        if self.kind == "neutron":
            f = plan.form_factors(zero)[:, 0]
            return jnp.sum(amount) * jnp.sum(amount * f * f)
        sums = (amount[:, None], jnp.zeros_like(amount)[:, None])
        real, imag = combine_species(sums, zero, plan.form_factors)
        return (real * real + imag * imag)[0]


def taper(x: Float[Array, "*n"], kind: Taper) -> Float[Array, "*n"]:
    """Window on 0 <= x = q / q_max <= 1: (1 - x^2)^3, cos(pi x / 2) or 1."""
    if kind == "smooth":
        return (1 - x * x) ** 3
    if kind == "cosine":
        return jnp.cos(np.pi / 2 * x)
    return jnp.ones_like(x)


def _species(crystal: Crystal) -> list[tuple[int, int, int]]:
    """Distinct (atomic number, charge, mass number) of the atoms that are not padding."""
    mask = host_array(crystal.mask, "mask", bool)
    columns = (crystal.atomic_numbers, crystal.charges, crystal.isotopes)
    keys = np.stack([host_array(c, "species", np.int64) for c in columns], axis=-1)
    return [(int(z), int(c), int(m)) for z, c, m in np.unique(keys[mask], axis=0)]


def _unique_under(hkl: np.ndarray, laue: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One reflection of each orbit under h -> h W, and the size of the orbit.

    The list must be a union of orbits or halves of them under Friedel's law; a reflection whose
    equivalents lie outside the list (only possible within rounding of the sphere's surface) is
    kept with its full orbit.
    """
    images = np.einsum("pi,nij->npj", hkl, laue)
    images = np.concatenate([images, -images])
    span = 2 * int(np.abs(images).max()) + 1
    code = ((images[..., 0] * span) + images[..., 1]) * span + images[..., 2]
    best = code.max(axis=0)
    _, first = np.unique(best, return_index=True)
    first = np.sort(first)
    codes = np.sort(code[:, first], axis=0)
    size = 1 + np.sum(codes[1:] != codes[:-1], axis=0)
    return hkl[first], size.astype(np.float64)
