"""MTZ files of CCP4, parsed by gemmi."""

import math
import os
import re
from typing import Any

import gemmi
import numpy as np

from ...lattice import check_cell
from ...reflections import Dropped, ReflectionTable
from ...symmetry import SpaceGroup
from ._instructions import ELECTRON_WAVELENGTH
from ._measured import measured_table

#: Records that hold counts, by four letters, and how many counts.
_COUNTS = {b"NCOL": 3, b"NDIF": 1, b"SYMI": 2}


def read_mtz(path: str | os.PathLike[str]) -> ReflectionTable:
    """Read an MTZ file: intensities (type J), pairs I(+), I(-) (type K), or amplitudes (type F).

    Unmerged files keep the indices that were measured. Rows without a value are counted.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: no MTZ file, or neither intensities nor amplitudes in it.
    """
    source = os.fspath(path)
    if not os.path.isfile(path):
        raise FileNotFoundError(f"{source}: no such file")
    with open(path, "rb") as file:
        _check_header(source, file.read())
    try:
        mtz = gemmi.read_mtz_file(source)
        if any(column.type == "Y" for column in mtz.columns):
            mtz.switch_to_original_hkl()
        hkl = np.array(mtz.make_miller_array(), np.int64).reshape(-1, 3)
        columns = list(mtz.columns)
        labels, kinds = [one.label for one in columns], [one.type for one in columns]
    except (RuntimeError, ValueError, OSError) as error:
        raise ValueError(f"{source}: expected an MTZ file, got {error}") from error
    found: dict[str, list[int]] = {}
    for i, column in enumerate(kinds):
        found.setdefault(column, []).append(i)
    kind = next((kind for kind in "JKFG" if kind in found), None)
    if kind is None:
        names = ", ".join(f"{label} ({one})" for label, one in zip(labels, kinds, strict=True))
        raise ValueError(f"{source}: expected intensities or amplitudes, got columns {names}")
    # Of anomalous pairs both, the second with the opposite indices.
    pair = found[kind][: 2 if kind in "KG" else 1]
    indices, values, sigmas = [], [], []
    for n, i in enumerate(pair):
        indices.append(-hkl if n else hkl)
        values.append(np.array(columns[i], np.float64))
        if i + 1 < len(columns) and kinds[i + 1] in "QLM":
            sigmas.append(np.array(columns[i + 1], np.float64))
    sigma = np.concatenate(sigmas) if len(sigmas) == len(pair) else None
    indices, values = np.concatenate(indices), np.concatenate(values)
    known = np.isfinite(values) & (True if sigma is None else np.isfinite(sigma))
    missing = int((~known).sum())
    if not known.any():
        raise ValueError(f"{source}: expected measured values in {labels[pair[0]]}")
    dropped = (Dropped.of("no value", rows=missing),) if missing else ()
    return measured_table(
        indices[known],
        values[known],
        None if sigma is None else sigma[known],
        amplitude=kind in "FG",
        dropped=dropped,
        notes=(f"column {' and '.join(labels[i] for i in pair)}",),
        source=source,
        **_stated(mtz, source),
    )


def _check_header(source: str, data: bytes) -> None:
    """Refuse counts that the file has no room for: gemmi asks for as much memory.

    The second word tells where the records of 80 characters begin, in words from 1.
    """
    if data[:4] != b"MTZ " or len(data) < 80:
        raise ValueError(f"{source}: expected an MTZ file, got one that begins with {data[:4]!r}")
    starts = [int(np.frombuffer(data, f"{order}i4", 1, 4)[0]) for order in "<>"]
    starts += (
        np.frombuffer(data, "<i8", 1, 12).tolist() + np.frombuffer(data, ">i8", 1, 12).tolist()
    )
    for start in starts:
        records = data[4 * (start - 1) :] if 1 <= start <= len(data) // 4 else b""
        if re.match(rb"[A-Z]{3,6}\b", records):
            break
    else:
        raise ValueError(f"{source}: expected an MTZ file, got no records at its end: is it cut?")
    found = False
    for at in range(0, len(records), 80):
        key, *words = records[at : at + 80].split() or [b""]
        key = key[:4].upper()
        if key not in _COUNTS:
            continue
        counts = [int(word) for word in words[: _COUNTS[key]] if re.fullmatch(rb"\d{1,18}", word)]
        size = 4 * math.prod(counts[:2]) if key == b"NCOL" else max(counts, default=0)
        if len(counts) < _COUNTS[key] or max(size, *counts) > len(data):
            raise ValueError(
                f"{source}: {key.decode()}: expected counts that fit a file of {len(data)} bytes, "
                f"got {b' '.join(words[:3]).decode('latin-1')}"
            )
        found = found or key == b"NCOL"
    if not found:
        raise ValueError(f"{source}: expected an MTZ file, got no record NCOL")


def _stated(mtz: gemmi.Mtz, source: str) -> dict[str, Any]:
    stated: dict[str, Any] = {}
    try:
        stated["cell"] = check_cell(np.array(mtz.get_cell().parameters))
        if mtz.spacegroup is not None:
            stated["group"] = SpaceGroup.find(mtz.spacegroup.xhm())
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from error
    waves = [one.wavelength for one in mtz.datasets if one.wavelength > 0]
    if waves:
        stated["wavelength"] = float(waves[-1])
        stated["radiation"] = "electron" if waves[-1] < ELECTRON_WAVELENGTH else "xray"
    return stated
