"""CCP4 and MRC maps: what the header may say, byte by byte."""

import itertools

import gemmi
import numpy as np
import pytest

from jaxtal.io import read_ccp4, read_field, write_ccp4
from jaxtal.symmetry import SpaceGroup

CELL = (6.0, 7.0, 8.0, 80.0, 95.0, 102.0)
SIZES = (4, 6, 10)


def record(
    values,
    *,
    order="<",
    mode=2,
    axes=(1, 2, 3),
    starts=(0, 0, 0),
    sampling=None,
    cell=CELL,
    number=1,
    symmetry=(),
):
    """A map of values along a, b, c as MRC2014 lays it out; starts along a, b, c."""
    values = np.asarray(values)
    sampling = values.shape if sampling is None else sampling
    turned = [axis - 1 for axis in axes]
    stored = values.transpose(turned[::-1])  # sections, rows, columns
    records = b"".join(text.encode().ljust(80) for text in symmetry)
    header = np.zeros(256, f"{order}i4")
    header[0:3] = stored.shape[::-1]
    header[3] = mode
    header[4:7] = [starts[axis] for axis in turned]
    header[7:10] = sampling
    header[10:16] = np.array(cell, f"{order}f4").view(f"{order}i4")
    header[16:19] = axes
    header[22], header[23] = number, len(records)
    data = bytearray(header.tobytes())
    data[208:212] = b"MAP "
    data[212:216] = b"\x44\x44\0\0" if order == "<" else b"\x11\x11\0\0"
    dtype = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}[mode]
    return bytes(data) + records + stored.astype(f"{order}{dtype}").tobytes()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.map"


@pytest.fixture
def values(rng):
    return np.rint(rng.uniform(0, 100, SIZES)).astype(np.float32)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("mode", [0, 1, 2, 6, 12])
def test_byte_orders_and_modes(path, values, order, mode):
    path.write_bytes(record(values, order=order, mode=mode))
    found, cell = read_ccp4(path)
    np.testing.assert_array_equal(found, values)
    np.testing.assert_allclose(cell, CELL, rtol=1e-6)
    assert found.dtype == np.float32


@pytest.mark.parametrize("axes", list(itertools.permutations((1, 2, 3))))
def test_axes_and_origins(path, values, axes):
    starts = (3, -2, 11)
    path.write_bytes(
        record(np.roll(values, [-s for s in starts], (0, 1, 2)), axes=axes, starts=starts)
    )
    np.testing.assert_array_equal(read_ccp4(path)[0], values)
    ccp4 = gemmi.read_ccp4_map(str(path))
    ccp4.setup(0.0)
    np.testing.assert_array_equal(np.array(ccp4.grid), values)


def test_what_we_write(path, values):
    write_ccp4(path, values, CELL, SpaceGroup.find("P -1"))
    np.testing.assert_array_equal(read_ccp4(path)[0], values)


@pytest.mark.parametrize("listed", [True, False])
def test_an_asymmetric_part_with_its_symmetry(path, values, listed):
    symmetric = values + np.roll(values[::-1, ::-1, ::-1], 1, (0, 1, 2))
    half = symmetric[:, :, :6]
    texts = ("X,  Y,  Z", "-X, -Y, -Z") if listed else ()
    number = 1 if listed else 2
    path.write_bytes(record(half, sampling=SIZES, symmetry=texts, number=number))
    np.testing.assert_array_equal(read_ccp4(path)[0], symmetric)


def test_a_box_of_equal_copies(path, values):
    box = np.tile(values, (2, 1, 1))
    path.write_bytes(record(box, sampling=SIZES))
    np.testing.assert_array_equal(read_ccp4(path)[0], values)
    box[5, 2, 3] += 7
    path.write_bytes(record(box, sampling=SIZES))
    with pytest.raises(ValueError, match=r"a\.map: expected equal copies of node \[1, 2, 3\]"):
        read_ccp4(path)


def changed(data, word, value, dtype="<i4"):
    """The map with one word of its header replaced, counted from 1."""
    made = bytearray(data)
    made[4 * word - 4 : 4 * word] = np.array([value], dtype).tobytes()
    return bytes(made)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda d: d[:500], "header of 1024 bytes, got a file of 500"),
        (lambda d: b"no map " * 200, "axes 1, 2, 3 in some order"),
        (lambda d: changed(d, 17, 2), "axes 1, 2, 3 in some order"),
        (lambda d: changed(d, 1, -4), r"positive counts \(words 1-3\), got \[-4, 6, 10\]"),
        (lambda d: changed(d, 9, 0), r"positive sampling \(words 8-10\)"),
        (lambda d: changed(d, 2, 2**30), "cut, or another format"),
        (lambda d: d[:-1], "1984 bytes for 4 x 6 x 10 numbers of mode 2 .* got 1983"),
        (lambda d: d + b"\0", "got 1985"),
        (lambda d: changed(d, 24, -80), "symmetry records of at least 0"),
        (lambda d: changed(d, 4, 4), "real numbers, mode 0, 1, 2, 6, 12 .* got mode 4"),
        (lambda d: changed(d, 10, 10**6), "whole cell, got 240 nodes"),
        (lambda d: changed(d, 10, 20), r"part of one: node \[0, 0, 10\] is missing"),
        (lambda d: changed(d, 23, 401), "number of a space group"),
        (lambda d: changed(d, 12, -7.0, "<f4"), "words 11-16"),
        (lambda d: changed(d, 14, np.nan, "<f4"), "words 11-16"),
    ],
)
def test_headers_that_are_refused(path, values, make, message):
    path.write_bytes(make(record(values)))
    with pytest.raises(ValueError, match=message) as error:
        read_ccp4(path)
    assert str(error.value).startswith(str(path))


def test_no_cell_is_no_unit_cube(path, values):
    path.write_bytes(record(values, cell=(0,) * 6))
    with pytest.raises(ValueError, match=r"a\.map: expected the edges of a cell .* got 0 0 0"):
        read_field(path)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_not_finite(path, values, bad):
    values[1, 2, 3] = bad
    path.write_bytes(record(values, axes=(3, 1, 2)))
    with pytest.raises(ValueError, match=r"a\.map: not finite: .* node \[1, 2, 3\], got"):
        read_ccp4(path)


def test_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"b\.map"):
        read_ccp4(tmp_path / "b.map")
