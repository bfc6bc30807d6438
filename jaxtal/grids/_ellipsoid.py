"""Ellipsoids around a set of reflections: scaled inertia ellipsoid, minimal-volume ellipsoid."""

import math
from typing import Any

import numpy as np
from jaxtyping import Float

from ._collisions import check_indices


def inertia_ellipsoid(k: Any) -> Float[np.ndarray, "N N"]:
    """Compute the inertia ellipsoid of K, scaled until it encloses K, as a quadratic form.

        Q = S^-1 / max_k (k S^-1 k^T),   S = sum_k k^T k

    Args:
        k: indices, closed under negation, (refl, N).

    Returns:
        Q with k Q k^T <= 1 on K, dimensionless, (N, N).

    Raises:
        ValueError: bad indices, or indices that lie in a hyperplane.

    References:
        Step 2 of section 3.2 (and its footnote) of the dual-space phasing toolkit's paper.
    """
    points = check_indices(k).astype(np.float64)
    return _inertia(points)


def loewner_ellipsoid(
    k: Any, *, tol: float = 1e-3, max_iterations: int = 10_000
) -> Float[np.ndarray, "N N"]:
    """Compute the ellipsoid of minimal volume around K (Loewner, John) as a quadratic form.

    The weights u maximise log det sum_k u_k k^T k; at the optimum k Q k^T <= 1 with
    Q = (N sum_k u_k k^T k)^-1, and equality where u_k > 0. K = -K puts the centre at zero.
    Khachiyan's ascent with Wolfe's away steps, on the outermost indices first.

    Args:
        k: indices, closed under negation, (refl, N).
        tol: excess of max (k Q k^T) over 1 before the last scaling; the volume is then within
            a factor (1 + tol)^(N/2) of the minimum.
        max_iterations: of the ascent.

    Returns:
        Q with k Q k^T <= 1 on K, dimensionless, (N, N).

    Raises:
        ValueError: bad indices, indices in a hyperplane, or no convergence.

    References:
        Khachiyan, Math. Oper. Res. 21, 307 (1996); Todd & Yildirim, Discrete Appl. Math. 155,
        1731 (2007).
    """
    points = check_indices(k).astype(np.float64)
    n = points.shape[1]
    points = points[_half(points)]
    level = _levels(points, _inertia(points))
    # The support of the optimum is among the outermost points; violators are added when not.
    active = np.argsort(-level)[: max(64 * n, 256)]
    for _ in range(100):
        work = points[active]
        Q = _khachiyan(work, tol / 2, max_iterations)
        level = _levels(points, Q)
        worst = np.argsort(-level)[: max(16 * n, 64)]
        violators = np.setdiff1d(worst[level[worst] > 1.0 + tol], active)
        if violators.size == 0:
            return _enclosing(points, Q)
        active = np.concatenate([active, violators])
    raise ValueError("the minimal-volume ellipsoid did not converge: raise tol")


def ellipsoid_volume(form: Float[np.ndarray, "N N"]) -> float:
    """Compute the volume of {x : x Q x^T <= 1}, in units of the reciprocal cell."""
    n = len(form)
    ball = math.pi ** (n / 2) / math.gamma(n / 2 + 1)
    return ball / math.sqrt(float(np.linalg.det(form)))


def check_form(form: Any, dimension: int) -> Float[np.ndarray, "N N"]:
    """The form as float64.

    Raises:
        ValueError: not a symmetric positive definite matrix of the right size.
    """
    Q = np.asarray(form, dtype=np.float64)
    if Q.shape != (dimension, dimension):
        raise ValueError(f"expected an ellipsoid ({dimension}, {dimension}), got {Q.shape}")
    if not np.all(np.isfinite(Q)) or not np.allclose(Q, Q.T) or np.linalg.eigvalsh(Q)[0] <= 0:
        raise ValueError(f"expected a symmetric positive definite ellipsoid, got {Q.tolist()}")
    return Q


def _inertia(points: np.ndarray) -> np.ndarray:
    return _enclosing(points, _inverse(points.T @ points))


def _half(points: np.ndarray) -> np.ndarray:
    """One of each pair +-k, without zero."""
    first = (points != 0).argmax(axis=1)
    return points[np.arange(len(points)), first] > 0


def _levels(points: np.ndarray, Q: np.ndarray) -> np.ndarray:
    return ((points @ Q) * points).sum(axis=1)


def _inverse(S: np.ndarray) -> np.ndarray:
    if np.linalg.matrix_rank(S) < len(S):
        raise ValueError(f"expected indices that span {len(S)} dimensions, got a hyperplane")
    return np.linalg.inv(S)


def _enclosing(points: np.ndarray, Q: np.ndarray) -> np.ndarray:
    Q = Q / _levels(points, Q).max()
    return (Q + Q.T) / 2


def _khachiyan(points: np.ndarray, tol: float, max_iterations: int) -> np.ndarray:
    n = points.shape[1]
    weights = np.full(len(points), 1.0 / len(points))
    for _ in range(max_iterations):
        Q = _inverse(points.T @ (weights[:, None] * points)) / n
        level = _levels(points, Q)
        up = int(level.argmax())
        held = np.flatnonzero(weights > 0)
        down = int(held[level[held].argmin()])
        if level[up] - 1.0 <= tol:
            return Q
        # Toward the farthest point, or away from the point that lies deepest inside.
        away = 1.0 - level[down] > level[up] - 1.0
        i = down if away else up
        step = (level[i] - 1.0) / (n * level[i] - 1.0) if n * level[i] != 1.0 else -np.inf
        if away:
            step = (
                max(step, -weights[i] / (1.0 - weights[i]))
                if n * level[i] > 1.0
                else (-weights[i] / (1.0 - weights[i]))
            )
        weights *= 1.0 - step
        weights[i] = max(weights[i] + step, 0.0)
    raise ValueError(f"the minimal-volume ellipsoid needs more than {max_iterations} iterations")
