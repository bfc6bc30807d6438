"""Space groups: names, settings, closure, lattices."""

import pickle

import gemmi
import numpy as np
import pytest
import spglib

from jaxtal.symmetry import BasisChange, SpaceGroup, SymOp
from jaxtal.symmetry._closure import is_closed

# spglib 2.7 and 2.8 announce a change of their error handling at every call.
pytestmark = pytest.mark.filterwarnings("ignore:.*OLD_ERROR_HANDLING")

SETTINGS = [entry.xhm() for entry in gemmi.spacegroup_table()]
TWO_ORIGINS = [48, 50, 59, 68, 70, 85, 86, 88, 125, 126, 129, 130, 133, 134, 137, 138, 141, 142]
TWO_ORIGINS += [201, 203, 222, 224, 227, 228]


def _plane_group_p4m() -> list[SymOp]:
    return [SymOp([[0, -1], [1, 0]]), SymOp([[-1, 0], [0, 1]])]


@pytest.mark.slow
def test_every_setting_is_a_group_with_gemmis_operations():
    assert len(SETTINGS) == 564
    for name in SETTINGS:
        group, peer = SpaceGroup.from_name(name), gemmi.SpaceGroup(name)
        assert (group.hm, group.number) == (name, peer.number)
        assert {op.to_xyz() for op in group.operations} == {
            SymOp.from_xyz(op.triplet()).to_xyz() for op in peer.operations()
        }
        assert group.operations[0] == SymOp.identity()
        assert group.is_centrosymmetric == peer.is_centrosymmetric()
        assert group.crystal_system == peer.crystal_system_str()
        assert is_closed(list(group.operations))
        assert group.order == len(group.centering) * len(group.point_rotations)


def test_operations_agree_with_spglib():
    by_hall = {entry.hall: entry.xhm() for entry in gemmi.spacegroup_table()}
    for hall_number in range(1, 531):
        peer = spglib.get_symmetry_from_database(hall_number)
        kind = spglib.get_spacegroup_type(hall_number)
        assert peer is not None
        assert kind is not None
        group = SpaceGroup.find(by_hall[kind.hall_symbol])
        shifts = np.round(peer["translations"] * 24).astype(int) % 24
        expected = {
            SymOp(W, w, 24)
            for W, w in zip(peer["rotations"].tolist(), shifts.tolist(), strict=True)
        }
        assert set(group.operations) == expected


@pytest.mark.slow
def test_every_setting_maps_exactly_to_the_standard_one():
    for name in SETTINGS:
        group = SpaceGroup.from_name(name)
        standard = SpaceGroup.from_number(group.number)
        change, back = group.from_standard, group.to_standard
        assert change is not None
        assert back is not None
        assert change.inverse() == back
        if group == standard:
            assert change.is_identity
        # P, C, I, F cells of one group differ in size; modulo centring the images are the same.
        images = {change.transform(op) for op in standard.operations}
        assert images <= set(group.operations)
        assert {op.rotation for op in images} == {op.rotation for op in group.operations}


def test_numbers_give_the_standard_of_international_tables():
    for number in TWO_ORIGINS:
        assert SpaceGroup.from_number(number).setting == "2"
        # Origin choice 2 is at a centre of inversion.
        inversion = SymOp(-np.eye(3, dtype=int))
        assert inversion in SpaceGroup.from_number(number).operations
        assert SpaceGroup.find(f"{number}:1").setting == "1"
    for number in (146, 148, 155, 160, 161, 166, 167):
        assert SpaceGroup.from_number(number).setting == "H"
        assert SpaceGroup.find(f"{number}:R").is_rhombohedral_axes
    for number in range(3, 16):
        assert SpaceGroup.from_number(number).unique_axis == "b"
    two = {entry.number for entry in gemmi.spacegroup_table() if entry.ext == "2"}
    assert two == set(TWO_ORIGINS)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Fd-3m", "F d -3 m:2"),
        ("F d -3 m", "F d -3 m:2"),
        ("F d -3 m :1", "F d -3 m:1"),
        ("F d -3 m:2", "F d -3 m:2"),
        ("fd-3m", "F d -3 m:2"),
        ("Fd-3mS", "F d -3 m:1"),
        ("Fd-3mZ", "F d -3 m:2"),
        ("F 41/d -3 2/m", "F d -3 m:2"),
        ("F 4_1/d -3 2/m : 1", "F d -3 m:1"),
        ("Oh^7", "F d -3 m:2"),
        ("227", "F d -3 m:2"),
        ("227:1", "F d -3 m:1"),
        ("R-3m", "R -3 m:H"),
        ("R -3 m :R", "R -3 m:R"),
        ("R-3mR", "R -3 m:R"),
        ("P 1 21/c 1", "P 1 21/c 1"),
        ("P21/c", "P 1 21/c 1"),
        ("P 21/c", "P 1 21/c 1"),
        ("P2_1/c", "P 1 21/c 1"),
        ("P21/n", "P 1 21/n 1"),
        ("P 1 1 21/b", "P 1 1 21/b"),
        ("14:c2", "P 1 1 21/n"),
        ("Pbnm", "P b n m"),
        ("P6_3/mmc", "P 63/m m c"),
        ("I41/amd", "I 41/a m d:2"),
        ("Cmce", "C m c a"),
        ("P 6/m 2/m 2/m", "P 6/m m m"),
    ],
)
def test_names_are_understood_in_many_spellings(name, expected):
    assert SpaceGroup.from_name(name).hm == expected
    assert SpaceGroup.find(name) is SpaceGroup.find(SpaceGroup.find(name))


@pytest.mark.parametrize("number", [0, 231, -1, True])
def test_unknown_numbers_are_refused(number):
    with pytest.raises(ValueError, match="1 to 230"):
        SpaceGroup.find(number)


def test_unknown_names_are_refused_with_close_matches():
    with pytest.raises(ValueError, match=r"'Fd-3q'.*F d -3 m:2"):
        SpaceGroup.find("Fd-3q")
    for name in ("", "hello", "P 21/q", "227:7", "R -3 m :X"):
        with pytest.raises(ValueError, match=r"expected|no setting"):
            SpaceGroup.find(name)
    with pytest.raises(ValueError, match="Hall symbol"):
        SpaceGroup.from_hall("P 99")


def test_hall_symbols():
    for entry in gemmi.spacegroup_table():
        assert set(SpaceGroup.from_hall(entry.hall).operations) == set(
            SpaceGroup.from_name(entry.xhm()).operations
        )
    shifted = SpaceGroup.find("-P 2ybc (1 0 0)")
    assert (shifted.number, shifted.hm, shifted.hall) == (14, None, "-P 2ybc (1 0 0)")
    assert shifted.from_standard is not None


@pytest.mark.parametrize(
    "name", ["P 1", "P 21/n", "F d -3 m :1", "R -3 m :R", "I 41/a m d", "Pbnm"]
)
def test_operations_identify_the_setting(name, rng):
    group = SpaceGroup.find(name)
    shuffled = [group.operations[i].to_xyz() for i in rng.permutation(group.order)]
    found = SpaceGroup.from_operations(shuffled)
    assert found == group
    assert hash(found) == hash(group)
    assert found.hm == group.hm
    assert found.operations == group.operations


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("P 21/c", "x-y,y,x+z+1/12"),
        ("F d -3 m", "-x+y+z,x-y+z,x+y-z"),  # primitive cell
        ("I a -3 d", "y+z,x+z,x+y"),
        ("P 31 2 1", "x+1/24,y-z,z+1/3"),
        ("P n a 21", "z,-x,y+1/5"),
        ("C m c m", "x/2,y,z"),  # a doubled cell: an extra centring
        ("P -1", "x+2y,y-z,z+1/4"),
    ],
)
def test_untabulated_settings_are_identified_and_mapped(name, change):
    standard = SpaceGroup.find(name)
    basis = BasisChange.from_xyz(change)
    lattice = [SymOp(np.eye(3, dtype=int), column) for column in zip(*basis.fractions, strict=True)]
    operations = [basis.transform(op) for op in standard.operations]
    group = SpaceGroup.from_generators([*operations, *lattice])
    assert group.number == standard.number
    assert group.from_standard is not None
    labels = [position.letter for position in group.wyckoff_positions]
    assert labels == [position.letter for position in standard.wyckoff_positions]
    ratio = group.order / standard.order
    for mine, theirs in zip(group.wyckoff_positions, standard.wyckoff_positions, strict=True):
        assert mine.multiplicity == ratio * theirs.multiplicity


def test_incomplete_operations_are_refused():
    with pytest.raises(ValueError, match="from_generators"):
        SpaceGroup.from_operations(["x,y,z", "-y,x,z"])
    with pytest.raises(ValueError, match="identity"):
        SpaceGroup.from_operations(["-x,-y,-z"])
    with pytest.raises(ValueError, match="identity"):
        SpaceGroup.from_operations([])
    with pytest.raises(ValueError, match="dimension"):
        SpaceGroup.from_generators([SymOp.identity(2), SymOp.identity(3)])


def test_generators_close_in_three_dimensions():
    group = SpaceGroup.from_generators(["-x,-y,-z", "x,-y,z+1/2"])
    assert (group.number, group.hm) == (13, "P 1 2/c 1")
    diamond = ["x,y+1/2,z+1/2", "x+1/2,y,z+1/2", "-x+3/4,-y+1/4,z+1/2", "z,x,y"]
    diamond += ["y+3/4,x+1/4,-z+1/2", "-x,-y,-z"]
    assert SpaceGroup.from_generators(diamond) == SpaceGroup.find(227)


def test_generators_close_in_other_dimensions():
    p4m = SpaceGroup.from_generators(_plane_group_p4m())
    assert (p4m.order, p4m.dimension, p4m.number) == (8, 2, 11)
    assert (p4m.hm, p4m.crystal_system) == ("p 4 m m", "square")
    with pytest.raises(ValueError, match="Wyckoff positions need"):
        _ = p4m.wyckoff_positions
    # The icosahedral group on six axes: a fivefold and a threefold rotation of the six diagonals.
    five = np.zeros((6, 6), dtype=int)
    five[[0, 2, 3, 4, 5, 1], [0, 1, 2, 3, 4, 5]] = 1
    inversion = -np.eye(6, dtype=int)
    dihedral = SpaceGroup.from_generators([SymOp(five), SymOp(inversion)])
    assert dihedral.order == 10
    signed = [
        SymOp(np.roll(np.eye(4, dtype=int), 1, axis=0)),
        SymOp(np.eye(4, dtype=int)[[1, 0, 2, 3]]),
    ]
    signed.append(SymOp(np.diag([-1, 1, 1, 1])))
    hyperoctahedral = SpaceGroup.from_generators(signed)
    assert hyperoctahedral.order == 384
    assert len(hyperoctahedral.laue_rotations) == 384
    with pytest.raises(ValueError, match="Wyckoff positions need"):
        _ = hyperoctahedral.wyckoff_positions


@pytest.mark.parametrize("rotation", [[[1, 1], [0, 1]], [[2, 1], [1, 1]]])
def test_infinite_groups_are_refused(rotation):
    with pytest.raises(ValueError, match="finite group"):
        SpaceGroup.from_generators([SymOp(rotation)])
    with pytest.raises(ValueError, match="at most 4"):
        SpaceGroup.from_generators(_plane_group_p4m(), max_order=4)


def test_laue_rotations_and_centring():
    group = SpaceGroup.find("F -4 3 m")
    assert len(group.point_rotations) == 24
    assert len(group.laue_rotations) == 48
    assert not group.is_centrosymmetric
    halves = group.centering / group.denominator
    assert sorted(halves.tolist()) == [[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]
    assert not group.rotations.flags.writeable


@pytest.mark.parametrize(
    ("name", "axis"), [("P 1 21/c 1", "b"), ("P 1 1 2/m", "c"), ("C m 1 1", "a"), ("P n m a", None)]
)
def test_unique_axis(name, axis):
    assert SpaceGroup.find(name).unique_axis == axis


def test_groups_are_values():
    group = SpaceGroup.find("P 21/c")
    assert group != SpaceGroup.find("P 21/n")
    assert len({group, SpaceGroup.find(14), SpaceGroup.find("-P 2ybc")}) == 1
    assert pickle.loads(pickle.dumps(group)) == group
    assert "P 1 21/c 1" in repr(group)


def test_lattices_are_checked():
    cubic = SpaceGroup.find("P m -3 m")
    cubic.check_matrix(4.0 * np.eye(3))
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    cubic.check_matrix(4.0 * turn)
    with pytest.raises(ValueError, match=r"SymOp\(.*changes its metric by 5.06e-02"):
        cubic.check_matrix(np.diag([4.0, 4.0, 4.1]))
    cubic.check_matrix(np.diag([4.0, 4.0, 4.1]), tol=0.06)
    hexagonal = np.array([[3.0, 0, 0], [-1.5, 1.5 * 3**0.5, 0], [0, 0, 7.0]])
    SpaceGroup.find("P 63/m m c").check_matrix(hexagonal)
    SpaceGroup.find("R -3 m").check_matrix(hexagonal)
    with pytest.raises(ValueError, match="does not fit"):
        SpaceGroup.find("R -3 m :R").check_matrix(hexagonal)
    for bad in (np.zeros((3, 3)), np.full((3, 3), np.nan), np.eye(2), np.ones((3, 3))):
        with pytest.raises(ValueError, match="expected"):
            cubic.check_matrix(bad)
