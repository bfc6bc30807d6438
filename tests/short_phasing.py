"""A run of phasing that takes a second, for processes and devices of all numbers.

`python short_phasing.py ADDRESS INDEX FILE [CHECKPOINT [stop]]` is one of two processes that share
it; the second one stops it after some cycles.
"""

import sys

import jax
import numpy as np

from jaxtal import phasing
from jaxtal.grids import Grid
from jaxtal.phasing import Phasing, PhasingProblem, Recipe, Stage, SweepDown, phase

GRID = Grid(np.eye(2, dtype=int), (45, 48), np.array([0.31, 0.77]))
SHORT = Recipe((Stage(SweepDown(0.8, 0.97), 12),), restarts=1)


def short_problem() -> PhasingProblem:
    return PhasingProblem.build(phasing.model("2d", q_max=8.0).reflections)


def short_phasing(problem: PhasingProblem, **options) -> Phasing:
    return phase(problem, **{"grid": GRID, "recipe": SHORT, "starts": 9, "seed": 5, **options})


if __name__ == "__main__":
    address, index, file, *rest = sys.argv[1:]
    jax.distributed.initialize(address, 2, int(index))
    mesh = jax.sharding.Mesh(np.array(jax.devices()), ("starts",))
    made = []

    def count(snapshot) -> None:
        made.append(snapshot.attempt.start)
        if rest[1:] == ["stop"] and index == "1":
            control.stop()

    control = phasing.Control(count)
    kept = {"checkpoint": rest[0], "chunk": 4} if rest else {}
    found = short_phasing(short_problem(), mesh=mesh, control=control, **kept)
    np.savez(
        file,
        f=found.f,
        made=made,
        converged=[s.converged for s in found.starts],
        interrupted=found.interrupted,
    )
