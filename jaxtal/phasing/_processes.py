"""The processes that share the starts of a run, and what they tell each other.

Every process runs its own starts; nothing is sent while cycles run. When all of a round are done,
they are told to everybody, so that each process comes to the verdict that a lone one would.
"""

import dataclasses
import io
import json
import pathlib
from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from ..grids import Grid
from ._attempt import INTEGERS, REALS, Attempt

_NUMBERS = INTEGERS + REALS


class Processes:
    """Those of a mesh, one of which this is; alone where all devices are its own.

    Attributes:
        index: number of this process.
        size: how many there are.
    """

    def __init__(self, mesh: Mesh | None):
        """Find out who has devices in a mesh.

        Raises:
            ValueError: some of the processes of the run, but not all, or not this one.
        """
        own = jax.process_index()
        there = {own} if mesh is None else {one.process_index for one in mesh.devices.flat}
        self.index, self.size = (0, 1) if there == {own} else (own, jax.process_count())
        if own not in there or (self.size > 1 and len(there) < self.size):
            raise ValueError(
                f"mesh: expected devices of process {own} alone or of all {jax.process_count()} "
                f"processes, got those of {sorted(there)}"
            )
        self._stopped = False

    def own(self, starts: Iterable[int]) -> list[int]:
        """Which of some starts this process runs: always the same ones."""
        return [start for start in starts if start % self.size == self.index]

    def file(self, path: str | pathlib.Path | None) -> pathlib.Path | None:
        """A file of this process's own: NAME, or NAME.2-of-4."""
        if path is None or self.size == 1:
            return None if path is None else pathlib.Path(path)
        path = pathlib.Path(path)
        return path.with_name(f"{path.name}.{self.index + 1}-of-{self.size}")

    def one_grid(self, grid: Grid) -> Grid:
        """The grid of the first process: a search that time ends may end elsewhere in others."""
        if self.size == 1:
            return grid
        data = {"characters": grid.characters, "moduli": grid.moduli, "origin": grid.origin}
        first = _read(self._everyone(_written(data))[0])
        return Grid(first["characters"], first["moduli"].tolist(), first["origin"])

    def share(
        self, attempts: dict[tuple[int, int], Attempt], number: int, *, stop: bool = False
    ) -> bool:
        """Tell the others what became of this process's attempts, and hear of theirs.

        Every process calls it at the end of each round, or once where it was stopped.

        Args:
            attempts: all that are known; those of others are put in.
            number: of the round.
            stop: this process makes no more.

        Returns:
            Whether some process has stopped: then all do, and none may wait for another again.
        """
        if self.size == 1 or self._stopped:
            return stop
        mine = [a for a in attempts.values() if self.own([a.start]) and a.number == number]
        data: dict[str, Any] = {
            "numbers": json.dumps([[getattr(a, name) for name in _NUMBERS] for a in mine]),
            "stop": stop,
        }
        data |= {f"f{i}": np.asarray(a.f) for i, a in enumerate(mine) if a.f is not None}
        for sent in map(_read, self._everyone(_written(data))):
            self._stopped |= bool(sent["stop"])
            for i, values in enumerate(json.loads(str(sent["numbers"]))):
                numbers = dict(zip(_NUMBERS, values, strict=True))
                place = numbers["start"], numbers["number"]
                if self.own([place[0]]):
                    continue
                f = jnp.asarray(sent[f"f{i}"]) if f"f{i}" in sent else None
                known = attempts.get(place) or Attempt(*place, key=None)
                attempts[place] = dataclasses.replace(known, **numbers, f=f, state=None)
        return self._stopped

    def leave(self) -> None:
        """Wait for nobody any more: the last round has been shared."""
        self._stopped = True

    def _everyone(self, text: bytes) -> list[bytes]:
        """What each process has to say, in their order; all of them call this."""
        from jax.experimental import multihost_utils

        def gathered(own: np.ndarray) -> np.ndarray:
            return np.asarray(multihost_utils.process_allgather(own))

        lengths = gathered(np.array([len(text)], np.uint32))[:, 0]
        # Sizes in steps, for few programs.
        padded = np.zeros(1 << int(lengths.max()).bit_length(), np.uint8)
        padded[: len(text)] = np.frombuffer(text, np.uint8)
        return [
            row[:length].tobytes() for row, length in zip(gathered(padded), lengths, strict=True)
        ]


def _written(arrays: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    plain: dict[str, Any] = {name: np.asarray(x) for name, x in arrays.items()}
    np.savez(file, **plain)
    return file.getvalue()


def _read(text: bytes) -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(text), allow_pickle=False) as data:
        return dict(data)
