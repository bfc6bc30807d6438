"""SHELX reflection files: fixed columns, three indices."""

import os
from collections.abc import Sequence
from typing import NoReturn

import numpy as np

from ...reflections import Dropped, ReflectionTable
from ._columns import read_lines
from ._instructions import Instructions, read_instructions
from ._measured import measured_table
from ._numbers import parse_integer, parse_number

_FIELDS = ((0, 4, "h"), (4, 8, "k"), (8, 12, "l"), (12, 20, "value"), (20, 28, "sigma"))
#: Lines whose separated columns are compared with the fixed ones.
_COMPARED = 200
_COLUMNS_HINT = (
    'read it as separated columns (form="columns"; `jaxtal data --format columns`), or write it '
    "as 3I4,2F8,I4"
)


def read_hkl(
    path: str | os.PathLike[str],
    hklf: int | None = None,
    domain: int | None = None,
    instructions: Instructions | None = None,
) -> ReflectionTable:
    """Read a SHELX reflection file in FORMAT(3I4, 2F8.2, I4): h, k, l, I or F, sigma, batch.

    The list ends at the first line with the indices 0 0 0 (CRYSTALS: -512 0 0; Jana: 999), at the
    first empty line, or with the file; instructions below it (CELL, LATT, SFAC ...) are heeded. As
    in Fortran, a value without a decimal point is in hundredths. Rows "-1 -1" were not measured.

    Args:
        path: the file, possibly gzipped.
        hklf: 4: the columns hold I and sigma(I). 3: F and sigma(F). 5: several domains. Default
            as the instructions say, or else 4.
        domain: of HKLF 5: which domain's rows are wanted.
        instructions: what an .ins or .res says.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a field that is no number, columns 29-32 that are neither blank nor an integer
            (a file in other columns), several domains without `domain`, or no reflection; the
            message names file and line.

    References:
        G. M. Sheldrick, The SHELX-97 Manual (1997), chapter 2 (HKLF).
    """
    lines = read_lines(path, any_text=True)
    return parse_hkl(lines, os.fspath(path), hklf, domain, instructions)


def parse_hkl(
    lines: Sequence[str],
    source: str,
    hklf: int | None = None,
    domain: int | None = None,
    instructions: Instructions | None = None,
    first: int = 1,
) -> ReflectionTable:
    """As `read_hkl`, of lines that are numbered from `first`."""
    end = next((i for i, line in enumerate(lines) if _ends(line)), len(lines))
    if instructions is None:
        instructions = read_instructions(lines[end + 1 :], source, first + end + 1, tolerant=True)
    wanted = hklf if hklf is not None else (instructions.hklf or 4)
    if wanted not in (3, 4, 5):
        where = source if hklf is not None else instructions.path
        raise ValueError(f"{where}: hklf: expected 3 (F), 4 (I) or 5 (domains), got {wanted}")
    if end == 0:
        raise ValueError(f"{source}: expected reflections, got none before 0 0 0")
    numbers = np.arange(first, first + end)
    hkl, values, batch = _columns(lines[:end], source, first)
    overlapped = _overlapped(values, batch)
    notes, dropped = [], []
    if wanted == 5 or overlapped.any():
        keep = _one_domain(source, batch, overlapped, domain, wanted == 5)
        if keep is not None:
            dropped.append(Dropped.of("of other domains", values[~keep, 0], values[~keep, 1]))
            notes.append(f"domain {domain}: {int(overlapped[keep].sum())} rows overlap with others")
            hkl, values, batch, numbers = hkl[keep], values[keep], batch[keep], numbers[keep]
    elif domain is not None:
        raise ValueError(f"{source}: domain {domain}: expected HKLF 5, got one domain")
    if instructions.matrix is not None:
        hkl = _reindexed(hkl, instructions.matrix, instructions.path)
    scale = instructions.scale if instructions.scale > 0 else 1.0
    sentinel = (values == -1).all(axis=1)
    table = measured_table(
        hkl,
        np.where(sentinel, -1.0, values[:, 0] * scale),
        np.where(sentinel, -1.0, values[:, 1] * scale),
        amplitude=wanted == 3,
        lines=numbers,
        batch=batch if batch.any() else None,
        dropped=tuple(dropped),
        notes=tuple(notes),
        source=source,
    )
    return instructions.told(table)


def _ends(line: str) -> bool:
    head = line[:12]
    if not head.strip():
        return True
    if head.strip("0 +-"):
        if head.lstrip()[:1] not in "-9" or ("512" not in head and "999" not in head):
            return False
        fields = [head[i : i + 4].strip() for i in (0, 4, 8)]
        return fields == ["-512", "0", "0"] or fields == ["999", "999", "999"]
    fields = [head[i : i + 4].strip() for i in (0, 4, 8)]
    return all(field.strip("+-") == "0" for field in fields)


def _columns(
    lines: Sequence[str], source: str, first: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Indices (n, 3), value and sigma (n, 2), and batch numbers (n,), 0 where there is none."""
    try:
        raw = np.array([line[:40].encode("ascii").ljust(40) for line in lines], "S40")
        table = raw.view("S1").reshape(len(lines), 40)
        hkl = np.stack([_fast_integers(table[:, a:b]) for a, b, _ in _FIELDS[:3]], axis=1)
        values = np.stack([_fast_numbers(table[:, a:b]) for a, b, _ in _FIELDS[3:]], axis=1)
        blank = (table[:, 28:32] == b" ").all(axis=1)
        batch = np.zeros(len(lines), np.int64)
        if not blank.all():
            batch[~blank] = _fast_integers(table[~blank, 28:32])
        split = (table[:, 19] == b".") & np.char.isdigit(table[:, 20])
        beyond = blank & (table[:, 32:] != b" ").any(axis=1)
        if split.any() or beyond.any():
            raise ValueError
    except ValueError:
        for number, line in enumerate(lines, first):
            _explain(source, number, line)
        raise ValueError(f"{source}: expected columns 3I4,2F8,I4; {_COLUMNS_HINT}") from None
    for i, line in enumerate(lines[:_COMPARED]):
        _compare(source, first + i, line, values[i])
    return hkl, values, batch


def _fast_integers(chars: np.ndarray) -> np.ndarray:
    text = np.ascontiguousarray(chars).view(f"S{chars.shape[1]}").reshape(-1)
    if np.isin(chars, [b"_", b"\t"]).any():
        raise ValueError
    return text.astype(np.int64)


def _fast_numbers(chars: np.ndarray) -> np.ndarray:
    if not np.isin(chars, [bytes([code]) for code in b"+-.0123456789 eE"]).all():
        raise ValueError
    text = np.ascontiguousarray(chars).view(f"S{chars.shape[1]}").reshape(-1)
    values = text.astype(np.float64)
    implied = ~np.isin(chars, [b".", b"e", b"E"]).any(axis=1)
    return np.where(implied, values / 100, values)


def _explain(source: str, number: int, line: str) -> None:
    """Say what is wrong with a line, if something is."""
    where = f"{source}:{number}"
    for start, end, name in _FIELDS:
        text = line[start:end].strip()
        value = parse_integer(text) if end <= 12 else parse_number(text)
        if value is None or not np.isfinite(value):
            kind = "an integer" if end <= 12 else "a number"
            raise ValueError(
                f"{where}: expected {kind} for {name} in columns {start + 1}-{end}, got "
                f"{line[start:end]!r}{_separated(line)}"
            )
    batch = line[28:32].strip()
    if (batch and parse_integer(batch) is None) or (not batch and line[32:40].strip()):
        raise ValueError(
            f"{where}: expected columns 29-32 blank or an integer (3I4,2F8,I4), got "
            f"{line[28:40]!r}, as in files with wider fields; {_COLUMNS_HINT}"
        )
    if line[19:20] == "." and line[20:21].isdigit():
        _refuse_split(where, line)


def _separated(line: str) -> str:
    words = line.split()
    whole = len(words) >= 5 and all(parse_integer(word) is not None for word in words[:3])
    if whole and all(parse_number(word) is not None for word in words[3:5]):
        return f"; {_COLUMNS_HINT}"
    return ""


def _compare(source: str, number: int, line: str, values: np.ndarray) -> None:
    """Refuse a line whose separated columns are numbers other than its fixed ones."""
    words = line.split()
    if len(words) < 5 or any(parse_integer(word) is None for word in words[:3]):
        return
    free = [parse_number(word) if "." in word else None for word in words[3:5]]
    if None not in free and not np.array_equal(np.array(free, float), values):
        _refuse_split(f"{source}:{number}", line)


def _refuse_split(where: str, line: str) -> NoReturn:
    raise ValueError(
        f"{where}: expected I in columns 13-20 and sigma in 21-28 (3I4,2F8), which split numbers "
        f"of this line: {line[:40].rstrip()!r}; {_COLUMNS_HINT}"
    )


def _overlapped(values: np.ndarray, batch: np.ndarray) -> np.ndarray:
    """Rows that share their intensity with the next or previous one (HKLF 5), (n,).

    There a negative number says that the next row, of another domain, adds to the same intensity;
    in HKLF 4 it marks the free set.
    """
    joined = np.zeros(len(batch), bool)
    negative = np.flatnonzero(batch[:-1] < 0) if len(batch) else np.zeros(0, int)
    same = (values[negative] == values[negative + 1]).all(axis=1)
    other = np.abs(batch[negative]) != np.abs(batch[negative + 1])
    pairs = negative[same & other]
    if len(pairs) * 2 > (batch < 0).sum():
        joined[pairs] = joined[pairs + 1] = True
    return joined


def _one_domain(
    source: str, batch: np.ndarray, overlapped: np.ndarray, domain: int | None, stated: bool
) -> np.ndarray | None:
    domains = sorted(set(np.abs(batch).tolist()))
    if domain is None:
        if len(domains) == 1:
            return None
        shown = ", ".join(map(str, domains[:6]))
        raise ValueError(
            f"{source}: expected one crystal, got HKLF 5: reflections of domains {shown} "
            f"({int(overlapped.sum())} rows overlap); choose one with domain={domains[0]} "
            "(`--domain`), or detwin the data to HKLF 4"
        )
    keep = np.abs(batch) == domain
    if not keep.any():
        raise ValueError(f"{source}: domain: expected one of {domains}, got {domain}")
    return keep


def _reindexed(hkl: np.ndarray, matrix: np.ndarray, path: str) -> np.ndarray:
    moved = hkl @ matrix.T
    if np.abs(moved - np.rint(moved)).max(initial=0) > 0.02:
        raise ValueError(f"{path}: HKLF: expected a matrix that makes integers, got {matrix}")
    return np.rint(moved).astype(np.int64)
