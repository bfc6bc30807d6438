"""A field between its nodes as the plain sum over tied aliases, in NumPy."""

import numpy as np


def series(values, x, waves):
    """Re sum of weight share F exp(2 pi i G.x) at points (..., D)."""
    half = np.fft.rfftn(np.asarray(values), norm="forward").ravel()
    slot, share = np.asarray(waves.slot), np.asarray(waves.share)
    c = half[slot] * share * waves.mesh.half_weights().ravel()[slot]
    return (np.exp(2j * np.pi * np.asarray(x) @ np.asarray(waves.aliases).T) @ c).real
