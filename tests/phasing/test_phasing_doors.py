"""What a user calls: phasing straight from reflections, and a result that holds everything."""

import dataclasses

import numpy as np
import pytest

from jaxtal import phase, phasing
from jaxtal.lattice import Superspace
from jaxtal.phasing import PhasingProblem
from jaxtal.phasing._setting import Setting
from jaxtal.reflections import Composition, NormalisedE, Window, normalised_amplitudes
from jaxtal.symmetry import laue_unique


@pytest.fixture(scope="module")
def model():
    return phasing.model("laves")


@pytest.fixture(scope="module")
def found(model):
    return phase(model.reflections, starts=3, seed=1)


def test_reflections_are_phased_as_they_come(found):
    assert found.converged, found.message
    assert found.families[0].starts == sorted(found.families[0])
    members = [start for family in found.families for start in family]
    assert sorted(members) == [0, 1, 2]
    solved = {i for i, start in enumerate(found.starts) if start.converged}
    assert solved <= set(found.families[0])


def test_the_density_knows_its_grid_group_and_space(found, model):
    peaks = found.density.peaks(limit=3)
    # MgZn2 in P 63/m m c: Zn on 2a and 6h, Mg on 4f.
    assert sorted(peaks.multiplicity.tolist()) == [2, 4, 6]
    assert found.density.group == model.reflections.group
    cut = found.density.section(([1, 0, 0], [0, 1, 0]), (12, 12))
    edges = np.linalg.norm(cut.plane.frame, axis=1)
    cell = 2 * np.pi * np.linalg.inv(model.reflections.space.parallel).T
    np.testing.assert_allclose(edges, np.linalg.norm(cell[:2], axis=1), rtol=1e-6)
    points = np.array([[0.25, 0.5, 0.0], [0.0, 0.0, 0.0]])
    np.testing.assert_allclose(
        found.density(points), [cut.values[3, 6], cut.values[0, 0]], rtol=1e-3, atol=1e-3
    )


def test_a_result_prints_in_two_lines(found):
    text = repr(found)
    assert len(text.splitlines()) == 2
    assert "P 63/m m c" in text
    assert found.message in text
    for one in (found.density, found.problem, found.problem.reflections, found.grid):
        assert len(repr(one).splitlines()) == 1
        assert len(repr(one)) < 200


def test_what_is_given_by_keyword_is_what_is_phased(model):
    refl = model.reflections
    default = PhasingProblem.from_reflections(refl)
    amplitudes = normalised_amplitudes(refl, NormalisedE(with_epsilon=False), Window())
    np.testing.assert_allclose(default.lower * default.scale, amplitudes, rtol=1e-12)
    f = Composition("MgZn2", b_iso=0.5)
    ours = PhasingProblem.from_reflections(refl, sharpening=f, window="hann")
    amplitudes = normalised_amplitudes(refl, f, Window("hann", "hann"))
    np.testing.assert_allclose(ours.lower * ours.scale, amplitudes, rtol=1e-12)
    bare = PhasingProblem.from_reflections(refl, sharpening=None, window=None)
    np.testing.assert_allclose(bare.lower * bare.scale, refl.amplitude, rtol=1e-12)


def test_what_is_no_list_of_reflections_is_refused(model):
    with pytest.raises(ValueError, match="expected Reflections or a PhasingProblem, got Model"):
        phase(model)
    with pytest.raises(ValueError, match='sharpening: expected "normalised"'):
        PhasingProblem.from_reflections(model.reflections, sharpening="wilson")
    with pytest.raises(ValueError, match="expected a window among"):
        PhasingProblem.from_reflections(model.reflections, window="square")
    with pytest.raises(ValueError, match=r"expected parameters among .*d_min"):
        phasing.model("quartz", q_max=3.0)


def test_lengths_and_fall_off_tell_exchanged_spaces():
    listed = phasing.model("icosahedral").reflections
    setting = Setting.of(listed)
    assert setting.warnings == []
    assert setting.fall is not None
    assert setting.fall[1] < setting.fall[0] < 0
    assert "internal |q|" in setting.text()
    space = Superspace(listed.space.perpendicular, listed.space.parallel)
    exchanged = dataclasses.replace(listed, space=space)
    assert "exchanged" in Setting.of(exchanged).warnings[0]
    merged = dataclasses.replace(listed.report, r_int=0.3)
    assert "R_int" in Setting.of(dataclasses.replace(listed, report=merged)).warnings[0]
    # Satellites have orders, crystals no internal space: nothing is said of either.
    assert Setting.of(phasing.model("modulated").reflections).fall is None
    plain = Setting.of(phasing.model("quartz").reflections)
    assert (plain.q_perpendicular, plain.fall, plain.warnings) == (None, None, [])


def test_exchanged_axes_are_found_by_what_they_merge():
    listed = phasing.model("icosahedral").reflections
    strong = np.argsort(-listed.intensity)[:300]
    k, I = listed.k[strong], listed.intensity[strong]
    # Rotated copies are equivalents with equal intensities, which the right setting keeps.
    turned = k @ listed.group.rotations[7]
    k, I = np.concatenate([k, turned[:50]]), np.concatenate([I, I[:50]])
    order, signs = [2, 0, 1, 5, 3, 4], [1, -1, 1, 1, 1, -1]
    exchanged = (k * signs)[:, order]
    found = phasing.index_settings("icosahedral P235", exchanged, I)
    assert len(found) == 384
    # The second one exchanges physical and internal space.
    assert found[0].merged == found[1].merged == 50 > found[2].merged
    assert found[1].misfit < 1e-9 < found[2].misfit
    back = exchanged @ found[0].index_matrix.T
    merged = laue_unique(back, listed.group.laue_rotations)[0]
    assert len(np.unique(merged, axis=0)) == len(k) - found[0].merged == 300
    with pytest.raises(ValueError, match="expected rotations that exchange"):
        phasing.index_settings("P 6", k[:, :3], I)
    with pytest.raises(ValueError, match="as many intensities"):
        phasing.index_settings("icosahedral P235", k, I[1:])
