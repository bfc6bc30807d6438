"""Compute the terms of `CrystalMetric`: scaled spectra, neighbour distances, the hand.

All are pure: `scaled_spectra` of sums at the reflections of a scaled cell, `local_distance_vector`
and `hand_vector` of the `nearest_neighbours` within `neighbour_bounds`.
Each is in a file of its own.
"""
