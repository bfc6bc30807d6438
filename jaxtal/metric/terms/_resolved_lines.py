"""What tells stacking sequences apart: the first lines of the powder pattern, well resolved."""

import numpy as np
from jaxtyping import Float

from ..._core import AnyArray, namespace
from ...diffraction.sums import SphereSums

#: Width of a line, and distance of two samples, in units (N / V)^(1/3).
WIDTH = 0.2
#: The last sample. Lines beyond it move more with strain and weaken more with displacements.
END = 8.0
#: What one unit of distance is: at weight 1, polytypes are then apart by more than what
#: displacements of 0.05 angstrom do to them.
_SCALE = 1.5


def resolved_lines(
    found: SphereSums, n_atoms: Float[AnyArray, ""], q_max: float
) -> Float[AnyArray, " D"]:
    r"""Intensity of the sublattices of the elements near each of some lengths of q.

        v_k = 1 / 1.5 sum_q 2 I_3(q) t(q / q_max) exp(-(|q| - k w)^2 / 2 w^2),    k = 0 .. 40,

    over half the sphere, with w = 0.2 and I_3 and t as in `scaled_spectra`. Those spectra have ten
    radial functions, which resolve the arrangement up to about the second neighbours; crystals
    that differ beyond, as polytypes do, have the same lines at large q, and others at small q.
    Here those are resolved: in real space that reaches to some 2 / w = 10 units, 20 angstrom in
    silicon carbide. The price is that strain moves lines, by their width where it is w / q = 3 %.

    Args:
        found: sums of the atoms of each element at the reflections of the scaled cell.
        n_atoms: N, their sum, not zero.
        q_max: radius of the sphere in units (N / V)^(1/3).

    Returns:
        Shape (41,).
    """
    xp = namespace(found.size)
    intensity = xp.sum(found.sums * found.sums, axis=(0, 1)) / (n_atoms * n_atoms)
    return xp.sum(intensity[None, :] * line_profiles(found, q_max), axis=1)


def line_profiles(found: SphereSums, q_max: float) -> Float[AnyArray, "41 P"]:
    """Return what a point of intensity 1 adds to each sample, be they of one crystal or several."""
    xp = namespace(found.size)
    x = xp.where(found.within, found.size / q_max, 0.0)
    window = xp.where(found.within, 2 * (1 - x * x) ** 3, 0.0) / _SCALE
    samples = xp.asarray(np.arange(0.0, END + WIDTH / 2, WIDTH), x.dtype)
    off = (x * (q_max / WIDTH))[None, :] - (samples / WIDTH)[:, None]
    return window[None, :] * xp.exp(-0.5 * off * off)
