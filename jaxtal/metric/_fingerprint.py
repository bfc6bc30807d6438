"""`Fingerprint`: the vector of a crystal in a metric, or the vectors of many."""

from typing import Any

import equinox as eqx
import jax
import jax.core
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from .._core import take_rows
from ._abstract_metric import AbstractMetric
from .all_pairs import groups, nearest

#: Distance within which two crystals count as one, for default settings with `composition=1,
#: stacking=1`. Different crystals: of the 288 AFLOW prototypes that pymatgen ships, the nearest two
#: are at 0.160 (pyrite, which is listed twice, aside); of eleven polytypes each of SiC, ZnS, CdI2
#: and close-packed metals, at 0.18. Copies of the prototypes: random displacements of 0.02 / 0.05
#: angstrom (r.m.s.) leave 99 / 83 % within 0.1 (median 0.020 / 0.060); a strain at constant volume
#: (Frobenius norm) of 0.5 / 1 / 2 % leaves 95 / 72 / 25 % (median 0.029 / 0.064 / 0.147); a change
#: of volume alone leaves all.
DUPLICATE_DISTANCE = 0.1


class Fingerprint(eqx.Module):
    """Vector of a crystal, or of many with their axes first; made by `CrystalMetric`.

    `found[rows]` takes some of many. Printed, it is one line.

    Attributes:
        vector: shape (*B, D), dimensionless; Euclidean distances tell crystals apart.
        complete: False if the crystal does not fit the plan, shape (*B,); the vector is then that
            of the part that fits.
        specification: the `CrystalMetric` that made it; vectors of different ones cannot be
            compared.
    """

    vector: Float[Array, "*B D"] | Float[np.ndarray, "*B D"]
    complete: Bool[Array, "*B"] | Bool[np.ndarray, "*B"]
    specification: AbstractMetric = eqx.field(static=True)

    def __getitem__(self, rows: Any) -> "Fingerprint":
        """Take one or some of many: an integer, a slice, integers or a mask; also traced.

        Raises:
            IndexError: this is the vector of one crystal.
        """
        if self.complete.ndim == 0:
            raise IndexError("expected vectors of many crystals to take from, got that of one")
        return take_rows(self, rows)

    def __len__(self) -> int:
        """Number of crystals.

        Raises:
            TypeError: this is the vector of one crystal.
        """
        if self.complete.ndim == 0:
            raise TypeError("the fingerprint of one crystal has no length")
        return self.complete.shape[0]

    def __repr__(self) -> str:
        """Print shape, completeness and metric in one line."""
        *batch, length = self.vector.shape
        many = f"{' x '.join(map(str, batch))} vectors" if batch else "one vector"
        missing = ""
        if not isinstance(self.complete, jax.core.Tracer) and not np.all(self.complete):
            missing = f", {int(np.sum(~np.asarray(self.complete)))} incomplete"
        return f"Fingerprint: {many} of {length} numbers{missing}; {self.specification!r}"

    def checked(self) -> "Fingerprint":
        """Return the fingerprint; raises at run time if it is not complete."""
        return eqx.error_if(
            self,
            ~self.complete,
            "the crystal does not fit its plan: make the plan with a larger max_stretch or "
            "max_atoms, and with every element that the crystals hold",
        )

    def nearest(
        self, k: int = 10, query: "Fingerprint | None" = None
    ) -> tuple[Int[np.ndarray, "m K"], Float[np.ndarray, "m K"]]:
        """Find the k nearest of these vectors of each of them, or of each query (host).

        Args:
            k: how many; as many as there are, if fewer.
            query: vectors of the same metric, default these themselves, none of which is then its
                own neighbour.

        Returns:
            Rows of the neighbours, nearest first, and their distances, shape (m, K) each.

        Raises:
            ValueError: vectors that are not complete or not of the same metric, or k below 1.
        """
        vectors = self._compared()
        if query is None:
            return nearest(vectors, vectors, k, skip_self=True)
        differing = query.specification.difference(self.specification)
        if differing:
            raise ValueError(f"query: expected equal settings, got {'; '.join(differing)}")
        return nearest(np.atleast_2d(query._compared()), vectors, k)

    def groups(self, threshold: float | int | None = None) -> Int[np.ndarray, " B"]:
        """Label crystals that a chain of distances within the threshold joins (host).

        Args:
            threshold: largest distance of two that count as one; default `DUPLICATE_DISTANCE` for
                `CrystalMetric(composition=1, stacking=1)`; other metrics need one.

        Returns:
            Group of each crystal, shape (B,), numbered in the order in which they first occur.

        Raises:
            ValueError: vectors that are not complete, or no threshold for another metric.
        """
        threshold = default_threshold(self.specification) if threshold is None else threshold
        return groups(self._compared(), threshold)

    def _compared(self) -> np.ndarray:
        missing = np.flatnonzero(~np.atleast_1d(np.asarray(self.complete)))
        if missing.size:
            raise ValueError(f"row {missing[0]}: expected a complete fingerprint, got none")
        return np.asarray(self.vector)


def default_threshold(specification: AbstractMetric) -> float:
    """Return `DUPLICATE_DISTANCE` for the metric that it was found for.

    Raises:
        ValueError: another metric.
    """
    kind: Any = type(specification)
    differing = specification.difference(kind(composition=1.0, stacking=1.0))
    if differing:
        raise ValueError(
            "threshold: expected one, since DUPLICATE_DISTANCE is that of CrystalMetric("
            f"composition=1, stacking=1), not of {specification!r}"
        )
    return DUPLICATE_DISTANCE
