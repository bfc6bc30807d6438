"""Field files cut anywhere are refused, files written by hand are not."""

import numpy as np
import pytest

from jaxtal import io
from jaxtal.fields import BasisField, PeriodicField, StarBasis
from jaxtal.io.pscf._grid import read_kf, read_rf, write_kf, write_rf

pytestmark = pytest.mark.usefixtures("x64")

HEAD = """format 1 0
dim 1
crystal_system lamellar
N_cell_param 1
cell_param 2.5
group_name P_-1
N_monomer 2
mesh 4
"""
N_HEAD = HEAD.count("\n")


@pytest.fixture
def files(tmp_path, rng):
    """One field file of each kind."""
    field = PeriodicField.from_arrays(rng.normal(size=(2, 3, 2)), "square", [1.5])
    basis = StarBasis("p 2", (4, 4), 1.5 * np.eye(2))
    a = 1e-3 * rng.normal(size=(1, basis.n_basis))
    write_rf(tmp_path / "w.rf", field)
    write_kf(tmp_path / "w.kf", field)
    io.write_bf(tmp_path / "w.bf", BasisField.from_arrays(a, basis, "square", [1.5]))
    return {
        "rf": (tmp_path / "w.rf", read_rf),
        "kf": (tmp_path / "w.kf", read_kf),
        "bf": (tmp_path / "w.bf", lambda path: io.resample_bf(path, basis=basis)),
    }


@pytest.mark.parametrize("kind", ["rf", "kf", "bf"])
def test_every_cut_of_the_last_rows(files, kind):
    path, read = files[kind]
    text = path.read_text()
    last_row = len(text.splitlines()[-1]) + 1
    path.write_text(text[:-1])  # the newline alone says nothing
    read(path)
    for lost in range(2, 2 * last_row):
        path.write_text(text[:-lost])
        with pytest.raises(ValueError, match=rf"w\.{kind}:\d+: .*is the file truncated\?") as e:
            read(path)
        last = text[:-lost].rstrip().count("\n") + 1
        assert str(e.value).startswith(f"{path}:{last}: ")


@pytest.mark.parametrize(
    "rows",
    [
        "1.25 2\n3 4.125\n5.5 6\n3 4",
        "1.25 2.00\n3.00 4.25\n5.00 6.50\n3.00 4",
        "1e-3 2e-3\n3 4\n5 6\n3 4",  # typed as they come
        "1.0e-103 2.0e-100\n1.0 1.0e+00\n1.0 1.0e+00\n1.0 1.0e-10",
        "1 10\n3 10\n5 10\n3 10",
        "1 0.123456\n3 0.123456\n5 0.5\n3 1",
    ],
)
def test_numbers_written_by_hand(tmp_path, rows):
    for end in ("", "\n", "\n\n"):
        (tmp_path / "w.rf").write_text(HEAD + rows + end)
        values = read_rf(tmp_path / "w.rf").values
        expected = np.array([row.split() for row in rows.split("\n")], float).T
        np.testing.assert_array_equal(values, expected)


@pytest.mark.parametrize(
    "rows",
    [
        "1 2.0e+01\n3 4.0e-01\n5 6.0E-04\n3 4.0e-0",
        "1 2.0D+01\n3 4.0D-01\n5 6.0D-04\n3 4.0",
        "1 0.123456\n3 0.234567\n5 0.345678\n3 0.45",
        "1 -20.123456\n3 40.234567\n5 0.345678\n3 45",
        "  1  10\n  3  20\n  5  30\n  3  4",
    ],
)
def test_numbers_that_have_lost_their_end(tmp_path, rows):
    (tmp_path / "w.rf").write_text(HEAD + rows)
    with pytest.raises(ValueError, match=rf"w\.rf:{N_HEAD + 4}: .*is the file truncated\?"):
        read_rf(tmp_path / "w.rf")
    (tmp_path / "w.rf").write_text(HEAD + rows + "\n")
    assert read_rf(tmp_path / "w.rf").n_fields == 2
