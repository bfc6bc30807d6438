"""Built-in crystals, and diamond in twelve settings."""

import json
import pathlib

import numpy as np
import pytest
from ase.neighborlist import neighbor_list

from jaxtal.crystal import (
    Crystal,
    WyckoffCrystal,
    diamond_settings,
    prototype,
    prototype_names,
    prototype_source,
)

REFERENCE = {
    e["name"]: e
    for e in json.loads(
        (pathlib.Path(__file__).parent.parent / "reference" / "crystals.json").read_text()
    )
}
REQUIRED = {
    *("diamond", "h-diamond", "alpha-quartz", "beta-quartz", "rutile", "anatase", "rock-salt"),
    *("fluorite", "perovskite", "wurtzite", "corundum", "zincblende", "coesite", "cristobalite"),
    *("calcite", "brookite"),
}

#: First-shell bonds in angstrom and coordination numbers, from the papers cited or from textbooks.
BONDS = {
    "alpha-quartz": ("Si", "O", 1.61, 4),
    "beta-quartz": ("Si", "O", 1.59, 4),
    "cristobalite": ("Si", "O", 1.603, 4),
    "coesite": ("Si", "O", 1.61, 4),
    "stishovite": ("Si", "O", 1.775, 6),
    "rutile": ("Ti", "O", 1.96, 6),
    "anatase": ("Ti", "O", 1.95, 6),
    "brookite": ("Ti", "O", 1.96, 6),
    "corundum": ("Al", "O", 1.914, 6),
    "calcite": ("C", "O", 1.281, 3),
    "spinel": ("Mg", "O", 1.924, 4),
    "pyrite": ("Fe", "S", 2.263, 6),
    "wurtzite": ("Zn", "O", 1.978, 4),
    "zincblende": ("Zn", "S", 2.342, 4),
    "diamond": ("C", "C", 1.545, 4),
    "h-diamond": ("C", "C", 1.543, 4),
    "silicon": ("Si", "Si", 2.352, 4),
    "fluorite": ("Ca", "F", 2.366, 8),
    "perovskite": ("Ti", "O", 1.953, 6),
    "rock-salt": ("Na", "Cl", 2.820, 6),
    "cesium-chloride": ("Cs", "Cl", 3.571, 8),
    "magnesium": ("Mg", "Mg", 3.203, 12),
}


def test_all_required_names_are_there():
    assert set(prototype_names()) >= REQUIRED
    assert set(BONDS) == set(prototype_names())


@pytest.mark.parametrize("name", prototype_names())
def test_bonds_and_coordination(x64, name):
    first, second, length, coordination = BONDS[name]
    atoms = prototype(name).to_ase()
    i, j, d = neighbor_list("ijd", atoms, 1.12 * length)
    symbols = np.array(atoms.get_chemical_symbols())
    bonds = (symbols[i] == first) & (symbols[j] == second)
    np.testing.assert_allclose(d[bonds].mean(), length, atol=0.01)
    assert bonds.sum() == coordination * np.sum(symbols == first)


@pytest.mark.parametrize("name", [n for n in prototype_names() if n in REFERENCE])
def test_agrees_with_the_reference_cells(x64, powder, name):
    """crystals.json was expanded by ASE from the same published parameters."""
    entry = REFERENCE[name]
    crystal = prototype(name)
    assert crystal.group.number == entry["spacegroup"]
    reference = Crystal.from_arrays(entry["matrix"], entry["frac"], entry["numbers"])
    np.testing.assert_allclose(powder(crystal.expand()), powder(reference), rtol=1e-9, atol=1e-10)


def test_names_are_forgiving_and_errors_list_them():
    assert prototype("Rock salt").species == prototype("rock-salt").species
    assert prototype("ALPHA_QUARTZ").group.number == 154
    assert "Levien" in prototype_source("quartz")
    with pytest.raises(ValueError, match=r"unobtainium|expected one of diamond, h-diamond"):
        prototype("unobtainium")


def test_diamond_in_twelve_groups_is_one_crystal(x64, powder):
    settings = diamond_settings()
    assert sorted(settings) == [70, 88, 98, 109, 119, 122, 141, 166, 203, 210, 216, 227]
    reference = powder(settings[227].expand())
    for number, crystal in settings.items():
        assert crystal.group.number == number
        np.testing.assert_allclose(powder(crystal.expand()), reference, rtol=1e-9, atol=1e-12)
        found = WyckoffCrystal.from_crystal(crystal.expand())
        assert found.group.number == 227
        np.testing.assert_allclose(found.lattice_parameters, 3.567, rtol=1e-10)


def test_diamond_leaves_what_the_paper_leaves_free():
    settings = diamond_settings(3.6)
    free = {
        number: (c.plan.system.names, c.plan.n_site_parameters) for number, c in settings.items()
    }
    assert free[227] == (("a",), 0)
    assert free[166] == (("a", "c"), 1)
    assert free[109] == (("a", "c"), 1)
    assert free[70] == (("a", "b", "c"), 0)
    np.testing.assert_allclose(settings[227].lattice_parameters, 3.6, rtol=1e-6)
