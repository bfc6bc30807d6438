"""What other programs and the paper compute, number for number.

RecpDescriptor       power spectrum and radial distribution of pyxtal's class RECP
PaperBesselBasis     the radial functions that the paper writes
GaussianBasis        Gaussians side by side
cylindrical_bessel   J_n of all orders at once
"""

from ._cylindrical_bessel import cylindrical_bessel as cylindrical_bessel
from ._radial_bases import GaussianBasis as GaussianBasis
from ._radial_bases import PaperBesselBasis as PaperBesselBasis
from ._recp import RecpDescriptor as RecpDescriptor
