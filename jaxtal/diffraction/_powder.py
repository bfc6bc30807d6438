"""`PowderPattern`: the powder diffraction pattern of a crystal, differentiable."""

from typing import Any, Literal, get_args

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from .._core import safe_divide, safe_norm
from ..crystal import Crystal, WyckoffCrystal, host_crystals
from ._plan import ReciprocalPlan
from ._points import ReciprocalSpace
from ._powder_peaks import Axis, PowderPeaks, at_least_float32, place_on_axis, widened
from ._powder_profile import (
    GAUSSIAN_REACH,
    line_width,
    smooth_step,
    sum_lines,
    width_range,
)
from ._powder_radiation import emission_lines, lorentz_polarisation

Normalisation = Literal["max", "area", "none"]


def _two_numbers(x: Any) -> tuple[float, float]:
    first, last = (float(v) for v in x)
    return first, last


def _one_or_three(x: Any) -> float | tuple[float, float, float]:
    if np.ndim(x) == 0:
        return float(x)
    u, v, w = (float(value) for value in x)
    return u, v, w


class PowderPattern(eqx.Module):
    """How a crystal becomes a powder pattern.

        y(x) = sum_lambda w_lambda sum_h m_h |F_h|^2 / |F_0|^2 LP(theta) exp(-2 B s^2) p(x - x_h),
        LP = (1 + A cos^2 2 theta) / (sin^2 theta cos theta),  A = cos^2 2 theta_M,

    with m the multiplicity, p a pseudo-Voigt of unit area (`mixing` L + (1 - `mixing`) G) and
    2 theta_M the angle of the monochromator. The polarisation factor (the numerator) is that of
    X-rays: electrons and neutrons have 1 there. For neutrons |F_0|^2 is replaced as in
    `ReciprocalSpace`.

    Nothing jumps as the crystal changes: lines beyond the upper end count as long as their tails
    reach into the range, and below the lower end they fade out between the end and half of it.
    Lorentzian tails are cut off smoothly at `reach` full widths, and the area restored.

    Computed in the widest floating-point type of the crystal's arrays, at least float32:
    half-precision crystals are taken to float32 first, and so is the pattern.

    Attributes:
        wavelength: angstrom, or a name such as "CuKa", "CuKa1" or "CuKa1+CuKa2" (see
            `emission_lines`); None only on a q axis and without the Lorentz-polarisation factor.
        limits: first and last sample, in degrees of 2 theta or in 1/angstrom, both above 0.
        n_points: number of samples.
        axis: "two_theta" (degrees) or "q" (1/angstrom, one wavelength only).
        fwhm: full width at half maximum in the unit of the axis; or (U, V, W) in degrees^2, for
            FWHM^2 = U tan^2 theta + V tan theta + W.
        mixing: share of the Lorentzian, 0 (Gaussian) to 1.
        reach: where a line's profile ends, in full widths (a Gaussian ends at 6 at the latest).
        kind: form-factor table (see `FormFactors.build`).
        displacements: apply the displacement factors of the atoms.
        b_overall: B of all atoms together, angstrom^2, beside their own.
        lorentz_polarisation: multiply by LP.
        monochromator: 2 theta_M in degrees; 0 for none.
        anomalous: add f' and f'' at the first wavelength.
        normalisation: "max" (highest sample 1), "area" (sum times step 1) or "none" (as above); 0
            everywhere if no line reaches into the range (below 6e-10 in float32).

    References:
        International Tables for Crystallography, Vol. C (2004), section 6.2. G. Caglioti,
        A. Paoletti & F. P. Ricci, Nucl. Instrum. 3, 223 (1958). R. A. Young & D. B. Wiles,
        J. Appl. Cryst. 15, 430 (1982).
    """

    wavelength: float | int | str | None = eqx.field(static=True, default="CuKa")
    limits: tuple[float, float] = eqx.field(
        static=True, converter=_two_numbers, default=(5.0, 90.0)
    )
    n_points: int = eqx.field(static=True, default=1701)
    axis: Axis = eqx.field(static=True, default="two_theta")
    fwhm: float | tuple[float, float, float] = eqx.field(
        static=True,
        converter=_one_or_three,
        default=0.2,
    )
    mixing: float = eqx.field(static=True, converter=float, default=0.5)
    reach: float = eqx.field(static=True, converter=float, default=20.0)
    kind: str = eqx.field(static=True, default="waasmaier-kirfel")
    displacements: bool = eqx.field(static=True, default=False)
    b_overall: float = eqx.field(static=True, converter=float, default=0.0)
    lorentz_polarisation: bool = eqx.field(static=True, default=True)
    monochromator: float = eqx.field(static=True, converter=float, default=0.0)
    anomalous: bool = eqx.field(static=True, default=False)
    normalisation: Normalisation = eqx.field(static=True, default="max")

    def __check_init__(self):
        if self.axis not in get_args(Axis):
            raise ValueError(f"axis: expected one of {get_args(Axis)}, got {self.axis!r}")
        if self.normalisation not in get_args(Normalisation):
            raise ValueError(
                f"normalisation: expected one of {get_args(Normalisation)}, "
                f"got {self.normalisation!r}"
            )
        for name, low, high in (
            ("mixing", 0.0, 1.0),
            ("reach", 2.0, np.inf),
            ("b_overall", 0.0, np.inf),
            ("monochromator", 0.0, 180.0),
        ):
            value = getattr(self, name)
            if not (np.isfinite(value) and low <= value <= high):
                raise ValueError(f"{name}: expected {low:g} to {high:g}, got {value}")
        self._check_axis()
        self._check_width()
        self._check_radiation()
        _ = self.space

    def _check_axis(self) -> None:
        low, high = self.limits
        if not (np.isfinite(high) and 0 < low < high):
            raise ValueError(f"limits: expected 0 < first < last, got {self.limits}")
        if self.n_points < 2:
            raise ValueError(f"n_points: expected at least 2, got {self.n_points}")

    def _check_width(self) -> None:
        if isinstance(self.fwhm, tuple):
            if self.axis == "q":
                raise ValueError(f"fwhm: expected one number on a q axis, got {self.fwhm}")
            if self.limits[1] >= 180:
                raise ValueError(f"limits: expected 2 theta below 180 degrees, got {self.limits}")
        narrowest, widest = self._widths
        if not (np.isfinite(widest) and narrowest >= self.step * (1 - 1e-9)):
            raise ValueError(
                f"fwhm: expected at least one step of the axis ({self.step:g}) over the whole "
                f"range, got {narrowest:g} from {self.fwhm}"
            )

    def _check_radiation(self) -> None:
        if self.wavelength is None:
            if self.axis != "q" or self.lorentz_polarisation or self.anomalous:
                raise ValueError(
                    "wavelength: None needs a q axis and neither the Lorentz-polarisation factor "
                    "nor anomalous scattering"
                )
            return
        lines = emission_lines(self.wavelength)
        if self.axis == "q" and len(lines) > 1:
            raise ValueError(f"wavelength: expected a single line on a q axis, got {lines}")
        largest = 180.0 if self.axis == "two_theta" else 4 * np.pi / max(w for w, _ in lines)
        if self._end >= largest:
            raise ValueError(
                f"limits: expected the range and the lines that reach into it ({self._end:g}) to "
                f"end below {largest:g}, where sin(theta) = 1, got {self.limits}"
            )

    @property
    def step(self) -> float:
        """Distance of two samples, in degrees or 1/angstrom."""
        return (self.limits[1] - self.limits[0]) / (self.n_points - 1)

    @property
    def samples(self) -> Float[np.ndarray, " n_points"]:
        """2 theta in degrees, or q in 1/angstrom, of every sample."""
        return np.linspace(*self.limits, self.n_points)

    @property
    def lines(self) -> tuple[tuple[float | None, float], ...]:
        """Wavelength in angstrom and share of each emission line."""
        return ((None, 1.0),) if self.wavelength is None else emission_lines(self.wavelength)

    @property
    def space(self) -> ReciprocalSpace:
        """The sphere of reciprocal space that holds every line of the pattern."""
        end = self._end
        if self.axis == "two_theta":
            shortest = min(value for value, _ in self.lines if value is not None)
            end = 4 * np.pi * np.sin(np.deg2rad(end / 2)) / shortest
        return ReciprocalSpace(
            q_max=end * (1 + 1e-6),
            kind=self.kind,
            taper="none",
            displacements=self.displacements,
            wavelength=self.lines[0][0] if self.anomalous else None,
        )

    def plan(
        self,
        crystals: Any,
        *,
        margin: float = 1.05,
        laue: Any = None,
    ) -> ReciprocalPlan:
        """Decide the reflection list for some crystals (host only); see `ReciprocalSpace.plan`."""
        given = [at_least_float32(atoms) for atoms in host_crystals(crystals)]
        return self.space.plan(given, margin=margin, laue=laue)

    def __call__(
        self, crystal: Crystal | WyckoffCrystal, plan: ReciprocalPlan
    ) -> Float[Array, " n_points"]:
        """Pattern of one crystal, shape (n_points,); pure: jit, vmap, grad.

        Raises (at run time): the plan does not serve the crystal. `flagged` says so without.
        """
        values, complete = self.flagged(crystal, plan)
        return eqx.error_if(
            values,
            ~complete,
            "the crystal has outgrown its plan: make the plan with a larger margin, with every "
            "species the crystals hold, and with a Laue group that they all have",
        )

    def flagged(
        self, crystal: Crystal | WyckoffCrystal, plan: ReciprocalPlan
    ) -> tuple[Float[Array, " n_points"], Bool[Array, ""]]:
        """The pattern, and False if lines are missing because the plan does not serve the crystal.

        For loops that must not stop, such as training: weight the incomplete ones by 0.
        """
        peaks = self.peaks(crystal, plan)
        values = sum_lines(
            peaks.position,
            peaks.intensity,
            peaks.fwhm,
            (self.limits[0], self.step, self.n_points),
            mixing=self.mixing,
            reach=self._reach,
            widest=self._widths[1],
        )
        if self.normalisation != "none":
            total = jnp.max(values) if self.normalisation == "max" else jnp.sum(values) * self.step
            # Extinct reflections have |F|^2 of rounding squared, which is no pattern to scale up.
            total = jnp.where(total > float(jnp.finfo(total.dtype).eps) ** (4 / 3), total, 0.0)
            values = values * safe_divide(jnp.ones_like(total), total)
        return values, peaks.complete

    def peaks(self, crystal: Crystal | WyckoffCrystal, plan: ReciprocalPlan) -> PowderPeaks:
        """Position, intensity and width of every reflection; pure: jit, vmap, grad.

        Raises:
            ValueError: a plan made for other points (see `ReciprocalSpace`).
        """
        points = self.space(widened(crystal), plan)
        q = safe_norm(points.q)
        strength = points.intensity * points.multiplicity.astype(q.dtype)
        strength = strength * jnp.exp(-2 * self.b_overall * jnp.square(q / (4 * np.pi)))
        columns = [self._one_line(q, strength * share, value) for value, share in self.lines]
        position, intensity, fwhm = (jnp.concatenate(c) for c in zip(*columns, strict=True))
        return PowderPeaks(position, intensity, fwhm, points.complete)

    def _one_line(
        self, q: Float[Array, " P"], strength: Float[Array, " P"], wavelength: float | None
    ) -> tuple[Array, Array, Array]:
        """Position, intensity and width of the reflections in one wavelength."""
        low = self.limits[0]
        position, sine, inside = place_on_axis(q, wavelength, self.axis, (low / 2, self._end))
        full = max(low - self._reach * self._widths[1], 0.75 * low)
        strength = strength * smooth_step((position - low / 2) / (full - low / 2))
        if self.lorentz_polarisation and sine is not None:
            polarised = self.kind not in ("electron", "neutron")
            cosine = np.cos(np.deg2rad(self.monochromator)) if polarised else None
            strength = strength * lorentz_polarisation(sine, cosine)
        width = line_width(position, self.fwhm, self.limits)
        return position, jnp.where(inside, strength, 0.0), width

    @property
    def _widths(self) -> tuple[float, float]:
        """Smallest and largest width over the range."""
        return width_range(self.fwhm, self.limits)

    @property
    def _reach(self) -> float:
        return min(self.reach, GAUSSIAN_REACH) if self.mixing == 0 else self.reach

    @property
    def _end(self) -> float:
        """Where the last line sits that reaches into the range."""
        return self.limits[1] + self._reach * self._widths[1]
