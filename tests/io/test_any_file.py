"""Whatever is in a file: a reader gives a result, or a `ValueError` that names the file.

Examples are made by hypothesis, the same ones in every run; `benchmarks/fuzz.py` tries many more.
"""

import io
import json
import string

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays, scalar_dtypes

from jaxtal.grids import Grid
from jaxtal.io import (
    contents,
    read_cif,
    read_descriptions,
    read_field,
    read_phases_npz,
    read_powder,
    read_pscf_group,
    read_reflection_table,
)
from jaxtal.symmetry import SpaceGroup, SymOp

FEW = settings(
    max_examples=25,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
WORDS = st.sampled_from(
    [
        "0",
        "1",
        "-1",
        "nan",
        "inf",
        "1e308",
        "9223372036854775808",
        "1/0",
        "?",
        "é",
        "\0",
        "'",
        "x,y,z",
    ]
)
TEXT = st.lists(WORDS | st.text(string.printable, max_size=8), max_size=30).map(" ".join)


def listed(path):
    for entry in contents(path):
        entry.load()


READERS = {
    "a.cif": (read_cif, "data_a\n_cell_length_a 5\n_cell_length_b 5\n_cell_length_c 5\n"),
    "b.cif": (read_reflection_table, "data_a\nloop_\n_refln_index_h\n_refln_index_k\n"),
    "a.hkl": (read_reflection_table, "   1   0   0  123.45    1.20\n"),
    "b.hkl": (read_reflection_table, "!FORMAT=XDS_ASCII\n!END_OF_HEADER\n 1 0 0 1 1\n"),
    "a.txt": (read_reflection_table, "h k l I sigma\n1 0 0 5 1\n"),
    "a.csv": (read_reflection_table, "k1, k2, I\n1, 0, 5\n"),
    "a.mtz": (read_reflection_table, "MTZ \x15\0\0\0"),
    "a.json": (listed, '[{"lattice": {"a": 1}, "sites": ['),
    "b.csv": (listed, "id,cif\n1,_cell_length_a\n"),
    "a.xy": (read_powder, "5 1\n6 1\n"),
    "a.rf": (read_field, "format 1 0\ndim\n 1\ncrystal_system\n lamellar\nN_cell_param\n 1\n"),
    "a.bf": (read_field, "format 1 0\ndim\n 2\ncrystal_system\n square\nN_cell_param\n 1\n"),
    "a.ccp4": (read_field, "\x04\0\0\0" * 3 + "\x02\0\0\0"),
    "group": (read_pscf_group, "dim 2\nsize 1\n1 0\n0 1\n"),
}


def refused_by_name(read, path):
    said = path.name
    try:
        read(path)
    except ValueError as error:
        said = str(error)
    assert path.name in said


@pytest.mark.parametrize("name", READERS)
@FEW
@given(data=st.data())
def test_any_text(tmp_path, name, data):
    read, beginning = READERS[name]
    whole = data.draw(st.booleans())
    path = tmp_path / name
    path.write_text((beginning if whole else beginning[:-5]) + data.draw(TEXT), encoding="utf-8")
    refused_by_name(read, path)


@pytest.mark.parametrize("name", READERS)
@FEW
@given(data=st.binary(max_size=200))
def test_any_bytes(tmp_path, name, data):
    path = tmp_path / name
    path.write_bytes(data)
    refused_by_name(READERS[name][0], path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["lattice", "sites", "matrix", "species", "abc", "element", "a", "data"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=8,
)


@FEW
@given(content=JSON, sites=JSON)
def test_any_json(tmp_path, content, sites):
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"lattice": content, "sites": sites}))
    refused_by_name(listed, path)


ARRAYS = arrays(scalar_dtypes(), array_shapes(min_dims=0, max_dims=3, max_side=3))
CONTAINERS = {
    Grid.load: ("characters", "moduli", "origin"),
    read_descriptions: ("names", "complete", "specification", "version", "rdf"),
    read_phases_npz: ("format", "format_version", "k", "f", "rotations", "denominator"),
}


@pytest.mark.parametrize("read", CONTAINERS)
@FEW
@given(data=st.data())
def test_any_arrays(tmp_path, read, data):
    names = CONTAINERS[read]
    held = data.draw(st.dictionaries(st.sampled_from(names), ARRAYS, min_size=len(names) - 1))
    stream = io.BytesIO()
    np.savez(stream, **held)
    path = tmp_path / "a.npz"
    path.write_bytes(stream.getvalue())
    refused_by_name(read, path)


@FEW
@given(
    characters=arrays(np.int64, array_shapes(min_dims=2, max_dims=2, max_side=4)),
    moduli=st.lists(st.integers(1, 2**62), min_size=1, max_size=4),
)
def test_a_grid_that_can_be_made_comes_back(tmp_path, characters, moduli):
    try:
        grid = Grid(characters, moduli)
    except ValueError:
        return
    grid.save(tmp_path / "grid.npz")
    back = Grid.load(tmp_path / "grid.npz")
    assert back.moduli == grid.moduli
    np.testing.assert_array_equal(back.characters, grid.characters)


@FEW
@given(
    rotation=st.lists(st.lists(st.integers(), min_size=2, max_size=2), min_size=2, max_size=2),
    shift=st.lists(st.fractions(), min_size=2, max_size=2),
)
def test_operations_are_exact_or_refused(rotation, shift):
    for matrix in (rotation, [[1, rotation[0][0]], [0, 1]]):
        try:
            op = SymOp(matrix, shift)
            assert SymOp.from_xyz(op.to_xyz()) == op
            SpaceGroup.from_operations([SymOp.identity(2), op])
        except ValueError:
            pass
