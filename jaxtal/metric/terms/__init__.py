"""Compute the terms of `CrystalMetric`: scaled spectra, neighbour distances, the hand.

All are pure: `scaled_spectra` of sums at the reflections of a scaled cell, `local_distance_vector`
and `hand_vector` of the `nearest_neighbours` within `neighbour_bounds`.
"""

from ._hand_vector import hand_vector as hand_vector
from ._local_distances import NEIGHBOURS as NEIGHBOURS
from ._local_distances import local_distance_vector as local_distance_vector
from ._local_distances import local_distances as local_distances
from ._local_distances import neighbours_needed as neighbours_needed
from ._nearest_neighbours import Neighbours as Neighbours
from ._nearest_neighbours import nearest_neighbours as nearest_neighbours
from ._nearest_neighbours import neighbour_bounds as neighbour_bounds
from ._scaled_spectra import SPREADS as SPREADS
from ._scaled_spectra import scaled_spectra as scaled_spectra
