"""Random sublattices that a group of rotations leaves invariant, of prime-power index."""

import dataclasses

import numpy as np

from ..symmetry import smith_normal_form
from ._modular import null_space, row_echelon, span

_PATIENCE = 8
Parts = list[tuple[int, np.ndarray]]


def projective_closure(generators: np.ndarray, limit: int = 10_000) -> np.ndarray:
    """All products of the matrices up to sign (a lattice does not see -1), (n, N, N).

    Raises:
        ValueError: more than `limit` elements.
    """
    n = generators.shape[-1]
    found = {np.eye(n, dtype=np.int64).tobytes(): np.eye(n, dtype=np.int64)}
    queue = list(found.values())
    for g in queue:
        for h in generators:
            product = _canonical(g @ h)
            if product.tobytes() not in found:
                found[product.tobytes()] = product
                queue.append(product)
                if len(queue) > limit:
                    raise ValueError(f"expected a finite group, got more than {limit} products")
    return np.stack(queue)


def _canonical(g: np.ndarray) -> np.ndarray:
    """Of g and -g the one whose first entry that is not zero is positive."""
    return g if g.ravel()[np.flatnonzero(g)[0]] > 0 else -g


def subgroup_classes(
    rotations: np.ndarray, rng: np.random.Generator, draws: int = 60
) -> list[np.ndarray]:
    """One subgroup (up to sign, not trivial) for each kind that one or two elements generate.

    Kinds are told apart by order and traces; conjugate subgroups do equally well, because the
    set of reflections has the symmetry of the whole group.
    """
    group = projective_closure(rotations)
    kinds: dict[tuple, np.ndarray] = {}
    for i in range(draws):
        generators = group[rng.integers(len(group), size=1 + i % 2)]
        subgroup = projective_closure(generators)
        traces = np.sort(np.abs(np.trace(subgroup, axis1=1, axis2=2)))
        if len(subgroup) > 1:
            kinds.setdefault((len(subgroup), *traces.tolist()), subgroup)
    return [kinds[kind] for kind in sorted(kinds)]


@dataclasses.dataclass
class SublatticePool:
    """Invariant sublattices of index p^e by e, as characters (q, column), q powers of p.

    A sublattice of index p^e is the end of a chain, each member the kernel inside the one before
    of a random module of linear forms modulo p that the group maps to itself. Sublattices
    of coprime indices meet in one whose index is the product, so that the pools of several
    primes give all combinations.
    """

    prime: int
    group: np.ndarray
    limit: int
    by_exponent: dict[int, list[Parts]] = dataclasses.field(default_factory=lambda: {0: [[]]})
    _seen: set[bytes] = dataclasses.field(default_factory=set)

    def extend(self, chains: int, max_axes: int, rng: np.random.Generator) -> None:
        """Add the members of some more random chains."""
        n = self.group.shape[-1]
        for _ in range(chains):
            basis, exponent, misses = np.eye(n, dtype=np.int64), 0, 0
            while misses < _PATIENCE:
                forms = self._random_forms(basis, rng)
                if forms is None or self.prime ** (exponent + len(forms)) > self.limit:
                    break
                child = _kernel_basis(forms, self.prime) @ basis
                parts = _characters(child)
                if len(parts) > max_axes:  # and so are the axes of all that lies inside
                    misses += 1
                    continue
                basis, exponent = child, exponent + len(forms)
                key = b"".join(column.tobytes() for _, column in parts)
                if key not in self._seen:
                    self._seen.add(key)
                    self.by_exponent.setdefault(exponent, []).append(parts)

    def _random_forms(self, basis: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
        """A proper module of forms w (rows) on coefficients c of c B; None if none was met."""
        inverse = np.linalg.inv(basis)
        actions = np.rint(basis @ self.group @ inverse).astype(np.int64) % self.prime
        n = len(basis)
        for _ in range(30):
            # A singular element of the group algebra has a kernel, which starts a small module.
            chosen = rng.integers(len(actions), size=4)
            weights = rng.integers(self.prime, size=4)
            element = (weights[:, None, None] * actions[chosen]).sum(axis=0)
            kernel = null_space(element, self.prime)
            if not len(kernel):
                continue
            form = rng.integers(self.prime, size=len(kernel)) @ kernel % self.prime
            module = span(form[None, :], actions[1:], self.prime)
            if 0 < len(module) < n:
                return module
        return None


def _kernel_basis(forms: np.ndarray, p: int) -> np.ndarray:
    """Basis of the integer rows c with c.w = 0 modulo p for every form w."""
    rows, pivots = row_echelon(null_space(forms, p), p)
    rest = [j for j in range(forms.shape[1]) if j not in pivots]
    return np.vstack([rows, p * np.eye(forms.shape[1], dtype=np.int64)[rest]])


def _characters(basis: np.ndarray) -> Parts:
    _, d, V = smith_normal_form(basis.tolist())
    return [
        (q, np.array([row[i] % q for row in V], dtype=np.int64)) for i, q in enumerate(d) if q > 1
    ]
