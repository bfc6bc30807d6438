"""Finished and unfinished attempts in a file, to go on with to the same bits."""

import copy
import dataclasses
import hashlib
import json
import os
import pathlib
import time
import zipfile
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._core import write_bytes
from ..grids import Grid
from ._attempt import Attempt
from ._problem import PhasingProblem
from ._recipe import Recipe
from ._stage_tables import Workspace

#: Seconds between two writes.
_INTERVAL = 10.0
_NUMBERS = ("start", "number", "stage", "cycle", "seconds", "ratio", "r_factor")


class Checkpoint:
    """A file of attempts; without a path nothing is kept.

    The records of observers are not kept.
    """

    def __init__(
        self, path: str | pathlib.Path | None, problem: PhasingProblem, recipe: Recipe, *rest: Any
    ):
        """Read the file if there is one.

        Args:
            path: the file.
            problem: what is phased.
            recipe: its stages.
            rest: whatever else decides the numbers (seed, type).

        Raises:
            ValueError: it is no checkpoint, or one of another run, or cannot be written.
        """
        self._path = None if path is None else pathlib.Path(path)
        self._identity = _identity(problem, recipe, rest)
        self._written = time.monotonic()
        self._data: dict[str, np.ndarray] = {}
        if self._path is not None:
            _check_place(self._path)
        if self._path is not None and self._path.exists():
            self._data = _read(self._path, self._identity)

    def closed(self) -> "Checkpoint":
        """This file as it is, to which nothing more is written."""
        other = copy.copy(self)
        other._path = None
        return other

    def grid_or(self, given: Grid | None) -> Grid | None:
        """The alias-free grid of the run, if it was begun before, and otherwise the given one.

        Raises:
            ValueError: a given grid is not the one that the run was begun with.
        """
        if not self._data:
            return given
        parts = (self._data[f"grid.{name}"] for name in ("characters", "moduli", "origin"))
        characters, moduli, origin = parts
        grid = Grid(characters, moduli.tolist(), origin)
        if given is not None and not (
            given.moduli == grid.moduli
            and np.array_equal(given.characters, grid.characters)
            and np.array_equal(given.origin, grid.origin)
        ):
            raise ValueError(
                f"{self._path}: expected a checkpoint of this run, got one with another grid, "
                f"{grid!r}"
            )
        return grid

    def attempts(
        self, seed: int, workspace: Workspace, recipe: Recipe
    ) -> dict[tuple[int, int], Attempt]:
        """The attempts in the file by start and number."""
        found = {}
        for i, numbers in enumerate(json.loads(str(self._data.get("attempts", "[]")))):
            attempt = Attempt.new(seed, numbers["start"], numbers["number"])
            in_stage = f"{i}.state.0" in self._data
            if f"{i}.f" in self._data:
                attempt.f = jnp.asarray(self._data[f"{i}.f"])
            attempt.stage = numbers["stage"]
            if in_stage:
                attempt.enter(workspace, recipe)
                leaves, tree = jax.tree.flatten(attempt.state)
                stored = [self._data[f"{i}.state.{j}"] for j in range(len(leaves))]
                restored = [_like(leaf, value) for leaf, value in zip(leaves, stored, strict=True)]
                attempt.state = jax.tree.unflatten(tree, restored)
            attempt = dataclasses.replace(attempt, **numbers)
            found[attempt.start, attempt.number] = attempt
        return found

    def store(
        self, attempts: dict[tuple[int, int], Attempt], grid: Grid, now: bool = False
    ) -> None:
        """Write the attempts, whole or not at all, if it is time."""
        if self._path is None or not (now or time.monotonic() > self._written + _INTERVAL):
            return
        arrays: dict[str, Any] = {
            "identity": np.array(self._identity),
            "grid.characters": grid.characters,
            "grid.moduli": np.array(grid.moduli),
            "grid.origin": grid.origin,
        }
        listed = list(attempts.values())
        numbers = [{name: getattr(attempt, name) for name in _NUMBERS} for attempt in listed]
        arrays["attempts"] = np.array(json.dumps(numbers))
        for i, attempt in enumerate(listed):
            if attempt.f is not None:
                arrays[f"{i}.f"] = np.asarray(attempt.f)
            for j, leaf in enumerate(jax.tree.leaves(attempt.state)):
                arrays[f"{i}.state.{j}"] = np.asarray(_plain(leaf))
        write_bytes(self._path, lambda file: np.savez(file, **arrays))
        self._written = time.monotonic()


def _identity(problem: PhasingProblem, recipe: Recipe, rest: tuple) -> str:
    """A hash of everything that decides the numbers of a run, its grid apart."""
    digest = hashlib.sha256(repr((recipe, rest)).encode())
    orbits = problem.orbits
    arrays = [problem.lower, problem.upper, orbits.members, orbits.orbit, orbits.phase]
    arrays += [orbits.k, orbits.kind, orbits.angle]
    # The text of an algorithm does not show the values of its arrays.
    arrays += jax.tree.leaves([stage.algorithm for stage in recipe.stages])
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _check_place(path: pathlib.Path) -> None:
    """Find out now, not after the work, whether the file can be written."""
    if path.is_dir() or not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise ValueError(f"checkpoint: expected a file in a writable folder, got {path}")


def _read(path: pathlib.Path, identity: str) -> dict[str, np.ndarray]:
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as data:
            arrays = dict(data)
        stored = str(arrays["identity"])
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path}: expected a checkpoint of phasing: {error}") from error
    if stored != identity:
        raise ValueError(
            f"{path}: expected a checkpoint of this run, got one of other data, another recipe, "
            "seed or precision; give another file or remove it"
        )
    return arrays


def _plain(leaf: Any) -> Any:
    """A leaf that NumPy can hold: random keys as their words."""
    return jax.random.key_data(leaf) if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf


def _like(leaf: Any, stored: np.ndarray) -> Any:
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return jax.random.wrap_key_data(jnp.asarray(stored), impl=jax.random.key_impl(leaf))
    return jnp.asarray(stored, leaf.dtype)
