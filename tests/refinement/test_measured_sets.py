"""Measured sets: models taken apart are completed again, as well as those published."""

import json

import numpy as np
import pytest
from published import measurements, reference

from jaxtal.io import read, read_ccp4, write_refinement
from jaxtal.io.refinement._res import short_labels
from jaxtal.io.refinement._values import bracketed
from jaxtal.refinement import Model, complete_model, refine


def taken_apart(model: Model, seed=0, by=0.05) -> Model:
    """Isotropic, no hydrogen atoms, every atom moved."""
    bare = model.without_hydrogens()
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(len(bare), 3)) * by / np.sqrt(3) @ np.linalg.inv(bare.matrix)
    return Model.build(
        bare.matrix,
        bare.group,
        bare.species,
        bare.frac + noise,
        labels=bare.labels,
        occupancies=bare.occupancies,
        site_tolerance=0.3,
    )


@pytest.mark.parametrize(
    ("name", "r1", "hydrogens"),
    [
        pytest.param("s2dipyridyl", 0.0285, 16, marks=pytest.mark.slow),
        pytest.param("c26h33no3si_051a", 0.0324, 33, marks=pytest.mark.slow),
        pytest.param("c18h19no4_106c", 0.0427, 19, marks=pytest.mark.slow),
        ("ylid", 0.0293, 10),
    ],
)
def test_complete_model(data_dir, name, r1, hydrogens, tmp_path):
    folder = data_dir / "reflections" / name
    model, _ = reference(folder)
    composition = json.loads((folder / "meta.json").read_text())["composition"]
    start = taken_apart(model)
    wrong = start
    if name == "s2dipyridyl":
        # Two wrong elements and a missing atom.
        wrong = start.with_species(0, "C").with_species(5, "N").take(np.arange(len(start)) != 9)
    found = complete_model(measurements(folder), wrong, composition=composition)
    assert r1 + 0.01 > found.R1
    assert (found.model.atomic_numbers == 1).sum() == hydrogens
    heavy = found.model.without_hydrogens()
    for number in set(heavy.atomic_numbers):
        expected = (model.without_hydrogens().atomic_numbers == number).sum()
        assert (heavy.atomic_numbers == number).sum() == expected
    assert 0.9 < found.gof < 1.15
    if name == "ylid":
        assert found.flack.decided
        assert abs(found.flack.value) < 0.2
    for ending in ("cif", "res", "ccp4"):
        write_refinement(found, tmp_path / f"{name}.{ending}")
    again = read(tmp_path / f"{name}.cif")
    assert len(again.plan.letters) == len(found.model)
    assert read_ccp4(tmp_path / f"{name}.ccp4")[0].shape == found.difference.values.shape


@pytest.mark.slow
def test_uncertainties_are_those_published(data_dir):
    """S2-dipyridyl: the published model against its data, uncertainties by SHELXL within 10 %."""
    folder = data_dir / "reflections" / "s2dipyridyl"
    model, errors = reference(folder)
    bare = complete_model(measurements(folder), model.without_hydrogens())
    found = refine(bare.measured, bare.model.replace(extinction=0.0), weights="fit")
    heavy = found.model.atomic_numbers > 1
    labels = {label: i for i, label in enumerate(model.labels)}
    order = [labels[label] for label, h in zip(found.model.labels, heavy, strict=True) if h]
    ratio = found.esds["frac"][heavy] / errors["x"][order]
    # Those published have one or two digits.
    assert np.nanmedian(ratio) == pytest.approx(1.0, abs=0.1)
    off = np.abs(found.model.frac[heavy] - model.frac[order]) / errors["x"][order]
    assert np.nanmedian(off) < 0.6


def test_a_measured_twin(data_dir):
    """Cs(C5Me5): published share 0.34068 of h' = (k, h, -l)."""
    folder = data_dir / "reflections" / "cs_twin_3a"
    model, _ = reference(folder)
    law = np.array([[0.0, 1, 0], [1, 0, 0], [0, 0, -1]])
    model = model.replace(twin_laws=(law,), twin_fractions=(0.5,))
    hydrogens = [label for label in model.labels if label.startswith("H")]
    found = refine(measurements(folder), model, weights=(0.0374, 0.6277), fixed=hydrogens)
    assert found.model.twin_fractions[0] == pytest.approx(0.3407, abs=0.004)
    assert found.esds["twin_fractions"][0] < 0.003
    assert found.R1 < 0.03


def test_names_of_shelx_are_short_and_different():
    labels = ("C1", "C1234", "C12345", "H11")
    assert short_labels(labels) == ("C1", "C2", "C3", "H11")


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (1.23456, 0.0012, "1.2346(12)"),
        (1.23456, 0.0021, "1.235(2)"),
        (0.25, 0.0, "0.25000"),
        (-12.3, 0.196, "-12.3(2)"),
        (1234.0, 21.0, "1230(20)"),
        (0.5, 0.0019, "0.5000(19)"),
    ],
)
def test_uncertainties_in_brackets(value, error, text):
    assert bracketed(value, error) == text


def test_other_endings_are_refused(data_dir, tmp_path):
    folder = data_dir / "reflections" / "nacl"
    found = refine(measurements(folder), reference(folder)[0])
    with pytest.raises(ValueError, match="expected a file in"):
        write_refinement(found, tmp_path / "a.xyz")
    with pytest.raises(ValueError, match="without blanks"):
        write_refinement(found, tmp_path / "a.cif", name="a b")
    assert found.R1 < 0.01
    assert list(tmp_path.iterdir()) == []
