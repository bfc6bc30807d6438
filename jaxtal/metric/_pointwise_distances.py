"""Pointwise distance distributions of crystals and the earth mover's distance of two (host)."""

from typing import Any

import numpy as np
from jaxtyping import Float

from .._core import count, host_array
from ..crystal import host_crystal

#: How far, relative to an estimate, the search for neighbours reaches before it is widened.
_WIDEN = 1.5


def pointwise_distances(
    crystal: Any, k: int, *, tolerance: float | int = 1e-4
) -> tuple[Float[np.ndarray, " R"], Float[np.ndarray, "R k"]]:
    """Pointwise distance distribution: distances to the k nearest neighbours, for every atom.

    Args:
        crystal: all sites full.
        k: number of neighbours; other images of the atom itself count.
        tolerance: atoms whose distances all differ by at most this (angstrom), directly or by way
            of others, share a row, their mean; 0 keeps one row for each atom.

    Returns:
        The share of the atoms that has each row, shape (R,), adding up to one; and the rows,
        shape (R, k), angstrom, each ascending, in lexicographic order. The mean of the rows with
        those shares is the vector of average minimum distances, AMD.

    Raises:
        ValueError: partly filled sites, k < 1, or a tolerance that is negative or not finite.

    References:
        D. Widdowson and V. Kurlin, "Resolving the data ambiguity for periodic crystals", NeurIPS
        35 (2022).
    """
    k = count(k, "k", 1)
    if not (np.isfinite(tolerance) and tolerance >= 0):
        raise ValueError(f"tolerance: expected at least 0 angstrom, got {tolerance}")
    atoms = host_crystal(crystal)
    partial = np.flatnonzero(np.abs(atoms.occupancies - 1) > 1e-6)
    if partial.size:
        raise ValueError(
            "crystal: expected occupancy 1 throughout, got "
            f"{atoms.occupancies[partial[0]]:g} at atom {partial[0]}"
        )
    rows = _distances(atoms.matrix, atoms.frac_coords, k)
    labels = _groups(rows, tolerance) if tolerance else np.arange(len(rows))
    number = labels.max() + 1
    shares = np.bincount(labels, minlength=number) / len(rows)
    means = np.zeros((number, k))
    np.add.at(means, labels, rows)
    means /= (shares * len(rows))[:, None]
    order = np.lexsort(means.T[::-1])
    return shares[order], means[order]


def pdd_distance(
    a: tuple[Float[np.ndarray, " R"], Float[np.ndarray, "R k"]],
    b: tuple[Float[np.ndarray, " S"], Float[np.ndarray, "S m"]],
    *,
    metric: str = "chebyshev",
) -> float:
    """Earth mover's distance of two pointwise distance distributions.

        min over f >= 0 of sum_ij f_ij |a_i - b_j|,    sum_j f_ij = share of a_i,  sum_i f_ij of b_j

    Args:
        a: shares and rows, as `pointwise_distances` returns them.
        b: likewise, rows of the same length.
        metric: how rows are compared: "chebyshev", the largest difference, as in the reference;
            or "rms", the root mean square difference.

    Returns:
        The distance in angstrom.

    Raises:
        ValueError: rows of different lengths, shares that do not add up to one, or another metric.

    References:
        As `pointwise_distances`.
    """
    from scipy.optimize import linprog
    from scipy.sparse import coo_array
    from scipy.spatial.distance import cdist

    (p, rows), (q, columns) = (_checked(one, name) for one, name in ((a, "a"), (b, "b")))
    n_ranks = rows.shape[1]
    if columns.shape[1] != n_ranks:
        raise ValueError(f"expected rows of equal length, got {n_ranks} and {columns.shape[1]}")
    if metric not in ("chebyshev", "rms"):
        raise ValueError(f"metric: expected 'chebyshev' or 'rms', got {metric!r}")
    if metric == "chebyshev":
        cost = cdist(rows, columns, "chebyshev")
    else:
        cost = cdist(rows, columns) / np.sqrt(n_ranks)
    n, m = cost.shape
    if min(n, m) == 1:
        return float(p @ cost @ q)
    pairs = np.arange(n * m)
    places = np.concatenate([pairs // m, n + pairs % m])
    sums = coo_array((np.ones(2 * n * m), (places, np.tile(pairs, 2)))).tocsr()
    # The last sum follows from the others; with rounding it might contradict them.
    found = linprog(cost.ravel(), A_eq=sums[:-1], b_eq=np.concatenate([p, q])[:-1], method="highs")
    if not found.success:
        raise ValueError(f"the transport problem was not solved: {found.message}")
    return float(max(found.fun, 0.0))


def _checked(
    one: tuple[Float[np.ndarray, " R"], Float[np.ndarray, "R k"]], name: str
) -> tuple[np.ndarray, np.ndarray]:
    shares, rows = host_array(one[0], name), host_array(one[1], name)
    if rows.ndim != 2 or shares.shape != (len(rows),) or not len(rows):
        raise ValueError(
            f"{name}: expected shares (R,) and rows (R, k), got {shares.shape}, {rows.shape}"
        )
    if (shares < 0).any() or abs(shares.sum() - 1) > 1e-6:
        raise ValueError(f"{name}: expected shares that add up to 1, got {shares.sum():g}")
    return shares / shares.sum(), rows


def _distances(matrix: np.ndarray, frac: np.ndarray, k: int) -> Float[np.ndarray, "N k"]:
    """Sorted distances to the k nearest neighbours of each atom."""
    from scipy.spatial import KDTree

    from ..lattice import niggli_reduce

    reduced, change = niggli_reduce(matrix)
    x = frac @ np.linalg.inv(change)
    x = x - np.floor(x)
    n, volume = len(x), abs(np.linalg.det(reduced))
    spacing = 1 / np.linalg.norm(np.linalg.inv(reduced), axis=0)
    radius = np.cbrt(3 * (k + 1) * volume / (4 * np.pi * n))
    while True:
        # Every image within the radius of an atom of the cell lies in this box of cells.
        reach = np.floor(radius / spacing + 1).astype(int)
        axes = [np.arange(-b, b + 1) for b in reach]
        images = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
        points = (x[None, :, :] + images[:, None, :]).reshape(-1, 3) @ reduced
        if len(points) > k:
            # The nearest point is the atom itself.
            found = KDTree(points).query(x @ reduced, k=k + 1)[0][:, 1:]
            if found.max() <= radius:
                return found
        radius *= _WIDEN


def _groups(rows: np.ndarray, tolerance: float) -> np.ndarray:
    """Label of each row; rows that differ by at most the tolerance are connected."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import KDTree

    pairs = KDTree(rows).query_pairs(tolerance, p=np.inf, output_type="ndarray")
    links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), (len(rows),) * 2)
    return connected_components(links, directed=False)[1]
