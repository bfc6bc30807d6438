"""Kernels of the expansions: radial functions, real spherical harmonics, splines."""

from ._b_spline import cubic_b_spline as cubic_b_spline
from ._bessel import spherical_bessel as spherical_bessel
from ._harmonics import Degrees as Degrees
from ._harmonics import degree_list as degree_list
from ._harmonics import harmonics_rows as harmonics_rows
from ._harmonics import host_harmonics as host_harmonics
from ._harmonics import real_spherical_harmonics as real_spherical_harmonics
from ._radial import AbstractRadialBasis as AbstractRadialBasis
from ._radial import ChebyshevBasis as ChebyshevBasis
from ._radial import OrthonormalBasis as OrthonormalBasis
from ._radial import SphericalBesselBasis as SphericalBesselBasis
