"""Several cells as one, and fields in more dimensions: PSCF's files, lattice types, refusals."""

import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from naive_series import series
from pscf_cases import cell_of, text_of

from jaxtal.fields import Mesh, PeriodicField, Waves
from jaxtal.fields._tiling import expand, replicate
from jaxtal.lattice import BravaisLattice


def read(path: pathlib.Path) -> PeriodicField:
    """A .rf file by hand: the reader has its own tests."""
    if not path.exists():
        path = path.with_suffix(".rf.gz")
    lines = [line.strip() for line in text_of(path).splitlines()]
    at = {word: lines.index(word) for word in ("crystal_system", "cell_param", "mesh")}
    sizes = [int(n) for n in lines[at["mesh"] + 1].split()]
    rows = np.array([line.split() for line in lines[at["mesh"] + 2 :] if line], float)
    fields = [np.reshape(column, sizes, order="F") for column in rows.T]
    words = [lines[at["crystal_system"] + 1], *lines[at["cell_param"] + 1].split()]
    return PeriodicField.from_arrays(np.array(fields), *cell_of(words, len(sizes)))


def assert_same(found, expected):
    assert found.bravais == expected.bravais
    np.testing.assert_allclose(found.parameters, expected.parameters, rtol=1e-9)
    scale = np.abs(expected.values).max()
    np.testing.assert_allclose(found.values, expected.values, atol=1e-12 * scale)
    assert found.group is None


@pytest.mark.parametrize(
    ("case", "counts"), [("lam_P-1", (3,)), ("hex_p6mm", (2, 2)), ("o70_Fddd_2", (2, 1, 1))]
)
def test_replicated_cells_against_pscf(x64, data_dir, case, counts):
    folder = data_dir / "fields" / case
    assert_same(read(folder / "w.rf").replicate(counts), read(folder / "rep.rf"))


@pytest.mark.parametrize(
    ("case", "dimension", "sizes"), [("lam_P-1", 2, (12,)), ("hex_p6mm", 3, (6,))]
)
def test_expanded_fields_against_pscf(x64, data_dir, case, dimension, sizes):
    folder = data_dir / "fields" / case
    expected = read(folder / f"exp{dimension}.rf")
    assert_same(read(folder / "w.rf").expand(dimension, sizes), expected)


@pytest.mark.parametrize(
    ("name", "cell", "counts", "new", "expected"),
    [
        ("lamellar", [2], (3,), "lamellar", [6]),
        ("square", [2], (3, 3), "square", [6]),
        ("square", [2], (3, 1), "rectangular", [6, 2]),
        ("rectangular", [2, 5], (2, 1), "rectangular", [4, 5]),
        ("rhombic", [2, 70], (2, 2), "rhombic", [4, 70]),
        ("rhombic", [2, 70], (1, 2), "oblique", [2, 4, 70]),
        ("oblique", [2, 3, 70], (2, 3), "oblique", [4, 9, 70]),
        ("hexagonal", [2], (2, 2), "hexagonal", [4]),
        ("cubic", [2], (2, 2, 2), "cubic", [4]),
        ("cubic", [2], (2, 2, 1), "tetragonal", [4, 2]),
        ("cubic", [2], (1, 2, 2), "orthorhombic", [2, 4, 4]),
        ("tetragonal", [2, 3], (2, 2, 1), "tetragonal", [4, 3]),
        ("tetragonal", [2, 3], (2, 1, 1), "orthorhombic", [4, 2, 3]),
        ("orthorhombic", [2, 3, 4], (1, 2, 3), "orthorhombic", [2, 6, 12]),
        ("hexagonal", [2, 3], (2, 2, 3), "hexagonal", [4, 9]),
        ("rhombohedral", [2, 70], (2, 2, 2), "rhombohedral", [4, 70]),
        ("monoclinic", [2, 3, 4, 100], (1, 2, 3), "monoclinic", [2, 6, 12, 100]),
        ("triclinic", [2, 3, 4, 20, 10, 80], (1, 2, 3), "triclinic", [2, 6, 12, 20, 10, 80]),
    ],
)
def test_every_lattice_type_replicated(x64, name, cell, counts, new, expected):
    bravais = BravaisLattice.find(name, len(counts))
    sizes = (2, 3, 4)[: len(counts)]
    values = jnp.arange(float(np.prod(sizes))).reshape(sizes)
    tiled, found, parameters = replicate(values, bravais, jnp.array(cell, float), counts)
    assert found.name == new
    np.testing.assert_array_equal(parameters, expected)
    # The new vectors are multiples of the old ones.
    old = bravais.host_matrix(cell) * np.array(counts)[:, None]
    np.testing.assert_allclose(found.host_matrix(np.asarray(parameters)), old, atol=1e-14)
    assert tiled.shape == tuple(n * c for n, c in zip(sizes, counts, strict=True))
    last = tuple(n - 1 for n in sizes)
    for node in (np.zeros(len(sizes), int), np.array(sizes), np.array(tiled.shape) - 1):
        inside = tuple(np.minimum(node, np.array(tiled.shape) - 1))
        assert tiled[inside] == values[tuple(i % n for i, n in zip(inside, sizes, strict=True))]
    assert tiled[tuple(np.array(tiled.shape) - 1)] == values[last]


@pytest.mark.parametrize(
    ("name", "cell", "sizes", "new_sizes", "new", "expected"),
    [
        ("lamellar", [2], (4,), (4,), "square", [2]),
        ("lamellar", [2], (4,), (6,), "rectangular", [2, 3]),
        ("lamellar", [2], (4,), (4, 4), "cubic", [2]),
        ("lamellar", [2], (4,), (4, 8), "tetragonal", [2, 4]),
        ("lamellar", [2], (4,), (8, 8), "orthorhombic", [2, 4, 4]),
        ("lamellar", [2], (4,), (8, 4), "orthorhombic", [2, 4, 2]),
        ("square", [2], (4, 4), (4,), "cubic", [2]),
        ("square", [2], (4, 4), (2,), "tetragonal", [2, 1]),
        ("rectangular", [2, 3], (4, 6), (4,), "orthorhombic", [2, 3, 2]),
        ("hexagonal", [2], (4, 4), (2,), "hexagonal", [2, 1]),
        ("rhombic", [2, 70], (4, 4), (2,), "triclinic", [2, 2, 1, 90, 0, 70]),
        ("oblique", [2, 3, 70], (4, 6), (2,), "triclinic", [2, 3, 1, 90, 0, 70]),
    ],
)
def test_every_lattice_type_expanded(x64, name, cell, sizes, new_sizes, new, expected):
    bravais = BravaisLattice.find(name, len(sizes))
    values = jnp.arange(float(np.prod(sizes))).reshape(sizes)
    D = len(sizes) + len(new_sizes)
    wide, found, parameters = expand(values, bravais, jnp.array(cell, float), D, new_sizes)
    assert found.name == new
    np.testing.assert_array_equal(parameters, expected)
    matrix = found.host_matrix(np.asarray(parameters))
    d = len(sizes)
    np.testing.assert_allclose(matrix[:d, :d], bravais.host_matrix(cell), atol=1e-14)
    np.testing.assert_allclose(matrix[:d, d:], 0.0, atol=1e-14)
    assert wide.shape == (*sizes, *new_sizes)
    np.testing.assert_array_equal(wide[(..., *(0 for _ in new_sizes))], values)
    np.testing.assert_array_equal(wide[(..., *(-1 for _ in new_sizes))], values)


def test_replicas_are_the_same_function_and_differentiable(x64, rng):
    bravais = BravaisLattice.find("hexagonal", 2)
    values, cell = jnp.asarray(rng.normal(size=(5, 5))), jnp.array([1.3])
    tiled, found, _ = replicate(values, bravais, cell, (2, 2))
    x = rng.random((4, 2))
    small = Waves.build(Mesh((5, 5)), bravais.host_matrix([1.3]))
    large = Waves.build(Mesh((10, 10)), found.host_matrix([2.6]))
    np.testing.assert_allclose(series(tiled, x / 2, large), series(values, x, small), atol=1e-12)
    slope = jax.grad(lambda p: replicate(values, bravais, p, (3, 3))[2].sum())(cell)
    np.testing.assert_array_equal(slope, [3.0])
    slope = jax.grad(lambda p: expand(values, bravais, p, 3, (10,))[2].sum())(cell)
    np.testing.assert_array_equal(slope, [3.0])


def test_refusals():
    def field(name, cell, sizes):
        return PeriodicField.from_arrays(np.ones((1, *sizes)), name, cell)

    flat, deep = field("hexagonal", [2], (4, 4)), field("hexagonal", [2, 3], (4, 4, 4))
    for hexagonal, counts in ((flat, (1, 2)), (deep, (2, 1, 1))):
        with pytest.raises(ValueError, match="hexagonal cell needs equal"):
            hexagonal.replicate(counts)
    with pytest.raises(ValueError, match="rhombohedral cell needs equal"):
        field("rhombohedral", [2, 70], (4, 4, 4)).replicate((2, 2, 1))
    for counts in ((2,), (0, 1), (2, 2, 2)):
        with pytest.raises(ValueError, match="counts: expected 2 positive integers"):
            flat.replicate(counts)
    with pytest.raises(ValueError, match="dimension: expected more than 2"):
        flat.expand(2, ())
    with pytest.raises(ValueError, match="dimension: expected more than 2"):
        flat.expand(4, (2, 2))
    with pytest.raises(ValueError, match="sizes: expected 1 positive integers"):
        flat.expand(3, (2, 2))
    with pytest.raises(ValueError, match="expected one field in 3 dimensions"):
        replicate(jnp.ones((4, 4)), deep.bravais, deep.parameters, (1, 1, 1))
