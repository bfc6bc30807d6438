"""`powder`: patterns, lists of lines, and the likeness of a measured pattern."""

import sys

import numpy as np
import pytest

import jaxtal as jxt


@pytest.fixture
def measured(tmp_path):
    """Quartz as measured: noise, a falling background and the hump of a glass."""
    pattern = jxt.diffraction.PowderPattern("CuKa", limits=(15, 65), n_points=2501, fwhm=0.14)
    x = pattern.samples
    y = 1000 * np.asarray(pattern(jxt.prototype("alpha-quartz")).intensity, np.float64)
    background = 400 * np.exp(-x / 15) + 60 + 150 * np.exp(-(((x - 22) / 6) ** 2))
    counts = np.random.default_rng(0).poisson(y + background)
    np.savetxt(tmp_path / "quartz.xy", np.stack([x, counts], axis=1), fmt="%.3f", header="quartz")
    return x, y, background


def test_patterns_and_lines_are_written(run, tmp_path):
    result = run("powder", "rock-salt", "rutile", "--wavelength", "1.5406", "--json", "-o", "x")
    assert (result.code, result.err) == (0, "")
    salt, _ = result.json["crystals"]
    strongest = max(salt["lines"], key=lambda line: line["intensity"])
    assert strongest["hkl"] == [2, 0, 0]
    assert strongest["two_theta"] == pytest.approx(31.7, abs=0.05)
    names = {"rock-salt.xy", "rock-salt-lines.csv", "rutile.xy", "rutile-lines.csv", "powder.png"}
    assert {path.name for path in (tmp_path / "x").iterdir()} == names
    x, y = jxt.io.read_powder(tmp_path / "x" / "rock-salt.xy")
    assert x[np.argmax(y)] == pytest.approx(strongest["two_theta"], abs=0.02)
    table = np.genfromtxt(tmp_path / "x" / "rock-salt-lines.csv", delimiter=",", names=True)
    np.testing.assert_allclose(table["d"], [line["d"] for line in salt["lines"]], atol=1e-5)
    text = run("powder", "rock-salt", "--wavelength", "MoKa", "--limits", 5, 40).out
    assert "2 0 0" in text
    assert "rock-salt.xy" in text


def test_a_measured_pattern_with_background_finds_its_crystal(run, measured):
    found = run("powder", "alpha-quartz", "rutile", "--against", "quartz.xy", "--json").json
    right, wrong = (row["similarity"] for row in found["crystals"])
    assert right > 0.97
    assert wrong < 0.4
    raw = run("powder", "alpha-quartz", "--against", "quartz.xy", "--flat").out
    assert float(raw.split("similarity ")[1].split(";")[0]) < 0.6


def test_the_background_is_what_was_put_in(measured):
    x, y, background = measured
    quartz = jxt.prototype("alpha-quartz")
    found = jxt.losses.measured_similarity(quartz, x, y + background)
    assert found.value > 0.98
    away = np.abs(found.background - background)
    assert np.median(away) < 3
    assert np.corrcoef(found.calculated, y)[0, 1] > 0.95
    clean = jxt.losses.measured_similarity(quartz, x, y, background=False)
    assert clean.value > 0.99
    assert not clean.background.any()
    with pytest.raises(ValueError, match="angles that increase"):
        jxt.losses.measured_similarity(quartz, x[::-1], y)
    with pytest.raises(ValueError, match="as many intensities"):
        jxt.losses.measured_similarity(quartz, x, y[1:])


def test_what_is_missing_is_named(measured, monkeypatch):
    monkeypatch.setitem(sys.modules, "pybaselines", None)
    x, y, _ = measured
    with pytest.raises(ImportError, match=r"pip install 'jaxtal\[powder\]'"):
        jxt.losses.measured_similarity(jxt.prototype("diamond"), x, y)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("10 1\n" * 12, "angles that increase"),
        ("10.0 1\n10.1 x\n", "line 2: expected an angle and an intensity"),
        ("a title\n", "at least ten lines"),
    ],
)
def test_bad_patterns_are_refused(run, tmp_path, text, message):
    (tmp_path / "bad.xy").write_text(text)
    result = run("powder", "rutile", "--against", "bad.xy")
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert "bad.xy" in result.err


def test_bad_options_are_refused(run, measured):
    for options, message in (
        (("--wavelength", "XyKa"), "CuKa"),
        (("--against", "none.xy"), "none.xy: no such file"),
        (("--against", "quartz.xy", "--limits", 70, 80), "--limits: expected at least ten points"),
    ):
        result = run("powder", "rutile", *options)
        assert (result.code, result.out) == (2, "")
        assert message in result.err


def test_columns_of_many_kinds_are_read(tmp_path):
    x = np.linspace(10, 20, 11)
    for text in (
        "".join(f"{a:.2f}, {a**2:.2f}, 0.1\n" for a in x),
        "# made\nangle;counts\n" + "".join(f"{a:.2f};{a**2:.2f}\n" for a in x),
        "/* made */\n' too\n\n" + "".join(f"  {a:.2f}\t{a**2:.2f}\n" for a in x),
    ):
        (tmp_path / "a.xy").write_text(text)
        angles, values = jxt.io.read_powder(tmp_path / "a.xy")
        np.testing.assert_allclose(angles, x)
        np.testing.assert_allclose(values, x**2)
