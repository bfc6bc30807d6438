"""Inverse design with a fitted property (`properties.py design`).

Each crystal is rebuilt from its own descriptor while a fitted refractive index is pulled 10 % up
or down. The model sees the structure through the descriptor, in JAX, and the composition as a
constant. What the search reaches is then shown to a second model on other features (SOAP), which
it has not seen: a change that only the first model believes in is an artefact of that model.
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from property_data import features, load, metrics, soap_compressed
from property_models import (
    KernelRidge,
    choose,
    distances_between,
    scores,
    self_distances,
    transformed,
)

from jaxtal.crystal import Crystal, WyckoffCrystal, match_crystals
from jaxtal.descriptors import describe
from jaxtal.reconstruct import Adam, LevenbergMarquardt, Objective, PropertyTerm
from jaxtal.reconstruct import from_descriptor as rebuild

#: Of the model in the search: each has a finite gradient everywhere.
SMOOTH = ("raw", "std")
CHANGES = (0.9, 1.1)
WEIGHTS = (0.1, 1.0, 10.0)
#: Volume at which both models are asked how much of structure they see at all.
SMALLER = 0.9


class Regressor(eqx.Module):
    """Kernel ridge regression of log n on a crystal's vector, in JAX.

    Attributes:
        vector: (crystal, plan) -> vector of the crystal.
        factor: what it is multiplied by, shape (D,).
        middle: what is then subtracted, shape (D,).
        centres: vectors of the training set after both, shape (m, D).
        chemistry: share of the composition in the squared distance to each, shape (m,).
        coefficients: shape (m,).
        mean, length: numbers.
        power: 1 or 2.
    """

    vector: object
    factor: Array
    middle: Array
    centres: Array
    chemistry: Array
    coefficients: Array
    mean: Array
    length: Array
    power: int = eqx.field(static=True)

    def __call__(self, crystal, plan):
        x = self.vector(crystal, plan) * self.factor - self.middle
        product = jnp.matmul(self.centres, x, precision="highest")
        squared = jnp.sum(self.centres * self.centres, axis=1) + jnp.sum(x * x) - 2 * product
        squared = jnp.maximum(squared, 1e-8) + self.chemistry
        kernel = jnp.exp(-((squared / self.length**2) ** (self.power / 2)))
        return jnp.exp(self.mean + jnp.sum(kernel * self.coefficients))


def metric_vector(crystal, plan):
    return plan(crystal).vector


def structure_model(X, composition, n, train, draws):
    """Settings, coefficients and tables of the model that the search differentiates."""
    structure = self_distances(X, SMOOTH)
    chemistry = self_distances(composition, ("std",))
    best = choose(structure, chemistry, np.log(n), train, draws, 0, transformations=SMOOTH)
    model = KernelRidge(**best)
    model.fit(structure, chemistry, np.log(n), train)
    Y = transformed(X, best["transformation"])
    used = np.abs(X).max(axis=0) > 0
    # The factor of each column, read off the transformation, which multiplies columns alone.
    row = np.argmax(np.abs(X), axis=0)
    columns = np.arange(X.shape[1])
    factor = np.where(used, Y[row, columns] / np.where(used, X[row, columns], 1.0), 0.0)
    scale = 1 / np.sqrt(distances_between(Y, Y).mean())
    return model, chemistry["std"], factor * scale


def regressor(model, chemistry, factor, X, place, vector):
    """The model in JAX for the composition of one crystal of the set."""
    Y = X[model.train] * factor
    middle = Y.mean(axis=0)
    arrays = {
        "factor": factor,
        "middle": middle,
        "centres": Y - middle,
        "chemistry": model.weight * chemistry[place, model.train],
        "coefficients": model.coefficients,
        "mean": model.mean,
        "length": model.length,
    }
    arrays = {name: jnp.asarray(value, jnp.float32) for name, value in arrays.items()}
    return Regressor(vector=vector, power=model.power, **arrays)


def pick(crystals, test, number, seed=0):
    """Crystals of a fold with few atoms and some freedom, at random."""
    found = []
    for place in np.random.default_rng(seed).permutation(test):
        atoms = crystals[place]
        if not 2 <= len(atoms) <= 12:
            continue
        try:
            like = WyckoffCrystal.from_crystal(Crystal.from_ase(atoms))
        except ValueError:
            continue
        if 2 <= like.n_free <= 10:
            found.append((int(place), like))
        if len(found) == number:
            break
    return found


def design(options):
    """Results so far, after each crystal."""
    crystals, n, folds = load(options.wheel)
    test = folds[-1]
    train = np.setdiff1d(np.arange(len(n)), test)
    made, composition, _ = features(crystals, options.cache, [options.model, "SOAP Z"])
    X = made[options.model]
    metric = metrics()[options.model]
    model, chemistry, factor = structure_model(X, composition, n, train, options.draws)
    # The independent judge.
    soap = made["SOAP Z"].astype(np.float64)
    other_structure = self_distances(soap)
    other_chemistry = {"std": chemistry}
    best = choose(other_structure, other_chemistry, np.log(n), train, options.draws, seed=1)
    judge = KernelRidge(**best)
    judge.fit(other_structure, other_chemistry, np.log(n), train)
    how = best["transformation"]
    Y = transformed(soap, how)
    norm = distances_between(Y, Y).mean()

    def judged(atoms, place):
        x = soap_compressed([atoms], "Z")
        squared = distances_between(transformed(x, how, soap), Y[train]) / norm
        squared = squared + judge.weight * chemistry[[place]][:, train]
        return float(np.exp(judge.predict(squared))[0])

    check = np.exp(judge.predict_within(other_structure, other_chemistry, test))
    inside = model.predict(
        distances_between(X[test] * factor, X[train] * factor)
        + model.weight * chemistry[np.ix_(test, train)]
    )
    done = {
        "model": options.model,
        "chosen": [vars_of(model), vars_of(judge)],
        "test": {"model": scores(n[test], np.exp(inside)), "judge": scores(n[test], check)},
        "crystals": [],
    }
    for place, like in pick(crystals, test, options.crystals):
        rows = one_crystal(
            like, regressor(model, chemistry, factor, X, place, metric_vector), metric
        )
        # The model in JAX is the one that was fitted, to single precision.
        expected = np.exp(inside[np.flatnonzero(test == place)[0]])
        assert abs(rows[0]["model_before"] / expected - 1) < 0.01
        before = judged(crystals[place], place)
        denser = crystals[place].copy()
        denser.set_cell(denser.cell * SMALLER ** (1 / 3), scale_atoms=True)
        denser = judged(denser, place)
        for row in rows:
            row["judge"] = judged(row.pop("atoms"), place) / before
            print(crystals[place].get_chemical_formula(), row, flush=True)
        done["crystals"].append(
            {
                "formula": crystals[place].get_chemical_formula("metal"),
                "group": like.group.number,
                "atoms": len(crystals[place]),
                "free": like.n_free,
                "n": float(n[place]),
                "judge": before,
                "compressed": {"model": rows[0].pop("compressed"), "judge": denser / before},
                "rows": rows,
            }
        )
        yield done


def vars_of(model):
    names = ("transformation", "power", "length", "ridge", "weight")
    return {name: getattr(model, name) for name in names}


def one_crystal(like, fitted, metric):
    """What the search finds for every wanted change and weight."""

    def plan(crystal, max_stretch):
        return metric.plan(crystal, max_stretch=max_stretch)

    @eqx.filter_jit
    def value(fitted, crystal, plan):
        return fitted(crystal.expand(), plan)

    base = Objective()
    target = describe(like)
    start = float(value(fitted, like, plan(like, 1.0)))
    lengths = np.arange(like.lattice_parameters.shape[0]) < like.plan.system.n_lengths
    cell = like.lattice_parameters * jnp.where(lengths, SMALLER ** (1 / 3), 1.0)
    denser = eqx.tree_at(lambda c: c.lattice_parameters, like, cell)
    denser = float(value(fitted, denser, plan(denser, 1.0))) / start
    noise = 0.01 * np.random.default_rng(0).standard_normal((4, like.n_free))
    noise[0] = 0
    initial = np.asarray(like.to_variables())[None, :] + noise
    rows = []
    for change in CHANGES:
        for weight in WEIGHTS:
            wanted = change * start
            objective = base + PropertyTerm(
                fitted, wanted, scale=0.1 * start, weight=weight, make_plan=plan
            )
            found = rebuild(
                target,
                like,
                objective=objective,
                initial=initial,
                optimiser=Adam(steps=150, learning_rate=0.01, blur=0.0),
                polish=LevenbergMarquardt(steps=20),
                progress=False,
            )
            match = match_crystals(like, found.best)
            volume = found.best.lattice.volume / like.lattice.volume
            left = objective.plan(target, found.best, max_stretch=1.0).parts(found.best)
            rows.append(
                {
                    "wanted": change,
                    "weight": weight,
                    "model_before": start,
                    "model": float(value(fitted, found.best, plan(found.best, 1.0))) / start,
                    "parts": {name: float(part) for name, part in left.items()},
                    "volume": float(volume),
                    "rmsd": None if match is None else float(match.rmsd),
                    "cell_error": None if match is None else float(match.cell_error),
                    "seconds": found.seconds,
                    "cell": np.asarray(found.best.lattice_parameters).tolist(),
                    "sites": np.asarray(found.best.site_parameters).tolist(),
                    "atoms": found.best.expand().to_ase(),
                }
            )
    rows[0]["compressed"] = denser
    return rows
