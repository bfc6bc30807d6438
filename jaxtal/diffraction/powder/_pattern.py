"""`PowderPattern`: the powder diffraction pattern of a crystal, differentiable."""

import functools
from typing import Any, Literal, get_args

import equinox as eqx
import numpy as np
from jaxtyping import Float

from ..._core import (
    AbstractSpecification,
    AnyArray,
    Devices,
    namespace,
    safe_divide,
    safe_norm,
)
from ...crystal import is_crystal
from ...crystal.apply import (
    Chunk,
    Program,
    apply_plan,
    atoms_on_host,
    planned_crystals,
    stacked_on_device,
)
from ...scattering import Charges
from .._reciprocal_points import AbstractReflections, ReciprocalPoints
from .._reciprocal_space import Provider, ReciprocalSpace
from ._diffractogram import Diffractogram
from ._pattern_checks import check_axis, check_radiation, check_width
from ._peaks import Axis, PowderPeaks, place_on_axis
from ._profile import GAUSSIAN_REACH, line_width, smooth_step, sum_lines, width_range
from ._radiation import emission_lines, lorentz_polarisation

Normalisation = Literal["max", "area", "none"]


def _two_numbers(x: Any) -> tuple[float, float]:
    first, last = (float(v) for v in x)
    return first, last


def _one_or_three(x: Any) -> float | tuple[float, float, float]:
    if np.ndim(x) == 0:
        return float(x)
    u, v, w = (float(value) for value in x)
    return u, v, w


@functools.lru_cache(maxsize=64)
def _space(
    axis: Axis,
    lines: tuple[tuple[float | None, float], ...],
    end: float,
    kind: str,
    charges: Charges,
    displacements: bool,
    anomalous: bool,
) -> ReciprocalSpace:
    if axis == "two_theta":
        shortest = min(value for value, _ in lines if value is not None)
        end = 4 * np.pi * np.sin(np.deg2rad(end / 2)) / shortest
    return ReciprocalSpace(
        q_max=end * (1 + 1e-6),
        kind=kind,
        charges=charges,
        taper="none",
        displacements=displacements,
        wavelength=lines[0][0] if anomalous else None,
    )


class PowderPattern(AbstractSpecification):
    """Specification of how a crystal becomes a powder pattern.

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
        charges: "nearest" takes the nearest tabulated charge for ions that the table lacks, with a
            warning; "exact" refuses them (see `FormFactors.build`).
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
    charges: Charges = eqx.field(static=True, default="nearest")
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
        check_axis(self)
        check_width(self)
        check_radiation(self)
        _ = self.space

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
        return _space(
            self.axis,
            self.lines,
            self.end,
            self.kind,
            self.charges,
            self.displacements,
            self.anomalous,
        )

    def plan(
        self,
        crystals: Any,
        *,
        max_stretch: float | int = 1.1,
        reflections: Provider = "auto",
        laue: Any = None,
        once: bool = False,
    ) -> "PowderPlan":
        """Decide static shapes for some crystals (host only); see `ReciprocalSpace.plan`."""
        points = self.space.plan(
            crystals, max_stretch=max_stretch, reflections=reflections, laue=laue, once=once
        )
        return PowderPlan(self, points)

    def __call__(self, crystals: Any) -> Diffractogram:
        """Compute the patterns of crystals (not inside jit: see `plan`).

        Where there are no displacement factors, and no more than a few crystals or on a CPU many
        small ones, in NumPy and float64: nothing is compiled.

        Args:
            crystals: one or several of any kind; several give results with their axis first.

        Raises:
            ValueError: traced crystals, or as `ReciprocalSpace.plan`.
        """
        space = self.space
        atoms = atoms_on_host(crystals) if space.takes_numpy else None
        if atoms is None:
            atoms, arrays = planned_crystals(crystals)
            return self.plan(atoms, max_stretch=1.0, once=True)(arrays)

        points = space.in_numpy(atoms)

        found = [_of_peaks(self, peaks_of_points(self, points(one))) for one in atoms]
        return stacked_on_device(found, atoms[0].dtype, one=is_crystal(crystals))

    @property
    def widths(self) -> tuple[float, float]:
        """Smallest and largest width over the range."""
        return width_range(self.fwhm, self.limits)

    @property
    def line_reach(self) -> float:
        return min(self.reach, GAUSSIAN_REACH) if self.mixing == 0 else self.reach

    @property
    def end(self) -> float:
        """Where the last line sits that reaches into the range."""
        return self.limits[1] + self.line_reach * self.widths[1]


class PowderPlan(eqx.Module):
    """Static shapes of a powder pattern, and the pattern: an argument of compiled programs.

    Attributes:
        specification: the pattern.
        reflections: the plan of its points.
    """

    specification: PowderPattern
    reflections: AbstractReflections

    def __call__(
        self, crystals: Any, *, chunk: Chunk = "auto", mesh: Devices = None
    ) -> Diffractogram:
        """Compute the pattern of a crystal, or of several with their axis first; pure.

        Args:
            crystals: of any kind, see `crystal.apply.apply_plan`.
            chunk: crystals computed side by side, see `crystal.apply.map_crystals`.
            mesh: devices that several crystals are dealt to, see `crystal.apply.apply_plan`.
        """
        return apply_plan(_pattern, self, crystals, chunk, mesh)

    def peaks(self, crystals: Any, *, chunk: Chunk = "auto", mesh: Devices = None) -> PowderPeaks:
        """Compute position, intensity and width of every reflection; pure, as a call."""
        return apply_plan(_peaks, self, crystals, chunk, mesh)


def _pattern(plan: PowderPlan, crystal: Program) -> Diffractogram:
    return _of_peaks(plan.specification, _peaks(plan, crystal))


def _peaks(plan: PowderPlan, crystal: Program) -> PowderPeaks:
    return peaks_of_points(plan.specification, plan.reflections.points(crystal))


def _of_peaks(pattern: PowderPattern, peaks: PowderPeaks) -> Diffractogram:
    """Add up the profiles of all lines; arrays of NumPy or JAX."""
    values = sum_lines(
        peaks.position,
        peaks.intensity,
        peaks.fwhm,
        (pattern.limits[0], pattern.step, pattern.n_points),
        mixing=pattern.mixing,
        reach=pattern.line_reach,
        widest=pattern.widths[1],
    )
    if pattern.normalisation != "none":
        xp = namespace(values)
        by_height = pattern.normalisation == "max"
        total = values.max(keepdims=True) if by_height else values.sum(keepdims=True) * pattern.step
        # Extinct reflections have |F|^2 of rounding squared, which is no pattern to scale up.
        total = xp.where(total > float(xp.finfo(total.dtype).eps) ** (4 / 3), total, 0.0)
        values = values * safe_divide(xp.ones_like(total), total)
    return Diffractogram(values, peaks.complete, pattern)


def peaks_of_points(pattern: PowderPattern, points: ReciprocalPoints) -> PowderPeaks:
    """Place reflections on the axis of a pattern; arrays of NumPy or JAX."""
    q = safe_norm(points.q)
    xp = namespace(q)
    strength = points.intensity * points.multiplicity
    strength = strength * xp.exp(-2 * pattern.b_overall * (q / (4 * np.pi)) ** 2)
    columns = [_one_line(pattern, q, strength * share, value) for value, share in pattern.lines]
    position, intensity, fwhm = (xp.concatenate(c) for c in zip(*columns, strict=True))
    return PowderPeaks(position, intensity, fwhm, points.complete)


def _one_line(
    pattern: PowderPattern,
    q: Float[AnyArray, " P"],
    strength: Float[AnyArray, " P"],
    wavelength: float | None,
) -> tuple[AnyArray, AnyArray, AnyArray]:
    """Position, intensity and width of the reflections in one wavelength."""
    low = pattern.limits[0]
    position, sine, inside = place_on_axis(q, wavelength, pattern.axis, (low / 2, pattern.end))
    full = max(low - pattern.line_reach * pattern.widths[1], 0.75 * low)
    strength = strength * smooth_step((position - low / 2) / (full - low / 2))
    if pattern.lorentz_polarisation and sine is not None:
        polarised = pattern.kind not in ("electron", "neutron")
        cosine = np.cos(np.deg2rad(pattern.monochromator)) if polarised else None
        strength = strength * lorentz_polarisation(sine, cosine)
    width = line_width(position, pattern.fwhm, pattern.limits)
    return position, namespace(q).where(inside, strength, 0.0), width
