"""Reflections in a CIF: three indices and any number of satellite indices, or SHELX text in it."""

import math
import os
import re
from typing import Any

import numpy as np

from ...lattice import check_cell
from ...reflections import Dropped, ReflectionTable
from ..cif._document import read_blocks
from ..cif._symmetry import read_cell, read_group
from ..cif._values import CifBlock, CifError
from ._instructions import ELECTRON_WAVELENGTH, Instructions, read_instructions
from ._measured import measured_table
from ._shelx import parse_hkl

#: Prefixes of the lists, merged data before raw ones.
_LISTS = ("_refln", "_diffrn_refln")
#: (value, sigmas, is it |F|) in order of preference.
_VALUES = (
    ("_f_squared_meas", ("_f_squared_sigma", "_f_squared_meas_su"), False),
    ("_intensity_meas", ("_intensity_sigma", "_intensity_meas_su"), False),
    ("_intensity_net", ("_intensity_u", "_intensity_sigma", "_intensity_net_su"), False),
    ("_f_meas", ("_f_sigma", "_f_meas_sigma", "_f_meas_su"), True),
    ("_f_meas_au", ("_f_meas_sigma_au", "_f_meas_au_su"), True),
)
#: Status of a row; x: unreliable, not to be used. Whether a row is weak, extinct or beyond the
#: limits of a refinement does not make it another measurement.
_STATUS = ("_include_status", "_observed_status", "_status")
_REJECTED = "x"
_FREE = "f"
#: Text of SHELX inside a CIF: reflections, and the instructions beside them.
_HKL_TEXT = ("_shelx_hkl_file", "_iucr_refine_reflections_details", "_refln_shelx_hkl_file")
_RES_TEXT = ("_shelx_res_file", "_iucr_refine_instructions_details", "_shelx_ins_file")
_SATELLITE = re.compile(r"m_([1-9])")
_BRACKETED = re.compile(
    r"[+-]?(?:\d+\.?(\d*)|\.(\d+))(?:[eE]([+-]?\d+))?\((\d*\.?\d+)\)(?:[eE]([+-]?\d+))?"
)


def read_reflection_cif(path: str | os.PathLike[str], block: str | None = None) -> ReflectionTable:
    """Read measured reflections from a CIF, with h, k, l and satellite indices m1, m2, ...

    The list with measured values counts, not one with calculated ones beside it; of several kinds
    of values the first of F_squared_meas, intensity_meas, intensity_net, F_meas, with its
    uncertainty (a column of its own, or in brackets). Where there is no list, the text of
    `_shelx_hkl_file` or `_iucr_refine_reflections_details` is read as SHELX. Rows without a
    measured value (`?` or `.`) and rows with status x are left out and counted.

    Args:
        path: the file (.cif, .fcf, .hkl in CIF form, .sf), possibly gzipped.
        block: name of the data block, default the first with measured reflections.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: not a CIF, no reflections, an index that is unknown or no integer, something
            that is no number; the message names file, line, block, row and tag.

    References:
        International Tables for Crystallography G (2005), section 3.2.3; the dictionary for
        modulated structures, section 3.4.
    """
    data = open_reflection_block(path, block)
    stated = _stated(data)
    for prefix in _LISTS:
        if _indexed(data, prefix) and _values(data, prefix):
            return _list(data, prefix, stated)
    for tag in _HKL_TEXT:
        if text := _text(data, tag):
            return _embedded(data, tag, text, stated)
    prefix = next(p for p in _LISTS if _indexed(data, p))
    names = ", ".join(f"{prefix}{name}" for name, _, _ in _VALUES)
    raise data.error(f"{prefix}_index_h", f"expected measured values among {names}, got none")


def _list(data: CifBlock, prefix: str, stated: dict[str, Any]) -> ReflectionTable:
    tags = _index_tags(data, prefix)
    columns = [data.texts(tag)[1] for tag in tags]
    chosen = _values(data, prefix)
    assert chosen is not None
    tag, sigma_tag, is_amplitude = chosen
    values = data.texts(tag)[1]
    sigmas = data.texts(sigma_tag)[1] if sigma_tag else None
    status_tag = next((prefix + name for name in _STATUS if prefix + name in data), None)
    status = data.texts(status_tag)[1] if status_tag else None
    for name, column in (
        *zip(tags, columns, strict=True),
        (tag, values),
        (sigma_tag, sigmas),
        (status_tag, status),
    ):
        if column is not None and len(column) != len(columns[0]):
            raise data.error(str(name), f"expected {len(columns[0])} rows, got {len(column)}")
    known = [i for i, value in enumerate(values) if value is not None]
    if not known:
        raise data.error(tag, "expected measured reflections, got unknown values only")
    pairs = list(zip(tags, columns, strict=True))
    indices = np.array([[_integer(data, t, column[i], i) for t, column in pairs] for i in known])
    measured = np.array([_number(data, tag, values[i], i) for i in known])
    sigma = None
    if sigmas is not None and sigma_tag:
        sigma = np.array([_number(data, sigma_tag, sigmas[i], i) for i in known])
    else:
        bracketed = [_uncertainty(values[i]) for i in known]
        if all(one is not None for one in bracketed):
            sigma = np.array(bracketed, float)
    dropped = []
    if len(known) < len(values):
        dropped.append(Dropped.of("no value (? or .)", rows=len(values) - len(known)))
    marks = [(status[i] or "").lower() if status else "" for i in known]
    bad = np.array([mark == _REJECTED for mark in marks])
    if bad.any():
        spread = None if sigma is None else sigma[bad]
        dropped.append(Dropped.of("status x (unreliable)", measured[bad], spread))
        if bad.all():
            raise data.error(str(status_tag), "expected measurements, got rows of status x only")
    free = np.array([mark == _FREE for mark in marks])
    keep = ~bad
    return measured_table(
        indices[keep],
        measured[keep],
        None if sigma is None else sigma[keep],
        amplitude=is_amplitude,
        batch=free[keep].astype(np.int64) if free.any() else None,
        dropped=tuple(dropped),
        source=f"{data.path}: data_{data.name}",
        **stated,
    )


def _embedded(data: CifBlock, tag: str, text: str, stated: dict[str, Any]) -> ReflectionTable:
    lines = text.replace("\r", "").strip("\n").split("\n")
    # A semicolon that began a line would have ended the text: it was written as a bracket.
    lines = [f";{line[1:]}" if line.startswith(")") else line for line in lines]
    source = f"{data.path}: data_{data.name}: {tag}"
    told = Instructions(source)
    for other in _RES_TEXT:
        if beside := _text(data, other):
            where = f"{data.path}: data_{data.name}: {other}"
            told = read_instructions(beside.replace("\r", "").split("\n"), where, tolerant=True)
            break
    table = parse_hkl(lines, source, instructions=told)
    return table.stating(**stated)


def _text(data: CifBlock, tag: str) -> str | None:
    """Return a long text as it stands: blanks at its ends mean something."""
    if tag not in data or not data.text(tag):
        return None
    return data.raw_text(tag)


def open_reflection_block(path: str | os.PathLike[str], block: str | None) -> CifBlock:
    """The block of a name, or the first one, with measured reflections.

    Raises:
        FileNotFoundError: there is no such file.
        CifError: not a CIF, or no such block.
    """
    blocks = read_blocks(path)
    listed = [one for one in blocks if _measured(one)]
    listed = listed or [b for b in blocks if any(_indexed(b, prefix) for prefix in _LISTS)]
    if block is not None:
        wished = block.lower().removeprefix("data_")
        listed = [one for one in listed if one.name.lower() == wished]
    if not listed:
        wanted = "a block" if block is None else f"a block {block!r}"
        names = ", ".join(one.name for one in blocks[:10]) or "none"
        raise CifError(
            f"{os.fspath(path)}: expected {wanted} with reflections (_refln_index_h or "
            f"_shelx_hkl_file); the blocks are {names}"
        )
    return listed[0]


def _measured(data: CifBlock) -> bool:
    lists = any(_indexed(data, p) and _values(data, p) is not None for p in _LISTS)
    return lists or any(_text(data, tag) for tag in _HKL_TEXT)


def _indexed(data: CifBlock, prefix: str) -> bool:
    return all(f"{prefix}_index_{letter}" in data for letter in "hkl")


def _index_tags(data: CifBlock, prefix: str) -> list[str]:
    """Tags of all indices.

    Raises:
        CifError: an index that is none of h, k, l, m_1, m_2, ...: without it satellites would
            pass for main reflections.
    """
    tags = [f"{prefix}_index_{letter}" for letter in "hkl"]
    start = f"{prefix}_index_"
    names = [tag.removeprefix(start) for tag in data.tags() if tag.startswith(start)]
    others = sorted(name for name in names if name not in ("h", "k", "l"))
    for number, name in enumerate(others, 1):
        match = _SATELLITE.fullmatch(name)
        if match is None or int(match[1]) != number:
            raise data.error(
                start + name, "expected indices h, k, l, m_1, m_2, ..., got one of unknown meaning"
            )
        tags.append(start + name)
    return tags


def _values(data: CifBlock, prefix: str) -> tuple[str, str | None, bool] | None:
    """Tags of the values and of their uncertainties, and whether they are amplitudes."""
    for name, uncertainties, is_amplitude in _VALUES:
        tag = f"{prefix}{name}"
        if tag in data and any(data.texts(tag)[1]):
            present = [
                prefix + one
                for one in uncertainties
                if prefix + one in data and any(data.texts(prefix + one)[1])
            ]
            return tag, (present[0] if present else None), is_amplitude
    return None


def _stated(data: CifBlock) -> dict[str, Any]:
    """Cell, group, wavelength, radiation and contents, as far as the block says them."""
    stated: dict[str, Any] = {}
    lengths = [f"_cell_length_{letter}" for letter in "abc"]
    if all(data.text(tag) for tag in lengths):
        cell = read_cell(data)
        stated["cell"] = check_cell(cell)
        stated["group"] = read_group(data, cell)
    waves = data.texts("_diffrn_radiation_wavelength", "_diffrn_radiation_wavelength_wavelength")
    if text := next((v for v in waves[1] if v), None):
        wavelength = data.number(waves[0], text)
        if wavelength > 0:
            stated["wavelength"] = wavelength
    words = " ".join(
        filter(None, (data.text("_diffrn_radiation_probe"), data.text("_diffrn_radiation_type")))
    ).lower()
    if "neutron" in words:
        stated["radiation"] = "neutron"
    elif "electron" in words or stated.get("wavelength", 1.0) < ELECTRON_WAVELENGTH:
        stated["radiation"] = "electron"
    elif words or "wavelength" in stated:
        stated["radiation"] = "xray"
    if formula := data.text("_chemical_formula_sum"):
        stated["composition"] = " ".join(formula.split())
    if z := data.text("_cell_formula_units_z"):
        stated["z"] = data.number("_cell_formula_units_z", z)
    return {key: value for key, value in stated.items() if value is not None}


def _number(data: CifBlock, tag: str, text: str | None, row: int) -> float:
    return data.number(tag, text, f"row {row + 1}")


def _integer(data: CifBlock, tag: str, text: str | None, row: int) -> int:
    value = _number(data, tag, text, row)
    if value != int(value) or abs(value) >= 2**31:
        raise data.error(tag, f"expected an integer index, got {text!r}", f"row {row + 1}")
    return int(value)


def _uncertainty(text: str | None) -> float | None:
    """The standard uncertainty in brackets, in units of the last digit: 1.2 of 100.0(12)."""
    match = _BRACKETED.fullmatch(text or "")
    if match is None:
        return None
    digits = match[1] if match[1] is not None else match[2]
    exponent = int(match[3] or match[5] or 0)
    # With a point of its own it is in the unit of the number.
    scale = exponent if "." in match[4] else exponent - len(digits or "")
    value = float(match[4]) * 10.0**scale if abs(scale) < 300 else math.inf
    return value if math.isfinite(value) else None
