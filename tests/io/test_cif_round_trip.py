"""Symmetric CIF out and in again, exactly."""

import os

import ase
import ase.io
import equinox as eqx
import gemmi
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxtal._core import write_text
from jaxtal.crystal import Crystal, WyckoffCrystal, diamond_settings, prototype, prototype_names
from jaxtal.io import read, read_cif, write_cif


def assert_same(a: WyckoffCrystal, b: WyckoffCrystal, atol: float = 1e-6) -> None:
    assert a.group == b.group
    assert a.plan.letters == b.plan.letters
    assert a.species == b.species
    x, y = a.expand(), b.expand()
    gap = np.array(x.frac_coords - y.frac_coords)
    np.testing.assert_allclose(gap - np.round(gap), 0, atol=atol)
    for name in ("occupancies", "u_iso"):
        np.testing.assert_allclose(getattr(x, name), getattr(y, name), atol=atol)
    np.testing.assert_allclose(x.lattice.matrix, y.lattice.matrix, atol=atol)
    assert (x.u_aniso is None) == (y.u_aniso is None)
    if x.u_aniso is not None and y.u_aniso is not None:
        np.testing.assert_allclose(x.u_aniso, y.u_aniso, atol=atol)


def decorated(rng) -> WyckoffCrystal:
    """Everything at once: mixed site, ions, isotopes, isotropic and anisotropic displacements."""
    zero = np.zeros((3, 3))
    tensor = np.array([[0.007, 0.001, 0], [0.001, 0.007, 0], [0, 0, 0.005]])
    return WyckoffCrystal.build(
        136,
        (4.593, 2.959),
        [
            ("Ti4+", "2a", (0, 0, 0)),
            ("Nb5+", "2a", (0, 0, 0)),
            ("18O2-", "4f", (0.3051, 0.3051, 0)),
            ("D", "8i", (0.12345678, 0.6, 0)),
        ],
        occupancies=[0.8, 0.2, 1, 0.25],
        u_iso=[0, 0, 0.0123, 0.05],
        u_aniso=[tensor, tensor, zero, zero],
    )


@pytest.mark.parametrize("name", prototype_names())
def test_prototypes(x64, tmp_path, name):
    write_cif(prototype(name), tmp_path / "a.cif")
    assert_same(prototype(name), read(tmp_path / "a.cif"), 1e-9)


def test_float32(tmp_path):
    crystal = prototype("coesite")
    write_cif(crystal, tmp_path / "a.cif")
    assert_same(crystal, read(tmp_path / "a.cif"))


def test_everything_at_once(x64, tmp_path, rng):
    crystal = decorated(rng)
    write_cif(crystal, tmp_path / "a.cif")
    assert_same(crystal, read(tmp_path / "a.cif"), 1e-9)


@pytest.mark.parametrize("number", sorted(diamond_settings()))
def test_diamond_settings(x64, tmp_path, number):
    crystal = diamond_settings()[number]
    write_cif(crystal, tmp_path / "a.cif")
    assert_same(crystal, read(tmp_path / "a.cif"), 1e-9)


@pytest.mark.parametrize(
    ("group", "cell"),
    [
        ("P 1 1 21/b", (5, 6, 7, 100)),
        ("P 1 21/n 1", (5, 6, 7, 100)),
        ("R -3 :R", (7, 80)),
        ("F d -3 m :1", (10,)),
        ("P n a m", (5, 6, 7)),
        ("C -1", (9, 9, 8, 85, 95, 100)),
    ],
)
def test_other_settings(x64, tmp_path, group, cell):
    crystal = WyckoffCrystal.build(group, cell, [("C", _general(group), (0.11, 0.23, 0.37))])
    write_cif(crystal, tmp_path / "a.cif")
    assert_same(crystal, read(tmp_path / "a.cif"), 1e-9)


def _general(group: str) -> str:
    from jaxtal.symmetry import SpaceGroup

    return SpaceGroup.find(group).wyckoff_positions[-1].label


def test_a_site_beside_a_special_position_stays_there(x64, tmp_path):
    """A half-occupied atom 0.01 A off a mirror keeps its letter, which the file states."""
    crystal = WyckoffCrystal.build(
        "P m m m", (5, 6, 7), [("C", "8A", (0.3, 0.2, 0.0014))], occupancies=[0.5]
    )
    write_cif(crystal, tmp_path / "a.cif")
    assert_same(crystal, read(tmp_path / "a.cif"), 1e-9)


def test_both_kinds_of_displacement_on_one_site_add_up(x64, tmp_path):
    crystal = WyckoffCrystal.build(
        186,
        (3.25, 5.2),
        [("Zn", "2b", (1 / 3, 2 / 3, 0)), ("O", "2b", (1 / 3, 2 / 3, 0.38))],
        u_iso=[0.002, 0.01],
        u_aniso=[[[0.01, 0.005, 0], [0.005, 0.01, 0], [0, 0, 0.02]], np.zeros((3, 3))],
    )
    write_cif(crystal, tmp_path / "a.cif")
    back = read(tmp_path / "a.cif")
    np.testing.assert_allclose(back.u_iso, [0, 0.01])
    assert back.u_aniso is not None
    np.testing.assert_allclose(
        back.u_aniso[0], [[0.012, 0.006, 0], [0.006, 0.012, 0], [0, 0, 0.022]], atol=1e-10
    )


def test_a_crystal_is_written_in_p1(x64, tmp_path):
    cell = prototype("rutile").expand()
    padded = Crystal.from_arrays(
        cell.lattice.matrix, cell.frac_coords, cell.atomic_numbers, pad_to=9
    )
    write_cif(padded, tmp_path / "a.cif")
    back = read(tmp_path / "a.cif")
    assert back.group.number == 1
    gap = np.array(back.expand().frac_coords - cell.frac_coords)
    np.testing.assert_allclose(gap - np.round(gap), 0, atol=1e-9)
    assert read(tmp_path / "a.cif", symmetry="find").group.number == 136


def test_gemmi_and_ase_read_what_is_written(x64, tmp_path):
    for name in ("coesite", "corundum", "anatase", "spinel"):
        crystal = prototype(name)
        write_cif(crystal, tmp_path / "a.cif")
        cell = crystal.expand()
        s = gemmi.read_small_structure(str(tmp_path / "a.cif"))
        assert s.spacegroup is not None
        assert s.spacegroup.xhm() == crystal.group.hm
        assert len(s.get_all_unit_cell_sites()) == len(cell.mask)
        atoms = ase.io.read(tmp_path / "a.cif")
        assert isinstance(atoms, ase.Atoms)
        assert sorted(atoms.numbers) == sorted(np.asarray(cell.atomic_numbers).tolist())


def test_symmetry_choices(x64, tmp_path):
    crystal = diamond_settings()[166]
    write_cif(crystal, tmp_path / "a.cif")
    assert read(tmp_path / "a.cif").group.number == 166
    assert read(tmp_path / "a.cif", symmetry="find").group.number == 227
    free = read(tmp_path / "a.cif", symmetry="P1")
    assert free.group.number == 1
    assert free.plan.letters == ("1a",) * 6
    with pytest.raises(ValueError, match="'file', 'find' or 'P1'"):
        read(tmp_path / "a.cif", symmetry="all")


def test_nothing_is_half_written(x64, tmp_path):
    path = tmp_path / "a.cif"
    write_cif(prototype("rutile"), path)
    before = path.read_text()
    broken = prototype("rutile")
    for where in ("site_parameters", "occupancies", "lattice_parameters"):
        wrong = eqx.tree_at(
            lambda c, w=where: getattr(c, w), broken, jnp.full_like(getattr(broken, where), np.nan)
        )
        with pytest.raises(ValueError, match=r"finite|occupancy|length"):
            write_cif(wrong, path)
    nan_u = eqx.tree_at(lambda c: c.u_iso, broken, jnp.full_like(broken.u_iso, np.nan))
    with pytest.raises(ValueError, match="finite"):
        write_cif(nan_u, path)
    with pytest.raises(ValueError, match="without blanks"):
        write_cif(broken, path, name="two words")
    assert path.read_text() == before
    assert os.listdir(tmp_path) == ["a.cif"]
    with pytest.raises(OSError, match="no-folder"):
        write_cif(broken, tmp_path / "no-folder" / "a.cif")


def test_write_text_is_atomic_and_leaves_usual_permissions(tmp_path):
    write_text(tmp_path / "a.txt", "old")
    with pytest.raises(UnicodeEncodeError):
        write_text(tmp_path / "a.txt", "new \ud800")
    assert (tmp_path / "a.txt").read_text() == "old"
    (tmp_path / "b.txt").write_text("")
    assert (tmp_path / "a.txt").stat().st_mode == (tmp_path / "b.txt").stat().st_mode
    assert len(os.listdir(tmp_path)) == 2


def test_traced_crystals_are_refused(tmp_path):
    crystal = prototype("rutile")

    def write(x):
        write_cif(eqx.tree_at(lambda c: c.site_parameters, crystal, x), tmp_path / "a.cif")
        return x

    with pytest.raises(ValueError, match="host"):
        jax.jit(write)(crystal.site_parameters)


def test_block_by_name(x64, tmp_path):
    write_cif(prototype("rutile"), tmp_path / "a.cif", name="one")
    write_cif(prototype("corundum"), tmp_path / "b.cif", name="two")
    text = "data_global\n_journal_year 1999\n"
    text += (tmp_path / "a.cif").read_text() + (tmp_path / "b.cif").read_text()
    (tmp_path / "c.cif").write_text(text)
    assert read_cif(tmp_path / "c.cif").group.number == 136
    assert read_cif(tmp_path / "c.cif", block="TWO").group.number == 167
    with pytest.raises(ValueError, match="no block 'three'; the blocks are global, one, two"):
        read_cif(tmp_path / "c.cif", block="three")
    with pytest.raises(ValueError, match=r"data_global.*expected a cell"):
        read_cif(tmp_path / "c.cif", block="global")
