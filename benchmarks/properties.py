"""A property from the descriptor: regression against SOAP, and inverse design with the fit.

    pip download crystal-toolkit==2026.7.20 --no-deps
    python benchmarks/properties.py features --wheel crystal_toolkit-2026.7.20-py3-none-any.whl
    python benchmarks/properties.py fit
    python benchmarks/properties.py design

The data are `matbench_dielectric`: 4764 computed refractive indices n, of which the wheel of
crystal-toolkit holds a copy (MIT licence); the five folds are Matbench's. `features` describes
every crystal by each method and keeps the result in a cache folder (`--cache`). `fit` is kernel
ridge regression of log n, the same for every representation: a random search of the same size
chooses transformation, kernel and regularisation inside each training fold. Composition stands
beside each structure in the same way. `design` moves crystals of the last fold toward a wanted n
of a model fitted to the others, and asks a model on SOAP, which the search has not seen, what it
thinks of the result. Results go to `results/properties.json` after every row, and to `README.md`.
"""

import argparse
import json
import platform
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import report
from property_data import features, load
from property_models import KernelRidge, choose, scores, self_distances

RESULTS = Path(__file__).parent / "results" / "properties.json"
CACHE = Path.home() / ".cache" / "jaxtal-benchmarks"
#: name: what it is
REPRESENTATIONS = {
    "mean": "mean of the training set",
    "density": "log(V / N) alone",
    "P": "power spectrum P of `describe`, 110 numbers",
    "P + G": "P and the radial distribution G(d)",
    "metric": "`CrystalMetric`, spectrum and density",
    "metric + distances": "the same with neighbour distances",
    "SOAP blind": "DScribe SOAP, elements alike (mu2), 252 numbers",
    "SOAP Z": "DScribe SOAP, densities weighed by Z (mu2), 252 numbers",
    "SOAP elements": "DScribe SOAP, each pair of elements, mean of spectra (outer)",
    "SOAP elements, inner": "DScribe SOAP, each pair of elements, spectrum of the mean (inner)",
}


def summary(rows, chosen=None):
    result = {"folds": rows}
    for key in rows[0]:
        values = [row[key] for row in rows]
        result[key], result[f"{key}_sd"] = float(np.mean(values)), float(np.std(values))
    if chosen is not None:
        result["chosen"] = chosen
    return result


def cross_validate(structure, chemistry, n, folds, draws):
    """Scores of the five folds; everything chosen inside the training sets."""
    rows, chosen = [], []
    for number, test in enumerate(folds):
        train = np.setdiff1d(np.arange(len(n)), test)
        best = choose(structure, chemistry, np.log(n), train, draws, seed=number)
        model = KernelRidge(**best)
        model.fit(structure, chemistry, np.log(n), train)
        rows.append(scores(n[test], np.exp(model.predict_within(structure, chemistry, test))))
        chosen.append(best)
    return summary(rows, chosen)


def baseline(n, folds):
    """The mean of each training set."""
    parts = [np.setdiff1d(np.arange(len(n)), test) for test in folds]
    both = zip(parts, folds, strict=True)
    return summary([scores(n[test], np.full(len(test), n[train].mean())) for train, test in both])


def fit(options):
    crystals, n, folds = load(options.wheel)
    done = load_results()
    fitted = done.setdefault("fit", {})
    made, composition, seconds = features(crystals, options.cache, options.names)
    done.setdefault("seconds", {}).update(seconds)
    done["draws"] = options.draws
    fitted["mean"] = baseline(n, folds)
    chemistry = self_distances(composition, ("std",))
    for name in ("composition", *made):
        structure = None
        cases = {"composition": chemistry}
        if name != "composition":
            cases = {name: None, f"{name} | composition": chemistry}
        for case, beside in cases.items():
            if case in fitted and not options.again:
                continue
            if name != "composition" and structure is None:
                structure = self_distances(made[name])
            begin = time.perf_counter()
            row = cross_validate(structure, beside, n, folds, options.draws)
            fitted[case] = row | {"seconds": time.perf_counter() - begin}
            print(
                f"{case}: MAE {row['mae']:.3f} +- {row['mae_sd']:.3f}, R2 {row['r2']:.2f}, R2 of "
                f"log n {row['r2_log']:.3f}, {fitted[case]['seconds']:.0f} s",
                flush=True,
            )
            save(done)


def load_results():
    return json.loads(RESULTS.read_text()) if RESULTS.exists() else {}


def save(done):
    done["environment"] = {
        "device": "cpu",
        "machine": platform.machine(),
        "dtype": "float32 descriptors, float64 regression",
        "versions": {name: version(name) for name in ("jax", "numpy", "scipy", "dscribe")},
    }
    done["representations"] = REPRESENTATIONS
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(done, indent=1) + "\n")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("what", choices=("features", "fit", "design"))
    parser.add_argument(
        "--wheel", type=Path, default=Path("crystal_toolkit-2026.7.20-py3-none-any.whl")
    )
    parser.add_argument("--cache", type=Path, default=CACHE)
    parser.add_argument("--draws", type=int, default=40, help="size of each random search")
    parser.add_argument("--model", default="metric", help="of the search of `design`")
    parser.add_argument("--crystals", type=int, default=6, help="of `design`")
    parser.add_argument("--again", action="store_true", help="also rows that are there already")
    parser.add_argument(
        "--names", nargs="*", default=list(REPRESENTATIONS), choices=list(REPRESENTATIONS)
    )
    options = parser.parse_args()
    if options.what == "features":
        features(load(options.wheel)[0], options.cache, options.names)
    elif options.what == "fit":
        fit(options)
    else:
        from property_design import design

        done = load_results()
        for done["design"] in design(options):
            save(done)
    report.write()


if __name__ == "__main__":
    main()
