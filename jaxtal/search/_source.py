"""Where crystals come from: folders, lists of files, databases; one crystal at a time."""

import dataclasses
import os
import pathlib
from collections.abc import Iterable, Iterator

from ..io import holds_crystals
from ._readers import FileEntry, Found, entries_of_database, entries_of_file, is_database
from ._shard import Shard

#: Files in folders that are taken for crystals, by the ends of their names in lower case. The
#: latter lists are refused by `io.read`, with a reason that says more than silence.
_ENDINGS = (
    *(".cif", ".cif.gz", ".cif.txt", ".mcif", ".mcif.gz"),
    *(".vasp", ".poscar", ".xyz", ".extxyz", ".traj", ".xsf", ".gen", ".db"),
    *(".res", ".ins", ".pdb", ".ent", ".mmcif"),
)
#: These are crystals if what is in them looks like some.
_SOMETIMES = (".json", ".json.gz", ".csv", ".csv.gz")
_NAMES = ("POSCAR", "CONTCAR", "XDATCAR", "OUTCAR", "vasprun.xml")


@dataclasses.dataclass(frozen=True)
class SourceFile:
    """A file of one or more crystals.

    Attributes:
        name: as results call it: relative to the folder, with forward slashes; or as given.
        path: the file.
        stamp: size and time of the last change; another stamp is another content.
    """

    name: str
    path: pathlib.Path
    stamp: str


@dataclasses.dataclass(frozen=True)
class CrystalSource:
    """A folder, a file, a list of files or a database, to be read one crystal at a time.

    Attributes:
        folder: the folder, or None.
        listed: the files, if there is no folder.
        recursive: whether folders inside the folder count.
        symmetry: "file": CIFs are as they say, and refused if they don't; "P1": those without a
            space group list the whole cell.
        shard: the part of it that this is, None for all.
    """

    folder: pathlib.Path | None
    listed: tuple[pathlib.Path, ...]
    recursive: bool
    symmetry: str
    shard: Shard | None = None

    @classmethod
    def of(
        cls,
        source: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
        *,
        recursive: bool = False,
        symmetry: str = "file",
    ) -> "CrystalSource":
        """The source at a path, or of a list of files.

        Args:
            source: a folder, a file (of one or more crystals), a database of ASE (.db, or .json),
                or several files.
            recursive: take the folders inside the folder too.
            symmetry: see the attribute.

        Raises:
            FileNotFoundError: there is no such file or folder.
            ValueError: an empty list or name, a file given twice, a folder in a list, or another
                symmetry.
        """
        if symmetry not in ("file", "P1"):
            raise ValueError(f"symmetry: expected 'file' or 'P1', got {symmetry!r}")
        if isinstance(source, str | os.PathLike):
            path = _path(source)
            if path.is_dir():
                return cls(path, (), recursive, symmetry)
            paths = (path,)
        else:
            paths = tuple(_path(one) for one in source)
        if not paths:
            raise ValueError("source: expected at least one file, got none")
        for path in paths:
            if path.is_dir():
                raise ValueError(f"{path}: expected a file in a list of files, got a folder")
            if not path.is_file():
                raise FileNotFoundError(f"{path}: no such file or folder")
        if len(set(paths)) < len(paths):
            twice = next(path for path in paths if paths.count(path) > 1)
            raise ValueError(f"{twice}: given twice")
        return cls(None, paths, recursive, symmetry)

    @property
    def root(self) -> str:
        """The folder that names are relative to, as an absolute path; "" if they are absolute."""
        if self.folder is not None:
            return str(self.folder.resolve())
        absolute = all(path.is_absolute() for path in self.listed)
        return "" if absolute else str(pathlib.Path.cwd())

    def part(self, shard: Shard) -> "CrystalSource":
        """One of several parts, which have every crystal once between them.

        Files belong to one part, by their names; the crystals of tables, databases and a single
        file are dealt out (`is_dealt_out`).
        """
        return dataclasses.replace(self, shard=shard)

    def is_dealt_out(self, path: pathlib.Path) -> bool:
        """Whether the crystals of a file are dealt to all parts, and not the file to one."""
        if self.folder is None and len(self.listed) == 1:
            return True
        return path.name.lower().endswith((*_SOMETIMES, ".db"))

    def files(self) -> Iterator[SourceFile]:
        """The files, sorted by folder and name; those of a folder that hold no crystals are not."""
        for path in self.listed if self.folder is None else self._walk():
            name = str(path) if self.folder is None else self._name(path)
            mine = self.shard is None or self.is_dealt_out(path) or self.shard.holds_file(name)
            if mine and (self.folder is None or _looks_like_crystals(path)):
                yield SourceFile(name, path, _stamp(path))

    def ignored(self) -> list[str]:
        """Names of the files of the folder that no format of crystals is named like."""
        if self.folder is None:
            return []
        return [self._name(path) for path in self._walk() if not _looks_like_crystals(path)]

    def entries(self, file: SourceFile) -> Iterator[FileEntry]:
        """The crystals of a file, in order; each is read when asked to."""
        if is_database(file.path):
            every = entries_of_database(file.path, file.name, file.stamp)
        else:
            every = entries_of_file(file.path, file.name, file.stamp, self.symmetry)
        if self.shard is None or not self.is_dealt_out(file.path):
            return every
        return (one for i, one in enumerate(every) if self.shard.holds_crystal(i))

    def _name(self, path: pathlib.Path) -> str:
        return path.relative_to(self.folder or pathlib.Path()).as_posix()

    def _walk(self) -> Iterator[pathlib.Path]:
        """All files, hidden ones and those in hidden folders left out.

        Links that lead nowhere are in, so that reading them says so.
        """
        if self.folder is None:
            return
        for folder, inner, names in os.walk(self.folder):
            inner[:] = sorted(n for n in inner if not n.startswith(".")) if self.recursive else []
            for name in sorted(names):
                path = pathlib.Path(folder, name)
                lost = path.is_symlink() and not path.exists()
                if not name.startswith(".") and (lost or path.is_file()):
                    yield path


def crystals_of(
    source: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    recursive: bool = False,
    symmetry: str = "file",
) -> Iterator[tuple[str, Found | Exception]]:
    """Read the crystals of a folder, a list of files or a database, holding one at a time.

    Of a folder, the files count that are named like a format of crystals, and those JSON files and
    tables that hold some. A file of several crystals gives one for each block of a CIF, entry of
    JSON or row of a table (name#block), each frame (name#0, name#1, ...) or each row of a database
    (name#id).

    Args:
        source: as `CrystalSource.of`, as `recursive` and `symmetry`.
        recursive: take the folders inside the folder too.
        symmetry: "file" or "P1".

    Yields:
        A name, and the crystal (`WyckoffCrystal` of a CIF, otherwise `HostAtoms`) or the error that
        came instead.

    Raises:
        FileNotFoundError: there is no such file or folder.
        ValueError: as `CrystalSource.of`.
    """
    chosen = CrystalSource.of(source, recursive=recursive, symmetry=symmetry)
    return ((one.name, one.read()) for file in chosen.files() for one in chosen.entries(file))


def _path(text: str | os.PathLike[str]) -> pathlib.Path:
    """A path; an empty one, which would be the current folder, is refused."""
    if os.fspath(text) == "":
        raise ValueError("source: expected a file or folder, got an empty name")
    return pathlib.Path(text)


def _looks_like_crystals(path: pathlib.Path) -> bool:
    if path.name.lower().endswith(_SOMETIMES):
        return holds_crystals(path)
    return path.name.lower().endswith(_ENDINGS) or path.name.startswith(_NAMES)


def _stamp(path: pathlib.Path) -> str:
    """Size and time of change, nothing if the file has just gone (reading it will say so)."""
    try:
        status = path.stat()
    except OSError:
        return ""
    return f"{status.st_size} {status.st_mtime_ns}"
