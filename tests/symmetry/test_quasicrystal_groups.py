"""The predefined quasicrystal groups: derived again, and against the geometry of their bases."""

import collections
import importlib.util
import itertools
import pathlib

import numpy as np
import pytest
from variants import slow_but

from jaxtal.symmetry import (
    BasisChange,
    Orbits,
    SpaceGroup,
    SymOp,
    absent,
    allowed_origins,
    quasicrystal_group_names,
)

NAMES = quasicrystal_group_names()
# Rotation order of physical space, number of its units by which perpendicular space turns.
AXIAL = {"pentagonal": (5, 2), "decagonal": (5, 2), "octagonal": (8, 3), "dodecagonal": (12, 5)}


def _script():
    path = pathlib.Path(__file__).parents[1] / "reference/generate_quasicrystal_groups.py"
    spec = importlib.util.spec_from_file_location("generate_quasicrystal_groups", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _basis(family):
    """Rows: parallel | perpendicular components of the reciprocal basis."""
    if family == "icosahedral":
        t = (1 + 5**0.5) / 2
        parallel = [[1, t, 0, -1, t, 0], [t, 0, 1, t, 0, -1], [0, 1, t, 0, -1, t]]
        perpendicular = [[-t, 1, 0, t, 1, 0], [1, 0, -t, 1, 0, t], [0, -t, 1, 0, t, 1]]
        return np.array(parallel).T, np.array(perpendicular).T
    n, multiple = AXIAL[family]
    angle = 2 * np.pi * (np.arange(4) + (n == 5)) / n
    parallel, perpendicular = np.zeros((5, 3)), np.zeros((5, 2))
    parallel[:4, :2] = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    parallel[4, 2] = 0.7
    perpendicular[:4] = np.stack([np.cos(multiple * angle), np.sin(multiple * angle)], axis=1)
    return parallel, perpendicular


def _in_space(name):
    """The rotations of a group as orthogonal matrices of physical space, r' = A r."""
    group = SpaceGroup.find(name)
    parallel, perpendicular = _basis(name.split()[0])
    whole = np.linalg.inv(np.concatenate([parallel, perpendicular], axis=1))
    return group.point_rotations, np.einsum(
        "ij,pjk,kl->pil", whole[:3], group.point_rotations, parallel
    )


def test_counts():
    count = collections.Counter(name.split()[0] for name in NAMES)
    assert count == {
        "icosahedral": 11,
        "pentagonal": 24,
        "decagonal": 35,
        "octagonal": 61,
        "dodecagonal": 39,
    }
    assert quasicrystal_group_names("octagonal")[0] == "octagonal P8"
    with pytest.raises(ValueError, match="family"):
        quasicrystal_group_names("heptagonal")


@pytest.mark.parametrize("family", slow_but(AXIAL, ["icosahedral", *AXIAL]))
def test_groups_are_symmetries_of_their_basis(family):
    parallel, perpendicular = _basis(family)
    seen = {}
    for name in quasicrystal_group_names(family):
        W = SpaceGroup.find(name).point_rotations
        if W.tobytes() in seen:
            continue
        seen[W.tobytes()] = name
        for part in (parallel, perpendicular):
            metric = part @ part.T
            np.testing.assert_allclose(
                W @ metric @ W.transpose(0, 2, 1), metric[None].repeat(len(W), 0), atol=1e-12
            )
        A = _in_space(name)[1]
        np.testing.assert_allclose(
            A @ A.transpose(0, 2, 1), np.eye(3)[None].repeat(len(W), 0), atol=1e-12
        )
    assert len(seen) == (2 if family == "icosahedral" else 8)


@pytest.mark.parametrize("name", [n for n in NAMES if "icosahedral" not in n])
def test_axial_symbols_state_the_operations(name):
    """Order, screw and handedness from the symbol, against the operations in physical space."""
    symbol = name.split(" ", 1)[1]
    group = SpaceGroup.find(name)
    main, _, rest = symbol[1:].replace("/", " /").partition(" ")
    digits = main.lstrip("-").split("_")[0]
    n = int("".join(itertools.takewhile(str.isdigit, digits)))
    letters = "".join(c for c in main.lstrip("-")[len(str(n)) :] if c.isalpha()) + rest
    order = n * (2 if main.startswith("-") and n % 2 else 1)
    mirrored = letters.replace(" ", "").replace("_1", "").replace("1", "")
    order *= 4 if mirrored.startswith("/") and len(mirrored) > 2 else 2 if mirrored else 1
    assert group.order == order
    assert SpaceGroup.from_operations(group.operations).operations == group.operations

    rotations, A = _in_space(name)
    turn = np.array(
        [
            [np.cos(2 * np.pi / n), -np.sin(2 * np.pi / n), 0],
            [np.sin(2 * np.pi / n), np.cos(2 * np.pi / n), 0],
            [0, 0, 1],
        ]
    )
    turn = -turn if main.startswith("-") else turn
    found = [W for W, a in zip(rotations, A, strict=True) if np.allclose(a, turn)]
    assert len(found) == 1
    if not main.startswith("-"):
        j = int(main.split("_")[1].rstrip("mcbn/ ")) if "_" in main else 0
        op = next(op for op in group.operations if op.rotation == tuple(map(tuple, found[0])))
        assert op.fractions[4] * n == j


# International Tables B (2010), table 4.6.3.1: h1 h2 h2 h1 h5 and h1 h2 -h2 -h1 h5, or 0 0 0 0 h5.
CONDITIONS = {
    "P10/mmm": "",
    "P10/mcc": "sd",
    "P10_5/mmc": "d",
    "P10_5/mcm": "s",
    "P10mm": "",
    "P10cc": "sd",
    "P10_5mc": "d",
    "P10_5cm": "s",
    "P-10m2": "",
    "P-10c2": "s",
    "P-10 2m": "",
    "P-10 2c": "d",
}


@pytest.mark.parametrize("symbol", CONDITIONS)
def test_decagonal_reflection_conditions(symbol):
    group = SpaceGroup.find(symbol)
    same = np.array([[a, b, b, a, l] for a, b, l in np.ndindex(3, 3, 4)]) - [1, 1, 1, 1, 0]
    differing = same * [1, 1, -1, -1, 1]
    general = np.array([[1, 2, 3, 5, l] for l in range(4)])
    odd = same[:, 4] % 2 == 1
    axis = (same[:, :4] == 0).all(axis=1)
    assert not absent(general, group).any()
    for plane, key in ((same, "s"), (differing, "d")):
        extinct = odd if key in CONDITIONS[symbol] else odd & axis & bool(CONDITIONS[symbol])
        np.testing.assert_array_equal(absent(plane, group), extinct)


@pytest.mark.parametrize(
    ("family", "n"), [("decagonal", 10), ("octagonal", 8), ("dodecagonal", 12)]
)
def test_screw_axes(family, n):
    k = np.zeros((2 * n, 5), dtype=int)
    k[:, 4] = np.arange(2 * n)
    for j in range(1, n):
        extinct = absent(k, SpaceGroup.find(f"{family} P{n}_{j}"))
        np.testing.assert_array_equal(extinct, j * k[:, 4] % n != 0)


def test_octagonal_glides_are_those_of_tetragonal_groups():
    """(h, 0, 0, 0, l) lies in a secondary, (h, h, 0, 0, l) in a tertiary mirror: h0l and hhl."""
    hl = np.array([[h, l] for h in range(4) for l in range(4)])
    zero = np.zeros(len(hl), dtype=int)
    checked = 0
    for name in quasicrystal_group_names("octagonal"):
        symbol = name.split(" ", 1)[1].replace(" ", "")
        if not symbol.startswith(
            ("P8/", "P8_4/", "P8mm", "P8c", "P8b", "P8n", "P8_4m", "P8_4c", "P8_4b", "P8_4n")
        ):
            continue
        four = SpaceGroup.find(symbol.replace("8_4", "4_2").replace("8", "4"))
        eight = SpaceGroup.find(name)
        for a, b in ((1, 0), (1, 1)):
            h, l = hl[:, 0], hl[:, 1]
            found = absent(np.stack([a * h, b * h, zero, zero, l], axis=1), eight)
            expected = absent(np.stack([a * h, b * h, l], axis=1), four)
            np.testing.assert_array_equal(found, expected)
        checked += 1
    assert checked == 4 + 8 + 16


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow) if name.startswith("icosahedral F") else name
        for name in quasicrystal_group_names("icosahedral")
    ],
)
def test_icosahedral_groups(name):
    group = SpaceGroup.find(name)
    lattice = name.split()[1][0]
    centring = {"P": 1, "F": 32, "I": 2}[lattice]
    assert len(group.centering) == centring
    assert len(group.point_rotations) == (120 if "-3-5" in name else 60)
    assert group.order == centring * len(group.point_rotations)
    assert group.is_centrosymmetric == ("-3-5" in name)
    k = np.array([[1, 1, 1, 1, 1, 1], [2, 0, 0, 0, 0, 0], [1, 1, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0]])
    centred = absent(k, SpaceGroup.find(f"icosahedral {lattice}235"))
    assert (
        centred.tolist()
        == {"P": [False] * 4, "F": [False, False, True, True], "I": [False] * 3 + [True]}[lattice]
    )
    if group.is_centrosymmetric:
        inversion = next(op for op in group.operations if op.rotation == SymOp(-np.eye(6)).rotation)
        assert not any(inversion.translation)  # the origin is an inversion centre
    small = SpaceGroup.from_generators(_one_of_each(group)) if lattice == "P" else None
    assert small is None or small == group


def _one_of_each(group):
    return list({op.rotation: op for op in group.operations}.values())


def test_p235_has_the_generators_of_the_reference_example():
    r3 = [[0, 0, 1, 0, 0, 0], [1, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0]]
    r3 += [[0, 0, 0, 0, 0, 1], [0, 0, 0, 1, 0, 0], [0, 0, 0, 0, 1, 0]]
    r5 = [[1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 1, 0], [0, 1, 0, 0, 0, 0]]
    r5 += [[0, 0, 1, 0, 0, 0], [0, 0, 0, 0, 0, -1], [0, 0, 0, -1, 0, 0]]
    group = SpaceGroup.find("icosahedral P235")
    assert SpaceGroup.from_generators([SymOp(r3), SymOp(r5)]) == group
    _, A = _in_space("icosahedral P235")
    traces = np.round(np.trace(A, axis1=1, axis2=2), 6)
    t = (1 + 5**0.5) / 2
    count = collections.Counter(traces.tolist())
    assert count == {3.0: 1, -1.0: 15, 0.0: 20, round(t, 6): 12, round(1 - t, 6): 12}


def test_icosahedral_glide_and_screw():
    """In Pn-3-5 mirrors are glides; in P235_1 fivefold axes are screws."""
    for lattice in "PF":
        m, n = SpaceGroup.find(f"{lattice}m-3-5"), SpaceGroup.find(f"{lattice}n-3-5")
        k = np.array(list(itertools.product((-1, 1) if lattice == "F" else (-1, 0, 1), repeat=6)))
        assert not absent(k, m).any()
        extinct = k[absent(k, n)]
        assert len(extinct)
        # Extinct reflections lie in mirror planes of the point group.
        planes = [W for W in m.point_rotations if _order(W) == 2 and np.trace(W) == 2]
        assert len(planes) == 15
        assert np.any([(extinct @ W == extinct).all(axis=1) for W in planes], axis=0).all()
    # The indices of a fivefold axis: fixed by the fivefold rotation.
    screw = SpaceGroup.find("P235_1")
    r5 = next(op for op in screw.operations if _order(op.rotation) == 5)
    W = np.array(r5.rotation)
    k = np.array(
        [
            v
            for v in itertools.product((-1, 0, 1), repeat=6)
            if any(v) and (np.array(v) @ W == v).all()
        ]
    )
    assert len(k)
    assert absent(k, screw).any()
    assert not absent(5 * k, screw).any()


def _order(rotation):
    W = np.array(rotation)
    power, n = W, 1
    while not (power == np.eye(len(W))).all():
        power, n = power @ W, n + 1
    return n


@pytest.mark.slow
def test_no_group_is_listed_twice():
    """Two groups of one lattice and point group differ by more than a shift of the origin."""
    by_point_group = collections.defaultdict(list)
    for name in NAMES:
        group = SpaceGroup.find(name)
        key = (
            name.split()[0],
            len(group.centering),
            np.sort(group.point_rotations.reshape(-1, group.dimension**2), axis=0).tobytes(),
        )
        by_point_group[key].append((name, _signature(group)))
    for listed in by_point_group.values():
        signatures = [signature for _, signature in listed]
        assert len(set(signatures)) == len(signatures), [name for name, _ in listed]


def _signature(group):
    """k.w for all k of a box that an operation fixes: independent of the origin."""
    box = list(itertools.product((-1, 0, 1), repeat=group.dimension))
    box += list(itertools.product((0, 2), repeat=group.dimension))
    k = np.array(box)
    k = k[(k @ group.centering.T % group.denominator == 0).all(axis=1)]
    lines = []
    for op in {op.rotation: op for op in group.operations}.values():
        fixed = (k @ np.array(op.rotation) == k).all(axis=1)
        lines.append((op.rotation, tuple(np.round(op.phase_shift(k[fixed]), 9))))
    return tuple(sorted(lines))


@pytest.mark.slow
def test_table_is_what_the_script_derives():
    script = _script()
    for family in ("decagonal", "octagonal"):
        derived = [f"{family} {symbol}" for symbol, _, _ in script.axial(family)]
        assert derived == list(quasicrystal_group_names(family))
    for symbol, group, _ in script.axial("dodecagonal")[-4:]:
        assert SpaceGroup.find(symbol) == group


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Pm35", "icosahedral Pm-3-5"),
        ("P m -3 -5", "icosahedral Pm-3-5"),
        ("Pm3\u0305 5\u0305", "icosahedral Pm-3-5"),
        ("Icosahedral f2351", "icosahedral F235_1"),
        ("P 10_5/m m c", "decagonal P10_5/mmc"),
        ("decagonalP105/mmc", "decagonal P10_5/mmc"),
        ("P10_122", "decagonal P10_1 2 2"),
        ("P-8 21 m", "octagonal P-8 2_1m"),
        ("dodecagonal P12_1", "dodecagonal P12_1"),
    ],
)
def test_spellings(name, expected):
    assert SpaceGroup.find(name).hm == expected
    assert SpaceGroup.find(expected) is SpaceGroup.find(name)
    assert expected in repr(SpaceGroup.find(name))


@pytest.mark.slow
def test_names_without_family_are_unique():
    other = [n for n in NAMES if SpaceGroup.find(n.split(" ", 1)[1]).hm != n]
    # These read as settings of P 1 2 1 and P 1 21 1.
    assert other == ["dodecagonal P12_1", "dodecagonal P12_11"]
    for squeezed in ("P10_5/mmc", "P8_4/nbc", "P5_1 2 1"):
        assert SpaceGroup.find(squeezed.replace("_", "")) == SpaceGroup.find(squeezed)


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match=r"decagonal P10_5/mmd.*P10_5/mmc"):
        SpaceGroup.find("decagonal P10_5/mmd")
    with pytest.raises(ValueError, match="space-group symbol"):
        SpaceGroup.find("P7mm")


def test_model_decagonal_quasicrystal(data_dir):
    """The generators of deca5d close to P10_5/mmc, up to the origin."""
    data = np.load(data_dir / "quasicrystal/synthetic_deca5d/deca5d.npz")
    W, w = data["gens_a"], np.rint(2 * data["gens_b"]).astype(int)
    group = SpaceGroup.from_generators([SymOp(a, b, 2) for a, b in zip(W, w, strict=True)])
    assert group.order == 40
    library = SpaceGroup.find("decagonal P10_5/mmc")
    shift = BasisChange.from_xyz("x1,x2,x3,x4,x5+1/4")
    assert set(map(shift.transform, library.operations)) == set(group.operations)
    k = np.rint(data["k"]).astype(int)
    assert not absent(k, library).any()
    basis = np.concatenate(_basis("decagonal"), axis=1)
    own = np.concatenate([data["md_par"], data["md_perp"]]).T
    scale = np.linalg.norm(own[0, :2]) / np.linalg.norm(basis[0, :2])
    np.testing.assert_allclose(own[:4, [0, 1]] / scale, basis[:4, [0, 1]], atol=1e-7)


def test_cd_yb_orbits_of_the_library_group(data_dir):
    rows = []
    for line in (data_dir / "quasicrystal/cdyb/cdyb_integrated_bck").read_text().splitlines():
        parts = line.split()
        try:
            rows.append([float(v) for v in parts])
        except ValueError:
            continue
    table = np.array([row for row in rows if len(row) == len(rows[-1])])
    assert len(table) == 5381
    k, intensity, sigma = table[:, 8:14].astype(int), table[:, -2], table[:, -1]
    k = k[intensity > np.maximum(sigma, 0)]
    assert len(k) == 5381 - 292
    group = SpaceGroup.find("icosahedral P235")
    images = np.einsum("ni,pij->npj", k, group.rotations)
    keys = np.maximum(
        (images @ 97 ** np.arange(6)).max(axis=1), (-images @ 97 ** np.arange(6)).max(axis=1)
    )
    _, first = np.unique(keys, return_index=True)
    orbits = Orbits.build(group, k[np.sort(first)])
    assert orbits.counts == {"real": 1380, "complex": 3698, "extinct": 0}
    assert orbits.n_reflections == 522866
    assert len(allowed_origins(group).discrete) == 2
