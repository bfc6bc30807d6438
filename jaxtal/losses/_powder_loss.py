"""`PowderLoss`: the dissimilarity of powder patterns."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..crystal.apply import Chunk
from ..diffraction import Diffractogram, PowderPattern, PowderPlan
from ._abstract_loss import AbstractLoss, Outgrown, check_policy, one_of
from ._pattern_similarity import xrd_loss


class PowderLoss(AbstractLoss):
    """1 - similarity of each crystal's powder pattern and a wanted one, 0..1.

    The similarity is that of `pattern_similarity`, which forgives shifts of lines by less than
    `width`. `AbstractLoss` says how it is used. Targets may be measured patterns as well, arrays of
    shape (n_points,) or (B, n_points) at `plan.specification.samples`, of any scale. Far off is 1.

        loss = PowderLoss(crystals, wavelength="CuKa", limits=(10, 80), n_points=701, fwhm=0.5)
        values, fits = loss(batch, measured)

    Attributes:
        plan: room for crystals, and the pattern (`plan.specification`).
        width: half the base of the triangle of `pattern_similarity`, in the unit of the axis.
        outgrown: "ignore", "far off" or "raise".
        chunk: crystals computed side by side, see `crystal.apply.map_crystals`.

    References:
        R. de Gelder, R. Wehrens & J. A. Hageman, J. Comput. Chem. 22, 273 (2001), eqs. 8-11.
    """

    plan: PowderPlan
    width: float = eqx.field(static=True)
    outgrown: Outgrown = eqx.field(static=True)
    chunk: Chunk = eqx.field(static=True)

    def __init__(
        self,
        crystals: Any,
        pattern: PowderPattern | None = None,
        *,
        max_stretch: float | int = 1.2,
        width: float | int = 2.0,
        outgrown: Outgrown = "ignore",
        chunk: Chunk = "auto",
        **settings: Any,
    ):
        """Plan for some crystals (host only).

        Args:
            crystals: one or several of any kind that fit; or a `PowderPlan`, which has every
                setting.
            pattern: radiation, range and profile; or give its settings.
            max_stretch: see `PowderPattern.plan`; reflections are found inside the program, unless
                the pattern has displacement factors or anomalous scattering. For ions, hand over
                a plan of listed ones.
            width: half the base of the triangle, in the unit of the axis.
            outgrown: what becomes of crystals that do not fit.
            chunk: crystals computed side by side.
            settings: of the `PowderPattern`, default its own.

        Raises:
            ValueError: both a pattern and settings, another policy, or as `PowderPattern.plan`.
        """
        check_policy(outgrown)
        if isinstance(crystals, PowderPlan):
            self.plan = crystals
        else:
            given = one_of(pattern, settings, PowderPattern, "pattern")
            found = "auto" if given.displacements or given.anomalous else "found"
            self.plan = given.plan(crystals, max_stretch=max_stretch, reflections=found)
        self.width, self.outgrown, self.chunk = float(width), outgrown, chunk

    def wanted(self, target: Any) -> Diffractogram:
        """Return a target as patterns; measured ones count as complete.

        Raises:
            ValueError: another number of points, or patterns made with other settings.
        """
        pattern = self.plan.specification
        if isinstance(target, jax.Array | np.ndarray):
            if target.ndim not in (1, 2) or target.shape[-1] != pattern.n_points:
                raise ValueError(
                    f"target: expected patterns of {pattern.n_points} points, got shape "
                    f"{target.shape}"
                )
            return Diffractogram(jnp.asarray(target), jnp.ones(target.shape[:-1], bool), pattern)
        return super().wanted(target)

    def mismatch(self, found: Diffractogram, target: Diffractogram) -> Float[Array, ""]:
        """Return 1 - similarity."""
        step = self.plan.specification.step
        pair = found.intensity[None], target.intensity[None]
        return xrd_loss(*pair, step=step, width=self.width)[0]

    def far_off(self, target: Diffractogram) -> Float[Array, ""]:
        """Return 1."""
        return jnp.ones((), target.intensity.dtype)
