"""What other programs compute, number for number: pyxtal's class RECP."""

from ._recp import RecpPlan as RecpPlan
from ._recp import RecpSpectrum as RecpSpectrum
from ._recp import recp_hkl as recp_hkl
