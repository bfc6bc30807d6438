"""A folder that grows: vectors appended to one file, and a log of whose they are.

Vectors are written and synced before the line of the log that names them, so that an interruption
at any point costs the last portion at most: what the log does not name is cut off by the next
writer.
"""

import contextlib
import json
import os
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from .._core import naming
from ._shard import Shard

#: Of the files' layout.
_FORMAT = 1
_DTYPES = ("float32", "float64")


class Log:
    """What a folder holds.

    Attributes:
        folder: where.
        settings: what decided the vectors, JSON types.
        rows: by name of a crystal, its stamp and its row.
        failed: by name, its stamp and the reason.
        closed: by name of a file, its stamp and the names of its crystals. An empty stamp, also
            of a failure, is never up to date: whatever failed is tried again.
        n_rows: vectors in the file, outdated ones included.
        length: of the vectors, 0 if there is none.
        dtype: of the vectors.
    """

    def __init__(self, folder: pathlib.Path):
        """Read the log of a folder.

        Raises:
            FileNotFoundError: there is none.
            ValueError: it is damaged, or of another version.
        """
        self.folder = folder
        self._read()

    @classmethod
    def create(cls, folder: pathlib.Path, settings: dict[str, Any]) -> "Log":
        """An empty log in an empty folder, made if need be; that of another run if one was first.

        Raises:
            ValueError: the folder holds something else, or another run is writing.
            OSError: it cannot be made or written to.
        """
        folder.mkdir(parents=True, exist_ok=True)
        # What another run has begun here, hidden files, and shards that are to be merged here.
        others = [p for p in folder.iterdir() if p != _path(folder) and p.name[0] != "."]
        if not all(Shard.of_folder(p.name) for p in others):
            raise ValueError(f"{folder}: expected an empty folder or one of fingerprints")
        # Two runs may begin at the same time: opened without cutting it off, and looked into.
        with _locked(folder), naming(_path(folder)), open(_path(folder), "ab") as file:
            if os.fstat(file.fileno()).st_size == 0:
                file.write(_line({"format": _FORMAT, "settings": settings}).encode())
                _sync(file)
        return cls(folder)

    @staticmethod
    def exists(folder: pathlib.Path) -> bool:
        """Whether a folder has a log; one that was never begun is none."""
        path = _path(folder)
        return path.is_file() and path.stat().st_size > 0

    def vectors(self) -> np.ndarray:
        """All vectors, shape (n_rows, length), mapped from the file."""
        if self.n_rows == 0:
            return np.zeros((0, self.length), self.dtype)
        shape = (self.n_rows, self.length)
        return np.memmap(self._vectors, self.dtype, mode="r", shape=shape)

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Keep other writers out, and cut off what an interrupted one left.

        Raises:
            ValueError: another run is writing.
        """
        with _locked(self.folder), open(_path(self.folder), "r+b") as file:
            # Another writer may have come and gone since this log was read.
            self._read()
            file.truncate(self._end)
            with open(self._vectors, "ab") as vectors:
                vectors.truncate(self._n_bytes)
            yield

    def append(
        self,
        names: list[tuple[str, str]],
        vectors: np.ndarray,
        failed: list[tuple[str, str, str]],
        closed: list[tuple[str, str, tuple[str, ...]]],
    ) -> None:
        """Add a portion; when this returns it is safe.

        Args:
            names: name and stamp of each vector.
            vectors: shape (len(names), length).
            failed: name, stamp and reason.
            closed: files all of whose crystals are in: name, stamp, names of the crystals.

        Raises:
            ValueError: vectors of another length.
        """
        entry: dict[str, Any] = {"failed": failed, "closed": [_packed(*one) for one in closed]}
        if names:
            length, dtype = vectors.shape[1], str(vectors.dtype)
            if self.length not in (0, length) or (self.n_rows and dtype != self.dtype):
                raise ValueError(
                    f"vectors: expected {self.dtype} of length {self.length} as those in "
                    f"{self.folder}, got {dtype} of length {length}"
                )
            entry |= {"rows": names, "length": length, "dtype": dtype}
            with naming(self._vectors), open(self._vectors, "ab") as file:
                file.write(np.ascontiguousarray(vectors).tobytes())
                _sync(file)
        with naming(_path(self.folder)), open(_path(self.folder), "ab") as file:
            file.write(_line(entry).encode())
            _sync(file)
        self._take(entry)

    @property
    def files(self) -> list[pathlib.Path]:
        """The files that are there."""
        return [path for path in (_path(self.folder), self._vectors) if path.exists()]

    @property
    def _vectors(self) -> pathlib.Path:
        return self.folder / "vectors.bin"

    @property
    def _n_bytes(self) -> int:
        return self.n_rows * self.length * np.dtype(self.dtype).itemsize

    def _read(self) -> None:
        self.rows: dict[str, tuple[str, int]] = {}
        self.failed: dict[str, tuple[str, str]] = {}
        self.closed: dict[str, tuple[str, tuple[str, ...]]] = {}
        self.n_rows, self.length, self.dtype = 0, 0, "float32"
        self._end = 0
        path = _path(self.folder)
        with open(path, "rb") as file:
            for number, line in enumerate(file, 1):
                if not line.endswith(b"\n"):
                    break  # cut short by an interruption
                try:
                    entry = json.loads(line)
                    if number == 1:
                        self._head(entry)
                    else:
                        self._take(entry)
                # JSON of any shape.
                except Exception as error:
                    raise ValueError(f"{path}:{number}: damaged ({error})") from error
                self._end += len(line)
        if self._end == 0:
            raise ValueError(f"{path}: expected a log of fingerprints, got no whole line")
        there = self._vectors.stat().st_size if self._vectors.exists() else 0
        if there < self._n_bytes:
            raise ValueError(
                f"{self._vectors}: expected {self._n_bytes} bytes, got {there}; remove the folder"
            )

    def _head(self, entry: dict[str, Any]) -> None:
        if entry["format"] != _FORMAT:
            raise ValueError(f"expected format {_FORMAT}, got {entry['format']!r}")
        self.settings: dict[str, Any] = entry["settings"]

    def _take(self, entry: dict[str, Any]) -> None:
        """Count in one line of the log; later lines replace earlier ones of the same names."""
        if "rows" in entry:
            if entry["dtype"] not in _DTYPES:
                raise ValueError(f"unknown dtype {entry['dtype']!r}")
            if type(entry["length"]) is not int or entry["length"] < 0:
                raise ValueError(f"a length of {entry['length']!r}")
            self.length, self.dtype = entry["length"], entry["dtype"]
        for name, stamp in entry.get("rows", ()):
            self.rows[name] = stamp, self.n_rows
            self.failed.pop(name, None)
            self.n_rows += 1
        for name, stamp, reason in entry["failed"]:
            self.failed[name] = stamp, reason
            self.rows.pop(name, None)
        for name, stamp, *crystals in entry["closed"]:
            names = tuple(crystals[0]) if crystals else (name,)
            if name in self.closed:
                for gone in set(self.closed[name][1]) - set(names):
                    self.rows.pop(gone, None)
                    self.failed.pop(gone, None)
            self.closed[name] = stamp, names


def _path(folder: pathlib.Path) -> pathlib.Path:
    return folder / "log.jsonl"


def _line(entry: dict[str, Any]) -> str:
    return json.dumps(entry, separators=(",", ":")) + "\n"


def _packed(name: str, stamp: str, crystals: tuple[str, ...]) -> list[Any]:
    """Most files hold one crystal of their own name, which then need not be said."""
    return [name, stamp] if crystals == (name,) else [name, stamp, crystals]


def _sync(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())


@contextlib.contextmanager
def _locked(folder: pathlib.Path) -> Iterator[None]:
    """Keep other writers out, where the file system has locks; they end with the process."""
    from filelock import FileLock, Timeout

    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ValueError(f"{folder}: another run is writing there") from None
    except NotImplementedError:
        pass  # a file system without locks: better unguarded than unusable
    try:
        yield
    finally:
        lock.release()
