"""How well reflections of a lattice, of any intensities, can make a radial distribution (host)."""

import dataclasses
import functools

import numpy as np
from jaxtyping import Float

from ...descriptors import Description
from .._profiles import parts_of
from ._bravais import Bravais

#: Reflections per bin below which a fit tells lattices apart, for the search and for the verdict.
SEARCHED, JUDGED = 1.0, 3.0
#: Fewest bins that are compared.
_FEWEST = 16
#: Evaluations of a refinement at most.
_EVALUATIONS = 15


@dataclasses.dataclass(frozen=True)
class LatticeFit:
    """The part of G(d) that its lattice alone cannot explain.

        u(cell) = min_{I >= 0} |G - sum_h I_h B(|q_h| / h - k)|^2 / |G|^2

    over the first bins: zero for the lattice that made G, whatever the atoms are, and, since each
    reflection has its own place and the shape of a bell, above zero for others, as long as there
    are fewer reflections than bins. What powder diffraction calls a Pawley fit.

    Attributes:
        values: G, shape (n_bins,).
        spacing: h, 1/angstrom.
        q_max: where G ends, 1/angstrom.
        histogram: whether bins are hard.

    References:
        G. S. Pawley, J. Appl. Cryst. 14 (1981) 357.
    """

    values: Float[np.ndarray, " n_bins"]
    spacing: float
    q_max: float
    histogram: bool

    @classmethod
    def of(cls, target: Description) -> "LatticeFit":
        """Of a description that has a radial distribution."""
        _, distribution = parts_of(target.specification)
        assert distribution is not None
        q_max, n_bins = distribution.space.q_max, distribution.n_bins
        values = np.asarray(target.rdf, np.float64)
        return cls(values, q_max / (n_bins - 1), q_max, distribution.histogram)

    def bins(
        self, lattice: Bravais, matrix: Float[np.ndarray, "3 3"], density: float = JUDGED
    ) -> int:
        """How many bins hold fewer than `density` reflections each, counted from the origin."""
        q = np.sort(self._sizes(lattice.reflections(matrix, self.q_max)[0], matrix))
        count = np.searchsorted(q, self.spacing * np.arange(len(self.values) + 1))
        good = np.flatnonzero(count <= density * np.arange(len(count)))
        return int(np.clip(good.max(initial=0), _FEWEST, len(self.values)))

    def n_reflections(self, lattice: Bravais, matrix: Float[np.ndarray, "3 3"]) -> int:
        """How many of them, up to symmetry, G has room for."""
        return len(lattice.reflections(matrix, self.q_max)[0])

    def unexplained(
        self,
        hkl: Float[np.ndarray, "n 3"],
        matrix: Float[np.ndarray, "3 3"],
        bins: int,
        blur: float = 0.0,
    ) -> Float[np.ndarray, " bins"]:
        """The residuals of the best intensities, relative to |G|, both smoothed by `blur` bins."""
        from scipy.optimize import nnls

        wanted = self.values[:bins]
        if blur:
            wanted = _smoothing(bins, blur) @ wanted
        wanted = wanted / (np.linalg.norm(wanted) or 1.0)
        q = self._sizes(hkl, matrix)
        q = q[q < min(self.q_max, (bins + 1) * self.spacing)]
        if not len(q):
            return wanted
        bells = self.bells(q, bins)
        if blur:
            bells = _smoothing(bins, blur) @ bells
        try:
            intensities, _ = nnls(bells, wanted)
        except RuntimeError:  # did not settle: no fit
            return wanted
        return bells @ intensities - wanted

    def bells(self, q: Float[np.ndarray, " n"], bins: int) -> Float[np.ndarray, "bins n"]:
        """How much of a reflection at each |q| falls into each bin."""
        x = q[None, :] / self.spacing - np.arange(bins)[:, None]
        if self.histogram:
            return (np.abs(x) < 0.5).astype(float)
        outer, inner = np.maximum(2 - np.abs(x), 0.0), np.maximum(1 - np.abs(x), 0.0)
        return (outer**3 - 4 * inner**3) / 6

    def refined(
        self,
        lattice: Bravais,
        variables: Float[np.ndarray, " k"],
        density: float,
        blur: float = 0.0,
    ) -> tuple[Float[np.ndarray, " k"], float]:
        """A cell moved to the nearest minimum of u, and u there."""
        from scipy.optimize import least_squares

        matrix = lattice.matrix(variables)
        bins = self.bins(lattice, matrix, density)
        hkl, _ = lattice.reflections(matrix, 1.15 * (bins + 1) * self.spacing)

        def residuals(v: np.ndarray) -> np.ndarray:
            with np.errstate(invalid="ignore"):
                moved = lattice.matrix(v)
            if not np.linalg.det(moved) > 0.1:
                return np.ones(bins)
            return self.unexplained(hkl, moved, bins, blur)

        try:
            found = least_squares(
                residuals,
                variables,
                diff_step=1e-6,
                max_nfev=_EVALUATIONS if blur or density < JUDGED else 3 * _EVALUATIONS,
                xtol=1e-12,
                ftol=1e-12,
            )
        except (ValueError, np.linalg.LinAlgError):  # ran out of what is a cell
            return variables, 1.0
        return found.x, float(2 * found.cost)

    @staticmethod
    def _sizes(hkl: np.ndarray, matrix: np.ndarray) -> Float[np.ndarray, " n"]:
        return 2 * np.pi * np.linalg.norm(hkl @ np.linalg.inv(matrix).T, axis=1)


@functools.lru_cache(maxsize=64)
def _smoothing(bins: int, width: float) -> Float[np.ndarray, "bins bins"]:
    gap = np.arange(bins)[:, None] - np.arange(bins)[None, :]
    return np.exp(-(gap**2) / (2 * width**2))
