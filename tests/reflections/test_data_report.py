"""What measured rows say before any structure: simulated crystals of known symmetry, real sets."""

import json

import numpy as np
import pytest
from simulated import simulated
from variants import slow_but

from jaxtal.io import read_reflection_table
from jaxtal.reflections import DataReport, Reflections, ReflectionTable
from jaxtal.symmetry import SpaceGroup
from jaxtal.symmetry import absent as extinct

RIGHT = (90, 90, 90)
ORTHO = (6.1, 7.3, 8.9, *RIGHT)


def absent(report):
    return {one.found.name for one in report.elements if one.found.verdict == "absent"}


@pytest.mark.parametrize(
    ("cell", "group", "laue", "elements"),
    [
        ((6.1, 7.3, 8.9, 83, 98, 104), "P 1", "-1", set()),
        (
            (6.1, 7.3, 8.9, 90, 98, 90),
            "P 21/c",
            "2/m",
            {"screw 21 along [0 1 0]", "glide c across [0 1 0]"},
        ),
        (ORTHO, "P 21/c", "2/m", {"screw 21 along [0 1 0]", "glide c across [0 1 0]"}),
        (
            ORTHO,
            "P 21 21 21",
            "mmm",
            {f"screw 21 along [{x}]" for x in ("1 0 0", "0 1 0", "0 0 1")},
        ),
        ((7, 7, 9, *RIGHT), "P 41", "4/m", {"screw 41 along [0 0 1]", "screw 42 along [0 0 1]"}),
        ((7, 7, 9, 90, 90, 120), "P -3 1 c", "-3m", {"glide c across [1 -1 0]"}),
        ((10, 10, 10, *RIGHT), "P 21 3", "m-3", {"screw 21 along [0 0 1]"}),
    ],
)
def test_laue_class_and_absences_of_known_groups(cell, group, laue, elements):
    report = DataReport.of(simulated(cell, group))
    assert (report.laue.chosen.name, report.centring.letter) == (laue, "P")
    assert absent(report) == elements
    np.testing.assert_allclose(report.laue.index_matrix, np.eye(3))
    assert report.laue.group.laue_rotations.shape == SpaceGroup.find(group).laue_rotations.shape
    assert report.r_int is None or report.r_int < 0.05
    assert report.completeness == pytest.approx(1.0, abs=0.01)
    assert report.warnings == ()


@pytest.mark.parametrize(
    ("cell", "group", "letter"),
    [
        ((6.1, 7.3, 8.9, 90, 98, 90), "C 2/c", "C"),
        (ORTHO, "I 2 2 2", "I"),
        (ORTHO, "F d d 2", "F"),
        ((7, 7, 12, 90, 90, 120), "R 3 c", "R"),
    ],
)
def test_centring_by_the_data_and_in_lists_without_absent_rows(cell, group, letter):
    table = simulated(cell, group, atoms=5)
    report = DataReport.of(table)
    assert report.centring.letter == letter
    assert report.laue.chosen.name != "-1"
    again = DataReport.of(table.merged(report.laue.group))
    assert (again.centring.letter, again.laue.chosen.name) == (letter, report.laue.chosen.name)
    assert any(one.verdict == "unlisted" for one in (e.found for e in report.elements)) is False


def test_higher_symmetry_than_that_of_the_cell_is_found_in_another_setting():
    truth = simulated((7, 7, 7, *RIGHT), "F m -3 m", atoms=3, d_min=0.8)
    primitive = truth.reindexed([[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    assert primitive.cell[3] == pytest.approx(60)
    report = DataReport.of(primitive)
    assert (report.laue.chosen.name, report.laue.group.hm) == ("m-3m", "F m -3 m")
    np.testing.assert_allclose(np.asarray(report.laue.cell), (7, 7, 7, *RIGHT), atol=1e-4)
    assert any("another cell" in one for one in report.warnings)
    # The indices are those of the new cell.
    found = primitive.reindexed(report.laue.index_matrix)
    assert not (np.ptp(found.indices % 2, axis=1) > 0).any()
    assert len(report.reflections) < len(truth) / 10


def test_a_metric_without_the_symmetry_and_unique_lists():
    table = simulated(ORTHO, "P 21/c")
    report = DataReport.of(table)
    bad = {one.name: one for one in report.laue.candidates}["mmm"]
    assert not bad.accepted
    assert bad.worst > 0.4
    unique = table.merged("P 1 2/m 1")
    report = DataReport.of(unique)
    assert report.laue.chosen.name == "2/m"
    assert report.laue.chosen.compared == 0
    # Nothing contradicts, and nothing supports more than what is stated.
    stated = DataReport.of(unique.stating(group="P -1"))
    assert stated.laue.chosen.name == "2/m"


def test_reverse_setting_and_obverse_reverse_twins():
    table = simulated((7, 7, 12, 90, 90, 120), "R -3", atoms=5)
    turned = np.diag([-1, -1, 1])
    reverse = table.reindexed(turned)
    report = DataReport.of(reverse)
    assert report.centring.letter == "R reverse"
    assert any("reverse setting" in one for one in report.warnings)
    assert report.laue.group.hm == "R -3:H"
    k = reverse.indices @ report.laue.index_matrix.T
    strong = reverse.columns.intensity > 10 * np.asarray(reverse.sigma)
    assert ((-k[:, 0] + k[:, 1] + k[:, 2])[strong] % 3 == 0).all()
    with pytest.raises(ValueError, match=r"reverse setting: index_matrix \[\[-1, 0, 0\]"):
        Reflections.from_table(reverse.cell, "R -3", reverse, extinct="drop")
    twin = simulated((7, 7, 12, 90, 90, 120), "R -3", atoms=5, twin=(turned, 0.3))
    report = DataReport.of(twin)
    assert report.centring.twin_fraction == pytest.approx(0.3, abs=0.02)
    assert any("obverse/reverse twin" in one for one in report.warnings)


def test_merohedral_twins_are_warned_of():
    law = [[0, 1, 0], [1, 0, 0], [0, 0, -1]]
    cell = (9, 9, 12, *RIGHT)
    plain = DataReport.of(simulated(cell, "P 41", d_min=0.9))
    twin = DataReport.of(simulated(cell, "P 41", d_min=0.9, twin=(law, 0.35)))
    assert plain.warnings == ()
    assert plain.statistics.e2_minus_1 == pytest.approx(0.736, abs=0.04)
    assert plain.statistics.l_mean == pytest.approx(0.5, abs=0.02)
    assert twin.laue.chosen.name == "4/m"
    assert any("intensities as of a twin" in one for one in twin.warnings)
    assert any("twin law of fraction about 0.3" in one for one in twin.warnings)
    assert twin.laue.twins[0].fraction == pytest.approx(0.35, abs=0.03)
    centric = DataReport.of(simulated(ORTHO, "P -1", d_min=0.7))
    assert centric.statistics.e2_minus_1 == pytest.approx(0.968, abs=0.05)


def test_strong_rows_that_the_stated_group_extinguishes_are_told():
    table = simulated(ORTHO, "P 21 21 2")
    report = DataReport.of(table.stating(group="P n n n"))
    assert any("what it extinguishes is strong" in one for one in report.warnings)
    with pytest.raises(ValueError, match="the group or its setting is wrong"):
        table.merged("P n n n")
    good = DataReport.of(table.stating(group="P 21 21 2"))
    assert "left out: systematically absent" in str(good.extinct)
    assert good.warnings == ()
    lower = DataReport.of(table.stating(group="P 21"))
    assert any("higher Laue class mmm" in one for one in lower.warnings)
    higher = simulated((6, 6, 9, *RIGHT), "P 21 21 2").stating(group="P 4/m m m")
    assert any("do not agree" in one for one in DataReport.of(higher).warnings)
    cubic = DataReport.of(table.stating(group="P m -3 m"))
    assert any("does not fit" in one for one in cubic.warnings)


def test_merging_keeps_friedel_mates_on_request_and_leaves_outliers_out():
    indices = [[1, 2, 3], [-1, -2, -3], [-1, 2, -3], [1, 2, 3], [1, -2, 3], [1, 2, 3], [0, 3, 0]]
    I = np.array([10.0, 14, 10, 10, 14, 400, 0.1])
    table = ReflectionTable(
        indices=np.array(indices), intensity=I, sigma=np.ones(7), cell=np.array(ORTHO, float)
    )
    apart = table.merged("P 21", anomalous=True)
    np.testing.assert_allclose(np.asarray(apart.intensity), [10, 14])
    np.testing.assert_array_equal(apart.redundancy, [3, 2])
    assert {one.reason: one.rows for one in apart.dropped} == {
        "outliers": 1,
        "systematically absent": 1,
    }
    together = table.merged("P 21")
    np.testing.assert_allclose(np.asarray(together.intensity), [58 / 5])
    # The scatter says more than the sigmas of 1.
    expected = np.sqrt(np.sum((np.array([10, 14, 10, 10, 14]) - 11.6) ** 2) / (4 * 5))
    np.testing.assert_allclose(np.asarray(together.sigma), [expected])


def test_shells_count_what_is_possible():
    whole = simulated(ORTHO, "P 21 21 21")
    half = simulated(ORTHO, "P 21 21 21", keep=0.15, seed=1)
    report = DataReport.of(half)
    unique = {tuple(np.abs(k)) for k in half.indices.tolist()}
    every = {tuple(np.abs(k)) for k in whole.indices.tolist()}
    assert report.completeness == pytest.approx(len(unique) / len(every), abs=0.01)
    assert sum(one.unique for one in report.shells) == len(unique) == len(report.reflections)
    assert sum(one.rows for one in report.shells) == len(half)
    assert any(one.startswith("incomplete") for one in report.warnings)
    text = json.dumps(report.as_dict(), allow_nan=False)
    assert json.loads(text)["unique"] == len(unique)


def test_contents_that_do_not_fit_the_cell():
    table = simulated(ORTHO, "P 21 21 21").stating(composition="C90 H93 Cl6", z=4)
    assert any("cell or composition wrong" in one for one in DataReport.of(table).warnings)


def test_noise_has_no_symmetry_and_a_wavelength_limits_the_resolution():
    table = simulated(ORTHO, "P 21 21 21")
    rng = np.random.default_rng(0)
    noise = ReflectionTable(
        indices=table.indices,
        intensity=rng.normal(size=len(table)),
        sigma=np.ones(len(table)),
        cell=table.cell,
    )
    report = DataReport.of(noise)
    assert (report.centring.letter, report.laue.chosen.name) == ("P", "-1")
    assert absent(report) == set()
    assert any(one.startswith("weak") for one in report.warnings)
    report = DataReport.of(table.stating(wavelength=2.5))
    assert any("wavelength wrong" in one for one in report.warnings)
    assert DataReport.of(table.stating(wavelength=1.54)).warnings == ()


def test_what_cannot_be_judged_is_refused():
    table = simulated(ORTHO, "P 1")
    with pytest.raises(ValueError, match="simulated: expected a cell"):
        DataReport.of(
            ReflectionTable(indices=table.indices, intensity=table.intensity, source="simulated")
        )
    with pytest.raises(ValueError, match="three indices"):
        DataReport.of(ReflectionTable(indices=np.ones((4, 4), int), cell=table.cell))
    with pytest.raises(ValueError, match="enclose no volume"):
        DataReport.of(table.stating(cell=[5, 5, 5, 120, 120, 120]))
    far = ReflectionTable(
        indices=np.array([[1, 0, 0], [10**6, 0, 0]]), intensity=np.ones(2), cell=table.cell
    )
    with pytest.raises(ValueError, match="indices below"):
        DataReport.of(far)
    # One index that is far off makes no endless list.
    indices = np.concatenate([table.indices, [[9000, 0, 0]]])
    far = ReflectionTable(
        indices=indices, intensity=np.append(np.asarray(table.intensity), 1.0), cell=table.cell
    )
    report = DataReport.of(far)
    assert report.completeness is None
    assert report.laue.chosen.name == "-1"
    with pytest.raises(ValueError, match=r"intensities up to 1e\+60"):
        DataReport.of(
            ReflectionTable(
                indices=table.indices,
                cell=table.cell,
                intensity=1e200 * np.asarray(table.intensity),
            )
        )
    huge = DataReport.of(table.stating(cell=[3000, 3000, 3000, *RIGHT]))
    assert any(one.startswith("d_min = 3") for one in huge.warnings)


EXPECTED = {
    "albite_3ded": "-1",
    "basin2": "mmm",
    "c18h19no4_106c": "-1",
    "c26h33no3si_051a": "2/m",
    "cs_twin_3a": "6/m",
    "large_p31c": "-3m",
    "mordenite_3ded": "mmm",
    "nacl": "m-3m",
    "natrolite_3ded": "mmm",
    "neutron_c9h10br2": "2/m",
    "s2dipyridyl": "2/m",
    "sucrose": "2/m",
    "thpp": "2/m",
    "ws_bt6337": "-1",
    "ws_llewellyn": "-1",
    "ylid": "mmm",
    "zngapo": "m-3m",
}


@pytest.mark.parametrize(
    "name", slow_but(["c18h19no4_106c", "nacl", "thpp", "ws_bt6337", "zngapo"], EXPECTED)
)
def test_measured_sets(data_dir, name):
    folder = data_dir / "reflections" / name
    meta = json.loads((folder / "meta.json").read_text())
    table = read_reflection_table(folder / "data.hkl").stating(
        cell=meta["cell"], radiation=meta["radiation"]
    )
    report = DataReport.of(table)
    group = SpaceGroup.find(meta["space_group"])
    assert report.laue.chosen.name == EXPECTED[name]
    assert report.centring.letter == group.hm[0]
    assert {W.tobytes() for W in report.laue.group.laue_rotations} == {
        W.tobytes() for W in group.laue_rotations
    }
    twins = [one for one in report.warnings if "twin" in one]
    assert bool(twins) == (name == "cs_twin_3a")
    # What the reference's group extinguishes is absent or not in the file, and nothing else is
    # absent.
    possible = np.array([[h, k, l] for h in range(9) for k in range(9) for l in range(9)])
    for one in report.elements:
        if one.found.verdict == "absent":
            assert _extinguished(one, group, possible)
    cctbx = meta.get("verification", {})
    if cctbx.get("rint"):
        assert report.r_int == pytest.approx(cctbx["rint"], abs=5e-3)


def _extinguished(element, group, possible):
    """Whether the group has a reflection condition on the element's axis or zone."""
    axis = np.array(element.direction)
    if element.kind == "screw":
        direct = np.array([axis * n for n in range(1, 7)])
        return bool(extinct(direct, group).any())
    zone = possible[(possible @ axis == 0) & (possible.any(axis=1))]
    return bool(extinct(zone, group).any())
