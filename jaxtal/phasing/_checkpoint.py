"""Finished and unfinished attempts in a file, to go on with to the same bits."""

import copy
import dataclasses
import hashlib
import json
import os
import pathlib
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._core import Held, read_container, write_container
from ..grids import Grid
from ._attempt import INTEGERS, REALS, Attempt
from ._problem import PhasingProblem
from ._recipe import Recipe
from ._stage_tables import Workspace

#: Seconds between two writes.
_INTERVAL = 10.0
_FORMAT, _VERSION = "jaxtal-checkpoint", 1
_WHAT = "a checkpoint of phasing"
_ARRAYS = {
    "identity": Held("U"),
    "attempts": Held("U"),
    "grid.characters": Held("i", ("N", "r")),
    "grid.moduli": Held("i", ("r",)),
    "grid.origin": Held("f", ("N",)),
}


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
        self._indices = problem.orbits.all_indices
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
        try:
            grid = Grid(characters, moduli.tolist(), origin)
            grid.check_stored(self._indices)
        except ValueError as error:
            raise ValueError(f"{self._path}: expected {_WHAT}: {error}") from error
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
        """The attempts in the file by start and number.

        Raises:
            ValueError: what it holds of them does not fit the run; names the file.
        """
        try:
            return self._attempts(seed, workspace, recipe)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ValueError(f"{self._path}: expected {_WHAT}: {error!r}") from error

    def _attempts(
        self, seed: int, workspace: Workspace, recipe: Recipe
    ) -> dict[tuple[int, int], Attempt]:
        found = {}
        for i, numbers in enumerate(json.loads(str(self._data.get("attempts", "[]")))):
            _check_numbers(numbers, recipe)
            attempt = Attempt.new(seed, numbers["start"], numbers["number"])
            in_stage = f"{i}.state.0" in self._data
            if numbers["stage"] and f"{i}.f" not in self._data:
                raise ValueError(f"no amplitudes after stage {numbers['stage']}")
            if f"{i}.f" in self._data:
                attempt.f = jnp.asarray(self._data[f"{i}.f"])
                if attempt.f.shape != workspace.observed.lower.shape or not jnp.iscomplexobj(
                    attempt.f
                ):
                    raise ValueError(f"{i}.f has shape {attempt.f.shape}, {attempt.f.dtype}")
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
        names = INTEGERS + REALS
        numbers = [{name: getattr(attempt, name) for name in names} for attempt in listed]
        arrays["attempts"] = np.array(json.dumps(numbers))
        for i, attempt in enumerate(listed):
            if attempt.f is not None:
                arrays[f"{i}.f"] = np.asarray(attempt.f)
            for j, leaf in enumerate(jax.tree.leaves(attempt.state)):
                arrays[f"{i}.state.{j}"] = np.asarray(_plain(leaf))
        write_container(self._path, _FORMAT, _VERSION, arrays, compressed=False)
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
    arrays = read_container(path, _FORMAT, _VERSION, _ARRAYS, _WHAT, others=True)
    stored = str(arrays["identity"])
    if stored != identity:
        raise ValueError(
            f"{path}: expected a checkpoint of this run, got one of other data, another recipe, "
            "seed or precision; give another file or remove it"
        )
    return arrays


def _check_numbers(numbers: Any, recipe: Recipe) -> None:
    """The numbers of one attempt, and that there is such a place in the recipe."""
    if not isinstance(numbers, dict) or numbers.keys() != {*INTEGERS, *REALS}:
        raise ValueError("attempts without their numbers")
    whole = [numbers[name] for name in INTEGERS]
    real = [numbers[name] for name in REALS]
    if any(type(n) is not int or not 0 <= n < 2**31 for n in whole) or any(
        type(x) not in (int, float) for x in real
    ):
        raise ValueError(f"an attempt with {numbers}")
    stages = [stage.cycles for stage in recipe.stages] + [1]
    if numbers["stage"] >= len(stages) or numbers["cycle"] >= max(stages[numbers["stage"]], 1):
        raise ValueError(f"no cycle {numbers['cycle']} of stage {numbers['stage']}")


def _plain(leaf: Any) -> Any:
    """A leaf that NumPy can hold: random keys as their words."""
    return jax.random.key_data(leaf) if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf


def _like(leaf: Any, stored: np.ndarray) -> Any:
    there = np.asarray(_plain(leaf))
    if (there.shape, there.dtype) != (stored.shape, stored.dtype):
        raise ValueError(f"a state of shape {stored.shape}, {stored.dtype}, not {there.shape}")
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return jax.random.wrap_key_data(jnp.asarray(stored), impl=jax.random.key_impl(leaf))
    return jnp.asarray(stored, leaf.dtype)
