"""What the live monitor costs a run.

    JAXTAL_DATA=... python benchmarks/monitor.py [--turns 5] [--seconds 6] [CASE ...]

Cases are 2d, 3d (a Laves phase), cdyb (measured, six dimensions). Each is phased alone, with a
monitor without a page, with a page that answers every picture and draws nothing, and with a page
in headless Chromium where there is one, in turns. Results go to `results/monitor.json` and
`README.md`.
"""

import argparse
import contextlib
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


class Clock(phasing.Control):
    """Takes the time from the first report to the last: cycles and what the monitor does there."""

    def __init__(self, control=None, work=None):
        super().__init__(None, work)
        self.inner, self.last = control, 0.0

    def cycles(self, points, total):
        return (
            super().cycles(points, total)
            if self.inner is None
            else self.inner.cycles(points, total)
        )

    def report(self, group, workspace, recipe):
        found = recipe if self.inner is None else self.inner.report(group, workspace, recipe)
        self.last = time.perf_counter()
        return found


def run(problem, recipe, grid, starts, shown=None):
    """Seconds of the cycles of all starts."""
    clock = Clock(None if shown is None else shown.control)
    begun = time.perf_counter()
    found = phasing.phase(
        problem,
        recipe=recipe,
        grid=grid,
        starts=starts,
        seed=1,
        control=clock,
        observers=() if shown is None else shown.observers,
    )
    before = found.seconds["grid"]  # tables
    return clock.last - begun - before


@contextlib.contextmanager
def answering(shown):
    """A page that is told to have drawn every picture as soon as it has come."""
    from bokeh.document import Document

    made = shown._make(Document(), shown)
    made.pictures = 1
    made._later = lambda task: (task(), setattr(made, "pictures", made._sent))
    shown._pages.append(made)
    yield
    shown._forget(made)


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


def once(kind, driver, *arguments):
    """Seconds of one run, and pictures drawn."""
    if kind == "quiet":
        return run(*arguments), 0
    with monitor.PhasingMonitor(show=False, tell=lambda line: None) as shown:
        if kind == "no page":
            return run(*arguments, shown), 0
        if kind == "page":
            with answering(shown):
                return run(*arguments, shown), shown._pages[0].pictures
        driver.get(shown.address)
        while not any(page.pictures for page in shown._pages):
            time.sleep(0.1)
        seconds = run(*arguments, shown)
        return seconds, shown.pictures


def measure(case, turns, seconds, driver):
    problem = problem_of(case)
    grid = alias_free(problem)
    name = "folded" if case == "cdyb" else "relaxed"
    recipe = phasing.recipe(name)
    kinds = ["quiet", "no page", "page", *(["browser"] if driver else [])]
    for kind in kinds:  # compilation
        once(kind, driver, problem, recipe, grid, 2)
    one = once("quiet", driver, problem, recipe, grid, 4)[0] / 4
    starts = max(2, round(seconds / one))
    found = {kind: [] for kind in kinds}
    pictures = {}
    for turn in range(turns):
        for kind in kinds if turn % 2 else kinds[::-1]:
            spent, drawn = once(kind, driver, problem, recipe, grid, starts)
            found[kind].append(spent)
            pictures[kind] = drawn
            print(case, turn, kind, f"{spent:.3f} s, {drawn} pictures", flush=True)
    quiet = np.array(found["quiet"])
    return {
        "name": f"{NAMES[case]}, {starts} starts",
        "case": case,
        "starts": starts,
        "recipe": name,
        "grid_points": grid.size,
        "seconds": found,
        "median": {kind: median(values) for kind, values in found.items()},
        "overhead": {
            kind: float(np.median(np.array(values) / quiet - 1)) for kind, values in found.items()
        },
        "pictures": pictures,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", default=list(NAMES), metavar="CASE")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=6.0)
    given = parser.parse_args()
    driver, load = browser(), os.getloadavg()[0]
    rows = [measure(case, given.turns, given.seconds, driver) for case in given.cases]
    if driver is not None:
        driver.quit()
    names = ("jaxtal", "jax", "numpy", "bokeh")
    where = {name: importlib.metadata.version(name) for name in names}
    where |= {"cpus": len(os.sched_getaffinity(0)), "load": load, "backend": jax.default_backend()}
    result = {"turns": given.turns, "environment": where, "rows": rows}
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")
    report.write()


if __name__ == "__main__":
    main()
