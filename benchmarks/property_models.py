"""Kernel ridge regression on distances, the same for every representation (`properties.py`).

A representation enters by squared distances between its vectors alone, after one of a few
transformations, scaled to a mean of 1. With composition beside it, d^2 = d_s^2 + w d_c^2.
"""

import numpy as np
import scipy.linalg
import scipy.sparse

#: What may be done to vectors before distances are taken.
TRANSFORMATIONS = ("raw", "unit", "std", "root")


def transformed(X, how, reference=None):
    """Vectors as they are, of unit length, with columns of unit spread, or that of their roots.

    Args:
        X: vectors, dense or sparse, shape (n, D).
        how: one of TRANSFORMATIONS.
        reference: vectors that set the spreads of columns, default X.
    """
    reference = X if reference is None else reference
    if how == "raw":
        return X
    if how == "unit":
        norms = np.sqrt(row_squares(X))
        return rows_times(X, 1 / np.maximum(norms, 1e-30))
    if how == "root":
        return transformed(signed_root(X), "std", signed_root(reference))
    n = reference.shape[0]
    mean = np.asarray(reference.mean(axis=0)).ravel()
    square = reference.multiply(reference) if scipy.sparse.issparse(reference) else reference**2
    spread = np.sqrt(np.maximum(np.asarray(square.sum(axis=0)).ravel() / n - mean**2, 0))
    # Columns that hardly vary carry rounding, and rare ones would outweigh all others.
    floor = 1e-3 * spread.max()
    factor = np.where(spread > floor, 1 / np.maximum(spread, floor), 0.0)
    if scipy.sparse.issparse(X):
        return (X @ scipy.sparse.diags(factor)).tocsr()
    return X * factor[None, :]


def signed_root(X):
    if scipy.sparse.issparse(X):
        X = X.copy()
        X.data = np.sign(X.data) * np.sqrt(np.abs(X.data))
        return X
    return np.sign(X) * np.sqrt(np.abs(X))


def row_squares(X):
    if scipy.sparse.issparse(X):
        return np.asarray(X.multiply(X).sum(axis=1)).ravel()
    return np.einsum("ij,ij->i", X, X)


def rows_times(X, factor):
    if scipy.sparse.issparse(X):
        return (scipy.sparse.diags(factor) @ X).tocsr()
    return X * factor[:, None]


def distances_between(X, Y):
    """Squared distances, shape (n, m)."""
    if not scipy.sparse.issparse(X):
        middle = Y.mean(axis=0)
        X, Y = X - middle, Y - middle
        product = X @ Y.T
    else:
        product = (X @ Y.T).toarray()
    return np.maximum(row_squares(X)[:, None] + row_squares(Y)[None, :] - 2 * product, 0)


def self_distances(X, transformations=TRANSFORMATIONS):
    """{transformation: squared distances of all pairs with mean 1}; no property enters."""
    found = {}
    for how in transformations:
        Y = transformed(X.astype(np.float64), how)
        squared = distances_between(Y, Y)
        np.fill_diagonal(squared, 0.0)
        found[how] = squared / squared.mean()
    return found


class KernelRidge:
    """exp(-(d / length)^power) with a ridge; power 1 is rough, 2 smooth."""

    def __init__(self, transformation, power, length, ridge, weight):
        self.transformation, self.weight = transformation, weight
        self.power, self.length, self.ridge = power, length, ridge

    def squared(self, structure, chemistry, rows, columns):
        parts = []
        if structure is not None:
            parts.append(structure[self.transformation][np.ix_(rows, columns)])
        if chemistry is not None:
            factor = 1.0 if structure is None else self.weight
            parts.append(factor * chemistry["std"][np.ix_(rows, columns)])
        return sum(parts)

    def kernel(self, squared):
        return np.exp(-((squared / self.length**2) ** (self.power / 2)))

    def fit(self, structure, chemistry, y, train):
        self.solve(self.squared(structure, chemistry, train, train), y[train])
        self.train = train

    def solve(self, squared, y):
        self.mean = y.mean()
        K = self.kernel(squared)
        K[np.diag_indices_from(K)] += self.ridge
        factor = scipy.linalg.cho_factor(K, lower=True, overwrite_a=True, check_finite=False)
        self.coefficients = scipy.linalg.cho_solve(factor, y - self.mean, check_finite=False)

    def predict(self, squared):
        return self.mean + self.kernel(squared) @ self.coefficients

    def predict_within(self, structure, chemistry, test):
        return self.predict(self.squared(structure, chemistry, test, self.train))


def choose(structure, chemistry, y, train, draws, seed, size=1500, transformations=TRANSFORMATIONS):
    """The best of a random search, by the error of exp(y) in three parts of a training set."""
    rng = np.random.default_rng(seed)
    some = rng.permutation(train)[:size]
    parts = np.array_split(np.arange(len(some)), 3)
    best, least = None, np.inf
    for _ in range(draws):
        settings = {
            "transformation": str(rng.choice(transformations)),
            "power": int(rng.integers(1, 3)),
            "length": float(np.exp(rng.uniform(np.log(0.1), np.log(10)))),
            "ridge": float(np.exp(rng.uniform(np.log(1e-5), np.log(0.3)))),
            "weight": float(np.exp(rng.uniform(np.log(0.2), np.log(20)))),
        }
        model = KernelRidge(**settings)
        squared = model.squared(structure, chemistry, some, some)
        errors = []
        for part in parts:
            rest = np.setdiff1d(np.arange(len(some)), part)
            try:
                model.solve(squared[np.ix_(rest, rest)], y[some[rest]])
            except scipy.linalg.LinAlgError:
                errors.append(np.full(len(part), np.inf))
                continue
            found = model.predict(squared[np.ix_(part, rest)])
            errors.append(np.abs(np.exp(found) - np.exp(y[some[part]])))
        error = np.mean(np.concatenate(errors))
        if error < least:
            best, least = settings, error
    return best


def scores(n, found):
    error = np.abs(found - n)
    return {
        "mae": float(np.mean(error)),
        "rmse": float(np.sqrt(np.mean(error**2))),
        "r2": float(1 - np.sum((found - n) ** 2) / np.sum((n - n.mean()) ** 2)),
        "r2_log": float(
            1 - np.sum(np.log(found / n) ** 2) / np.sum((np.log(n) - np.log(n).mean()) ** 2)
        ),
    }
