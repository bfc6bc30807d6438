"""Structure factors of listed reflections, and |F|^2 by every parameter of every atom.

    F(h) = sum_j w_j f_j(s) G_j(h)            w_j = occupancy x multiplicity / order of the group
    G_j(h) = sum over operations of exp(2 pi i h.(W x + w)) exp(-2 pi^2 (hW)^T U* (hW))

In groups with an inversion at the origin half of the operations suffice and G is real; centring
translations multiply it. NumPy in blocks of reflections: what is computed once per cycle would
wait longer for a compiler. With c = F* w f the chain through |F|^2 needs real sums only:

    d|F|^2/dx = -4 pi sum h Im(c E)    d|F|^2/dU = -2 Q Re(c E)    d|F|^2/docc = 2 Re(c G) / occ

with E the term of one operation and Q = 2 pi^2 a*_i a*_j h_i h_j (twice that where i != j).
"""

import dataclasses
import functools

import numpy as np
from jaxtyping import Complex

from ..scattering import FormFactors, anomalous, cif_scale, parse_species
from ..symmetry import SpaceGroup
from ._measurements import Measurements
from ._model import Model
from ._sites import COLUMNS, ROWS

#: Numbers of one operation in a block: it stays in the second level of a core's cache.
_BLOCK = 1 << 15


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
        _table(species, kind)(measured.stol2), (len(species), len(measured))
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


def block_size(n_atoms: int) -> int:
    """Reflections of a block."""
    return int(np.clip(_BLOCK // max(n_atoms, 1), 384, 2048))


class Terms:
    """The terms E of every atom, operation and reflection of a block, and F."""

    def __init__(
        self, points: Points, atoms: Atoms, f: np.ndarray, real: bool, derivatives: bool = True
    ) -> None:
        """Compute them.

        Args:
            points: of the block, n reflections.
            atoms: N atoms.
            f: form factors of the species, (S, n), complex.
            real: whether G is real.
            derivatives: whether `add_gradient` will be called.
        """
        self.points, self.atoms, self.real = points, atoms, real
        m, N, n = len(points.hs), len(atoms.frac), points.phases.shape[1]
        turns = np.matmul(atoms.frac, points.hs)
        turns += points.phases[:, None, :]
        turns -= np.rint(turns)
        turns *= 2 * np.pi
        T = np.empty((m, N, n))
        if len(atoms.aniso):
            T[:, atoms.aniso] = np.exp(-np.matmul(atoms.six, points.Q))
        if len(atoms.iso):
            T[:, atoms.iso] = np.exp(-atoms.u_iso[:, None] * points.K)
        self.cos = np.cos(turns)
        self.cos *= T
        self.sin = turns
        if derivatives or not real:
            self.sin = np.sin(turns, out=turns)
            self.sin *= T
        # A few species: their factors are multiplied in after the atoms of each were summed.
        self.weighted = atoms.weight[:, None] * f[atoms.kind]
        G = self.cos.sum(axis=0)
        if real:
            self.F = np.einsum("jn,jn->n", self.weighted, G)
        else:
            self.F = np.einsum("jn,jn->n", self.weighted, G + 1j * self.sin.sum(axis=0))

    def add_gradient(
        self,
        factor: np.ndarray,
        rows: dict[str, np.ndarray],
        occupied: tuple[np.ndarray, np.ndarray],
    ) -> None:
        """Add factor x d|F|^2/d(parameter) to rows of a Jacobian.

        Args:
            factor: (n,).
            rows: "x" (3, N, n), "six" (6, aniso, n), "iso" (iso, n), "occ" (occupied, n).
            occupied: atoms with a row in "occ" and their occupancies.
        """
        atoms, points = self.atoms, self.points
        c = np.conj(self.F) * factor * self.weighted
        cr, ci = np.ascontiguousarray(c.real), np.ascontiguousarray(c.imag)
        cr *= 2.0
        ci *= 2.0
        total = np.zeros_like(cr)
        buffer = np.empty_like(cr)
        tensor = np.empty((len(atoms.aniso), cr.shape[1]))
        every = len(atoms.iso) == 0
        for s in range(len(points.hs)):
            if self.real:
                re, im = cr * self.cos[s], cr * self.sin[s]
            else:
                re = cr * self.cos[s]
                re -= np.multiply(ci, self.sin[s], out=buffer)
                im = cr * self.sin[s]
                im += np.multiply(ci, self.cos[s], out=buffer)
            im *= -2 * np.pi
            for axis in range(3):
                rows["x"][axis] += np.multiply(im, points.hs[s, axis], out=buffer)
            if len(atoms.aniso):
                part = re if every else re[atoms.aniso]
                for axis in range(6):
                    rows["six"][axis] -= np.multiply(part, points.Q[s, axis], out=tensor)
            total += re
        if len(atoms.iso):
            rows["iso"] -= total[atoms.iso] * points.K
        if len(occupied[0]):
            rows["occ"] += total[occupied[0]] / occupied[1][:, None]
