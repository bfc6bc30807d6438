"""Model quasicrystals, modulated crystals and the homometric set, with known phases."""

import dataclasses

import numpy as np

from ...lattice import Superspace
from ...symmetry import SpaceGroup, SymOp
from ._model import Model, Points, aperiodic_model, measured_part


def icosahedral_model(
    *,
    centrosymmetric: bool = False,
    q_max: tuple[float, float] = (9.0, 2.0),
    i_min: float = 1e-5,
    b_iso: float = 0.8,
    noise: float = 0.0,
    seed: int = 0,
) -> Model:
    """A primitive icosahedral quasicrystal with balls as atomic surfaces.

    Quasilattice constant 5.7 A. Large balls at the vertices (light atoms) and the bodies (heavy)
    of the six-dimensional cube, and two shells around the vertices, small balls at positions moved
    in physical space: an icosahedron on the five-fold axes and, in general position, 60 atoms
    without a centre of symmetry (120 with one).

    Args:
        centrosymmetric: group P m -3 -5 rather than P 2 3 5.
        q_max: limits of |q| and |q_perp|, 1/angstrom.
        i_min: weakest intensity seen, as a share of the strongest.
        b_iso: displacement parameter B, A^2.
        noise: relative error of the intensities (see `Model.reflections.sigma`); 0 for none.
        seed: of the noise.
    """
    space = Superspace.icosahedral(5.7)
    group = SpaceGroup.find("icosahedral Pm-3-5" if centrosymmetric else "icosahedral P235")
    axis = space.parallel[0] / np.linalg.norm(space.parallel[0])
    shells = [2.6 * axis, np.array([1.1, 3.9, 2.0])]
    points = [
        _surface(group, np.zeros(6), atomic_number=13, radius=5.0),
        _surface(group, np.full(6, 0.5), atomic_number=70, radius=3.4),
        _surface(group, space.coordinates(shells[0]), atomic_number=30, radius=2.4),
        _surface(group, space.coordinates(shells[1]), atomic_number=48, radius=1.8),
    ]
    return aperiodic_model(
        space,
        group,
        points,
        q_max=q_max,
        b_iso=b_iso,
        i_min=i_min,
        noise=noise,
        seed=seed,
        name="icosahedral",
        description="primitive icosahedral model quasicrystal, "
        + ("P m -3 -5" if centrosymmetric else "P 2 3 5")
        + ", balls as atomic surfaces, freely chosen parameters",
    )


def decagonal_model(
    *,
    q_max: tuple[float, float] = (11.0, 5.0),
    i_min: float = 1e-6,
    b_iso: float = 0.8,
    noise: float = 0.0,
    seed: int = 0,
) -> Model:
    """A decagonal quasicrystal P 10_5/m m c of two layers, with discs as atomic surfaces.

    Edge of the tiles 2.5 A, period 4.1 A. Discs at the positions (j, j, j, j) / 5 of the Penrose
    tiling, j = 1 and 2 with their mates 4 and 3 half a period away, in two chemical species, and
    a smaller one moved in physical space.

    Args: as those of `icosahedral_model`.
    """
    space = Superspace.decagonal(2.5, 4.1)
    group = SpaceGroup.find("decagonal P10_5/mmc")
    layer = np.array([0.0, 0.0, 0.0, 0.0, 0.25])
    diagonal = np.array([0.2, 0.2, 0.2, 0.2, 0.0])
    moved = space.coordinates(np.array([1.7, 0.0, 0.0]))
    points = [
        _surface(group, diagonal + layer, atomic_number=27, radius=1.6),
        _surface(group, 2 * diagonal + layer, atomic_number=13, radius=2.5),
        _surface(group, 2 * diagonal + moved + layer, atomic_number=13, radius=0.9),
    ]
    return aperiodic_model(
        space,
        group,
        points,
        q_max=q_max,
        b_iso=b_iso,
        i_min=i_min,
        noise=noise,
        seed=seed,
        name="decagonal",
        description="decagonal model quasicrystal, P 10_5/m m c, discs as atomic surfaces, "
        "freely chosen parameters",
    )


#: Atoms of the modulated model: atomic number, average position, and the displacement (fractions
#: of a, b, c) that goes with sin and cos of 2 pi times the internal coordinate.
_MODULATED = (
    (34, (0.183, 0.091, 0.322), (0.010, 0.028, -0.006), (0.021, -0.012, 0.008)),
    (16, (0.452, 0.268, 0.118), (-0.022, 0.015, 0.012), (0.007, 0.026, 0.004)),
    (16, (0.310, 0.437, 0.433), (0.018, -0.020, 0.010), (-0.012, 0.014, 0.009)),
    (8, (0.071, 0.322, 0.071), (0.030, 0.011, -0.014), (0.016, 0.022, 0.011)),
    (8, (0.388, 0.056, 0.236), (0.012, 0.034, 0.017), (-0.025, 0.010, 0.006)),
    (6, (0.242, 0.174, 0.041), (-0.017, 0.024, 0.008), (0.019, 0.017, -0.012)),
    (6, (0.139, 0.402, 0.284), (0.026, -0.013, 0.015), (0.011, -0.028, 0.007)),
)


def modulated_model(
    *,
    q_max: float = 7.0,
    order: int = 2,
    amplitude: float = 1.0,
    i_min: float = 1e-6,
    b_iso: float = 1.0,
    noise: float = 0.0,
    seed: int = 0,
) -> Model:
    """A crystal with an incommensurate displacive modulation, P 2_1/c (0 beta 0) 0 0.

    Seven atoms in general positions move as x(t) = x + u sin(2 pi t) + v cos(2 pi t), where t is
    the internal coordinate of the average position x. In superspace an atom is the curve
    (x(t), t + q.(x(t) - x)); the mean of exp(2 pi i k.curve) over t is taken at 64 equidistant
    points, which for one harmonic is exact to rounding.

    Args:
        q_max: limit of |q|, 1/angstrom.
        order: highest order of satellites.
        amplitude: factor of all displacements.
        i_min, b_iso, noise, seed: as those of `icosahedral_model`.

    References:
        P. M. de Wolff, Acta Cryst. A30 (1974) 777.
    """
    q = np.array([0.0, 0.4142, 0.0])
    space = Superspace.modulated((7.3, 8.9, 10.6, 90.0, 104.0, 90.0), q)
    group = SpaceGroup.from_generators(["-x1,x2+1/2,-x3+1/2,x4", "-x1,-x2,-x3,-x4"])
    t = np.arange(64) / 64
    points = []
    for number, x, u, v in _MODULATED:
        move = amplitude * (
            np.sin(2 * np.pi * t)[:, None] * np.array(u)
            + np.cos(2 * np.pi * t)[:, None] * np.array(v)
        )
        curve = np.concatenate([np.array(x) + move, (t + move @ q)[:, None]], axis=1)
        points.append(Points(curve, number / len(t)))
    return aperiodic_model(
        space,
        group,
        points,
        q_max=(q_max, float(order)),
        b_iso=b_iso,
        i_min=i_min,
        noise=noise,
        seed=seed,
        name="modulated",
        description="modulated model crystal, P 2_1/c (0 beta 0), satellites to order "
        f"{order}, freely chosen parameters",
    )


def homometric_model(*, q_max: float = 30.0) -> Model:
    """Nine points of a square cell that another set of nine shares its diffraction with.

    Two triangles convolved, F(k) = T(0.2618033, k) T(-0.1, k) with

        T(a, k) = sum_phi exp(2 pi i a (k_x cos(phi) + k_y sin(phi))), phi = 0, 2 pi / 3, 4 pi / 3

    in the plane group p 1 with |k| < q_max. Turning one triangle around, T(0.1, k), changes no
    modulus: both structures are right answers.

    Args:
        q_max: limit of |k|; the reciprocal basis is the unit matrix.

    References:
        The two-dimensional example of the toolkit ChargeFlipPhaser.
    """
    space = Superspace.from_matrices(np.eye(2))
    group = SpaceGroup.from_operations([SymOp.identity(2)])
    bound = int(np.ceil(q_max))
    k = np.mgrid[-bound : bound + 1, -bound : bound + 1].reshape(2, -1).T
    half = (k[:, 0] > 0) | ((k[:, 0] == 0) & (k[:, 1] > 0))
    k = k[half & (np.hypot(*k.T) < q_max)]
    angle = 2 * np.pi * np.arange(3) / 3
    star = np.stack([np.cos(angle), np.sin(angle)], axis=1)

    def triangle(a: float, k: np.ndarray) -> np.ndarray:
        return np.exp(2j * np.pi * a * (k @ star.T)).sum(axis=1)

    model = measured_part(
        space,
        group,
        k,
        triangle(0.2618033, k) * triangle(-0.1, k),
        np.ones(len(k)),
        i_min=0.0,
        noise=0.0,
        seed=0,
        name="2d",
        description="two-dimensional homometric set of nine points, p 1",
    )
    k = model.reflections.k
    other = triangle(0.2618033, k) * triangle(0.1, k)
    return dataclasses.replace(model, alternatives=(other,))


def _surface(group: SpaceGroup, x: np.ndarray, atomic_number: int, radius: float) -> Points:
    """A ball of atoms, its weight in proportion to its size and the same for every image."""
    shifts = group.translations / group.denominator
    move = group.rotations @ x + shifts - x
    fixed = int((np.abs(move - np.rint(move)) < 1e-9).all(axis=1).sum())
    return Points(x[None], atomic_number * radius**2 / fixed, radius)
