"""Archives of arrays: what is wrong with one is said with its name, before memory is asked for."""

import gzip
import io
import json
import zipfile

import numpy as np
import pytest

from jaxtal._core import Held, gunzip, read_container, write_container
from jaxtal.grids import Grid
from jaxtal.io import read_descriptions, read_phases_npz

HELD = {
    "rows": Held("i", ("n", 3)),
    "weight": Held("f", ("n",)),
    "label": Held("U"),
    "extra": Held("b", None, optional=True),
}
ARRAYS = {
    "rows": np.arange(6).reshape(2, 3),
    "weight": np.ones(2),
    "label": np.array("a"),
    "format": np.array("test"),
    "format_version": np.array(1),
}


def packed(values):
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.asarray(values))
    return stream.getvalue()


def written(path, arrays, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as container:
        for name, values in arrays.items():
            data = values if isinstance(values, bytes) else packed(values)
            container.writestr(f"{name}.npy", data)
    return path


def read(path, **kwargs):
    return read_container(path, "test", 1, HELD, "a test", **kwargs)


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "a.npz"
    arrays = {"rows": np.array([[1, 2, 3]], np.uint8), "weight": [0.5], "label": "text"}
    write_container(path, "test", 1, arrays)
    found = read(path)
    assert found["rows"].dtype == np.int64
    np.testing.assert_array_equal(found["rows"], [[1, 2, 3]])
    assert str(found["label"]) == "text"
    turned = {**ARRAYS, "rows": np.asfortranarray(ARRAYS["rows"]).astype(">i4"), "other": [1]}
    np.testing.assert_array_equal(read(written(path, turned))["rows"], ARRAYS["rows"])
    assert "other" not in read(path)
    assert "other" in read(path, others=True)


HEADER = np.lib.format.header_data_from_array_1_0(np.zeros(1))


def claiming(shape, data=b"\0" * 16):
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {**HEADER, "shape": shape})
    return stream.getvalue() + data


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rows": None}, "it has no rows"),
        ({"rows": np.ones((2, 3))}, "rows: expected integers, got float64"),
        ({"rows": np.ones((2, 2), int)}, r"rows: expected shape \(n, 3\), got \(2, 2\)"),
        ({"rows": np.ones(3, int)}, r"rows: expected shape \(n, 3\), got \(3,\)"),
        ({"weight": np.ones(5)}, r"weight: expected shape \(n\) with n = 2, got \(5,\)"),
        ({"rows": np.full((2, 3), 2**64 - 1, np.uint64)}, "expected integers of 64 bits"),
        ({"label": np.array(b"x")}, "label: expected text"),
        ({"label": np.full(1, 2**31, np.uint32).view("U1").reshape(())}, "no Unicode"),
        ({"format": np.array("other")}, "it calls itself 'other', not 'test'"),
        ({"format_version": np.array(2)}, "expected version 1 or older, got 2"),
        ({"format_version": np.array("x")}, "it has no version"),
        ({"weight": np.array([1.0, None], object)}, "weight holds object"),
        ({"weight": np.zeros(2, [("a", "f8")])}, "weight holds"),
        ({"weight": claiming((10**9, 10**6))}, "weight of shape .* got 16"),
        ({"weight": claiming((-2,))}, "weight of shape"),
        ({"weight": claiming((3,))}, "needs 24 bytes, got 16"),
        ({"weight": b"no array"}, "expected a test"),
        ({"weight": b"\x93NUMPY\x09\x00"}, "array of version"),
    ],
)
def test_other_arrays_are_refused_with_the_name_of_the_file(tmp_path, change, message):
    arrays = {key: value for key, value in (ARRAYS | change).items() if value is not None}
    path = written(tmp_path / "one.npz", arrays)
    with pytest.raises(ValueError, match=message) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}: expected a test: ")
    assert "pickle" not in str(caught.value)


def test_more_than_a_hundred_times_the_file_is_not_unpacked(tmp_path):
    arrays = ARRAYS | {"zeros": np.zeros(1 << 22)}
    path = written(tmp_path / "a.npz", arrays, zipfile.ZIP_DEFLATED)
    with pytest.raises(ValueError, match=r"it would unpack to 335\d+ bytes, more than 16777216"):
        read(path)
    bomb = gzip.compress(bytes(1 << 26) + b"1")
    with pytest.raises(ValueError, match="unpack to more than 67108864"):
        gunzip(bomb)


def test_an_entry_that_is_longer_than_it_says(tmp_path):
    path = written(tmp_path / "a.npz", ARRAYS, zipfile.ZIP_DEFLATED)
    data = bytearray(path.read_bytes())
    # The size of the first entry, in its own header and in the list at the end.
    with zipfile.ZipFile(path) as container:
        size = container.infolist()[0].file_size.to_bytes(4, "little")
    while (at := data.find(size)) >= 0:
        data[at : at + 4] = (40).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"a\.npz: expected a test"):
        read(path)


READERS = {"grid": Grid.load, "descriptions": read_descriptions, "phases": read_phases_npz}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    "data", [b"", b"PK\x03\x04", b"PK\x05\x06" + bytes(18), b"\x93NUMPY", b"x"]
)
def test_every_reader_refuses_what_is_no_container(tmp_path, reader, data):
    path = tmp_path / "file.npz"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"file\.npz: expected an? "):
        READERS[reader](path)


def test_damage_inside_a_compressed_entry_is_told(tmp_path):
    path = tmp_path / "grid.npz"
    grid = Grid(np.arange(400).reshape(2, 200), [3] * 30 + [1] * 170)
    write_container(
        path,
        "jaxtal-grid",
        1,
        {"characters": grid.characters, "moduli": np.array(grid.moduli), "origin": grid.origin},
    )
    assert Grid.load(path).moduli == grid.moduli
    data = bytearray(path.read_bytes())
    for at in range(60, 120):
        data[at] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"grid\.npz: expected a grid"):
        Grid.load(path)
    write_container(path, "jaxtal-phases", 1, {})
    with pytest.raises(ValueError, match="calls itself 'jaxtal-phases', not 'jaxtal-grid'"):
        Grid.load(path)


def test_grids_from_before_formats_had_names(tmp_path):
    path = tmp_path / "old.npz"
    np.savez(path, characters=np.eye(2, dtype=int), moduli=np.array([3, 4]), origin=np.zeros(2))
    assert Grid.load(path).moduli == (3, 4)
    np.savez(
        path, characters=np.eye(2, dtype=int), moduli=np.array([2**40] * 2), origin=np.zeros(2)
    )
    with pytest.raises(ValueError, match=r"old\.npz: .* fewer than 2\^62 points"):
        Grid.load(path)


def test_a_specification_that_is_none(tmp_path):
    arrays = {
        "names": np.array(["a"]),
        "complete": np.array([True]),
        "version": np.array("0"),
        "rdf": np.zeros((1, 2)),
    }
    for text in ("[" * 5000, "[]", json.dumps({"specification": "Descriptor", "n_max": "x"}), ""):
        path = written(tmp_path / "d.npz", {**arrays, "specification": np.array(text)})
        with pytest.raises(ValueError, match=r"d\.npz: expected an \.npz of `jaxtal describe`"):
            read_descriptions(path)
