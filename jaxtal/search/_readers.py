"""The crystals of one file: blocks, entries, rows, frames of a trajectory, rows of a database."""

import contextlib
import dataclasses
import pathlib
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

from ..crystal import HostAtoms, WyckoffCrystal, host_crystal
from ..io import contents, holds_crystals, read
from ..io._ase_frames import frames, rows

#: A CIF has its symmetry, everything else every atom of the cell.
Found = HostAtoms | WyckoffCrystal

#: Formats that ASE reads without their symmetry; `io.read` says why it refuses them.
_ASYMMETRIC = (".res", ".ins", ".pdb", ".ent", ".mmcif")


@dataclasses.dataclass(frozen=True)
class FileEntry:
    """One crystal of a file, not read yet.

    Attributes:
        name: unique in its source.
        stamp: another stamp is another content.
        load: reads it.
    """

    name: str
    stamp: str
    load: Callable[[], Found]

    def read(self) -> Found | Exception:
        """The crystal, or the error that came instead."""
        try:
            return self.load()
        # One file among a hundred thousand must not end the work, whatever its parser trips over.
        except Exception as error:
            return error


def entries_of_file(
    path: pathlib.Path, name: str, stamp: str, symmetry: str
) -> Iterator[FileEntry]:
    """The crystals of a file that is no database.

    A file that cannot be taken apart is one entry, whose error says why.
    """
    try:
        if path.name.lower().endswith((".csv", ".csv.gz")) or holds_crystals(path):
            if not _is_unicode(path):
                return iter([FileEntry(name, stamp, _not_unicode)])
            return _listed(path, name, stamp, symmetry)
    except Exception as error:  # whatever comes of looking into it
        return iter([FileEntry(name, stamp, _failing(error))])
    if path.name.lower().endswith(_ASYMMETRIC):
        return iter([FileEntry(name, stamp, lambda: read(path))])
    return _frames(path, name, stamp)


def _failing(error: Exception) -> Callable[[], Found]:
    def load() -> Found:
        raise error

    return load


def _listed(path: pathlib.Path, name: str, stamp: str, symmetry: str) -> Iterator[FileEntry]:
    """Blocks, entries of JSON and rows of a table: named, unless there is only one."""
    # The first one waits for the second, which decides.
    waiting, several = None, False
    try:
        for entry in contents(path, symmetry=symmetry):
            if waiting is not None:
                several = True
                yield FileEntry(f"{name}#{waiting.name}", stamp, waiting.load)
            waiting = entry
    except Exception as error:  # a damaged file, or row
        if waiting is not None:
            yield FileEntry(f"{name}#{waiting.name}", stamp, waiting.load)
        yield FileEntry(name, stamp, _failing(error))
        return
    if waiting is not None:
        label = f"{name}#{waiting.name}" if several else name
        yield FileEntry(label, stamp, waiting.load)


def _is_unicode(path: pathlib.Path) -> bool:
    """Whether gemmi can be told the path: on Linux names may be any bytes."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def _not_unicode() -> Found:
    raise ValueError("expected a path in UTF-8")


def _frames(path: pathlib.Path, name: str, stamp: str) -> Iterator[FileEntry]:
    def given(atoms: Any) -> Callable[[], Found]:
        return lambda: host_crystal(atoms)

    def failing(error: Exception, where: str) -> Callable[[], Found]:
        def load() -> Found:
            raise ValueError(f"{where}expected a file that ASE reads, got {error}") from error

        return load

    # The first frame waits for the second, which decides whether they have numbers.
    waiting, count = None, 0
    try:
        for atoms in frames(path):
            if waiting is not None:
                yield FileEntry(f"{name}#{count - 1}", stamp, given(waiting))
            waiting, count = atoms, count + 1
    except Exception as error:  # ASE's readers raise whatever their parsing meets
        if waiting is not None:
            yield FileEntry(f"{name}#{count - 1}", stamp, given(waiting))
        where = f"frame {count}: " if count else ""
        label = f"{name}#{count}" if count else name
        yield FileEntry(label, stamp, failing(error, where))
        return
    if waiting is not None:
        last = name if count == 1 else f"{name}#{count - 1}"
        yield FileEntry(last, stamp, given(waiting))
    else:
        yield FileEntry(name, stamp, failing(ValueError("no frames"), ""))


def is_database(path: pathlib.Path) -> bool:
    """Whether a file is named like a database of ASE, and is no other JSON."""
    suffix = path.suffix.lower()
    return suffix == ".db" or (suffix == ".json" and not holds_crystals(path))


def entries_of_database(path: pathlib.Path, name: str, stamp: str) -> Iterator[FileEntry]:
    """The rows of a database of ASE, those of a .db a few at a time."""
    try:
        if path.suffix.lower() == ".db":
            _check_tables(path)
        for number, identifier, changed, atoms in rows(path):
            label, stamp_of_row = f"{name}#{number}", f"{identifier} {changed!r}"
            yield FileEntry(label, stamp_of_row, _row_reader(atoms))
    except Exception as error:  # sqlite3's, json's and ASE's own
        cause = error
        reason = f"{path}: expected a database of ASE, got {type(error).__name__}: {error}"

        def load() -> Found:
            raise ValueError(reason) from cause

        yield FileEntry(name, stamp, load)


def _check_tables(path: pathlib.Path) -> None:
    """Refuse what ASE would make a database of: it writes its tables where there are none."""
    with contextlib.closing(
        sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    ) as file:
        tables = {name for (name,) in file.execute("SELECT name FROM sqlite_master")}
    if "systems" not in tables:
        raise ValueError("no table of systems")


def _row_reader(atoms: Any) -> Callable[[], Found]:
    if isinstance(atoms, str):
        return _failing(ValueError(f"expected a crystal in a row of ASE, got {atoms}"))
    return lambda: host_crystal(atoms)
