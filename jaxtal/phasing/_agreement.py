"""How far two sets of phases agree, whatever origin and hand each was found with."""

import dataclasses
import functools
from typing import Any, Literal

import numpy as np
from jaxtyping import Complex, Float, Int

from .._core import check_finite, host_array
from ..symmetry import Orbits, allowed_origins
from ..symmetry._origins import hand_shift
from ..symmetry._unseen_translations import with_unseen_translations
from ._origin_search import candidates, refine
from ._pairwise_agreement import best_of_pairs, best_of_shifted_pairs

#: What a reflection counts: its intensity, as in a density, or its amplitude.
Weighting = Literal["intensity", "amplitude"]


@dataclasses.dataclass(frozen=True, eq=False)
class Agreement:
    """The best superposition of a second phase set on a first.

    Attributes:
        value: weighted mean cosine of the phase differences, in [-1, 1].
        correlation: of the two densities without their means, in [-1, 1].
        shift: t (N,), fractional: F1(k) is compared with F2(k) exp(2 pi i k.t).
        inverted: F2 is replaced by its conjugate before the shift.
    """

    value: float
    correlation: float
    shift: Float[np.ndarray, " N"]
    inverted: bool


@dataclasses.dataclass(frozen=True, eq=False)
class Equivalences:
    """The origins and hands among which the amplitudes of a group cannot tell.

    A density moved by t with W t - t a lattice vector for every operation has the same group and
    the same moduli, and amplitudes F(k) exp(2 pi i k.t); so has the inverted density, with
    conj(F(k)) exp(2 pi i k.s), unless the group is one of an enantiomorphic pair. Where the group
    leaves a direction of the cell alone, t may move along it by any amount: polar axes, and the
    phason shifts of modulated crystals. On the amplitudes f of orbits, F(k) = f exp(2 pi i angle),
    all of this is a factor per orbit.

    Attributes:
        orbits: orbits whose amplitudes are compared.
        discrete: isolated shifts, (o, N), zero first.
        continuous: integer directions of free shifts, rows, (c, N).
        hand: s, (N,), or None where inversion changes the group or is one of its operations.
    """

    orbits: Orbits
    discrete: Float[np.ndarray, "o N"]
    continuous: Int[np.ndarray, "c N"]
    hand: Float[np.ndarray, " N"] | None

    @classmethod
    def build(cls, orbits: Orbits, *, hands: bool = True) -> "Equivalences":
        """Find the origins and hands of a group.

        Args:
            orbits: orbits of reflections.
            hands: try both hands; False compares absolute structures.
        """
        group = with_unseen_translations(orbits.group, orbits.members)
        origins = allowed_origins(group)
        continuous = np.asarray(origins.continuous, np.int64).reshape(-1, group.dimension)
        # A centre of symmetry makes the inverted density the same one at another allowed origin.
        hand = hand_shift(group) if hands and not group.is_centrosymmetric else None
        return cls(orbits, np.asarray(origins.discrete, np.float64), continuous, hand)

    # --- what they do to amplitudes ------------------------------------------------------------

    def move(
        self,
        f: Complex[np.ndarray, "*starts n"],
        shift: Float[np.ndarray, " N"],
        inverted: bool = False,
    ) -> Complex[np.ndarray, "*starts n"]:
        """Invert amplitudes, if asked for, and shift them to another allowed origin.

        Args:
            f: amplitudes of the orbits, (..., n).
            shift: t, fractional, (N,), as in `Agreement.shift` (the hand's own shift included).
            inverted: conjugate first.
        """
        turns = self.orbits.k @ np.asarray(shift, np.float64)
        if inverted:
            f, turns = np.conj(f), turns - 2.0 * self.orbits.angle
        moved = f * np.exp(2j * np.pi * (turns - np.round(turns)))
        return np.where(self.orbits.real, np.real(moved), moved)

    # --- comparisons ---------------------------------------------------------------------------

    def compare(
        self,
        f1: Any,
        f2: Any,
        weight: Any = None,
        *,
        weighting: Weighting = "intensity",
    ) -> Agreement:
        """Find the best agreement of two phase sets over all allowed origins and hands.

            value = sum w cos(phi1 - phi2) / sum w

        over all reflections, F(0) left out, which has no phase. With "intensity" w = |F1| |F2|: for
        equal moduli the correlation of the two densities, in which weak reflections, whose phases
        are ill determined, count as little as they contribute. With "amplitude"
        w = sqrt(|F1| |F2|), the usual amplitude-weighted mean; it is the stricter of the two.

        Free shifts are looked for on a mesh fine enough to see every peak of the correlation (at
        random points where they are more than three) and refined.

        Args:
            f1: complex amplitudes of the orbits, (n,).
            f2: complex amplitudes of the orbits, (n,); what is moved.
            weight: weight of each reflection of an orbit in place of w, (n,).
            weighting: "intensity" or "amplitude".

        Raises:
            ValueError: not n finite amplitudes, or nothing left to compare.
        """
        a, b = self._checked(f1, "f1", 1), self._checked(f2, "f2", 1)
        m = self._multiplicity()
        if weight is None:
            w = (np.abs(a) * np.abs(b)) ** _power(weighting)
        else:
            w = host_array(weight, "weight")
            if w.shape != a.shape or not (w >= 0).all():
                raise ValueError(f"weight: expected {a.shape} numbers >= 0, got {w.shape}")
        w = w * m
        total = float(w.sum())
        if not total > 0:
            raise ValueError("expected amplitudes with weight in common, got none")
        terms = w * np.conj(_unit(a)) * _unit(b)
        conjugate = w * np.conj(_unit(a)) * np.conj(_unit(b))
        best, shift, inverted = -np.inf, np.zeros(self.orbits.k.shape[1]), False
        for inverts, origin, turns in self._choices():
            c = (conjugate if inverts else terms) * np.exp(2j * np.pi * turns)
            value, s = self._best_free(c[None])
            if value[0] > best:
                best, inverted = float(value[0]), inverts
                shift = origin + s[0] @ self.continuous
        moved = self.move(b, shift, inverted)
        norm = np.sqrt(np.sum(m * np.abs(a) ** 2) * np.sum(m * np.abs(b) ** 2))
        correlation = float(np.sum(m * np.real(np.conj(a) * moved)) / norm)
        return Agreement(best / total, correlation, shift % 1.0, inverted)

    def pairwise(self, f: Any, *, weighting: Weighting = "intensity") -> Float[np.ndarray, "S S"]:
        """Compute `compare(...).value` of every two of many phase sets, (S, S), symmetric.

        Args:
            f: complex amplitudes of the orbits, (S, n).
            weighting: "intensity" or "amplitude", see `compare`.

        Raises:
            ValueError: not finite amplitudes of that shape, or an all-zero set.
        """
        f = self._checked(f, "f", 2)
        # The weight factorises, so that each origin is one matrix product.
        modulus = np.sqrt(self._multiplicity()) * np.abs(f) ** _power(weighting)
        a = modulus * _unit(f)
        norms = modulus @ modulus.T
        if not (np.diag(norms) > 0).all():
            raise ValueError(f"f[{int(np.argmin(np.diag(norms)))}]: every amplitude is zero")
        moved = (
            (np.conj(a) if inverts else a) * np.exp(2j * np.pi * turns)
            for inverts, _, turns in self._choices()
        )
        if len(self.continuous):
            p, order, edges = self._projected
            best = best_of_shifted_pairs(a, list(moved), p, np.split(order, edges[1:]))
        else:
            best = best_of_pairs(a, moved)
        best = np.maximum(best, best.T)
        return best / np.where(norms > 0, norms, 1.0)

    # --- the parts -----------------------------------------------------------------------------

    def _checked(self, f, name: str, ndim: int) -> np.ndarray:
        f = host_array(f, name, np.complex128)
        n = len(self.orbits.k)
        if f.ndim != ndim or f.shape[-1] != n:
            raise ValueError(f"{name}: expected amplitudes of {n} orbits, got shape {f.shape}")
        check_finite(f, name)
        return np.where(self.orbits.real, np.real(f), f)

    def _multiplicity(self) -> np.ndarray:
        """Reflections per orbit; none for F(0), whose phase is known."""
        return np.where(self.orbits.k.any(axis=1), self.orbits.multiplicity, 0).astype(float)

    def _choices(self):
        """Every hand and discrete origin: (inverted, shift, turns by which f changes)."""
        k, angle = self.orbits.k, self.orbits.angle
        for origin in self.discrete:
            turns = k @ origin
            yield False, origin, turns - np.round(turns)
        if self.hand is not None:
            for origin in self.discrete:
                turns = k @ (origin + self.hand) - 2.0 * angle
                yield True, origin + self.hand, turns - np.round(turns)

    def _best_free(self, c: np.ndarray, number: int = 12) -> tuple[np.ndarray, np.ndarray]:
        """Maximum over free shifts s of Re sum_k c(k) exp(2 pi i p.s) for each row of c."""
        if not len(self.continuous):
            return np.real(c).sum(axis=1), np.zeros((len(c), 0))
        p, order, edges = self._projected
        c = np.add.reduceat(c[:, order], edges, axis=1)
        return refine(p, c, candidates(p, c, number)[0])

    @functools.cached_property
    def _projected(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Projections of k on the free directions, each once; orbits in their order; edges."""
        p, where = np.unique(self.orbits.k @ self.continuous.T, axis=0, return_inverse=True)
        order = np.argsort(where.reshape(-1), kind="stable")
        return p, order, np.searchsorted(where.reshape(-1)[order], np.arange(len(p)))


def _power(weighting: Weighting) -> float:
    powers = {"intensity": 1.0, "amplitude": 0.5}
    if weighting not in powers:
        raise ValueError(f"weighting: expected one of {', '.join(powers)}, got {weighting!r}")
    return powers[weighting]


def compare_phases(
    orbits: Orbits,
    f1: Any,
    f2: Any,
    *,
    hands: bool = True,
    weighting: Weighting = "intensity",
) -> Agreement:
    """Agreement of two phase sets modulo allowed origin shifts and hand.

    See `Equivalences.compare`; build an `Equivalences` once to compare many.
    """
    return Equivalences.build(orbits, hands=hands).compare(f1, f2, weighting=weighting)


def _unit(f: np.ndarray) -> np.ndarray:
    modulus = np.abs(f)
    return np.where(modulus > 0, f / np.where(modulus > 0, modulus, 1.0), 0.0)
