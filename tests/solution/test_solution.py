"""From merged reflections to sites: phases in P1, the group from the density, atoms."""

import numpy as np
import pytest
from random_crystals import ORGANIC, crystal, structure_factors
from variants import slow_but

from jaxtal import io, solution
from jaxtal.lattice import Superspace
from jaxtal.phasing._wave_vectors import wave_vectors_within
from jaxtal.reflections import Reflections
from jaxtal.solution import FreeStructure, Rung, find_atoms, find_space_group, phase_in_p1
from jaxtal.solution._candidate_groups import candidate_groups
from jaxtal.symmetry import SpaceGroup, laue_unique


def measured(group, cell, matrix, elements, x, d_min):
    """Exact intensities merged under the Laue group."""
    space, laue = Superspace.periodic(cell), solution.laue_group(group)
    k = wave_vectors_within(space, 2 * np.pi / d_min)
    k = np.unique(laue_unique(k[k.any(axis=1)], laue.laue_rotations)[0], axis=0)
    I = np.abs(structure_factors(k, group, matrix, elements, x)) ** 2
    return Reflections.from_arrays(space, laue, k[I > 1e-6], I[I > 1e-6], extinct="drop")


def known(reflections, F, agreement=0.98):
    """What phasing in P1 would have found: the right phases on some origin."""
    k, orbit = reflections.orbits.members, reflections.orbits.orbit
    return FreeStructure(
        reflections=reflections,
        k=k,
        orbit=orbit,
        modulus=np.abs(F),
        F=np.stack([F, F]),
        r_factor=np.zeros(2),
        families=[[0, 1]],
        agreement=np.array([[1.0, agreement], [agreement, 1.0]]),
        rung=Rung(),
        twin=None,
        signed=False,
        seconds=0.0,
        average=F,
    )


@pytest.fixture(scope="module")
def organic():
    cell = [7.1, 9.3, 10.2, 90, 98, 90]
    group, matrix, x = crystal("P 21", cell, ORGANIC)
    return group, matrix, x, measured(group, cell, matrix, ORGANIC, x, 0.9)


def test_an_organic_crystal_is_solved_without_being_told_its_group(organic):
    group, matrix, x, reflections = organic
    structure = phase_in_p1(reflections, seed=1)
    assert structure.converged, structure.message
    assert len(structure.k) == reflections.orbits.members.shape[0]
    np.testing.assert_allclose(np.abs(structure.average), structure.modulus, rtol=1e-6)
    search = find_space_group(structure)
    assert search.converged
    assert search.best.group.number == 4
    assert search.best.mean > 0.9
    model = find_atoms(search, "C10 N2 O2")
    assert (len(model), model.units) == (14, 2)
    assert model.r1 < 0.15
    assert (model.support > 0.5).all()
    assert "P 1 21 1" in repr(model)
    # Atoms where they are, of the right kind, modulo origin (free along b) and hand.
    found, right = model.frac_coords, {e: ORGANIC.count(e) for e in ("O", "N", "C")}
    assert {e: model.elements.count(e) for e in right} == right
    heavy = [i for i, e in enumerate(model.elements) if e == "O"]
    true = [i for i, e in enumerate(ORGANIC) if e == "O"]
    W, w = group.rotations, group.translations / group.denominator
    best = 0
    for sign in (1, -1):
        for i in heavy:
            for image in W @ x[true[0]] + w:
                moved = sign * found + (image - sign * found[i])
                images = np.einsum("oij,pj->poi", W, x) + w
                d = moved[:, None, None] - images[None]
                near = np.linalg.norm((d - np.round(d)) @ matrix, axis=-1).min(axis=2)
                best = max(best, int((near.min(axis=0) < 0.1).sum()))
    assert best == 14
    assert model.crystal.plan is not None
    assert len(model.atoms) == 28


def test_a_density_in_p1_can_be_looked_at(organic):
    reflections = organic[3]
    F = structure_factors(reflections.orbits.members, organic[0], organic[1], ORGANIC, organic[2])
    structure = known(reflections, F)
    values = np.asarray(structure.density(organic[2]))
    assert values.min() > 5 * abs(np.median(np.asarray(structure.density(np.eye(3) * 0.137))))


@pytest.mark.parametrize(
    ("name", "cell"),
    slow_but(
        ["P -1", "P 21/n", "C 2", "P 61"],
        [
            ("P -1", [7, 8, 9, 80, 95, 104]),
            ("P 21/n", [7, 8, 9, 90, 97, 90]),
            ("C 2", [12, 6, 9, 90, 107, 90]),
            ("P 21 21 21", [7, 9, 11, 90, 90, 90]),
            ("P n a 21", [9, 11, 7, 90, 90, 90]),
            ("F d d 2", [18, 19, 7, 90, 90, 90]),
            ("P 41 21 2", [8, 8, 13, 90, 90, 90]),
            ("P 61", [9, 9, 14, 90, 90, 120]),
            ("R 3 c", [14, 14, 11, 90, 90, 120]),
            ("P -4 3 n", [11, 11, 11, 90, 90, 90]),
        ],
    ),
)
def test_the_group_is_found_wherever_the_origin_is(name, cell):
    elements = ["F", "O", "N", "C", "C", "C"]
    group, matrix, x = crystal(name, cell, elements)
    reflections = measured(group, cell, matrix, elements, x, 1.1)
    k = reflections.orbits.members
    shift = np.array([0.137, 0.291, 0.412])
    F = structure_factors(k, group, matrix, elements, x) * np.exp(2j * np.pi * (k @ shift))
    search = find_space_group(known(reflections, F))
    assert search.best.group.number == group.number
    assert search.best.mean > 0.999
    assert search.best.r_factor < 1e-3
    assert search.converged
    # At the group's origin the orbits have the phases that the group asks for.
    again = find_space_group(known(reflections, search.best.structure_factors))
    np.testing.assert_allclose(again.best.mean, 1.0, atol=1e-3)
    assert search.named(group).group == search.best.group
    if name in ("P 41 21 2", "P 61"):
        other = find_space_group(known(reflections, np.conj(F))).best.group
        assert other.number in (96, 170)
        asked = find_space_group(known(reflections, np.conj(F)), name)
        assert (asked.best.group.number, asked.best.inverted) == (group.number, True)
        assert other.number in {one.group.number for one in asked.alternatives}
        # The other hand has the same moduli: its density is this one inverted.
        hand = next(one for one in search.alternatives if one.group.number == other.number)
        assert hand.inverted
        assert hand.mean > 0.999


def test_noise_has_no_symmetry(organic):
    reflections = organic[3]
    rng = np.random.default_rng(0)
    members = reflections.orbits.members
    noise = reflections.amplitude[reflections.orbits.orbit] * np.exp(
        2j * np.pi * rng.random(len(members))
    )
    search = find_space_group(known(reflections, noise))
    assert not search.converged
    assert not search.best.passes
    forced = find_space_group(known(reflections, noise), "P 21", force=True)
    assert forced.best.group.number == 4
    assert not forced.converged


def test_contradiction_and_twins_are_told():
    group, matrix, x = crystal("P 1", [6, 7, 8, 90, 90, 90], ["C"] * 4)
    reflections = measured(group, [6, 7, 8, 90, 90, 90], matrix, ["C"] * 4, x, 1.2)
    F = structure_factors(reflections.orbits.members, group, matrix, ["C"] * 4, x)
    told = known(reflections, F).__dict__ | {"families": [[0], [1]]}
    assert "none of 2 runs in P1 agree" in FreeStructure(**told).message
    told |= {"families": [[0, 1], [2, 3]], "F": np.stack([F] * 4), "agreement": np.ones((4, 4))}
    told |= {"r_factor": np.zeros(4)}
    assert "two contradicting families" in FreeStructure(**told).message
    assert not FreeStructure(**told).converged
    told |= {"families": [[0, 1, 2, 3]], "twin": 0.54}
    assert "twinned" in FreeStructure(**told).message
    assert "HKLF 3" in FreeStructure(**told | {"twin": 0.42}).message
    assert not FreeStructure(**told).converged


def test_rungs_float_what_is_missing_and_leave_out_the_edge(organic):
    reflections = organic[3]
    kept = np.arange(len(reflections)) % 6 != 0
    fewer = Reflections.from_arrays(
        reflections.space, reflections.group, reflections.k[kept], reflections.intensity[kept]
    )
    floated = phase_in_p1(fewer, starts=2, ladder=(Rung(floated=True, cycles=400),))
    assert "floated" in floated.rung.text()
    assert len(floated.k) == len(fewer.orbits.members)
    np.testing.assert_allclose(np.abs(floated.F), [floated.modulus] * 2, rtol=2e-3, atol=1e-4)
    coarse = phase_in_p1(reflections, starts=2, ladder=(Rung(coarser=1.3, cycles=10),))
    q = np.linalg.norm(reflections.space.q_parallel(coarse.k), axis=1)
    assert q.max() <= reflections.q_parallel.max() / 1.3 * (1 + 1e-6)
    search = find_space_group(coarse)
    assert search.structure is coarse


def test_a_sharpened_rung_ends_with_the_amplitudes_themselves(organic):
    reflections = organic[3]
    rung = Rung(window="none", sharpened=1.5, cycles=400)
    found = phase_in_p1(reflections, starts=2, ladder=(rung,))
    assert found.agrees
    assert "amplitudes^1.5" in found.rung.text()
    plain = phase_in_p1(reflections, starts=2, ladder=(Rung(cycles=5),))
    np.testing.assert_allclose(found.modulus, plain.modulus, rtol=1e-6)
    np.testing.assert_allclose(np.abs(found.F), [plain.modulus] * 2, rtol=2e-3, atol=1e-4)


@pytest.mark.slow
def test_strong_amplitudes_solve_many_equal_atoms():
    """40 carbon atoms in P212121 at 0.85 A: none of four with a window, all with E^1.8."""
    elements, cell = ["C"] * 40, [9.5, 13.0, 21.0, 90, 90, 90]
    group, matrix, x = crystal("P 21 21 21", cell, elements, seed=3)
    reflections = measured(group, cell, matrix, elements, x, 0.85)
    assert not phase_in_p1(reflections, ladder=(Rung(),)).agrees
    found = phase_in_p1(reflections, ladder=solution.LADDER[1:2])
    assert found.converged
    assert found.families == [[0, 1, 2, 3]]
    assert find_space_group(found).best.group.number == 19


def test_harder_rungs_are_climbed_while_nothing_agrees(organic):
    ladder = (Rung(cycles=1), Rung(cycles=600))
    found = phase_in_p1(organic[3], starts=2, ladder=ladder)
    assert found.agrees
    assert found.rung == ladder[1]


def test_settings_of_a_class_are_listed_once():
    names = {g.hm for g in candidate_groups(SpaceGroup.find("P 21/n"))}
    assert {"P 1 21/n 1", "P 1 21/c 1", "P 1 21/a 1", "P 1 21 1", "P 1 m 1"} <= names
    assert not names & {"P 1 1 21/b", "C 1 2 1"}
    groups = candidate_groups(SpaceGroup.find("F d -3 m"))
    assert sum(group.number == 227 for group in groups) == 1
    laue = solution.laue_group("P 21/n")
    assert laue.order == 4
    assert not laue.translations.any()
    assert solution.laue_group("C 2").order == 8


def test_bad_input_is_refused(organic):
    reflections = organic[3]
    with pytest.raises(ValueError, match="starts: expected at least 2"):
        phase_in_p1(reflections, starts=1)
    with pytest.raises(ValueError, match="at least one rung"):
        phase_in_p1(reflections, ladder=())
    with pytest.raises(ValueError, match="expected beta"):
        Rung(beta=2.5)
    for name in ("cycles", "coarser", "sharpened"):
        with pytest.raises(ValueError, match=f"{name}: expected at least 1, got 0"):
            Rung(**{name: 0})
    F = structure_factors(reflections.orbits.members, organic[0], organic[1], ORGANIC, organic[2])
    structure = known(reflections, F)
    with pytest.raises(ValueError, match="expected one of the Laue class"):
        find_space_group(structure, "P 21 21 21")
    search = find_space_group(structure)
    with pytest.raises(ValueError, match="the SpaceGroupSearch that"):
        find_atoms(search.best, "C")
    with pytest.raises(ValueError, match="beside hydrogen"):
        find_atoms(search, "H2")
    with pytest.raises(ValueError, match="group: expected one of"):
        search.named("P 61")


def test_without_a_composition_elements_follow_the_density(organic):
    reflections = organic[3]
    F = structure_factors(reflections.orbits.members, organic[0], organic[1], ORGANIC, organic[2])
    model = find_atoms(find_space_group(known(reflections, F)))
    assert model.units is None
    assert 12 <= len(model) <= 16
    assert model.elements.count("C") >= 8


@pytest.mark.slow
def test_measured_ylid_is_solved(data_dir):
    cell = [5.9602, 9.0366, 18.3909, 90, 90, 90]
    path = data_dir / "reflections" / "ylid" / "data.hkl"
    laue = solution.laue_group("P 21 21 21")
    listed = io.read_reflections(path, cell, laue, merge="mean", min_i_over_sigma=1.0)
    search = find_space_group(phase_in_p1(listed))
    assert search.converged
    assert search.best.group.number == 19
    model = find_atoms(search, "C11 H10 O2 S", units=4)
    assert sorted(model.elements) == ["C"] * 11 + ["O"] * 2 + ["S"]
    assert model.r1 < 0.25
