"""Integrated intensities of powders: overlapping lines, their sums, and what they determine."""

import dataclasses

import numpy as np
import pytest

import jaxtal as jxt
from jaxtal.diffraction import PowderPattern, powder_lines
from jaxtal.refinement import Measurements, Model, Residuals, complete_model, refine
from jaxtal.refinement._least_squares import Problem
from jaxtal.refinement._normal_equations import jacobian, normal_equations
from jaxtal.refinement._parameters import Parameters
from jaxtal.symmetry import absent, laue_unique

CRYSTALS = ("rutile", "anatase", "alpha-quartz")
#: Lines that lie closer than this share an intensity, degrees.
WIDTH = 0.7


def powder_model(name: str) -> Model:
    model = Model.from_crystal(jxt.prototype(name)).with_equivalent_u()
    return model.replace(u_iso=np.where(model.atomic_numbers > 10, 0.005, 0.009), scale=0.4)


def lines_of(model: Model, wavelength=1.540593, d_min=0.9, width=WIDTH) -> list[np.ndarray]:
    """Independent reflections by 2 theta, those of one line together."""
    limit = np.ceil(np.linalg.norm(model.matrix, axis=1) / d_min).astype(int)
    axes = [np.arange(-n, n + 1) for n in limit]
    hkl = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    s = np.linalg.norm(hkl @ np.linalg.inv(model.matrix).T, axis=1)
    kept = (s > 0) & (s <= 1 / d_min) & ~absent(hkl, model.group)
    hkl = np.unique(laue_unique(hkl[kept], model.group.laue_rotations)[0], axis=0)
    s = np.linalg.norm(hkl @ np.linalg.inv(model.matrix).T, axis=1)
    angle = 2 * np.degrees(np.arcsin(wavelength * s / 2))
    order = np.argsort(angle)
    cuts = np.flatnonzero(np.diff(angle[order]) > width) + 1
    return [hkl[part] for part in np.split(order, cuts)]


def simulated(model: Model, seed=0, noise=0.01, **options) -> Measurements:
    lines = lines_of(model)
    ones = np.ones(len(lines))
    data = Measurements.from_powder(model.matrix, model.group, lines, ones, ones, **options)
    exact = Problem(data).calculate(model).intensity
    sigma = noise * (exact + 0.02 * exact.mean())
    rng = np.random.default_rng(seed)
    return dataclasses.replace(
        data, intensity=exact + sigma * rng.normal(size=len(exact)), sigma=sigma
    )


@pytest.mark.parametrize("name", CRYSTALS)
def test_sums_are_those_of_a_powder_pattern(name):
    """Another route to the same numbers: lines of `PowderPattern`, which sums over all hkl."""
    model = powder_model(name).replace(scale=1.0)
    data = simulated(model, noise=0.0)
    assert len(data) < len(data.hkl)
    pattern = PowderPattern(1.540593, (5.0, 130.0), kind="it92", displacements=True, anomalous=True)
    found = np.full(len(data), 1e-300)
    rows = {tuple(h): g for h, g in zip(data.hkl.tolist(), data.overlap.into, strict=True)}
    for line in powder_lines(model.crystal(), pattern, scaled=False, minimum=0.0):
        families = laue_unique(np.array([h for h, _ in line.families]), model.group.laue_rotations)[
            0
        ]
        into = {rows[tuple(h)] for h in families.tolist() if tuple(h) in rows}
        if into:
            found[into.pop()] += line.intensity
    seen = found > 1e-9 * found.max()  # some lines have none
    assert (data.intensity[~seen] < 1e-9 * data.intensity.max()).all()
    ratio = (data.intensity / found)[seen]
    np.testing.assert_allclose(ratio / ratio.mean(), 1.0, rtol=1e-5)


@pytest.mark.parametrize("name", CRYSTALS)
def test_derivatives_are_those_of_finite_differences(name):
    model = powder_model(name).with_tensors().replace(extinction=0.5)
    data = simulated(model)
    problem, free = Problem(data), Parameters.of(model)
    J = jacobian(problem, model, free)
    assert J.shape == (len(data), free.count)
    eps = 1e-6
    for i, step in enumerate(eps * np.eye(free.count)):
        ahead, behind = (
            problem.calculate(free.shifted(model, s * step)).intensity for s in (1, -1)
        )
        size = np.abs(J[:, i]).max()
        np.testing.assert_allclose((ahead - behind) / (2 * eps), J[:, i], atol=1e-6 * size)


def test_jax_gives_the_same_sums(x64):
    model = powder_model("alpha-quartz")
    data = simulated(model)
    residuals = Residuals.build(data, model)
    Y = np.asarray(residuals.intensities(residuals.start))
    np.testing.assert_allclose(Y, Problem(data).calculate(model).intensity, rtol=1e-9)


def test_blocks_tear_no_line_apart(monkeypatch):
    model = powder_model("alpha-quartz")
    data = simulated(model)
    whole = normal_equations(Problem(data), model, Parameters.of(model))
    monkeypatch.setattr("jaxtal.refinement._least_squares.block_size", lambda n: 3)
    parts = normal_equations(Problem(data), model, Parameters.of(model))
    np.testing.assert_allclose(parts.matrix, whole.matrix, rtol=1e-12)
    np.testing.assert_allclose(parts.calculated.intensity, whole.calculated.intensity, rtol=1e-12)


@pytest.mark.parametrize("name", CRYSTALS)
def test_uncertainties_are_honest(name):
    """Errors over seeds, by the covariance: chi^2 of as many degrees as there are parameters."""
    truth, total, count = powder_model(name), 0.0, 0
    for seed in range(5):
        data = simulated(truth, seed)
        free = Parameters.of(truth)
        start = free.shifted(truth, 0.004 * np.random.default_rng(seed).normal(size=free.count))
        found = refine(data, start.replace(scale=None), weights=(0.0, 0.0))
        assert found.converged
        off = found.parameters.numbers(found.model) - free.numbers(truth)
        shift = np.linalg.lstsq(found.parameters.map.toarray(), off, rcond=None)[0]
        # The noise is known: without the goodness of fit, which few lines make uncertain.
        total += found.gof**2 * shift @ np.linalg.solve(found.covariance, shift)
        count += free.count
    assert abs(total / count - 1) < 4 * np.sqrt(2 / count)


def test_lines_alone_are_a_single_crystal():
    model = powder_model("rutile")
    hkl = np.concatenate(lines_of(model))
    ones = np.ones(len(hkl))
    powder = Measurements.from_powder(
        model.matrix, model.group, hkl, ones, ones, lorentz_polarisation=False
    )
    single = Measurements.from_arrays(
        model.matrix, model.group, hkl, ones, ones, wavelength=powder.wavelength
    )
    Y = Problem(powder).calculate(model).intensity
    rows = {tuple(h): i for i, h in enumerate(single.hkl.tolist())}
    at = [rows[tuple(h)] for h in powder.hkl.tolist()]
    multiplicity = laue_unique(powder.hkl, model.group.laue_rotations)[1]
    expected = multiplicity * Problem(single).calculate(model).intensity[at]
    np.testing.assert_allclose(Y, expected, rtol=1e-9)


def test_density_elements_and_completion():
    """What is built on a refinement shares the intensities as the model does."""
    truth = powder_model("anatase")
    data = simulated(truth, noise=0.003)
    found = complete_model(data, truth.replace(scale=None), composition="Ti O2")
    assert found.R1 < 0.01
    assert sorted(found.model.species) == ["O", "Ti"]
    assert found.difference.highest < 0.05 * found.density.max()
    assert "of" in repr(data)


@pytest.mark.parametrize(
    ("lines", "options", "message"),
    [
        ([[(1, 1, 0)], [(1, 1, 0)]], {}, "each reflection once"),
        ([[(1, 1, 0)], [(1, 0, 0)]], {}, "not absent"),
        ([[(1, 1, 0)], []], {}, "integer indices"),
        ([[(1, 1, 0)]], {}, "as many intensities"),
        ([[(1, 1, 0)], [(40, 0, 0)]], {}, "sin"),
        ([[(1, 1, 0)], [(2, 0, 0)]], {"radiation": "muon"}, "radiation"),
    ],
)
def test_bad_lines(lines, options, message):
    model = powder_model("rutile")
    with pytest.raises(ValueError, match=message):
        Measurements.from_powder(
            model.matrix, model.group, lines, np.ones(2), np.ones(2), **options
        )
