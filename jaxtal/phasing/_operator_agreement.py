"""How well phases found without symmetry obey a group, and where its origin is."""

import dataclasses

import numpy as np
from jaxtyping import Complex, Float, Int

from ..symmetry import SpaceGroup
from ._free_agreement import best_shift

#: Terms, strongest reflections first, that tell where the origin is; of each operation at least.
_STRONG, _EACH = 4000, 400
#: The same for a first look.
_ROUGH, _ROUGH_EACH = 1200, 150


@dataclasses.dataclass(frozen=True, eq=False)
class GroupAgreement:
    """A group tested on phases that do not know of it.

    Attributes:
        group: the group.
        origin: t: F(k) exp(-2 pi i k.t) has the group at its standard origin, (N,).
        agreements: of each rotation but the identity, the weighted mean cosine of
            phi(k W) - phi(k) + 2 pi k.w, (p - 1,); empty for P1.
        r_factor: R of the density averaged over the group against the moduli it was made with.
        structure_factors: F of the averaged density at the group's origin, (m,).
    """

    group: SpaceGroup
    origin: Float[np.ndarray, " N"]
    agreements: Float[np.ndarray, " o"]
    r_factor: float
    structure_factors: Complex[np.ndarray, " m"]

    @property
    def mean(self) -> float:
        """Mean of the agreements, 1 for P1."""
        return float(self.agreements.mean()) if len(self.agreements) else 1.0

    @property
    def worst(self) -> float:
        """The lowest of the agreements, 1 for P1."""
        return float(self.agreements.min()) if len(self.agreements) else 1.0


class FreePhases:
    """Phases of every reflection of a list that a Laue group takes to itself.

    An operation x -> W x + w of the crystal makes F(k W) = F(k) exp(-2 pi i k.w). Phases found
    without it put the origin anywhere, F'(k) = F(k) exp(2 pi i k.t), so that

        Q(t) = sum_W sum_k F'(k) conj(F'(k W)) exp(-2 pi i k.w) exp(2 pi i k (W - 1).t)

    is the sum of |F|^2 over operations and reflections where the group is right and t its origin.
    One Fourier transform finds t, whatever the number of operations.

    References:
        L. Palatinus and A. van der Lee, J. Appl. Cryst. 41 (2008) 975 (symmetry of a density in
        P1, operation by operation).
    """

    def __init__(
        self,
        k: Int[np.ndarray, "m N"],
        F: Complex[np.ndarray, " m"],
        rotations: Int[np.ndarray, "l N N"],
    ):
        """Sort out which reflection each rotation takes each to.

        Args:
            k: one of each Friedel pair, (m, N), closed under the rotations but for mates.
            F: structure factors, (m,).
            rotations: of the Laue group, (l, N, N).

        Raises:
            ValueError: a rotation takes a reflection out of the list.
        """
        self.k, self.F = np.asarray(k, np.int64), np.asarray(F, np.complex128)
        both = np.concatenate([self.k, -self.k])
        values = np.concatenate([self.F, np.conj(self.F)])
        reach = int(np.abs(both).max(initial=0)) + 1
        place = (2 * reach + 1) ** np.arange(self.k.shape[1])[::-1]
        codes = (both + reach) @ place
        order = np.argsort(codes)
        self._images: dict[bytes, np.ndarray] = {}
        for W in rotations:
            image = self.k @ W
            if np.abs(image).max(initial=0) >= reach:
                raise ValueError("expected reflections closed under the Laue group")
            wanted = (image + reach) @ place
            at = order[np.minimum(np.searchsorted(codes, wanted, sorter=order), len(order) - 1)]
            if (codes[at] != wanted).any():
                raise ValueError("expected reflections closed under the Laue group")
            self._images[_key(W)] = values[at]
        self._strong = np.argsort(-np.abs(self.F), kind="stable")

    def test(
        self, group: SpaceGroup, near: Float[np.ndarray, " N"] | None = None
    ) -> GroupAgreement:
        """Find the origin of a group and how well the phases obey its operations.

        Args:
            group: whose rotations are among those given.
            near: look for the origin near here alone.
        """
        W, w, moves = _operations(group)
        total = float(np.sum(np.abs(self.F) ** 2))
        if not moves:
            return GroupAgreement(group, np.zeros(group.dimension), np.zeros(0), 0.0, self.F)
        p, c = _gathered(*self._terms(W, w, moves, max(_STRONG // len(moves), _EACH)))
        t = best_shift(p, c, near)[1] if len(p) else np.zeros(group.dimension)
        identity = np.eye(group.dimension, dtype=np.int64)
        values = []
        for i in moves:
            turns = self.k @ ((W[i] - identity) @ t)
            values.append(np.sum(np.real(self._product(W[i], w[i]) * np.exp(2j * np.pi * turns))))
        moved = self.F * np.exp(-2j * np.pi * (self.k @ t))
        average = np.zeros_like(moved)
        for R, v in zip(W, w, strict=True):
            image = self._images[_key(R)] * np.exp(-2j * np.pi * (self.k @ (R @ t)))
            average += image * np.exp(2j * np.pi * (self.k @ v))
        average /= len(W)
        found = np.array(values) / total
        return GroupAgreement(group, t % 1.0, found, _r_factor(average, self.F), average)

    def look(self, group: SpaceGroup) -> float:
        """Mean agreement of a group's operations over the strongest reflections alone, roughly."""
        W, w, moves = _operations(group)
        if not moves:
            return 1.0
        terms = self._terms(W, w, moves, max(_ROUGH // len(moves), _ROUGH_EACH))
        fixed = float(np.real(terms[1][~terms[0].any(axis=1)]).sum())
        p, c = _gathered(*terms)
        value = best_shift(p, c, rough=True)[0] if len(p) else 0.0
        return (value + fixed) / float(np.abs(terms[1]).sum())

    def _terms(
        self, W: np.ndarray, w: np.ndarray, moves: list[int], each: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Vectors k (W - 1) and coefficients of Q(t), the strongest reflections of each move."""
        used, identity = self._strong[:each], np.eye(len(w[0]), dtype=np.int64)
        p = np.concatenate([self.k[used] @ (W[i] - identity) for i in moves])
        return p, np.concatenate([self._product(W[i], w[i], used) for i in moves])

    def _product(
        self, W: np.ndarray, w: np.ndarray, used: np.ndarray | slice = slice(None)
    ) -> np.ndarray:
        turns = np.exp(-2j * np.pi * (self.k[used] @ w))
        return self.F[used] * np.conj(self._images[_key(W)][used]) * turns


def _operations(group: SpaceGroup) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """One operation for each rotation, and the numbers of those that are not the identity."""
    flat = group.rotations.reshape(group.order, -1)
    first = np.sort(np.unique(flat, axis=0, return_index=True)[1])
    W, w = group.rotations[first], group.translations[first] / group.denominator
    identity = np.eye(group.dimension, dtype=np.int64)
    return W, w, [i for i in range(len(W)) if (W[i] != identity).any()]


def _gathered(p: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each vector once, with its mate (which has the conjugate) folded onto it; zero left out."""
    lead = p[np.arange(len(p)), (p != 0).argmax(axis=1)]
    p, c = np.where(lead[:, None] < 0, -p, p), np.where(lead < 0, np.conj(c), c)
    p, c = p[lead != 0], c[lead != 0]
    if not len(p):
        return p, c
    unique, at = np.unique(p, axis=0, return_inverse=True)
    at = at.reshape(-1)
    sums = np.bincount(at, np.real(c), len(unique)) + 1j * np.bincount(at, np.imag(c), len(unique))
    return unique, sums


def _r_factor(found: np.ndarray, known: np.ndarray) -> float:
    a, b = np.abs(found), np.abs(known)
    square = float(np.sum(a * a))
    scale = float(np.sum(a * b)) / square if square > 0 else 0.0
    return float(np.sum(np.abs(scale * a - b)) / np.sum(b))


def _key(W: np.ndarray) -> bytes:
    return np.ascontiguousarray(W, dtype=np.int64).tobytes()
