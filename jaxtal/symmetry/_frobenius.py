"""All space groups of a point group on a lattice, by the Frobenius congruences. Exact, N-D."""

import itertools
from collections.abc import Iterable, Sequence
from fractions import Fraction

import numpy as np
from jaxtyping import Int

from . import _closure
from ._congruence import TorusSolutions, lattice_basis, row_basis, solve_on_torus
from ._group import SpaceGroup
from ._integer_matrices import rational_inverse
from ._symop import SymOp


def derive_space_groups(
    rotations: Sequence[Int[np.ndarray, "D D"]],
    centring: Iterable[Sequence[Fraction | int]] = (),
    equivalences: Iterable[np.ndarray] = (),
) -> list[SpaceGroup]:
    """List every space group of a point group on a lattice, the symmorphic one first.

    The translations w of the generators must make every relation among their rotations a lattice
    translation (the Frobenius congruences, linear over the torus). Solutions that differ by a
    shift of the origin, w + (W - 1) t, are one; they are the connected components of the solution
    set, told apart by the Smith form of the relations (Zassenhaus' algorithm). The origin is put
    where inversion, then the generators in their order, have as many zeros as possible in w.

    Args:
        rotations: generators W of the point group, integers, (D, D) each.
        centring: lattice translations beside Z^D, fractions, (D,) each.
        equivalences: matrices P with x_new = P x_old that map lattice and point group onto
            themselves; of groups that they turn into each other, the first is kept.

    Returns:
        one group for each class, verified to be closed; its operations include the centring.

    Raises:
        ValueError: the rotations generate no finite group, or do not preserve the lattice, or an
            equivalence does not map lattice and point group onto themselves.

    References:
        Zassenhaus, Comment. Math. Helv. 21, 117 (1948); Brown, Math. Comp. 23, 499 (1969).
    """
    shifts = [[Fraction(v) for v in vector] for vector in centring]
    relations = _Relations(rotations, shifts)
    solutions = relations.solve()
    divisors = [abs(d) for d in solutions.divisors]
    maps = [relations.action(P, solutions) for P in equivalences]
    seen: set[tuple[int, ...]] = set()
    groups = []
    for steps in itertools.product(*(range(d) for d in divisors)):
        if steps in seen:
            continue
        frontier = [steps]
        while frontier:
            seen.update(frontier)
            images = {
                tuple(
                    int(v) % d for v, d in zip(M @ np.array(c, dtype=object), divisors, strict=True)
                )
                for M in maps
                for c in frontier
            }
            frontier = list(images - seen)
        y = [Fraction(j, d) for j, d in zip(steps, divisors, strict=True)]
        w = [
            sum((v * f for v, f in zip(row, y, strict=False)), Fraction(0))
            for row in solutions.transform
        ]
        groups.append(relations.group(w, shifts))
    return groups


class _Relations:
    """The point group in a primitive basis, and its relations as linear maps of the unknown w."""

    def __init__(self, rotations: Sequence, centring: list[list[Fraction]]):
        generators = [SymOp(W) for W in rotations]
        _closure.as_arrays(generators)
        self.dimension = generators[0].dimension
        basis = lattice_basis(centring, self.dimension)
        self.to_primitive = np.array(rational_inverse(basis), dtype=object).T
        self.from_primitive = np.array(basis, dtype=object).T
        self.original = generators
        self.generators = [self._primitive(np.array(g.rotation, dtype=object)) for g in generators]
        self._expand()

    def _primitive(self, matrix: np.ndarray) -> np.ndarray:
        image = self.to_primitive @ matrix @ self.from_primitive
        if any(Fraction(v).denominator != 1 for v in image.ravel()):
            raise ValueError(f"expected a matrix that preserves the lattice, got {matrix.tolist()}")
        return np.array([[int(v) for v in row] for row in image], dtype=np.int64)

    def _expand(self) -> None:
        """Every element once, with its translation as a linear map of those of the generators."""
        D, m = self.dimension, len(self.generators)
        _closure.close([SymOp(W) for W in self.generators], 20_000)  # refuses an infinite group
        pick = np.eye(D * m, dtype=np.int64).reshape(m, D, D * m)
        one = np.eye(D, dtype=np.int64)
        self.elements = {one.tobytes(): (one, np.zeros((D, D * m), dtype=np.int64))}
        queue, rows = [one], []
        for W in queue:
            T = self.elements[W.tobytes()][1]
            for g, generator in enumerate(self.generators):
                product, linear = W @ generator, T + W @ pick[g]
                known = self.elements.get(product.tobytes())
                if known is None:
                    self.elements[product.tobytes()] = product, linear
                    queue.append(product)
                else:
                    rows += [row for row in (linear - known[1]).tolist() if any(row)]
        self.relations, _ = row_basis(rows, D * m)

    def solve(self) -> TorusSolutions:
        """All translations of the generators that satisfy the relations modulo the lattice."""
        unknowns = self.dimension * len(self.generators)
        solutions = solve_on_torus(self.relations, [0] * len(self.relations), unknowns)
        assert solutions is not None  # zero is one
        return solutions

    def action(self, P: np.ndarray, solutions: TorusSolutions) -> np.ndarray:
        """What a change of basis does to the class coordinates j of solutions."""
        exact = np.array([[Fraction(v) for v in row] for row in np.asarray(P).tolist()])
        Q = self._primitive(exact)
        inverse = self._primitive(np.array(rational_inverse(exact.tolist()), dtype=object))
        blocks = []
        for W in self.generators:
            source = self.elements.get(np.ascontiguousarray(inverse @ W @ Q).tobytes())
            if source is None:
                raise ValueError(
                    f"expected an equivalence of the point group, got {exact.tolist()}"
                )
            blocks.append(Q @ source[1])
        whole = np.concatenate(blocks).astype(object)
        V = np.array(solutions.transform, dtype=object)
        back = np.array(rational_inverse(solutions.transform), dtype=object) @ whole @ V
        d = [abs(v) for v in solutions.divisors]
        # j_i / d_i -> j'_i / d_i; origin shifts (the remaining columns) do not reach these rows.
        return np.array(
            [[d[i] * back[i, j] / Fraction(d[j]) for j in range(len(d))] for i in range(len(d))],
            dtype=object,
        ).reshape(len(d), len(d))

    def group(self, w: Sequence[Fraction], centring: list[list[Fraction]]) -> SpaceGroup:
        """The group with these translations, in the coordinates it was asked for."""
        D = self.dimension
        shifted = self._simplified(np.array(w, dtype=object))
        operations = [
            SymOp(
                g.rotation,
                [Fraction(v) for v in self.from_primitive @ shifted[i * D : (i + 1) * D]],
            )
            for i, g in enumerate(self.original)
        ]
        operations += [SymOp(np.eye(D, dtype=int), shift) for shift in centring]
        group = SpaceGroup.from_generators(operations)
        found = len(group.point_rotations), group.order // len(group.point_rotations)
        lattice = round(abs(np.linalg.det(self.to_primitive.astype(float))))
        if found != (len(self.elements), lattice):
            raise ValueError(f"expected order {len(self.elements)} x {lattice}, got {found}")
        return group

    def _simplified(self, w: np.ndarray) -> np.ndarray:
        """The same group with the origin where translations have as many zeros as possible."""
        D = self.dimension
        inversion = self.elements.get((-np.eye(D, dtype=np.int64)).tobytes())
        wanted = [] if inversion is None else [inversion]
        wanted += [self.elements[np.ascontiguousarray(W).tobytes()] for W in self.generators]
        rows, right, shift = [], [], [Fraction(0)] * D
        for W, linear in wanted:
            # After the shift w becomes w + (W - 1) t: ask for zeros one component at a time.
            for row, value in zip(
                (W - np.eye(D, dtype=np.int64)).tolist(), linear @ w, strict=True
            ):
                solved = solve_on_torus([*rows, row], [*right, -value], D)
                if solved is not None:
                    rows, right, shift = [*rows, row], [*right, -value], solved.particular
        changes = [(W - np.eye(D, dtype=np.int64)) @ np.array(shift) for W in self.generators]
        return w + np.concatenate(changes)
