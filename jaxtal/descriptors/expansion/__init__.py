"""Kernels of the expansions: spherical harmonics, Bessel and radial functions, splines."""

from ._bessel import spherical_bessel as spherical_bessel
from ._harmonics import degree_list as degree_list
from ._harmonics import harmonics_rows as harmonics_rows
from ._harmonics import real_spherical_harmonics as real_spherical_harmonics
