"""The crystals of a file that may hold several: blocks, entries of JSON, rows of a table."""

import csv
import dataclasses
import functools
import gzip
import io
import os
import pathlib
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

from ..crystal import HostAtoms, WyckoffCrystal
from ._structure_json import structures_of
from .cif._document import chosen_block, crystal_blocks, is_cif_name, parse_blocks, read_blocks
from .cif._read import check_symmetry, read_cif_block

#: Columns of a table that name its rows, in order of preference.
_NAMES = ("material_id", "id", "name", "structure_id", "mp_id", "jid", "cod_id", "refcode")
_SNIFFED = 1 << 16


@dataclasses.dataclass(frozen=True)
class CrystalEntry:
    """One crystal of a file, not read yet.

    Attributes:
        name: of the block, entry or row.
        load: reads it; raises a ValueError if it holds no valid crystal.
    """

    name: str
    load: Callable[[], WyckoffCrystal | HostAtoms]


def form_of(path: str | os.PathLike[str]) -> str:
    """Tell "cif", "json" and "csv" from "other", by name, and by content where names say little."""
    name = os.path.basename(os.fspath(path)).lower()
    if is_cif_name(name):
        return "cif"
    plain = name.removesuffix(".gz")
    if plain.endswith(".json"):
        return "other" if _is_ase_database(_head(path)) else "json"
    if plain.endswith(".csv"):
        return "csv"
    if plain.endswith(".txt") or "." not in name:
        lines = (line.strip().lower() for line in _head(path).splitlines())
        first = next((line for line in lines if line and not line.startswith("#")), "")
        return "cif" if re.match(r"data_\S", first) else "other"
    return "other"


def holds_crystals(path: str | os.PathLike[str]) -> bool:
    """Tell whether `contents` reads a file: CIFs by name, JSON and tables by their beginning."""
    form = form_of(path)
    mark = {"json": '"lattice', "csv": "_cell_length_a"}.get(form, "")
    return form == "cif" or (mark != "" and mark in _head(path))


def contents(
    path: str | os.PathLike[str], *, symmetry: str = "file", dtype: Any = None
) -> Iterator[CrystalEntry]:
    """List the crystals of a CIF, a JSON file or a table (.csv), in order, none of them read yet.

    JSON holds structures of pymatgen (`Structure.as_dict`) or entries of OPTIMADE; a table has a
    column of CIFs, as data sets of generative models do. A JSON file is parsed when asked for the
    first entry, a table row by row.

    Args:
        path: the file, possibly gzipped.
        symmetry: of CIFs, as in `read`; "find" counts as "P1".
        dtype: floating-point type of what CIFs hold, default JAX's current one.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: another format, or nothing in it that is a crystal; names the file.
    """
    check_symmetry(symmetry)
    if not os.path.isfile(path):
        raise FileNotFoundError(f"{os.fspath(path)}: no such file")
    form = form_of(path)
    options = {"symmetry": "file" if symmetry == "file" else "P1", "dtype": dtype}
    if form == "cif":
        blocks = read_blocks(path)
        names = set[str]()
        for block in crystal_blocks(blocks) or [chosen_block(blocks, None)]:
            name = f"{block.name}-{len(names)}" if block.name in names else block.name
            names.add(name)
            yield CrystalEntry(name, functools.partial(read_cif_block, block, **options))
    elif form == "json":
        for name, load in structures_of(path):
            yield CrystalEntry(name, load)
    elif form == "csv":
        yield from _rows(path, options)
    else:
        raise ValueError(f"{os.fspath(path)}: expected a CIF, a .json or a .csv")


def _rows(path: str | os.PathLike[str], options: dict[str, Any]) -> Iterator[CrystalEntry]:
    file = os.fspath(path)
    csv.field_size_limit(max(csv.field_size_limit(), min(sys.maxsize, 2**31 - 1)))
    with _opened(path) as stream:
        table = csv.DictReader(stream)
        column, seen = None, set[str]()
        try:
            for number, row in enumerate(table):
                column = column or _column_of_cifs(row)
                if column is None:
                    raise ValueError(
                        f"{file}: expected a column that holds CIFs (with _cell_length_a), got "
                        f"the columns {', '.join(str(name) for name in row)[:200]}"
                    )
                given = (row.get(key) for key in _NAMES)
                name = next((text for text in given if text), str(number))
                name = f"{name}-{number}" if name in seen else name
                seen.add(name)
                yield CrystalEntry(name, _loader(f"{file}#{name}", row[column] or "", options))
        except csv.Error as error:
            raise ValueError(f"{file}:{table.line_num}: expected a table: {error}") from error
        if column is None:
            raise ValueError(f"{file}: expected a table with a column of CIFs, got no rows")


def _column_of_cifs(row: dict[str | Any, str | Any]) -> str | None:
    found = (key for key, text in row.items() if isinstance(text, str) and "_cell_length_a" in text)
    return next(found, None)


def _loader(name: str, text: str, options: dict[str, Any]) -> Callable[[], WyckoffCrystal]:
    return lambda: read_cif_block(chosen_block(parse_blocks(text, name), None), **options)


def _opened(path: str | os.PathLike[str]) -> io.TextIOWrapper:
    # What is no UTF-8 is in names and comments, if anywhere.
    options: dict[str, Any] = {"encoding": "utf-8-sig", "errors": "replace", "newline": ""}
    if os.fspath(path).lower().endswith(".gz"):
        return io.TextIOWrapper(gzip.open(path, "rb"), **options)
    return pathlib.Path(path).open(**options)


def _head(path: str | os.PathLike[str]) -> str:
    """The beginning of a file as text; "" if there is none."""
    try:
        with _opened(path) as stream:
            return stream.read(_SNIFFED)
    except (OSError, EOFError):
        return ""


def _is_ase_database(head: str) -> bool:
    return re.match(r'\s*\{\s*"(?:\d+|ids|nextid)"\s*:', head) is not None and not re.search(
        r'"@module"|"lattice"', head[:2000]
    )
