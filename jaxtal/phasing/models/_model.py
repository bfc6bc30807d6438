"""`Model`: reflections with known phases, and the sum over scatterers that makes them."""

import dataclasses

import numpy as np
from jaxtyping import Complex, Float, Int

from ...lattice import Superspace
from ...reflections import Reflections
from ...symmetry import SpaceGroup
from .._wave_vectors import representatives, wave_vectors_within

#: Products of reflections and points held at once.
_BLOCK = 1 << 22


@dataclasses.dataclass(frozen=True, eq=False)
class Model:
    """A structure whose phases are known, and its diffraction as an experiment would give it.

    Attributes:
        reflections: what a measurement gives.
        F: true structure factors sum f exp(+2 pi i k.x) of the representatives `reflections.k`,
            (n,).
        falloff: smooth factor by which |F| falls with |q| (form factors and displacement of the
            atoms), (n,); |F| / falloff belongs to point atoms at rest.
        name: short name.
        description: what the model is, with the source of its parameters.
        alternatives: structure factors of other structures with the same moduli, as right as F.
    """

    reflections: Reflections
    F: Complex[np.ndarray, " n"]
    falloff: Float[np.ndarray, " n"]
    name: str
    description: str
    alternatives: tuple[Complex[np.ndarray, " n"], ...] = ()


@dataclasses.dataclass(frozen=True, eq=False)
class Points:
    """Equal scatterers at points of the N-dimensional cell, and at all their images.

    Attributes:
        x: fractional coordinates, (n, N).
        weight: scattering of one point, shared by all.
        radius: of the atomic surface through each point, a ball in internal space, angstrom.
    """

    x: Float[np.ndarray, "n N"]
    weight: float = 1.0
    radius: float = 0.0

    def sum(self, k: Int[np.ndarray, "refl N"], group: SpaceGroup) -> Complex[np.ndarray, " refl"]:
        """sum of weight exp(2 pi i k.(W x + w)) over the points and the operations of the group.

        Points on symmetry elements count once for each operation that leaves them in place.
        """
        shifts = group.translations / group.denominator
        images = (np.einsum("pij,nj->pni", group.rotations, self.x) + shifts[:, None]) % 1.0
        images = images.reshape(-1, images.shape[-1])
        total = np.empty(len(k), dtype=complex)
        rows = max(_BLOCK // len(images), 1)
        for start in range(0, len(k), rows):
            turns = k[start : start + rows] @ images.T
            total[start : start + rows] = np.exp(2j * np.pi * (turns % 1.0)).sum(axis=1)
        return self.weight * total


def ball_transform(x: Float[np.ndarray, " n"], dimension: int) -> Float[np.ndarray, " n"]:
    """Fourier transform of a ball, relative to its value at zero.

    In three dimensions 3 (sin x - x cos x) / x^3, in two 2 J_1(x) / x, in one sin(x) / x.

    Args:
        x: |q| times the radius, (n,).
        dimension: of the ball, 0 (a point, 1 everywhere) to 3.

    Raises:
        ValueError: another dimension.
    """
    if dimension not in range(4):
        raise ValueError(f"dimension: expected 0 to 3, got {dimension}")
    from scipy.special import j1

    small = x < 1e-2  # where the series is better than the difference
    safe = np.where(small, 1.0, x)
    # The transform in p dimensions is 1 - x^2 / (2 (p + 2)) + x^4 / (8 (p + 2) (p + 4)) - ...
    p = dimension
    series = 1 - x**2 / (2 * (p + 2)) + x**4 / (8 * (p + 2) * (p + 4))
    exact = {
        0: lambda u: np.ones_like(u),
        1: lambda u: np.sin(u) / u,
        2: lambda u: 2 * j1(u) / u,
        3: lambda u: 3 * (np.sin(u) - u * np.cos(u)) / u**3,
    }[dimension]
    return np.where(small & (p > 0), series, exact(safe))


def structure_factors_of(
    points: list[Points], k: Int[np.ndarray, "refl N"], space: Superspace, group: SpaceGroup
) -> Complex[np.ndarray, " refl"]:
    """F(k) = sum_j w_j g(|q_perp| R_j) sum_images exp(2 pi i k.x), without displacement, (refl,).

    It obeys F(k W) = F(k) exp(-2 pi i k.w), because g is the same for all images of k.
    """
    inner = np.linalg.norm(space.q_perpendicular(k), axis=1)
    total = np.zeros(len(k), dtype=complex)
    for one in points:
        p = space.n_internal if one.radius else 0
        total += ball_transform(inner * one.radius, p) * one.sum(k, group)
    return total


def measured_part(
    space: Superspace,
    group: SpaceGroup,
    k: Int[np.ndarray, "n N"],
    F: Complex[np.ndarray, " n"],
    falloff: Float[np.ndarray, " n"],
    *,
    i_min: float,
    noise: float,
    seed: int,
    name: str,
    description: str,
) -> Model:
    """Keep what an experiment would see, I > i_min max(I), and add noise to it.

    Args:
        space, group: of the crystal.
        k: one index of each orbit, (n, N), extinct ones and the zero vector allowed (dropped).
        F: structure factors, (n,).
        falloff: see `Model`.
        i_min: weakest intensity seen, as a share of the strongest.
        noise: sigma(I)^2 = noise^2 (I^2 + I_min^2) with the weakest intensity kept; normal errors
            are added and reported as sigma. 0 for exact intensities without sigma.
        seed: of the noise.
        name, description: of the model.

    Raises:
        ValueError: shares or noise that are negative or not finite; nothing left.
    """
    if not (np.isfinite(noise) and noise >= 0 and np.isfinite(i_min) and 0 <= i_min < 1):
        raise ValueError(f"expected noise >= 0 and 0 <= i_min < 1, got {noise} and {i_min}")
    intensity = np.abs(F) ** 2
    seen = k.any(axis=1)
    strongest = intensity[seen].max(initial=0.0)
    # Extinct reflections are zero up to rounding, whatever the threshold.
    seen &= intensity > max(i_min, 1e-20) * strongest
    if not seen.any():
        raise ValueError(f"{name}: expected reflections above the threshold {i_min}, got none")
    k, F, falloff, intensity = k[seen], F[seen], falloff[seen], intensity[seen]
    sigma = None
    if noise:
        sigma = noise * np.sqrt(intensity**2 + intensity.min() ** 2)
        intensity = intensity + sigma * np.random.default_rng(seed).standard_normal(len(k))
    reflections = Reflections.from_arrays(space, group, k, intensity, sigma=sigma, extinct="drop")
    kept = _rows_of(k, reflections.k)
    return Model(reflections, F[kept], falloff[kept], name, description)


def aperiodic_model(
    space: Superspace,
    group: SpaceGroup,
    points: list[Points],
    *,
    q_max: tuple[float, float],
    b_iso: float,
    **measurement,
) -> Model:
    """The diffraction of points and their atomic surfaces within limits of |q| and |q_perp|.

    Args:
        space, group: of the crystal.
        points: the scatterers.
        q_max: limits of |q| (1/angstrom) and |q_perp|.
        b_iso: displacement parameter B of all of them, A^2.
        measurement: arguments of `measured_part`.
    """
    k = wave_vectors_within(space, *q_max)
    k = k[representatives(k, group)]
    stol2 = (np.linalg.norm(space.q_parallel(k), axis=1) / (4 * np.pi)) ** 2
    falloff = np.exp(-b_iso * stol2)
    F = falloff * structure_factors_of(points, k, space, group)
    return measured_part(space, group, k, F, falloff, **measurement)


def _rows_of(k: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Where each row of `kept` stands in `k`."""
    place = {row.tobytes(): i for i, row in enumerate(np.ascontiguousarray(k))}
    return np.array([place[row.tobytes()] for row in np.ascontiguousarray(kept)])
