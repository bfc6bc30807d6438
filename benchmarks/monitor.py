"""What the live monitor costs a run.

    JAXTAL_DATA=... python benchmarks/monitor.py [--turns 5] [--seconds 3] [CASE ...]

Cases are 2d, 3d (a Laves phase), cdyb (measured, six dimensions). Two starts are phased alone, as
with `--quiet`, with a monitor without a page, with a page that answers every picture and draws
nothing, and with a page in headless Chromium where there is one, in turns. Results go to
`results/monitor.json` and `README.md`.
"""

import argparse
import contextlib
import dataclasses
import importlib.metadata
import json
import os
import shutil
import tempfile
import time
from pathlib import Path
from statistics import median

import jax
import numpy as np
import report
from phasing import alias_free, cdyb

from jaxtal import monitor, phasing

RESULTS = Path(__file__).parent / "results" / "monitor.json"
NAMES = {"2d": "2D, a model", "3d": "3D, a Laves phase", "cdyb": "6D, Cd-Yb, measured"}


def problem_of(case):
    if case == "cdyb":
        return cdyb()
    known = phasing.model({"2d": "2d", "3d": "laves"}[case])
    return phasing.PhasingProblem.from_reflections(known.reflections)


#: The search of each, and a short end; the first is made as long as a run is to be.
RECIPES = {
    "2d": (phasing.Stage(phasing.RelaxedReflections(), 1000), 40),
    "3d": (phasing.Stage(phasing.RelaxedReflections(), 1000), 40),
    "cdyb": (phasing.Stage(phasing.RelaxedReflections(), 32, "folded", maps=16), 4),
}


def recipe_of(case, cycles):
    first, end = RECIPES[case]
    stages = (dataclasses.replace(first, cycles=cycles), phasing.Stage(phasing.SweepDown(), end))
    return phasing.Recipe(stages, restarts=0)


def now():
    """Wall time, and processor time of this process."""
    return np.array([time.perf_counter(), time.process_time()])


class Clock(phasing.Control):
    """Takes the time from the first chunk to the end of the last: what cycles and pictures take."""

    def __init__(self, control=None):
        super().__init__()
        self.inner, self.first, self.last = control, None, np.zeros(2)

    def cycles(self, points, total):
        if self.first is None:
            self.first = now()
        return (super() if self.inner is None else self.inner).cycles(points, total)

    def report(self, group, workspace, recipe):
        found = recipe if self.inner is None else self.inner.report(group, workspace, recipe)
        self.last = now()
        return found


def run(problem, recipe, grid, shown=None):
    """Seconds of the cycles of all starts, wall and processor."""
    clock = Clock(None if shown is None else shown.control)
    observers = () if shown is None else shown.observers
    phasing.phase(
        problem, recipe=recipe, grid=grid, starts=2, seed=1, control=clock, observers=observers
    )
    assert clock.first is not None
    return clock.last - clock.first


@contextlib.contextmanager
def answering(shown):
    """A page that is told to have drawn every picture as soon as it has come."""
    from bokeh.document import Document

    made = shown._make(Document(), shown)
    made.pictures = 1
    made._later = lambda task: (task(), made._drawn("", "", str(made._sent)))
    shown.painter.add(made)
    yield
    shown.painter.forget(made)


def browser():
    """Chromium, or None."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    driver = shutil.which("chromedriver")
    if not (program and driver):
        return None
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = program
    flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync"
    for flag in (*flags.split(), "--window-size=1280,943", "--disable-dev-shm-usage"):
        options.add_argument(flag)
    options.add_argument(f"--user-data-dir={tempfile.mkdtemp()}")
    return webdriver.Chrome(options=options, service=Service(driver))


def once(kind, driver, problem, recipe, grid):
    """Seconds of one run, and pictures drawn."""
    if kind == "quiet":
        return run(problem, recipe, grid), 0
    with monitor.PhasingMonitor(show=False, tell=lambda line: None) as shown:
        if kind == "no page":
            return run(problem, recipe, grid, shown), 0
        if kind == "page":
            with answering(shown):
                return run(problem, recipe, grid, shown), shown.painter.pictures
        driver.get(shown.address)
        while not any(page.pictures for page in shown.painter.pages):
            time.sleep(0.1)
        before = shown.painter.pictures
        return run(problem, recipe, grid, shown), shown.painter.pictures - before


def measure(case, turns, seconds, driver):
    problem = problem_of(case)
    grid = alias_free(problem)
    kinds = ["quiet", "no page", "page", *(["browser"] if driver else [])]
    cycles = 64
    while True:  # compilation, and a second time for its length
        recipe = recipe_of(case, cycles)
        once("quiet", driver, problem, recipe, grid)
        # What it takes where nobody else computes.
        took = once("quiet", driver, problem, recipe, grid)[0][1] / len(os.sched_getaffinity(0))
        if took > 0.3 * seconds:
            break
        cycles *= 4
    # Maps of a folded stage take their turns of 16 cycles.
    recipe = recipe_of(case, 16 * max(1, round(cycles * seconds / took / 16)))
    for kind in kinds:
        once(kind, driver, problem, recipe, grid)
    found = {kind: [] for kind in kinds}
    pictures = {kind: [] for kind in kinds}
    for turn in range(turns):
        for kind in kinds if turn % 2 else kinds[::-1]:
            spent, drawn = once(kind, driver, problem, recipe, grid)
            found[kind].append(spent.tolist())
            pictures[kind].append(drawn)
            print(
                case, turn, kind, *(f"{x:.3f}" for x in spent), f"s, {drawn} pictures", flush=True
            )
    quiet = np.array(found["quiet"])
    return {
        "name": NAMES[case],
        "case": case,
        "cycles": recipe.cycles,
        "grid_points": grid.size,
        "seconds": found,
        "median": {kind: np.median(values, axis=0).tolist() for kind, values in found.items()},
        "least": {kind: np.min(values, axis=0).tolist() for kind, values in found.items()},
        "overhead": {
            kind: np.median(np.array(values) / quiet - 1, axis=0).tolist()
            for kind, values in found.items()
        },
        "pictures": {kind: median(values) for kind, values in pictures.items()},
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", default=list(NAMES), metavar="CASE")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0)
    given = parser.parse_args()
    driver, load = browser(), os.getloadavg()[0]
    names = ("jaxtal", "jax", "numpy", "bokeh")
    where: dict[str, object] = {name: importlib.metadata.version(name) for name in names}
    where |= {"cpus": len(os.sched_getaffinity(0)), "backend": jax.default_backend()}
    rows = json.loads(RESULTS.read_text())["rows"] if RESULTS.exists() else []
    rows = [row for row in rows if row["case"] not in given.cases]
    for case in given.cases:
        rows.append(measure(case, given.turns, given.seconds, driver))
        rows.sort(key=lambda row: list(NAMES).index(row["case"]))
        where["load"] = [load, os.getloadavg()[0]]
        result = {
            "turns": given.turns,
            "seconds": given.seconds,
            "environment": where,
            "rows": rows,
        }
        RESULTS.write_text(json.dumps(result, indent=1) + "\n")
        report.write()
    if driver is not None:
        driver.quit()


if __name__ == "__main__":
    main()
