"""Line groups, plane groups, and PSCF's names: extended to space, against its table of groups."""

import csv
import pickle

import numpy as np
import pytest

from jaxtal.symmetry import SpaceGroup, SymOp, pscf_group, pscf_name

#: Symbol, number, number of operations, and the space group of the same group times a third axis.
PLANE = [
    ("p 1", 1, 1, 1),
    ("p 2", 2, 2, 3),
    ("p m", 3, 2, 6),
    ("p g", 4, 2, 7),
    ("c m", 5, 4, 8),
    ("p 2 m m", 6, 4, 25),
    ("p 2 m g", 7, 4, 28),
    ("p 2 g g", 8, 4, 32),
    ("c 2 m m", 9, 8, 35),
    ("p 4", 10, 4, 75),
    ("p 4 m m", 11, 8, 99),
    ("p 4 g m", 12, 8, 100),
    ("p 3", 13, 3, 143),
    ("p 3 m 1", 14, 6, 156),
    ("p 3 1 m", 15, 6, 157),
    ("p 6", 16, 6, 168),
    ("p 6 m m", 17, 12, 183),
]
SPELLINGS = {
    "p 6 m m": ["p6mm", "p6m", "P6MM", "p_6_m_m", " p 6mm "],
    "p m": ["pm", "p1m1", "p 1 m 1"],
    "p 2 m g": ["pmg", "p2mg"],
    "p 4 g m": ["p4g"],
    "c 2 m m": ["cmm", "c_2_m_m"],
    "p 2": ["p211"],
}


def extended(group: SpaceGroup) -> SpaceGroup:
    """The group times the identity on further axes, up to three."""
    D, found = group.dimension, []
    for op in group.operations:
        W = np.eye(3, dtype=int)
        W[:D, :D] = op.rotation
        found.append(SymOp(W, [*op.translation, *[0] * (3 - D)], op.denominator))
    return SpaceGroup.from_operations(found)


@pytest.fixture(scope="module")
def table(data_dir):
    with open(data_dir / "fields/all_groups.csv", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(("name", "number", "order", "in_space"), PLANE)
def test_plane_groups_are_those_of_the_tables(name, number, order, in_space):
    group = SpaceGroup.find(name, dimension=2)
    assert (group.hm, group.number, group.order, group.dimension) == (name, number, order, 2)
    assert group == SpaceGroup.find(number, dimension=2)
    assert extended(group).number == in_space
    listed = SpaceGroup.from_operations([op.to_xyz() for op in reversed(group.operations)])
    assert listed == group
    assert (listed.hm, hash(listed)) == (name, hash(group))
    assert pickle.loads(pickle.dumps(group)) == group
    assert SpaceGroup.find(group, dimension=2) is group


def test_settings_of_centred_and_trigonal_groups():
    """c is centred; the mirrors of p m are normal to x; p 3 1 m has y,x and p 3 m 1 has -y,-x."""
    centring = SymOp.from_xyz("x+1/2,y+1/2")
    for name in ("c m", "c 2 m m"):
        assert centring in SpaceGroup.find(name, 2).operations
    assert SymOp.from_xyz("-x,y") in SpaceGroup.find("p m", 2).operations
    assert SymOp.from_xyz("-x,y+1/2") in SpaceGroup.find("p g", 2).operations
    assert SymOp.from_xyz("y,x") in SpaceGroup.find("p 3 1 m", 2).operations
    assert SymOp.from_xyz("-y,-x") in SpaceGroup.find("p 3 m 1", 2).operations


def test_line_groups():
    for name, number, order, in_space in [("P 1", 1, 1, 1), ("P -1", 2, 2, 6)]:
        group = SpaceGroup.find(name, dimension=1)
        assert (group.hm, group.number, group.order, group.dimension) == (name, number, order, 1)
        assert extended(group).number == in_space
        assert group.crystal_system is None
    assert SpaceGroup.from_operations(["x", "-x"]) == SpaceGroup.find("P_-1", 1)


@pytest.mark.parametrize("name", SPELLINGS)
def test_spellings(name):
    for spelling in SPELLINGS[name]:
        assert SpaceGroup.find(spelling, dimension=2).hm == name


def test_what_follows_from_the_dimension():
    """No table of space groups is consulted for a plane group."""
    systems = {SpaceGroup.find(n, 2).crystal_system for n in range(1, 18)}
    assert systems == {"oblique", "rectangular", "square", "hexagonal"}
    group = SpaceGroup.find("p 4 g m", 2)
    assert (group.unique_axis, group.from_standard, group.to_standard) == (None, None, None)
    assert not group.is_rhombohedral_axes
    assert group.is_centrosymmetric
    assert repr(group) == "SpaceGroup('p 4 g m', 2 dimensions, 8 operations)"
    for attempt in (
        lambda: group.wyckoff_positions,
        lambda: group.wyckoff("a"),
        lambda: group.locate(np.zeros(3), np.eye(3)),
    ):
        with pytest.raises(ValueError, match="need one of the 230 space groups"):
            attempt()
    group.check_matrix(np.eye(2))
    with pytest.raises(ValueError, match="the lattice does not fit space group p 4 g m"):
        group.check_matrix(np.diag([1.0, 1.1]))
    # The same symbol without a dimension is a space group, and differs.
    assert SpaceGroup.find("p 4 m m").dimension == 3
    assert SpaceGroup.find("p 4 m m") != SpaceGroup.find("p 4 m m", 2)
    # Another origin is a plane group that no table has.
    moved = SpaceGroup.from_operations(["x,y", "-x+1/2,-y"])
    assert (moved.number, moved.hm, moved.crystal_system) == (None, None, None)


def test_bad_groups_of_a_dimension():
    with pytest.raises(ValueError, match=r"plane group, got 'p 5 m'; known are p 1, .*, p 6 m m"):
        SpaceGroup.find("p 5 m", 2)
    with pytest.raises(ValueError, match="plane-group number from 1 to 17, got 18"):
        SpaceGroup.find(18, 2)
    with pytest.raises(ValueError, match="line-group number from 1 to 2, got 0"):
        SpaceGroup.find(0, 1)
    with pytest.raises(ValueError, match="number or the symbol"):
        SpaceGroup.find(True, 2)
    with pytest.raises(ValueError, match=r"symbol of a line group, got 'F d -3 m'; known are P 1"):
        SpaceGroup.find("F d -3 m", 1)
    with pytest.raises(ValueError, match=r"expected a group in 3 dimensions, got .*icosahedral"):
        SpaceGroup.find("icosahedral P235", 3)
    with pytest.raises(ValueError, match="expected a group in 2 dimensions"):
        SpaceGroup.find(SpaceGroup.find(227), 2)
    assert SpaceGroup.find("icosahedral P235", 6).order == 60


# --- the program's names ---------------------------------------------------------------------


def test_every_name_of_the_program(table):
    """Order, number and denominators of all 280 groups, and the name back from the group."""
    assert len(table) == 280
    for row in table:
        name, D = row["group"], int(row["D"])
        group = SpaceGroup.find(name, dimension=D)
        assert group.order == int(row["ops"]), name
        assert group.number == int(row["IT_number"]), name
        assert group.denominator == int(row["denominator"]), name
        if name == "p_2_g_g":
            continue
        assert pscf_group(name, D) == group
        assert pscf_name(group) == name


def test_the_program_has_another_group_under_the_name_of_p2gg():
    """Its file p_2_g_g has a mirror; the true p 2 g g must not be written under that name."""
    true, named = SpaceGroup.find("p_2_g_g", 2), pscf_group("p_2_g_g", 2)
    assert (true.hm, true.number) == ("p 2 g g", 8)
    assert named == SpaceGroup.find("p 2 m g", 2)
    assert (pscf_name(named), pscf_name(true)) == ("p_2_m_g", None)


def test_groups_without_a_name_and_unknown_names():
    for group in (
        SpaceGroup.find("P 21/n"),
        SpaceGroup.from_hall("P 2c (3 0 0)"),
        SpaceGroup.find("icosahedral P235"),
        SpaceGroup.from_operations(["x,y", "-x+1/2,-y"]),
    ):
        assert pscf_name(group) is None
    for D in (1, 2, 3):
        assert pscf_group("I", D).order == 1
        assert pscf_group("I", D).dimension == D
    with pytest.raises(ValueError, match="expected a space-group symbol"):
        pscf_group("P_42%q", 3)
    with pytest.raises(ValueError, match="expected 1, 2 or 3 dimensions, got 4"):
        pscf_group("P_1", 4)
