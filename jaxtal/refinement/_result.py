"""What a refinement found."""

import dataclasses
import functools

import numpy as np
from jaxtyping import Float

from ..crystal import WyckoffCrystal
from ._difference import DifferenceMap, observed_density
from ._figures import Figures
from ._flack import Flack
from ._least_squares import Calculated, Problem
from ._measurements import Measurements
from ._model import Model
from ._parameters import Parameters
from ._sites import COLUMNS, ROWS


@dataclasses.dataclass(frozen=True, eq=False)
class Refinement:
    """A refined model, how well it fits, and how well it is known.

    Attributes:
        model: the refined model.
        measured: what it was refined against.
        figures: R1, wR2, goodness of fit.
        calculated: structure factors and intensities of the model.
        weights: w of each reflection, (n,).
        parameters: the free parameters and their map to the numbers of the model.
        covariance: of the free parameters, scaled by the goodness of fit, (p, p).
        converged: whether the last shift was small enough.
        largest_shift: of the last cycle, in standard uncertainties.
        mean_shift: likewise.
        log: a line for each cycle, and for each decision of `complete_model`.
        problem: tables that the next refinement against the same intensities can use.
        warnings: what a user should know.
        flack: share of the inverted crystal, where `complete_model` could find it.
        history: what `complete_model` did and how well the model then fitted, in turn.
    """

    model: Model
    measured: Measurements
    figures: Figures
    calculated: Calculated
    weights: Float[np.ndarray, " n"]
    parameters: Parameters
    covariance: Float[np.ndarray, "p p"]
    converged: bool
    largest_shift: float
    mean_shift: float
    log: tuple[str, ...]
    problem: Problem = dataclasses.field(repr=False)
    warnings: tuple[str, ...] = ()
    flack: Flack | None = None
    history: tuple[tuple[str, Figures], ...] = ()

    @property
    def R1(self) -> float:
        """Sum ||F_o| - |F_c|| / sum |F_o| over I > 2 sigma."""
        return self.figures.r1

    @property
    def wR2(self) -> float:
        """(sum w (I - Y)^2 / sum w I^2)^(1/2) over all reflections."""
        return self.figures.wr2

    @property
    def gof(self) -> float:
        """(sum w (I - Y)^2 / (n - p))^(1/2)."""
        return self.figures.gof

    @functools.cached_property
    def crystal(self) -> WyckoffCrystal:
        """The refined crystal, hydrogen atoms included."""
        return self.model.crystal()

    @functools.cached_property
    def difference(self) -> DifferenceMap:
        """The difference density F_o - F_c."""
        return DifferenceMap.of(self.problem, self.model, self.calculated)

    @functools.cached_property
    def density(self) -> Float[np.ndarray, "n1 n2 n3"]:
        """The density of F_o with the phases of the model, at the points of `difference.values`.

        In `difference.unit`, without F(0): its mean is zero.
        """
        return observed_density(self.problem, self.model, self.calculated)

    @functools.cached_property
    def esds(self) -> dict[str, np.ndarray]:
        """Standard uncertainties from the inverse normal matrix; zero for what was not free.

        Returns:
            "frac" (N, 3), "u_iso" (N,; U_eq of anisotropic atoms), "u_aniso" (N, 3, 3),
            "occupancies" (N,), "scale", "extinction", "twin_fractions": arrays.
        """
        model, free = self.model, self.parameters
        deviations = free.deviations(self.covariance)
        N, aniso = len(model), np.flatnonzero(model.anisotropic)
        iso = np.flatnonzero(~model.anisotropic)
        ends = np.cumsum([3 * N, 6 * len(aniso), len(iso), len(free.occupied), 1, free.extinction])
        x, six, u, occ, scale, extinction, twins = np.split(deviations, ends)
        U, u_iso, occupancies = np.zeros((N, 3, 3)), np.zeros(N), np.zeros(N)
        values = six.reshape(6, -1).T
        U[aniso[:, None], ROWS, COLUMNS] = U[aniso[:, None], COLUMNS, ROWS] = values
        u_iso[iso] = u
        u_iso[aniso] = self._equivalent(aniso, int(ends[0]))
        occupancies[free.occupied] = occ
        return {
            "frac": x.reshape(3, N).T,
            "u_iso": u_iso,
            "u_aniso": U,
            "occupancies": occupancies,
            "scale": scale,
            "extinction": extinction,
            "twin_fractions": twins,
        }

    def _equivalent(self, aniso: np.ndarray, start: int) -> np.ndarray:
        """Standard uncertainties of U_eq."""
        lengths = np.linalg.norm(np.linalg.inv(self.model.matrix), axis=0)
        metric = np.outer(lengths, lengths) * (self.model.matrix @ self.model.matrix.T) / 3
        coefficients = metric[ROWS, COLUMNS] * np.where(ROWS == COLUMNS, 1, 2)
        out = []
        for i in range(len(aniso)):
            rows = start + np.arange(6) * len(aniso) + i
            gradient = self.parameters.map[rows].T @ coefficients
            out.append(np.sqrt(max(float(gradient @ self.covariance @ gradient), 0.0)))
        return np.array(out)

    @property
    def correlation(self) -> Float[np.ndarray, "p p"]:
        """Correlation matrix of the free parameters, (p, p)."""
        deviation = np.sqrt(np.maximum(np.diag(self.covariance), 1e-300))
        return self.covariance / np.outer(deviation, deviation)

    def text(self) -> str:
        """Return what happened, line by line."""
        return "\n".join(self.log)

    def __repr__(self) -> str:
        model = self.model
        peak, hole = self.difference.highest, self.difference.lowest
        lines = [
            f"{model.formula}, {model.group.hm}: {len(model)} atoms, "
            f"{int(model.anisotropic.sum())} anisotropic, {int(model.riding.sum())} riding",
            str(self.figures),
            f"largest shift {self.largest_shift:.3f} s.u."
            + ("" if self.converged else " (not converged)")
            + f", weights {model.weights[0]:g} {model.weights[1]:g}",
            f"difference density {hole:.2f} to {peak:.2f} {self.difference.unit}",
            *([str(self.flack)] if self.flack else []),
            *(f"note: {note}" for note in (*model.notes, *self.warnings)),
        ]
        return "\n".join(lines)
