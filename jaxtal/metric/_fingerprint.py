"""`Fingerprint`: the vector of a crystal in a metric."""

import equinox as eqx
import numpy as np
from jaxtyping import Array, Bool, Float


class Fingerprint(eqx.Module):
    """Vector of a crystal, or of many with their axes first; made by `CrystalMetric`.

    Attributes:
        vector: shape (*B, D), dimensionless.
        complete: False if the crystal has outgrown its plan, shape (*B,); the vector is then
            that of the part that fits.
        specification: JSON of the settings it was made with.
    """

    vector: Float[Array, "*B D"] | Float[np.ndarray, "*B D"]
    complete: Bool[Array, "*B"] | Bool[np.ndarray, "*B"]
    specification: str = eqx.field(static=True)
