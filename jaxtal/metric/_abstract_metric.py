"""`AbstractMetric`: the settings of `CrystalMetric`, which its plans and vectors carry."""

from typing import Any

import equinox as eqx
import numpy as np

from .._core import AbstractSpecification


class AbstractMetric(AbstractSpecification):
    """Settings of `CrystalMetric`: resolution of the spectrum, and the weights of other terms."""

    n_max: eqx.AbstractVar[int]
    l_max: eqx.AbstractVar[int]
    q_max: eqx.AbstractVar[float]
    composition: eqx.AbstractVar[float]
    density: eqx.AbstractVar[float]
    distances: eqx.AbstractVar[float]
    hand: eqx.AbstractVar[float]
    stacking: eqx.AbstractVar[float]

    @property
    def sees_neighbours(self) -> bool:
        """Whether a term needs the neighbours of each atom."""
        return self.distances > 0 or self.hand > 0

    def check(self) -> None:
        """Refuse settings out of range."""
        for name in ("q_max", "composition", "density", "distances", "hand", "stacking"):
            value: Any = getattr(self, name)
            if not (np.isfinite(value) and value >= 0):
                raise ValueError(f"{name}: expected a finite number of at least 0, got {value}")
        if self.q_max == 0:
            raise ValueError("q_max: expected a positive number, got 0")
