"""Power spectra of a crystal scaled to one volume per atom: the first term of the metric."""

import numpy as np
from jaxtyping import Float

from ..._core import AnyArray, matmul, namespace, safe_divide, safe_norm
from ...descriptors import OrthonormalBasis
from ...descriptors.expansion import degree_list, harmonics_rows
from ...diffraction.sums import SphereSums

#: Spread of the three spectra over the 288 AFLOW prototypes that pymatgen 2026.10 ships: root
#: mean square distance from the mean, default settings. It sets their relative weights and the
#: unit of distance.
SPREADS = (0.3071, 0.3638, 0.2543)

_RADIAL = OrthonormalBasis()


def scaled_spectra(
    found: SphereSums,
    numbers: Float[AnyArray, " S"],
    amounts: Float[AnyArray, " S"],
    n_atoms: Float[AnyArray, ""],
    n_max: int,
    l_max: int,
    q_max: float,
) -> Float[AnyArray, " D"]:
    r"""Square roots of three power spectra, side by side.

        v_cnl = |A_cnl| / w_c,   A_cnlm = sum_q 2 I_c(q) t(q / q_max) R_n(q) Y_lm(q / |q|)

    over half the sphere |q| < q_max, l even, with three intensities I_c of point atoms

        I_1 = |sum_j exp(i q.x_j)|^2 / N^2                  where the atoms are
        I_2 = |sum_j (Z_j / <Z>) exp(i q.x_j)|^2 / N^2      how heavy and light ones alternate
        I_3 = sum_elements |sum_(j in element) exp(i q.x_j)|^2 / N^2     the sublattice of each

    the taper t(x) = (1 - x^2)^3, orthonormal radial functions and real spherical harmonics.
    |A_nl| is the square root of the power spectrum P_nl: strong entries do not drown the others.
    The spreads w_c make each intensity count alike.

    Args:
        found: sums of the atoms of each element at the reflections of the scaled cell.
        numbers: atomic number of each element.
        amounts: atoms of each element.
        n_atoms: N, their sum, not zero.
        n_max: number of radial functions.
        l_max: highest degree.
        q_max: radius of the sphere in units (N / V)^(1/3).

    Returns:
        Shape (3 n_max n_degrees,), the degree running fastest.
    """
    intensities = point_intensities(found.sums, numbers, amounts, n_atoms)
    radial, harmonics = spectra_basis(found, n_max, l_max, q_max)
    return spectra_of(intensities / (n_atoms * n_atoms), radial, harmonics, l_max)


def point_intensities(
    sums: Float[AnyArray, "2 S P"],
    numbers: Float[AnyArray, " S"],
    amounts: Float[AnyArray, " S"],
    n_atoms: Float[AnyArray, ""],
) -> Float[AnyArray, "3 P"]:
    """Return I_1, I_2 and I_3 of `scaled_spectra`, times N^2; its arguments."""
    xp = namespace(sums)
    mean = xp.sum(amounts * numbers) / n_atoms
    charges = safe_divide(numbers, xp.broadcast_to(mean, numbers.shape))
    plain = xp.sum(sums, axis=1)
    heavy = xp.sum(charges[None, :, None] * sums, axis=1)
    return xp.stack(
        [
            xp.sum(plain * plain, axis=0),
            xp.sum(heavy * heavy, axis=0),
            xp.sum(sums * sums, axis=(0, 1)),
        ]
    )


def spectra_basis(
    found: SphereSums, n_max: int, l_max: int, q_max: float
) -> tuple[Float[AnyArray, "n P"], Float[AnyArray, "n_lm P"]]:
    """Return 2 t(q / q_max) R_n(q) and Y_lm at points, be they of one crystal or of several."""
    xp = namespace(found.q)
    x = xp.where(found.within, found.size / q_max, 0.0)
    window = xp.where(found.within, 2 * (1 - x * x) ** 3, 0.0)
    return window[None, :] * _RADIAL(x * q_max, n_max, q_max), harmonics_rows(
        found.q, l_max, "even"
    )


def spectra_of(
    intensities: Float[AnyArray, "3 P"],
    radial: Float[AnyArray, "n P"],
    harmonics: Float[AnyArray, "n_lm P"],
    l_max: int,
) -> Float[AnyArray, " D"]:
    """Expand the intensities at the points of one crystal, and take the norm over m."""
    xp = namespace(intensities)
    scales = xp.asarray(1 / np.array(SPREADS), intensities.dtype)
    left = (scales[:, None] * intensities)[:, None, :] * radial[None, :, :]
    moments = matmul(left.reshape(len(SPREADS) * len(radial), -1), harmonics.T)
    ends = np.cumsum([2 * l + 1 for l in degree_list(l_max, "even")])[:-1]
    blocks = xp.split(moments, [int(e) for e in ends], axis=1)
    return xp.stack([safe_norm(block) for block in blocks], axis=1).reshape(-1)
