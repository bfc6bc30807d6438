"""`Diffractogram`: the powder pattern of a crystal at the samples of its axis."""

from typing import Any

import equinox as eqx
from jaxtyping import Bool, Float

from ..._core import AnyArray, take_rows
from .._reciprocal_points import raise_if_outgrown


class Diffractogram(eqx.Module):
    """Powder pattern of a crystal; of several with their axis first.

    Attributes:
        intensity: at `specification.samples`, shape (n_points,), normalised as specified.
        complete: False if lines are missing because the plan does not serve the crystal.
        specification: the `PowderPattern` that made it.
    """

    intensity: Float[AnyArray, "*B n_points"]
    complete: Bool[AnyArray, "*B"]
    specification: Any = eqx.field(static=True)

    def checked(self) -> "Diffractogram":
        """Return the pattern; raises at run time if it is not complete."""
        return raise_if_outgrown(self)

    def __getitem__(self, rows: Any) -> "Diffractogram":
        """Take the patterns of some of several crystals."""
        return take_rows(self, rows)

    def __repr__(self) -> str:
        """Print the size and what made it."""
        return f"Diffractogram{self.intensity.shape} of {self.specification!r}"
