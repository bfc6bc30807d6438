"""Wilson plot: overall displacement and scale from the intensities themselves."""

import dataclasses

import numpy as np
from jaxtyping import Float

from ..scattering import CompositionLike, rms_form_factor
from ._reflections import Reflections
from ._shells import resolution_shells, shell_count, shell_means

#: B where the data can't tell, A^2: between that of a mineral and of an organic crystal.
_B_ASSUMED = 3.0


@dataclasses.dataclass(frozen=True, eq=False)
class WilsonFit:
    """The straight line ln <I / (epsilon f^2)> = ln K - 2 B s^2 through shells.

    Attributes:
        b_iso: B, A^2.
        b_sigma: its standard uncertainty from the scatter of the shells; NaN for two shells,
            infinite where B was assumed.
        scale: K, in the unit of I over that of f^2.
        stol2: mean s^2 of each shell, 1/A^2, (m,).
        log_ratio: ln <I / (epsilon f^2)> of each shell, (m,).
        count: reflections in each shell, the weights of the fit, (m,).
    """

    b_iso: float
    b_sigma: float
    scale: float
    stol2: Float[np.ndarray, " m"]
    log_ratio: Float[np.ndarray, " m"]
    count: Float[np.ndarray, " m"]

    @property
    def reliable(self) -> bool:
        """Whether B was fitted to three shells or more, to within 1.5 A^2, and is possible."""
        return bool(self.b_sigma < 1.5 and -0.5 < self.b_iso < 15)

    def text(self) -> str:
        """The result in one line."""
        if np.isinf(self.b_sigma):
            return (
                f"Wilson plot of one shell: B = {self.b_iso:g} A^2 assumed, scale {self.scale:.4g}"
            )
        return (
            f"Wilson plot of {len(self.count)} shells: B = {self.b_iso:.3f} +- {self.b_sigma:.3f} "
            f"A^2, scale {self.scale:.4g}"
        )


@dataclasses.dataclass(frozen=True)
class WilsonPlot:
    """Sharpening with B and the scale of a Wilson plot: f = sqrt(K) f_rms(s^2) exp(-B s^2).

    For atoms at random places <I / epsilon> = K f_rms^2 exp(-2 B s^2), so that sharpened
    intensities have the mean 1 (epsilon for reflections that a rotation fixes: it belongs to the
    density, and is not divided out).

    Attributes:
        composition: "Cd5.7Yb" or a mapping of species to amounts.
        shells: number of resolution shells, by default one for about 20 reflections, 3 to 30.
        kind: table of form factors, see `jaxtal.scattering`.

    References:
        A. J. C. Wilson, Nature 150 (1942) 152. International Tables for Crystallography B,
        section 2.2.4.
    """

    composition: CompositionLike
    shells: int | None = None
    kind: str = "waasmaier-kirfel"

    def fit(self, reflections: Reflections) -> WilsonFit:
        """Fit a line to shells, weighted; shells without a positive mean are left out.

        With fewer than two such shells there are tried fewer and larger ones; with one alone
        B = 3 A^2 is assumed, and the scale is that of the mean intensity.

        Raises:
            ValueError: the mean intensity is not positive.
        """
        s2 = reflections.stol2
        wanted = shell_count(len(s2), 20, 3, 30) if self.shells is None else self.shells
        f = rms_form_factor(self.composition, s2, kind=self.kind)
        ratio = reflections.intensity / (reflections.epsilon * f**2)
        while True:
            shell = resolution_shells(s2, wanted)
            mean, x, count = shell_means(ratio, shell), shell_means(s2, shell), np.bincount(shell)
            used = mean > 0
            if used.sum() >= 2 or wanted <= 2:
                break
            wanted = max(2, wanted // 2)
        if used.sum() < 2:
            return self._assumed(s2, ratio)
        slope, offset = _line(x[used], np.log(mean[used]), count[used])
        # A shell's mean is not the value at its mean s^2: the line is corrected by what is left
        # after it has been divided out.
        for _ in range(20):
            flat = shell_means(ratio * np.exp(-offset - slope * s2), shell)
            change = _line(x[used], np.log(flat[used]), count[used])
            slope, offset = slope + change[0], offset + change[1]
            if abs(change[0]) <= 1e-13 * (abs(slope) + 1) and abs(change[1]) < 1e-13:
                break
        rest = np.log(shell_means(ratio * np.exp(-offset - slope * s2), shell)[used])
        return WilsonFit(
            b_iso=float(-slope / 2),
            b_sigma=_slope_sigma(x[used], rest, count[used]) / 2,
            scale=float(np.exp(offset)),
            stol2=x[used],
            log_ratio=np.log(mean[used]),
            count=count[used].astype(np.float64),
        )

    def _assumed(self, s2: np.ndarray, ratio: np.ndarray) -> WilsonFit:
        scale = float(np.mean(ratio * np.exp(2 * _B_ASSUMED * s2)))
        if not scale > 0:
            raise ValueError(
                f"a Wilson plot needs a positive mean intensity, got none from {len(s2)} "
                "reflections; give B with Composition instead"
            )
        centre, level = np.array([s2.mean()]), np.log(scale) - 2 * _B_ASSUMED * s2.mean()
        count = np.array([float(len(s2))])
        return WilsonFit(_B_ASSUMED, np.inf, scale, centre, np.array([level]), count)

    def form_factors(self, reflections: Reflections) -> Float[np.ndarray, " n"]:
        """Return what |F| is divided by, (n,).

        Raises:
            ValueError: as `fit`.
        """
        found = self.fit(reflections)
        f = rms_form_factor(self.composition, reflections.stol2, b_iso=found.b_iso, kind=self.kind)
        return np.sqrt(found.scale) * f


def _line(x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Slope and value at zero of the weighted straight line."""
    centre = np.average(x, weights=weight)
    level = np.average(y, weights=weight)
    slope = np.sum(weight * (x - centre) * (y - level)) / np.sum(weight * (x - centre) ** 2)
    return float(slope), float(level - slope * centre)


def _slope_sigma(x: np.ndarray, rest: np.ndarray, weight: np.ndarray) -> float:
    if len(x) < 3:
        return float("nan")
    variance = np.sum(weight * rest**2) / (len(x) - 2)
    centre = np.average(x, weights=weight)
    return float(np.sqrt(variance / np.sum(weight * (x - centre) ** 2)))
