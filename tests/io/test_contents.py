"""JSON of pymatgen and OPTIMADE, and tables with a column of CIFs."""

import csv
import gzip
import json

import pytest
from awkward_cifs import cif, content

from jaxtal.io import contents, read

LATTICE = {"matrix": [[4.2, 0, 0], [0, 4.2, 0], [0, 0, 4.2]], "pbc": [True] * 3}


def site(x, *species) -> dict:
    pairs = [{"element": e, "occu": o, "oxidation_state": q} for e, o, q in species]
    return {"species": pairs, "abc": x, "label": species[0][0], "properties": {}}


CSCL = {
    "@module": "pymatgen.core.structure",
    "@class": "Structure",
    "lattice": LATTICE,
    "sites": [
        site([0, 0, 0], ("Cs", 0.75, 1), ("Rb", 0.25, 1)),
        site([0.5, 0.5, 0.5], ("Cl", 1, -1)),
    ],
}
OPTIMADE = {
    "type": "structures",
    "id": "odbx/1",
    "attributes": {
        "lattice_vectors": LATTICE["matrix"],
        "dimension_types": [1, 1, 1],
        "cartesian_site_positions": [[0, 0, 0], [2.1, 2.1, 2.1]],
        "species_at_sites": ["CsRb", "Cl"],
        "species": [
            {"name": "CsRb", "chemical_symbols": ["Cs", "Rb"], "concentration": [0.75, 0.25]},
            {"name": "Cl", "chemical_symbols": ["Cl", "vacancy"], "concentration": [0.9, 0.1]},
        ],
    },
}


def write(path, data) -> None:
    text = json.dumps(data)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)


@pytest.mark.parametrize("name", ["a.json", "a.json.gz"])
def test_pymatgen(x64, tmp_path, name):
    write(tmp_path / name, CSCL)
    crystal = read(tmp_path / name)
    assert crystal.group.number == 221
    assert set(crystal.species) == {"Cs1+", "Rb1+", "Cl1-"}
    assert content(crystal) == {"Cs": 0.75, "Rb": 0.25, "Cl": 1.0}
    assert read(tmp_path / name, symmetry="P1").group.number == 1


@pytest.mark.parametrize(
    "wrapped", [OPTIMADE, {"data": OPTIMADE}, {"data": [OPTIMADE]}, [OPTIMADE]]
)
def test_optimade(x64, tmp_path, wrapped):
    write(tmp_path / "a.json", wrapped)
    crystal = read(tmp_path / "a.json")
    assert crystal.group.number == 221
    assert content(crystal) == {"Cs": 0.75, "Rb": 0.25, "Cl": 0.9}


@pytest.mark.parametrize(
    ("data", "names"),
    [
        ([CSCL, CSCL], ["0", "1"]),
        ({"one": CSCL, "two": CSCL}, ["one", "two"]),
        (
            [{"material_id": "mp-22865", "structure": CSCL}, {"id": 7, "structure": CSCL}],
            ["mp-22865", "7"],
        ),
        ({"data": [OPTIMADE, OPTIMADE]}, ["odbx/1", "odbx/1-1"]),
        ([{"id": "a", "structure": json.dumps(CSCL)}], ["a"]),
    ],
)
def test_several_structures(tmp_path, data, names):
    path = tmp_path / "a.json"
    write(path, data)
    assert [entry.name for entry in contents(path)] == names
    assert read(path, block=names[-1]).group.number == 221
    if len(names) > 1:
        with pytest.raises(ValueError, match=f"got several .{names[0]}, .*`block` names the one"):
            read(path)
    with pytest.raises(ValueError, match="expected an entry 'none', got"):
        read(path, block="none")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sites": [site([0, 0, 0], ("X0+", 1, 0))]}, "site 0: .*got 'X'"),
        ({"sites": []}, "expected sites, got none"),
        ({"sites": [{"species": []}]}, "expected sites, got none"),
        ({"sites": [{"species": [{"element": "Cs"}]}]}, "expected a structure with 'abc'"),
        ({"lattice": LATTICE | {"pbc": [True, True, False]}}, "periodic in three dimensions"),
        ({"lattice": {"matrix": [[1, 0, 0]]}}, "lattice"),
    ],
)
def test_bad_structures(tmp_path, change, message):
    write(tmp_path / "a.json", CSCL | change)
    with pytest.raises(ValueError, match=message) as caught:
        read(tmp_path / "a.json")
    assert "a.json" in str(caught.value)


@pytest.mark.parametrize("text", ["{", "{}", "[1, 2]", '{"data": []}', '{"a": {"b": 1}}', ""])
def test_other_json(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ValueError, match=r"a\.json: expected (JSON|structures of pymatgen)"):
        read(tmp_path / "a.json")


def table(path, rows, columns=("", "material_id", "formula", "cif")) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *rows])


def test_tables_of_cifs(tmp_path):
    path = tmp_path / "test.csv"
    oxygen = cif("O1 O .1 .2 .3")
    table(
        path,
        [("0", "mp-1", "Si", cif()), ("1", "mp-2", "O, \u00e9", oxygen), ("2", "mp-3", "", "")],
    )
    assert [entry.name for entry in contents(path)] == ["mp-1", "mp-2", "mp-3"]
    assert read(path, block="mp-2").species == ("O",)
    assert read(path, block="mp-2", dtype="float32").occupancies.dtype == "float32"
    with pytest.raises(ValueError, match="expected one crystal, got several"):
        read(path)
    with pytest.raises(ValueError, match=r"test\.csv#mp-3: expected a CIF"):
        read(path, block="mp-3")


def test_tables_without_names_and_without_cifs(tmp_path):
    path = tmp_path / "test.csv"
    table(path, [(cif(),)], ("structure",))
    assert read(path).species == ("Si",)
    table(path, [("1", "2")], ("h", "k"))
    with pytest.raises(ValueError, match=r"test\.csv: expected a column that holds CIFs .* h, k"):
        read(path)
    table(path, [])
    with pytest.raises(ValueError, match="got no rows"):
        read(path)


def test_blocks_belong_to_files_that_have_them(tmp_path):
    (tmp_path / "POSCAR").write_text("x\n1\n3 0 0\n0 3 0\n0 0 3\nSi\n1\nDirect\n0 0 0\n")
    with pytest.raises(ValueError, match="POSCAR: expected a CIF, JSON or a table to have a block"):
        read(tmp_path / "POSCAR", block="a")
