"""Stars: order, kinds and phases, against the definition, against PSCF, and for every group."""

import csv

import numpy as np
import pytest
from naive_stars import stars as naive_stars
from pscf_cases import NAMES, matrix_of, reference, text_of

from jaxtal.fields import Mesh, Stars
from jaxtal.symmetry import SpaceGroup, pscf_group

CUBIC = np.eye(3) * 3.5
HEXAGONAL = np.array([[1.3, 0, 0], [-0.65, 0.65 * np.sqrt(3), 0], [0, 0, 1.4]])
SMALL = [
    ("P -1", 1, (8,), np.array([[1.3]])),
    ("p 2 g g", 2, (6, 8), np.diag([1.1, 1.37])),
    ("p 3", 2, (6, 6), HEXAGONAL[:2, :2]),
    ("P 31 2 1", 3, (6, 6, 6), HEXAGONAL),
    ("P 61", 3, (4, 4, 6), HEXAGONAL),
    ("R -3 c:H", 3, (6, 6, 6), HEXAGONAL),
    ("I 41 3 2", 3, (8, 8, 8), CUBIC),
    ("F d -3 m:1", 3, (8, 8, 8), CUBIC),
    ("P 1", 3, (3, 4, 5), np.array([[1.0, 0.0, 0.0], [0.9, 0.5, 0.0], [-0.7, 0.3, 0.4]])),
]


@pytest.mark.parametrize(("name", "dimension", "sizes", "matrix"), SMALL)
class TestDefinition:
    @pytest.fixture
    def stars(self, name, dimension, sizes, matrix):
        return Stars.build(Mesh(sizes), matrix, SpaceGroup.find(name, dimension=dimension))

    def test_members_cancellation_and_phases(self, stars):
        mesh = stars.mesh
        minimal = np.empty_like(stars.waves)
        minimal[stars.rank] = stars.waves
        found = naive_stars(mesh, stars.matrix, stars.group, minimal)
        assert len(found) == stars.n_stars
        for _, phases, cancelled in found:
            places = stars.wave_of_rank[list(phases)]
            (star,) = {*stars.star[places].tolist()}
            assert stars.sizes[star] == len(phases)
            assert stars.cancelled[star] == cancelled
            c = stars.coefficients[places]
            if cancelled:
                assert (c == 0).all()
                continue
            # Only a factor is left: all ratios are those of the exact phases.
            turns = np.array([float(p) for p in phases.values()])
            np.testing.assert_allclose(
                c / c[0], np.exp(2j * np.pi * (turns - turns[0])), atol=4e-15
            )
            np.testing.assert_allclose(np.abs(c), 1 / np.sqrt(len(phases)), rtol=1e-14)

    def test_order(self, stars):
        B = 2 * np.pi * np.linalg.inv(stars.matrix).T
        squared = np.square(stars.waves @ B).sum(axis=1)
        assert (np.diff(squared) > -1e-8).all()
        np.testing.assert_allclose(stars.squared()[stars.star], squared, rtol=1e-12)
        assert (np.diff(stars.star) >= 0).all()
        assert (stars.star[stars.begin] == np.arange(stars.n_stars)).all()
        for begin, size in zip(stars.begin, stars.sizes, strict=True):
            listed = [tuple(w) for w in stars.waves[begin : begin + size].tolist()]
            assert listed == sorted(listed, reverse=True)
        assert (np.sort(stars.rank) == np.arange(stars.n_waves)).all()
        assert (stars.mesh.ranks(stars.waves) == stars.rank).all()

    def test_closed_and_open(self, stars):
        inverse = stars.wave_of_rank[stars.mesh.ranks(-stars.waves)]
        c, flag = stars.coefficients, stars.flag[stars.star]
        shift = stars.star[inverse] - stars.star
        assert (shift == flag).all()
        np.testing.assert_array_equal(c[inverse], c.conj())
        first = c[stars.begin[~stars.cancelled]]
        flags = stars.flag[~stars.cancelled]
        assert (first[flags == 1].real > 0).all()
        assert (first[flags == 1].imag == 0).all()
        closed = first[flags == 0]
        assert ((closed.real > 0) | ((closed.real == 0) & (closed.imag < 0))).all()
        if stars.group.is_centrosymmetric:
            assert (stars.flag == 0).all()
        named = stars.wave_of_rank[stars.mesh.ranks(stars.characteristic)]
        assert (stars.star[named] == np.arange(stars.n_stars)).all()
        second = np.flatnonzero(stars.flag < 0)
        assert (named[second] == inverse[named[second - 1]]).all()

    def test_orbits_are_those_of_phasing(self, stars):
        orbits = stars.orbits
        present = ~stars.cancelled[stars.orbit_star]
        assert (
            orbits.multiplicity[present]
            == (stars.sizes * np.where(stars.flag, 2, 1))[stars.orbit_star][present]
        ).all()
        assert (orbits.real[present] == (stars.flag == 0)[stars.orbit_star][present]).all()
        assert len(orbits.all_indices) == (~stars.cancelled[stars.star]).sum()


def test_published_counts():
    expected = [
        ("I a -3 d", 32, (969, 357, 0)),
        ("I 41 3 2", 36, (2010, 987, 344)),
        ("F d -3 m:2", 32, (969, 249, 0)),
        ("I m -3 m", 24, (455, 231, 0)),
    ]
    for name, n, counts in expected:
        stars = Stars.build(Mesh((n, n, n)), CUBIC, name)
        assert (stars.n_stars, stars.n_basis, stars.n_open_pairs) == counts
    plane = Stars.build(Mesh((24, 24)), HEXAGONAL[:2, :2], "p 6 m m")
    assert plane.n_basis == 61
    assert Stars.build(Mesh((40,)), np.eye(1), "P -1").n_basis == 21
    screw = Stars.build(Mesh((18, 18, 18)), HEXAGONAL, "P 31 2 1")
    assert (screw.n_stars, screw.n_basis, screw.n_open_pairs) == (1008, 990, 416)


def test_the_first_star_of_the_gyroid():
    stars = Stars.build(Mesh((32, 32, 32)), CUBIC, "I a -3 d")
    star = stars.basis_star[1]
    begin = stars.begin[star]
    assert stars.characteristic[star].tolist() == [2, 1, 1]
    assert stars.sizes[star] == 24
    signs = np.sign(np.real(stars.coefficients[begin : begin + 6]))
    assert stars.waves[begin : begin + 6].tolist() == [
        [2, 1, 1], [2, 1, -1], [2, -1, 1], [2, -1, -1], [1, 2, 1], [1, 2, -1]
    ]  # fmt: skip
    assert signs.tolist() == [1, -1, 1, -1, 1, 1]


def test_exact_phases_keep_the_stars_of_r_3_c():
    """Phases in floating point cancel good stars here: 56 functions instead of 57, and an abort."""
    matrix = np.array([[1.1, 0, 0], [-0.55, 0.55 * np.sqrt(3), 0], [0, 0, 1.73]])
    mesh = Mesh((12, 12, 12))
    assert Stars.build(mesh, matrix, "R -3 c:H").n_basis == 57
    assert Stars.build(mesh, matrix, "R 3 c:H").n_basis == 100


@pytest.mark.slow
def test_every_group_of_pscf(data_dir):
    with (data_dir / "fields/all_groups.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 280
    for row in rows:
        dimension = int(row["D"])
        group = pscf_group(row["group"], dimension)
        mesh = Mesh([int(n) for n in row["mesh"].split()])
        stars = Stars.build(mesh, matrix_of(row["cell"].split(), dimension), group)
        assert stars.n_basis == int(row["nBasis_exact"]), row["group"]
        if row["agrees"] == "yes":
            found = (group.order, stars.n_waves, int((~stars.cancelled[stars.star]).sum()))
            found += (stars.n_stars, int(stars.cancelled.sum()), stars.n_open_pairs)
            names = ("ops", "nWave", "nBasisWave", "nStar", "nCancel", "nOpenPairs")
            assert found == tuple(int(row[name]) for name in names), row["group"]


@pytest.mark.parametrize("case", NAMES)
def test_tables_of_pscf(case, data_dir):
    """All waves and stars, cancelled ones too: indices, order, flags; coefficients to 16 digits."""

    def lines(file):
        return text_of(reference(data_dir, case, file)).splitlines()

    header = lines("w.rf")[:20]
    value = {line.strip(): header[i + 1].split() for i, line in enumerate(header[:-1])}
    dimension = int(value["dim"][0])
    mesh = Mesh([int(n) for n in (value.get("mesh") or value["ngrid"])])
    matrix = matrix_of(value["crystal_system"] + value["cell_param"], dimension)
    group = pscf_group(value["group_name"][0], dimension)
    stars = Stars.build(mesh, matrix, group)

    expected = np.loadtxt(lines("stars_all.txt"), dtype=int, ndmin=2)
    ends = stars.begin + stars.sizes
    columns = (np.arange(stars.n_stars), stars.basis_id, stars.sizes, stars.begin, ends)
    columns += (stars.flag, stars.cancelled)
    found = np.concatenate([np.stack(columns, axis=1), stars.characteristic], axis=1)
    np.testing.assert_array_equal(found, expected)

    expected = np.loadtxt(lines("waves_all.txt"), ndmin=2)
    indices = np.concatenate([mesh.indices()[stars.rank], stars.waves], axis=1)
    columns = (stars.star, stars.cancelled[stars.star], ~mesh.stored(stars.waves))
    table = np.concatenate([indices, np.stack(columns, axis=1)], axis=1)
    np.testing.assert_array_equal(expected[:, 1 : 1 + table.shape[1]], table)
    c = expected[:, -2] + 1j * expected[:, -1]
    np.testing.assert_allclose(stars.coefficients, c, rtol=0, atol=2e-15)


def test_equal_stars_are_equal():
    mesh, group = Mesh((8, 8, 8)), SpaceGroup.find("I m -3 m")
    first, again = Stars.build(mesh, CUBIC, group), Stars.build(mesh, 2 * CUBIC, "I m -3 m")
    assert first == again
    assert hash(first) == hash(again)
    assert first != Stars.build(mesh, CUBIC, "P m -3 m")


@pytest.mark.parametrize(
    ("sizes", "matrix", "group", "message"),
    [
        ((8, 8, 8), HEXAGONAL, "I m -3 m", "does not fit space group"),
        ((8, 8, 9), CUBIC, "I m -3 m", "would do"),
        ((8, 8), np.eye(2), "I m -3 m", "plane group|I m -3 m"),
        ((8, 8, 8), np.eye(2), "I m -3 m", r"\(3, 3\)"),
        ((8, 8, 8), CUBIC, "I m -3 x", "symbol"),
    ],
)
def test_bad_input(sizes, matrix, group, message):
    with pytest.raises(ValueError, match=message):
        Stars.build(Mesh(sizes), matrix, group)
