"""Intensities prepared for models: what these give, and the weights.

    Y = k Q (1 + g)^(-1/2)      Q = sum over twin domains of share x |F|^2
    g = 0.001 x Q lambda^3 / sin(2 theta)
    w = 1 / (sigma^2 + (a P)^2 + b P)         P = (max(I, 0) + 2 Y) / 3

sigma, I, Y and P over k. (The extinction of SHELX multiplies F by (1 + g)^(-1/4).)

References:
    Sheldrick (2015), Acta Cryst. C71, 3. A. C. Larson, in Crystallographic Computing (1970), 291.
"""

import dataclasses
import functools

import numpy as np

from ._measurements import Measurements
from ._model import Model
from ._sum_tables import Atoms, Operations, Points, form_factors, species_of
from ._sums import Terms, block_size


@dataclasses.dataclass(frozen=True, eq=False)
class Calculated:
    """What a model gives.

    Attributes:
        F: structure factors of the first domain, (n,), complex.
        square: Q, |F|^2 of all domains, (n,).
        intensity: Y, on the scale of the measured ones, of a powder summed to them, (m,).
    """

    F: np.ndarray
    square: np.ndarray
    intensity: np.ndarray


class Problem:
    """Intensities prepared for the models of one list of scatterers and twin laws."""

    def __init__(self, measured: Measurements, form_factor_table: str | None = None) -> None:
        """Prepare what all models share.

        Args:
            measured: the intensities.
            form_factor_table: a kind of `scattering.FormFactors`, default by the radiation.
        """
        self.measured = measured
        self.operations = Operations.of(measured.group)
        self._table = form_factor_table
        self._f: dict[str, np.ndarray] = {}
        self._points: dict[bytes, Points] = {}

    def factors(self, species: tuple[str, ...]) -> np.ndarray:
        """Form factors, (S, n), complex."""
        missing = tuple(one for one in species if one not in self._f)
        if missing:
            f = form_factors(missing, self.measured, self._table)
            self._f |= dict(zip(missing, f, strict=True))
        return np.array([self._f[one] for one in species])

    def points(self, law: np.ndarray | None) -> Points:
        """The reflections as one twin domain sees them."""
        key = b"" if law is None else np.asarray(law, float).tobytes()
        if key not in self._points:
            hkl = self.measured.hkl if law is None else self.measured.hkl @ np.asarray(law).T
            self._points[key] = Points.of(hkl, self.operations, self.measured.matrix)
        return self._points[key]

    @functools.cached_property
    def extinction_factor(self) -> np.ndarray:
        """0.001 lambda^3 / sin(2 theta), (n,)."""
        wavelength = self.measured.wavelength
        sine = np.clip(np.sqrt(self.measured.stol2) * wavelength, 0.0, 1.0)
        return 0.001 * wavelength**3 / np.maximum(np.sin(2 * np.arcsin(sine)), 1e-6)

    def domains(self, model: Model) -> list[tuple[float, Points]]:
        """Share of each twin domain, and the reflections as it sees them."""
        shares = [1.0 - sum(model.twin_fractions), *model.twin_fractions]
        laws = [None, *model.twin_laws]
        return [(share, self.points(law)) for share, law in zip(shares, laws, strict=True)]

    def extinguished(self, model: Model, square: np.ndarray, at: slice) -> np.ndarray:
        """1 + g of some reflections."""
        if model.extinction is None:
            return np.ones_like(square)
        return 1.0 + np.maximum(model.extinction * self.extinction_factor[at] * square, -0.9)

    def blocks(self, model: Model) -> list[slice]:
        """Reflections that are worked on at once."""
        size, n = block_size(len(model)), len(self.measured.hkl)
        if self.measured.overlap is not None:
            return self.measured.overlap.blocks(size)
        return [slice(i, min(i + size, n)) for i in range(0, n, size)]

    def calculate(self, model: Model) -> Calculated:
        """Structure factors and intensities of a model."""
        species = species_of(model)
        f, atoms = self.factors(species), Atoms.of(model, self.operations, species)
        n = len(self.measured.hkl)
        F, square = np.zeros(n, complex), np.zeros(n)
        for at in self.blocks(model):
            for d, (share, points) in enumerate(self.domains(model)):
                one = Terms(points.take(at), atoms, f[:, at], self.operations.real, False)
                if d == 0:
                    F[at] = one.F
                square[at] += share * np.abs(one.F) ** 2
        k = 1.0 if model.scale is None else model.scale
        gone = self.extinguished(model, square, slice(None))
        return Calculated(F, square, self.measured.summed(k * square * gone**-0.5))

    def intensities(self, at: slice) -> slice:
        """The intensities that some reflections make."""
        overlap = self.measured.overlap
        return at if overlap is None else overlap.intensities(at)

    def scaled(self, model: Model) -> Model:
        """The model with a first scale: sum F_o F_c / sum F_c^2 over the strong reflections."""
        calculated = self.calculate(model.replace(scale=1.0)).intensity
        I = self.measured.intensity
        strong = 3 * self.measured.sigma < I
        if strong.sum() < 10:
            strong = I > 0
        F_c = np.sqrt(calculated[strong])
        total = float(F_c @ F_c)
        if not total > 0:
            raise ValueError("the model scatters nothing where reflections are strong")
        return model.replace(scale=float((np.sqrt(I[strong]) @ F_c / total) ** 2))

    def weights(self, model: Model, intensity: np.ndarray, at: slice = slice(None)) -> np.ndarray:
        """w, on the scale of the intensities."""
        a, b = model.weights
        k = abs(model.scale or 1.0)
        I, sigma = self.measured.intensity[at], self.measured.sigma[at]
        P = (np.maximum(I, 0.0) + 2 * intensity) / 3
        return 1.0 / (sigma**2 + (a * P) ** 2 + b * k * np.maximum(P, 0.0))
