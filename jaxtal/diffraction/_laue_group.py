"""What a Laue group does to reflections, to Cartesian axes and to the metric (host)."""

import itertools
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from .._core import host_array, safe_norm


def checked_laue(laue: Any, matrices: list[np.ndarray]) -> Int[np.ndarray, "n 3 3"]:
    """The rotations of a Laue group as integers, checked against the lattices it is used with.

    Raises:
        ValueError: not integer matrices, no inversion among them, or a lattice whose metric they
            change by more than 1e-3.
    """
    values = host_array(laue, "laue")
    if values.ndim != 3 or values.shape[1:] != (3, 3) or np.any(values != np.rint(values)):
        raise ValueError(f"laue: expected integer matrices of shape (n, 3, 3), got {values.shape}")
    rotations = values.astype(np.int64)
    if not np.any(np.all(rotations == -np.eye(3, dtype=int), axis=(1, 2))):
        raise ValueError(
            "laue: expected a Laue group, which holds the inversion (`SpaceGroup.laue_rotations`)"
        )
    for matrix in matrices:
        metric = matrix @ matrix.T
        mean = np.einsum("ijkl,kl->ij", metric_mean(rotations), metric)
        violation = np.max(np.abs(mean - metric) / np.sqrt(np.outer(*[np.diag(metric)] * 2)))
        if violation > 1e-3:
            raise ValueError(
                f"laue: expected a lattice that the rotations preserve, got one whose metric "
                f"they change by {violation:.2g} (relative)"
            )
    return rotations


def metric_mean(rotations: Int[np.ndarray, "n 3 3"]) -> Float[np.ndarray, "3 3 3 3"]:
    """The projection G -> mean of W^T G W on the metrics that the rotations W preserve."""
    return np.einsum("nki,nlj->ijkl", rotations, rotations) / len(rotations)


def laue_frame(rotations: Int[np.ndarray, "n 3 3"]) -> Int[np.ndarray, "3 3"]:
    """Find lattice directions for Cartesian axes that the cell parameters do not turn.

    The axes are the rows of T M made orthonormal one after another. With T the identity that is
    ASE's orientation (a along x, b in the xy plane), in which nearly every Laue group acts on
    x, y, z in the same way whatever the cell. On rhombohedral axes it does not: the threefold
    axis turns with alpha, and needs a + b + c as the first direction.

    Returns:
        T, rows in units of the lattice vectors.

    Raises:
        ValueError: no such directions with indices in -1, 0, 1.
    """
    metrics = _random_metrics(rotations)
    for T in _frames():
        one, other = (cartesian_rotations(rotations, T, metric) for metric in metrics)
        if np.allclose(one, other, rtol=0, atol=1e-9):
            return T
    raise ValueError(
        "laue: expected conventional axes; on these, the rotations turn with the cell parameters "
        "in every simple Cartesian frame (give laue=None)"
    )


def cartesian_rotations(
    rotations: Int[np.ndarray, "n 3 3"],
    frame: np.ndarray,
    metric: Float[np.ndarray, "3 3"] | None = None,
) -> Float[np.ndarray, "n 3 3"]:
    """Return rotations R of Cartesian row vectors, x' = x R, in the axes of a frame.

    Args:
        rotations: W, acting on fractional coordinates, shape (n, 3, 3).
        frame: T of `laue_frame`.
        metric: a metric that the rotations preserve; any, if the frame is one of theirs.
    """
    T = np.asarray(frame, dtype=np.float64)
    G = _random_metrics(rotations)[0] if metric is None else metric
    matrix = np.linalg.solve(T, np.linalg.cholesky(T @ G @ T.T))
    # frac' = frac W^T and cart = frac M give cart' = cart M^-1 W^T M.
    return np.einsum("ij,nkj,kl->nil", np.linalg.inv(matrix), rotations, matrix)


def frame_axes(matrix: Float[Array, "3 3"], frame: Float[Array, "3 3"]) -> Float[Array, "3 3"]:
    """The orthonormal axes of a frame as rows: `x @ axes.T` are components along them."""
    u, v, w = jnp.matmul(frame, matrix, precision="highest")
    e1 = u / safe_norm(u)
    v = v - jnp.sum(v * e1) * e1
    e2 = v / safe_norm(v)
    w = w - jnp.sum(w * e1) * e1 - jnp.sum(w * e2) * e2
    return jnp.stack([e1, e2, w / safe_norm(w)])


def _random_metrics(rotations: np.ndarray) -> list[np.ndarray]:
    """Two different metrics that the rotations preserve."""
    rng = np.random.default_rng(0)
    mean = metric_mean(np.asarray(rotations))
    roots = [np.eye(3) + 0.3 * rng.standard_normal((3, 3)) for _ in range(2)]
    return [np.einsum("ijkl,kl->ij", mean, root @ root.T) for root in roots]


def _frames():
    """The identity, then every pair of short directions completed to three."""
    identity = np.eye(3, dtype=int)
    yield identity
    short = [np.array(d) for d in itertools.product((1, 0, -1), repeat=3) if any(d)]
    short.sort(key=lambda d: -abs(int(d.sum())))
    for u, v in itertools.permutations(short, 2):
        normal = np.cross(u, v)
        if normal.any():
            yield np.stack([u, v, identity[int(np.argmax(np.abs(normal)))]])
