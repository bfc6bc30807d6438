"""Reflections in a CIF: three indices and any number of satellite indices."""

import os

import numpy as np

from ...reflections import ReflectionTable
from ..cif._document import read_blocks
from ..cif._values import CifBlock, CifError

#: Prefixes of the lists, merged data before raw ones.
_LISTS = ("_refln", "_diffrn_refln")
#: (value, sigma, is it |F|) in order of preference.
_VALUES = (
    ("_F_squared_meas", ("_F_squared_sigma",), False),
    ("_intensity_meas", ("_intensity_sigma",), False),
    ("_intensity_net", ("_intensity_u", "_intensity_sigma"), False),
    ("_F_meas", ("_F_sigma", "_F_meas_sigma"), True),
    ("_F_meas_au", ("_F_meas_sigma_au",), True),
)


def read_reflection_cif(path: str | os.PathLike[str], block: str | None = None) -> ReflectionTable:
    """Read measured reflections from a CIF, with h, k, l and satellite indices m1, m2, ...

    Of several kinds of values the first of F_squared_meas, intensity_meas, intensity_net, F_meas is
    taken, with its uncertainty. Rows without a measured value (`?` or `.`) are skipped and counted.

    Args:
        path: the file (.cif, .fcf, .hkl in CIF form, .sf), possibly gzipped.
        block: name of the data block, default the first with reflections.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: not a CIF, no reflections, an index that is no integer, something that is no
            number; the message names file, line, block, row and tag.

    References:
        International Tables for Crystallography G (2005), section 3.2.3; the dictionary for
        modulated structures, section 3.4.
    """
    data = open_reflection_block(path, block)
    prefix = next(p for p in _LISTS if _indexed(data, p))
    tags = [f"{prefix}_index_{letter}" for letter in "hkl"]
    while f"{prefix}_index_m_{len(tags) - 2}" in data:
        tags.append(f"{prefix}_index_m_{len(tags) - 2}")
    columns = [data.texts(tag)[1] for tag in tags]
    chosen = _values(data, prefix)
    if chosen is None:
        names = ", ".join(f"{prefix}{name}" for name, _, _ in _VALUES)
        raise data.error(tags[0], f"expected measured values among {names}, got none")
    tag, sigma_tag, is_amplitude = chosen
    values = data.texts(tag)[1]
    sigmas = data.texts(sigma_tag)[1] if sigma_tag else None
    for name, column in zip([*tags, tag], [*columns, values], strict=True):
        if len(column) != len(columns[0]):
            raise data.error(name, f"expected {len(columns[0])} rows, got {len(column)}")
    rows = [i for i, value in enumerate(values) if value is not None]
    if not rows:
        raise data.error(tag, "expected measured reflections, got unknown values only")
    pairs = list(zip(tags, columns, strict=True))
    indices = np.array([[_integer(data, t, column[i], i) for t, column in pairs] for i in rows])
    measured = np.array([_number(data, tag, values[i], i) for i in rows])
    sigma = None
    if sigmas is not None and sigma_tag:
        sigma = np.array([_number(data, sigma_tag, sigmas[i], i) for i in rows])
    return ReflectionTable(
        indices=indices,
        intensity=None if is_amplitude else measured,
        amplitude=measured if is_amplitude else None,
        sigma=sigma,
        skipped=len(values) - len(rows),
        source=f"{os.fspath(path)}: data_{data.name}",
    )


def open_reflection_block(path: str | os.PathLike[str], block: str | None) -> CifBlock:
    """The block of a name, or the first one, that holds reflections.

    Raises:
        FileNotFoundError: there is no such file.
        CifError: not a CIF, or no such block.
    """
    blocks = read_blocks(path)
    listed = [one for one in blocks if any(_indexed(one, prefix) for prefix in _LISTS)]
    if block is not None:
        listed = [one for one in listed if one.name.lower() == block.lower()]
    if not listed:
        wanted = "a block" if block is None else f"a block {block!r}"
        names = ", ".join(one.name for one in blocks) or "none"
        raise CifError(
            f"{os.fspath(path)}: expected {wanted} with reflections (_refln_index_h); the blocks "
            f"are {names}"
        )
    return listed[0]


def _indexed(data: CifBlock, prefix: str) -> bool:
    return all(f"{prefix}_index_{letter}" in data for letter in "hkl")


def _values(data: CifBlock, prefix: str) -> tuple[str, str | None, bool] | None:
    """Tags of the values and of their uncertainties, and whether they are amplitudes."""
    for name, uncertainties, is_amplitude in _VALUES:
        tag = f"{prefix}{name}".lower()
        if tag in data and any(data.texts(tag)[1]):
            found = [f"{prefix}{one}".lower() for one in uncertainties]
            present = [one for one in found if one in data and any(data.texts(one)[1])]
            return tag, (present[0] if present else None), is_amplitude
    return None


def _number(data: CifBlock, tag: str, text: str | None, row: int) -> float:
    return data.number(tag, text, f"row {row + 1}")


def _integer(data: CifBlock, tag: str, text: str | None, row: int) -> int:
    value = _number(data, tag, text, row)
    if value != int(value):
        raise data.error(tag, f"expected an integer index, got {text!r}", f"row {row + 1}")
    return int(value)
