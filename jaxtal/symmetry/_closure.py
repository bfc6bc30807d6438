"""Closing a set of operations to a finite group, in any dimension."""

import math
from collections.abc import Iterable

import numpy as np
from jaxtyping import Int

from ._symop import SymOp

# No finite group is written with such entries unless its basis is badly chosen; an infinite
# group reaches them long before the 64-bit integers below could overflow.
_LARGEST_ENTRY = 1 << 20
#: And of a common denominator: their products stay below 64 bits.
_LARGEST_DENOMINATOR = 1 << 31


def as_operations(operations: Iterable[SymOp | str]) -> list[SymOp]:
    """Operations from a mixture of operations and operator strings.

    Raises:
        ValueError: something else, or operations of several dimensions.
    """
    if isinstance(operations, str):
        raise ValueError(f"expected a list of operations, got one string {operations!r}")
    listed = [SymOp.from_xyz(op) if isinstance(op, str) else op for op in operations]
    for op in listed:
        if not isinstance(op, SymOp):
            raise ValueError(f"expected operations or operator strings, got {op!r}")
    dimensions = sorted({op.dimension for op in listed})
    if len(dimensions) > 1:
        raise ValueError(f"expected operations of one dimension, got {dimensions}")
    return listed


def ordered(operations: Iterable[SymOp]) -> tuple[SymOp, ...]:
    """The operations in an order that depends on the set alone, identity first."""
    listed = list(operations)
    identity = SymOp.identity(listed[0].dimension)
    return tuple(sorted(listed, key=lambda op: (op != identity, op.rotation, op.fractions)))


def as_arrays(
    operations: Iterable[SymOp],
) -> tuple[Int[np.ndarray, "n D D"], Int[np.ndarray, "n D"], int]:
    """Rotations, translation numerators and their common denominator.

    Raises:
        ValueError: no operation was given, their dimensions differ, or their numbers are too large.
    """
    listed = list(operations)
    if not listed:
        raise ValueError("expected at least one symmetry operation, got none")
    dimensions = {op.dimension for op in listed}
    if len(dimensions) > 1:
        raise ValueError(f"expected operations of one dimension, got {sorted(dimensions)}")
    common = math.lcm(*(op.denominator for op in listed))
    for op in listed:
        if max(abs(v) for row in op.rotation for v in row) > _LARGEST_ENTRY:
            raise ValueError(f"expected factors of at most {_LARGEST_ENTRY}, got {op.to_xyz()!r}")
    if common > _LARGEST_DENOMINATOR:
        raise ValueError(
            f"expected translations in parts of at most {_LARGEST_DENOMINATOR}, got a common "
            f"denominator of {common:.3g}"
        )
    rotations = np.array([op.rotation for op in listed], dtype=np.int64)
    numerators = [[v * (common // op.denominator) for v in op.translation] for op in listed]
    return rotations, np.array(numerators, dtype=np.int64), common


def from_arrays(
    rotations: Int[np.ndarray, "n D D"], translations: Int[np.ndarray, "n D"], denominator: int
) -> list[SymOp]:
    """The inverse of `as_arrays`."""
    return [
        SymOp(W, w, denominator)
        for W, w in zip(rotations.tolist(), translations.tolist(), strict=True)
    ]


def keys(rotations: np.ndarray, translations: np.ndarray) -> list[bytes]:
    """One hashable key per operation, (n,)."""
    n = len(rotations)
    rows = np.concatenate([rotations.reshape(n, -1), translations.reshape(n, -1)], axis=1)
    return [row.tobytes() for row in np.ascontiguousarray(rows, dtype=np.int64)]


def multiply(
    left: tuple[np.ndarray, np.ndarray], right: tuple[np.ndarray, np.ndarray], denominator: int
) -> tuple[np.ndarray, np.ndarray]:
    """All products l r (first r, then l), translations modulo the denominator, (n_l * n_r, ...)."""
    (Wl, wl), (Wr, wr) = left, right
    D = Wl.shape[-1]
    W = np.einsum("aij,bjk->abik", Wl, Wr)
    w = (np.einsum("aij,bj->abi", Wl, wr) + wl[:, None]) % denominator
    return W.reshape(-1, D, D), w.reshape(-1, D)


def close(generators: Iterable[SymOp], max_order: int) -> list[SymOp]:
    """The group generated modulo lattice translations, identity first.

    Args:
        generators: operations of one dimension.
        max_order: largest order accepted.

    Raises:
        ValueError: the group has more than `max_order` elements (or is infinite).
    """
    rotations, translations, denominator = as_arrays(generators)
    D = rotations.shape[-1]
    found_W, found_w = [np.eye(D, dtype=np.int64)[None]], [np.zeros((1, D), dtype=np.int64)]
    seen = set(keys(found_W[0], found_w[0]))
    frontier = found_W[0], found_w[0]
    while len(frontier[0]):
        W, w = multiply((rotations, translations), frontier, denominator)
        fresh = []
        for i, key in enumerate(keys(W, w)):
            if key not in seen:
                seen.add(key)
                fresh.append(i)
        frontier = W[fresh], w[fresh]
        found_W.append(frontier[0])
        found_w.append(frontier[1])
        too_large = np.abs(frontier[0]).max(initial=0) > _LARGEST_ENTRY
        if len(seen) > max_order or too_large:
            raise ValueError(
                f"expected generators of a finite group with at most {max_order} operations modulo "
                f"lattice translations, got {len(seen)} and growing; check the generators or raise "
                "max_order"
            )
    return from_arrays(np.concatenate(found_W), np.concatenate(found_w), denominator)


def is_closed(operations: list[SymOp]) -> bool:
    """True where the distinct operations form a group modulo lattice translations."""
    rotations, translations, denominator = as_arrays(operations)
    seen = set(keys(rotations, translations))
    # One element at a time: 192 x 192 products at once would take 30 MB for nothing.
    return all(
        key in seen
        for W, w in zip(rotations, translations, strict=True)
        for key in keys(*multiply((W[None], w[None]), (rotations, translations), denominator))
    )
