"""The 1731 Wyckoff positions: counts, stabilisers, closure, letters; projecting and locating."""

import importlib.util
import itertools
import pathlib
import re

import gemmi
import numpy as np
import pytest
import spglib
from variants import slow_but

from jaxtal.symmetry import SpaceGroup, WyckoffPosition

# spglib 2.7 and 2.8 announce a change of their error handling at every call.
pytestmark = pytest.mark.filterwarnings("ignore:.*OLD_ERROR_HANDLING")

REFERENCE = pathlib.Path(__file__).parents[1] / "reference"
SETTINGS = [entry.xhm() for entry in gemmi.spacegroup_table()]
LETTERS = "abcdefghijklmnopqrstuvwxyzA"
# Orders of the point groups that occur as site symmetries, symbols without dots.
ORDERS = {
    **dict.fromkeys(["1"], 1),
    **dict.fromkeys(["-1", "2", "m"], 2),
    **dict.fromkeys(["3"], 3),
    **dict.fromkeys(["2/m", "222", "mm2", "m2m", "2mm", "4", "-4", "mm"], 4),
    **dict.fromkeys(["-3", "6", "-6", "32", "3m"], 6),
    **dict.fromkeys(["mmm", "4/m", "422", "4mm", "-42m", "-4m2"], 8),
    **dict.fromkeys(["-3m", "6/m", "622", "6mm", "-62m", "-6m2", "23"], 12),
    **dict.fromkeys(["4/mmm"], 16),
    **dict.fromkeys(["6/mmm", "m-3", "432", "-43m"], 24),
    **dict.fromkeys(["m-3m"], 48),
}


def _standard() -> list[SpaceGroup]:
    return [SpaceGroup.from_number(number) for number in range(1, 231)]


def _generic_lattice(group: SpaceGroup, rng: np.random.Generator) -> np.ndarray:
    """A lattice that the group keeps and nothing more, about 9 angstrom."""
    M = 9.0 * (np.diag(rng.uniform(0.8, 1.2, 3)) + rng.uniform(-0.2, 0.2, (3, 3)))
    G = np.mean([W.T @ M @ M.T @ W for W in group.point_rotations], axis=0)
    return np.linalg.cholesky(G)


def _stabiliser(group: SpaceGroup, position: WyckoffPosition) -> np.ndarray:
    """Rotations of the operations that fix the representative pointwise, modulo lattice."""
    R, t, q = position.rotations[0], position.translations[0], position.denominator
    scale = np.lcm(q, group.denominator)
    move = group.rotations @ (t * (scale // q)) - t * (scale // q)
    move = move + group.translations * (scale // group.denominator)
    fixed = (move % scale == 0).all(axis=1) & (group.rotations @ R == R).all(axis=(1, 2))
    return group.rotations[fixed]


def test_there_are_1731_with_consecutive_letters():
    positions = [group.wyckoff_positions for group in _standard()]
    assert sum(map(len, positions)) == 1731
    for group, listed in zip(_standard(), positions, strict=True):
        assert [p.letter for p in listed] == list(LETTERS[: len(listed)])
        assert listed[-1].multiplicity == group.order
        assert listed[-1].n_free == 3
        assert (np.diff([p.multiplicity for p in listed]) >= 0).all()
        assert all(p.rotations.shape == (p.multiplicity, 3, p.n_free) for p in listed)
    assert [p.letter for p in SpaceGroup.find("P m m m").wyckoff_positions][-1] == "A"


@pytest.mark.parametrize("part", slow_but([0], range(4)))
def test_site_symmetry_is_the_stabiliser_in_every_setting(part):
    for name in SETTINGS[part::4]:
        group = SpaceGroup.find(name)
        for position in group.wyckoff_positions:
            stabiliser = _stabiliser(group, position)
            symbol = position.site_symmetry.replace(".", "")
            squeezed = "mmm" if symbol.count("m") == 3 and set(symbol) == {"m"} else symbol
            order = ORDERS.get(squeezed) or ORDERS[symbol.replace("2mm", "mm2")]
            assert len(stabiliser) == order, (name, position)
            assert len(stabiliser) * position.multiplicity == group.order
            # n_free is the dimension of the space that the stabiliser fixes.
            mean = stabiliser.mean(axis=0)
            assert position.n_free == round(np.trace(mean))


def test_orthorhombic_symbols_follow_the_axes():
    seen = 0
    for name in SETTINGS:
        group = SpaceGroup.find(name)
        if group.crystal_system != "orthorhombic":
            continue
        for position in group.wyckoff_positions:
            if position.site_symmetry in ("1", "-1"):
                continue
            rotations = _stabiliser(group, position)
            places = []
            for axis in range(3):
                turn = -np.eye(3, dtype=int)
                turn[axis, axis] = 1
                has = [(rotations == W).all(axis=(1, 2)).any() for W in (turn, -turn)]
                places.append(
                    {(0, 0): ".", (1, 0): "2", (0, 1): "m", (1, 1): "2/m"}[tuple(map(int, has))]
                )
            expected = "".join(places).replace("2/m2/m2/m", "mmm")
            assert position.site_symmetry == expected, (name, position)
            seen += 1
    assert seen > 1000


def test_tetragonal_symbols_follow_the_axes():
    names = [name for name in SETTINGS if SpaceGroup.find(name).crystal_system == "tetragonal"]
    assert any(name.startswith("C") for name in names)
    along_a = [np.diag([1, -1, -1]), np.diag([-1, 1, -1]), np.diag([-1, 1, 1]), np.diag([1, -1, 1])]
    swap = np.array([[0, 1, 0], [1, 0, 0], [0, 0, -1]])
    diagonal = [swap, -swap, swap * [[-1], [-1], [1]], swap * [[1], [1], [-1]]]
    for name in names:
        group = SpaceGroup.find(name)
        for position in group.wyckoff_positions:
            if position.site_symmetry in ("1", "-1"):
                continue
            rest = re.sub(r"^(4/m|-4|4|2/m|2|m|\.)", "", position.site_symmetry)
            rotations = _stabiliser(group, position)
            second, third = (
                any((rotations == W).all(axis=(1, 2)).any() for W in family)
                for family in (along_a, diagonal)
            )
            assert second != rest.startswith("."), (name, position)
            assert third != rest.endswith("."), (name, position)


@pytest.mark.parametrize("part", slow_but([0], range(4)))
def test_orbits_are_distinct_and_closed_in_every_setting(part, rng):
    prime = 10007
    for name in SETTINGS[part::4]:
        group = SpaceGroup.find(name)
        for position in group.wyckoff_positions:
            # Exact: generic free parameters are multiples of 1 / prime.
            scale = prime * int(np.lcm(position.denominator, group.denominator))
            u = rng.integers(1, prime, position.n_free) * (scale // prime)
            start = position.rotations @ u
            start += position.translations * (scale // position.denominator)
            orbit = np.unique(start % scale, axis=0)
            assert len(orbit) == position.multiplicity
            for i in rng.integers(0, group.order, 4):
                shift = group.translations[i] * (scale // group.denominator)
                image = (orbit @ group.rotations[i].T + shift) % scale
                np.testing.assert_array_equal(np.unique(image, axis=0), orbit)


@pytest.mark.slow
def test_letters_and_symbols_are_spglibs(rng):
    # All positions of a group in one structure; two general orbits exclude more symmetry.
    halls = _standard_hall_numbers()
    for group in _standard():
        matrix = _generic_lattice(group, rng)
        general = group.wyckoff_positions[-1]
        frac, species = [], []
        for kind, position in enumerate((*group.wyckoff_positions, general, general)):
            frac.append(position.orbit(rng.uniform(0.05, 0.95, position.n_free)))
            species += [kind] * position.multiplicity
        cell = (matrix, np.concatenate(frac), species)
        data = spglib.get_symmetry_dataset(cell, symprec=1e-4, hall_number=halls[group.number])
        assert data is not None
        assert (data.number, len(data.rotations)) == (group.number, group.order)
        start = 0
        for position in group.wyckoff_positions:
            # spglib may have moved the origin or turned the axes: look where its atom lies.
            x = data.transformation_matrix @ frac[species[start]][0] + data.origin_shift
            found, _ = group.locate(x, 9 * np.eye(3), 1e-4)
            assert found.letter == data.wyckoffs[start], (group, position)
            assert found.site_symmetry == data.site_symmetry_symbols[start], (group, position)
            assert found.multiplicity == position.multiplicity
            start += position.multiplicity


def _standard_hall_numbers() -> dict[int, int]:
    found: dict[int, int] = {}
    for hall_number in range(1, 531):
        kind = spglib.get_spacegroup_type(hall_number)
        # The first setting of each number is the standard one, except for origin choices.
        if kind.number not in found or kind.choice == "2":
            found[kind.number] = hall_number
    return found


@pytest.mark.parametrize("part", slow_but([0], range(4)))
def test_random_parameters_expand_to_structures_with_the_group(part, rng):
    for group in _standard()[part::4]:
        matrix = _generic_lattice(group, rng)
        for position in group.wyckoff_positions:
            frac = position.orbit(rng.uniform(0.03, 0.97, position.n_free))
            data = spglib.get_symmetry_dataset((matrix, frac, [1] * len(frac)), symprec=1e-5)
            assert data is not None
            keys = {
                (W.tobytes(), tuple(np.round(w * 24).astype(int) % 24))
                for W, w in zip(data.rotations.astype(int), data.translations, strict=True)
            }
            shifts = group.translations * (24 // group.denominator)
            mine = {
                (W.astype(int).tobytes(), tuple(w))
                for W, w in zip(group.rotations, shifts.tolist(), strict=True)
            }
            assert mine <= keys, (group, position)
            if len(mine) == len(keys):
                assert data.number == group.number


@pytest.mark.parametrize(
    ("name", "label", "xyz", "symbol"),
    [
        ("F d -3 m :2", "8a", "1/8,1/8,1/8", "-43m"),
        ("F d -3 m :1", "8a", "0,0,0", "-43m"),
        ("F d -3 m :1", "16c", "1/8,1/8,1/8", ".-3m"),
        ("R -3 m", "18h", "x,2x,z", ".m"),
        ("R -3 m :R", "6h", "x,x,z", ".m"),
        ("R -3 m :R", "2c", "x,x,x", "3m"),
        ("P 42/m n m", "4f", "x,x,0", "m.2m"),
        ("P 63/m m c", "2c", "1/3,2/3,1/4", "-6m2"),
        ("P n m a", "4c", "x,1/4,z", ".m."),
        ("P b n m", "4c", "x,y,1/4", "..m"),
        ("P 31 2 1", "3a", "x,0,1/3", ".2."),
        ("P n -3 :1", "4b", "1/4,1/4,1/4", ".-3."),
        ("P 1", "1a", "x,y,z", "1"),
    ],
)
def test_known_positions(name, label, xyz, symbol):
    position = SpaceGroup.find(name).wyckoff(label)
    assert (position.label, position.xyz(), position.site_symmetry) == (label, xyz, symbol)
    assert position == SpaceGroup.find(name).wyckoff(position.letter)
    assert label in repr(position)


def test_unknown_letters_are_refused():
    group = SpaceGroup.find(227)
    for letter in ("j", "4a", "", "A"):
        with pytest.raises(ValueError, match=r"no Wyckoff position.*it has 8a 8b 16c .* 192i"):
            group.wyckoff(letter)
    with pytest.raises(ValueError, match="2 free parameters"):
        group.wyckoff("g").orbit(np.zeros(3))


@pytest.mark.parametrize(
    "name", ["F d -3 m", "R -3 m :H", "R -3 m :R", "P 21/n", "I 41/a m d", "P m m m"]
)
def test_located_points_lie_on_the_position_they_came_from(name, rng):
    group = SpaceGroup.find(name)
    matrix = _generic_lattice(group, rng)
    for position in group.wyckoff_positions:
        u = rng.uniform(0.08, 0.42, position.n_free) + 0.001 * np.arange(position.n_free)
        member = rng.integers(position.multiplicity)
        point = position.orbit(u)[member] + rng.integers(-3, 4, 3)
        step = rng.normal(size=3)
        point = point + 0.004 * step / np.linalg.norm(step) @ np.linalg.inv(matrix)
        found, v = group.locate(point, matrix, 0.01)
        assert found == position
        assert ((v >= 0) & (v < 1)).all()
        difference = found.orbit(v) - point
        difference -= np.round(difference)
        assert np.linalg.norm(difference @ matrix, axis=1).min() < 0.004 + 1e-9


def test_the_most_special_position_wins_within_the_tolerance():
    group, matrix = SpaceGroup.find("P m -3 m"), 4.0 * np.eye(3)
    near = np.array([0.01, 0.012, -0.009])
    assert group.locate(near, matrix, 0.1)[0].label == "1a"
    assert group.locate(near, matrix, 0.01)[0].label == "8g"
    assert group.locate(near, matrix, 0.001)[0].label == "48n"
    on_axis = np.array([0.0, 0.73, 1.0])
    position, u = group.locate(on_axis, matrix, 0.001)
    assert (position.label, position.n_free) == ("6e", 1)
    np.testing.assert_allclose(min(u[0], 1 - u[0]), 0.27)


@pytest.mark.parametrize("name", ["I 41/a m d", "R -3 m", "P 21/c", "F d -3 m"])
def test_projection_is_the_nearest_point(name, rng):
    group = SpaceGroup.find(name)
    # A skewed lattice (not the group's): the metric must count, not the fractional coordinates.
    matrix = np.array([[3.0, 0.4, 0.0], [1.9, 4.0, 0.3], [-1.1, 1.6, 5.0]])
    cells = np.array(list(itertools.product((-2, -1, 0, 1, 2), repeat=3)))
    for position in group.wyckoff_positions:
        point = rng.uniform(-1, 2, 3)
        u, distance = position.project(point, matrix)
        # A mesh over the free parameters, in cells around, never comes nearer.
        steps = {0: 1, 1: 60, 2: 16, 3: 1}[position.n_free]
        mesh = itertools.product(np.arange(steps) / steps, repeat=position.n_free)
        if position.n_free == 3:
            assert distance < 1e-9
            mesh = [tuple(u)]
        for v in [tuple(u), *mesh]:
            delta = position.orbit(np.array(v)) - point % 1.0
            images = (delta[:, None, :] + cells) @ matrix
            shortest = np.linalg.norm(images, axis=-1).min()
            assert shortest >= distance - 1e-9
            if v == tuple(u):
                np.testing.assert_allclose(shortest, distance, atol=1e-9)


def test_bad_points_are_refused():
    group = SpaceGroup.find("P 21/c")
    point = np.array([0.1, 0.2, 0.3])
    with pytest.raises(ValueError, match="tolerance"):
        group.locate(point, np.eye(3), 0.0)
    with pytest.raises(ValueError, match="finite"):
        group.locate(point * np.nan, np.eye(3))
    with pytest.raises(ValueError, match="rank 3"):
        group.locate(point, np.ones((3, 3)))


def _script(name: str):
    spec = importlib.util.spec_from_file_location(name, REFERENCE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("number", [1, 14, 47, 70, 122, 167, 194, 220])
def test_the_generator_writes_the_table(number):
    script = _script("generate_wyckoff")
    expected = re.findall(rf"^{number} .*$", script.OUTPUT.read_text(), flags=re.MULTILINE)
    assert script.lines(number, script.standard_hall_numbers()[number]) == expected


@pytest.mark.slow
def test_the_generators_write_the_whole_tables(tmp_path, monkeypatch):
    for name in ("generate_wyckoff", "generate_settings"):
        script = _script(name)
        expected = script.OUTPUT.read_text()
        monkeypatch.setattr(script, "OUTPUT", tmp_path / name)
        script.main()
        assert (tmp_path / name).read_text() == expected
