"""The vectors of all shards in one log, in the order of their source."""

from typing import NamedTuple

import numpy as np

from ._source import CrystalSource, SourceFile
from ._vector_log import Log

#: Crystals that are copied at a time.
_PORTION = 4096


class _Part(NamedTuple):
    """A shard, and its vectors mapped from their file."""

    log: Log
    vectors: np.ndarray


def merge_shards(log: Log, shards: list[Log], source: CrystalSource) -> list[str]:
    """Append to a log what shards hold and it does not; the names of all crystals.

    Like any writer of a log it loses its last portion at most when it is killed, and goes on there.

    Raises:
        ValueError: a file of the source is in no shard, in more than its own, or has changed.
    """
    parts = [_Part(shard, shard.vectors()) for shard in shards]
    names: list[str] = []
    waiting = _Waiting(log)
    for file in source.files():
        holding = _holding(file, parts, source.is_dealt_out(file.path))
        found = _dealt_back(file, holding)
        inside = tuple(name for name, _ in found)
        names.extend(inside)
        # A stamp that is empty says that something shall be tried again.
        stamp = min(part.log.closed[file.name][0] for part in holding)
        if stamp and log.closed.get(file.name) == (stamp, inside):
            continue
        for name, part in found:
            waiting.take(name, part)
        waiting.closed.append((file.name, stamp, inside))
        if len(waiting.names) + len(waiting.closed) >= _PORTION:
            waiting.write()
    waiting.write()
    return names


def _holding(file: SourceFile, parts: list[_Part], dealt_out: bool) -> list[_Part]:
    """The shards that a file is in.

    Raises:
        ValueError: not as many as should be, or as it is no more.
    """
    holding = [part for part in parts if file.name in part.log.closed]
    wanted = len(parts) if dealt_out else 1
    if len(holding) != wanted:
        raise ValueError(
            f"{file.path}: expected it in {wanted} of {len(parts)} shards, got it in "
            f"{len(holding)}; run them again, only what is missing is computed"
        )
    for part in holding:
        if part.log.closed[file.name][0] not in ("", file.stamp):
            raise ValueError(
                f"{file.path}: changed since {part.log.folder.name} was finished; run it again"
            )
    return holding


def _dealt_back(file: SourceFile, holding: list[_Part]) -> list[tuple[str, _Part]]:
    """The crystals of a file in its order, which had been dealt like cards, with their shards."""
    hands = [part.log.closed[file.name][1] for part in holding]
    return [
        (hand[i], part)
        for i in range(max(map(len, hands)))
        for hand, part in zip(hands, holding, strict=True)
        if i < len(hand)
    ]


class _Waiting:
    """What is to be appended next."""

    def __init__(self, log: Log):
        self.log = log
        self._clear()

    def _clear(self) -> None:
        self.names: list[tuple[str, str]] = []
        self.vectors: list[np.ndarray] = []
        self.failed: list[tuple[str, str, str]] = []
        self.closed: list[tuple[str, str, tuple[str, ...]]] = []

    def take(self, name: str, part: _Part) -> None:
        """One crystal of a shard, unless it is in the log as it is there."""
        if name in part.log.rows:
            stamp, row = part.log.rows[name]
            if not stamp or self.log.rows.get(name, ("",))[0] != stamp:
                self.names.append((name, stamp))
                self.vectors.append(part.vectors[row])
        elif self.log.failed.get(name) != part.log.failed[name]:
            self.failed.append((name, *part.log.failed[name]))

    def write(self) -> None:
        """Append it; when this returns it is safe."""
        if self.names or self.failed or self.closed:
            vectors = np.stack(self.vectors) if self.vectors else np.zeros((0, 1), np.float32)
            self.log.append(self.names, vectors, self.failed, self.closed)
        self._clear()
