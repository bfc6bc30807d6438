"""Published CIFs: symmetry, atoms and structure factors against gemmi; our CIF back again."""

import gemmi
import numpy as np
import pytest

from jaxtal.io import read, write_cif

FILES = [
    "albite_3ded/reference.cif",
    "basin2/reference_derived.cif",
    "c18h19no4_106c/reference.cif",
    "large_p31c/reference.cif",
    "mordenite_3ded/reference.cif",
    "natrolite_3ded/reference.cif",
    "s2dipyridyl/reference.cif",
    "sucrose/reference.cif",
    "ws_bt6337/reference_derived.cif",
    "ws_llewellyn/reference_derived.cif",
    "ylid/reference_derived.cif",
    "zngapo/reference.cif",
]
NUMBERS = {
    "albite": 2,
    "basin2": 64,
    "c18h19no4": 2,
    "large": 159,
    "mordenite": 63,
    "natrolite": 43,
    "s2dipyridyl": 14,
    "sucrose": 4,
    "ws_bt6337": 1,
    "ws_llewellyn": 2,
    "ylid": 19,
    "zngapo": 218,
}


def structure_factors(crystal, hkl: np.ndarray) -> np.ndarray:
    """A plain sum over the expanded cell with gemmi's form factors."""
    cell = crystal.expand()
    matrix = np.asarray(cell.lattice.matrix)
    x, numbers = np.asarray(cell.frac_coords), np.asarray(cell.atomic_numbers)
    inverse = np.linalg.inv(matrix)
    stol2 = 0.25 * np.sum((hkl @ inverse.T) ** 2, axis=1)
    f = {
        z: np.array([gemmi.Element(int(z)).it92.calculate_sf(s) for s in stol2])
        for z in set(numbers.tolist())
    }
    exponent = -8 * np.pi**2 * stol2[:, None] * np.asarray(cell.u_iso)[None]
    if cell.u_aniso is not None:
        star = np.linalg.norm(inverse, axis=0)
        U = np.asarray(cell.u_aniso) * np.outer(star, star)
        exponent = exponent - 2 * np.pi**2 * np.einsum("pi,nij,pj->pn", hkl, U, hkl)
    factors = np.stack([f[z] for z in numbers.tolist()], axis=1)
    phase = np.exp(2j * np.pi * hkl @ x.T + exponent)
    return np.sum(np.asarray(cell.occupancies)[None] * factors * phase, axis=1)


@pytest.mark.parametrize("file", FILES)
def test_published_cif(x64, data_dir, tmp_path, file):
    path = data_dir / "reflections" / file
    if not path.is_file():
        pytest.skip(f"{path} is absent")
    crystal = read(path)
    number = next(v for k, v in NUMBERS.items() if file.startswith(k))
    assert crystal.group.number == number
    cell = crystal.expand()

    # gemmi reads the older tag names only: give it the dictionary's dots as underscores.
    text = path.read_text(errors="replace")
    for category in ("_cell", "_space_group_symop", "_space_group", "_atom_type"):
        text = text.replace(f"{category}.", f"{category}_")
    s = gemmi.make_small_structure_from_block(
        next(b for b in gemmi.cif.read_string(text) if b.find_loop("_atom_site_label"))
    )
    assert s.spacegroup is not None
    assert s.spacegroup.number == number
    sites = s.get_all_unit_cell_sites()
    assert len(sites) == len(cell.mask)
    assert sum(a.occ for a in sites) == pytest.approx(float(cell.occupancies.sum()), abs=1e-6)
    assert sorted(a.element.atomic_number for a in sites) == sorted(
        np.asarray(cell.atomic_numbers).tolist()
    )

    hkl = np.array([(h, k, l) for h in (-3, 0, 2) for k in (-2, 1, 4) for l in (0, 1, 3)])
    s.change_occupancies_to_crystallographic()
    calculator = gemmi.StructureFactorCalculatorX(s.cell)
    # Charges and dispersion stay out of the comparison.
    theirs = np.array([calculator.calculate_sf_from_small_structure(s, h.tolist()) for h in hkl])
    ours = structure_factors(crystal, hkl.astype(float))
    scale = np.abs(theirs).max()
    np.testing.assert_allclose(ours, theirs, atol=1e-5 * scale)

    write_cif(crystal, tmp_path / "a.cif")
    back = read(tmp_path / "a.cif")
    assert back.plan.letters == crystal.plan.letters
    again = structure_factors(back, hkl.astype(float))
    np.testing.assert_allclose(again, ours, atol=1e-6 * scale)


def test_an_occupancy_of_three_is_refused(data_dir):
    """Three hydrogens lumped into one row have no place among atoms."""
    path = data_dir / "reflections" / "neutron_c9h10br2" / "reference.cif"
    if not path.is_file():
        pytest.skip(f"{path} is absent")
    with pytest.raises(ValueError, match="atom H70: expected an occupancy"):
        read(path)
