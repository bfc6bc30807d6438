"""What the sums of structure factors run over: operations, reflections, atoms, form factors."""

import dataclasses
import functools

import numpy as np
from jaxtyping import Complex

from ..scattering import FormFactors, anomalous, cif_scale, parse_species
from ..symmetry import SpaceGroup
from ._measurements import Measurements
from ._model import Model
from ._sites import COLUMNS, ROWS


@dataclasses.dataclass(frozen=True, eq=False)
class Operations:
    """Operations that the sums run over.

    Attributes:
        rotations: (m, 3, 3).
        translations: fractions, (m, 3).
        factor: how often each counts: centring, and 2 where G is real.
        real: whether G is real.
    """

    rotations: np.ndarray
    translations: np.ndarray
    factor: float
    real: bool

    @classmethod
    def of(cls, group: SpaceGroup) -> "Operations":
        """Those of a space group."""
        W, w, D = group.rotations, group.translations, group.denominator
        _, first = np.unique(W.reshape(len(W), -1), axis=0, return_index=True)
        first = np.sort(first)
        centring = len(W) // len(first)
        at_origin = (-np.eye(3, dtype=int) == W).all(axis=(1, 2)) & (w % D == 0).all(axis=1)
        if not at_origin.any():
            return cls(W[first].astype(float), w[first] / D, float(centring), False)
        kept: list[int] = []
        seen: set[bytes] = set()
        for i in first:
            if W[i].tobytes() not in seen:
                kept.append(int(i))
                seen |= {W[i].tobytes(), (-W[i]).tobytes()}
        return cls(W[kept].astype(float), w[kept] / D, 2.0 * centring, True)


@functools.lru_cache(maxsize=64)
def _table(species: tuple[str, ...], kind: str) -> FormFactors:
    return FormFactors.build(species, kind, host=True, dtype=np.float64)


@functools.lru_cache(maxsize=256)
def dispersion(species: str, wavelength: float) -> complex:
    """f' + i f'' of one species of X-rays, zero where nothing is known."""
    try:
        fp, fpp = anomalous([species], wavelength)
    except ValueError:
        return 0.0
    return complex(fp[0], fpp[0])


def form_factors(
    species: tuple[str, ...], measured: Measurements, table: str | None = None
) -> Complex[np.ndarray, "S n"]:
    """f0 + f' + i f'' of each species at each reflection, (S, n).

    Args:
        species: different species.
        measured: gives radiation, wavelength and s.
        table: a kind of `scattering.FormFactors`; default by the radiation.
    """
    kinds = {"xray": "it92", "electron": "electron", "neutron": "neutron"}
    kind = table or kinds[measured.radiation]
    f = np.broadcast_to(
        _table(species, kind)(measured.stol2), (len(species), len(measured.hkl))
    ).astype(complex)
    if measured.radiation == "xray":
        f += np.array([dispersion(one, measured.wavelength) for one in species])[:, None]
    return f


@dataclasses.dataclass(frozen=True, eq=False)
class Points:
    """Reflections as the sums see them, for one twin domain.

    Attributes:
        hs: h W of each operation, (m, 3, n).
        phases: h.w, (m, n), turns.
        Q: (m, 6, n), A^-2.
        K: 8 pi^2 s^2, (n,).
    """

    hs: np.ndarray
    phases: np.ndarray
    Q: np.ndarray
    K: np.ndarray

    @classmethod
    def of(cls, hkl: np.ndarray, operations: Operations, matrix: np.ndarray) -> "Points":
        """Those of some indices, (n, 3)."""
        h = np.asarray(hkl, float)
        hs = np.ascontiguousarray(np.einsum("nj,mjk->mkn", h, operations.rotations))
        phases = operations.translations @ h.T
        scale = 2 * np.pi**2 * cif_scale(matrix)[ROWS, COLUMNS] * np.where(ROWS == COLUMNS, 1, 2)
        Q = hs[:, ROWS] * hs[:, COLUMNS] * scale[:, None]
        s2 = np.sum((h @ np.linalg.inv(matrix).T) ** 2, axis=1) / 4
        return cls(hs, phases - np.round(phases), Q, 8 * np.pi**2 * s2)

    def cast(self, dtype: np.dtype) -> "Points":
        """In another precision."""
        if self.hs.dtype == dtype:
            return self
        return Points(*(x.astype(dtype) for x in (self.hs, self.phases, self.Q, self.K)))

    def take(self, at: slice) -> "Points":
        """Some of the reflections."""
        return Points(self.hs[..., at], self.phases[..., at], self.Q[..., at], self.K[at])


@dataclasses.dataclass(frozen=True, eq=False)
class Atoms:
    """The numbers of the atoms that the sums need.

    Attributes:
        frac: (N, 3).
        weight: w, with the factor of the operations, (N,).
        aniso, iso: indices of anisotropic and isotropic atoms.
        six: U11, U22, U33, U12, U13, U23 of the anisotropic ones, A^2.
        u_iso: of the isotropic ones, A^2.
        kind: row of each atom among the species, (N,).
    """

    frac: np.ndarray
    weight: np.ndarray
    aniso: np.ndarray
    iso: np.ndarray
    six: np.ndarray
    u_iso: np.ndarray
    kind: np.ndarray

    @classmethod
    def of(cls, model: Model, operations: Operations, species: tuple[str, ...]) -> "Atoms":
        """Those of a model."""
        aniso, iso = np.flatnonzero(model.anisotropic), np.flatnonzero(~model.anisotropic)
        share = model.multiplicities / model.group.order
        return cls(
            model.frac,
            model.occupancies * share * operations.factor,
            aniso,
            iso,
            model.u_aniso[aniso][:, ROWS, COLUMNS],
            model.u_iso[iso],
            np.array([species.index(one) for one in model.species]),
        )


def species_of(model: Model) -> tuple[str, ...]:
    """The different species of a model, ordered by what they are."""
    return tuple(sorted(set(model.species), key=lambda s: (*parse_species(s), s)))
