"""Elements in labels and type symbols: believed only where nothing else can be meant."""

import pytest
from awkward_cifs import cif

from jaxtal.io import read

LABELS = """
Si1 Si   O O   OW1 O   C12A C   D3 D   Cl2 Cl   H1A H   Wat O   wat1 O   WAT2 O   Ow O   Oh1 O
OH O   O-H1 O   O-h2 O   H2O O   H3O+ O   SiT1 Si   AlT2 Al   CaM2 Ca   NaA Na   KA K   OA1 O
OBm O   FeOct Fe   AlVI Al   FeM3 Fe   O3A O
Si_1 Si   Si(1) Si   Al[4] Al   Fe* Fe   Na-1 Na   Fe3+ Fe
O' O   HW1 H   HN1 H   OC1 O   Oap1 O   ZN1 Zn   MG2 Mg   cl1 Cl   Tm1 Tm   Re1 Re   W1 W   B1 B
SiT1o Si   Xe1 Xe   Os1 Os   Ho1 Ho   C1S C   O1W O   MnM2a Mn   Po4 Po   Fe(M1) Fe   T* -   T1 -
M1 -   X1 -   Q1 -   Me1 -   CO1 -   CA1 -   NA1 -   FE1 -   CS1 -   HO1 -   RE1 -   TM1 -   NH4 -
PO4 -   SO4 -   CO3 -   NO3 -   BO3 -   SiO4 -   ClO4 -   CH3 -   OCN -   Alk1 -   Cation1 -
Int1 -   Oct1 -   Site1 -   Tet1 -   Void1 -   Met1 -   Vac1 -   Va1 -   Du1 -   Cg1 -   Ct1 -
Cnt1 -   Cav1 -   Hal1 -   Hole1 -   Lp1 -   Bq1 -   Nh1 -   Ts1 -   Fe,Ni -   Fe/Ni -   Fe+Ni -
Fe-Ni -   Fe1Ni1 -   (Fe,Ni) -   Ca/Na -   1 -   Uiso -   Oxy1 -   DHy -   Ree -
"""
TYPES = """
Si4+ Si4+   Si+4 Si4+   O-2 O2-   Na+ Na1+   Ti0+ Ti   D D   FE Fe   Fe2.5+ Fe   C1 C   Cval C
18O2- 18O2-   cl Cl   3H T   Nh Nh   CO2+ Co2+   Co Co   W6+ W6+   CL1- Cl1-   BA Ba   Fe(III) Fe
Wat O   Ow O   H2O -   OH2 -   OH -   OH- -   NH4 -   NH4+ -   PO4 -   CO3 -   NO3 -   CO -   HO -
T -   T1 -   X -   Va -   Vac -   Fe,Ni -   Fe/Ni -   Fe3+,Al3+ -   FeNi -   Fe0.5Ni0.5 -   M -
Ln -   Du -   Silicon -   SO4 -   CH3 -   Fe&Ni -   Xx -
"""


def pairs(table: str) -> list[tuple[str, str]]:
    words = table.split()
    return list(zip(words[::2], words[1::2], strict=True))


@pytest.mark.parametrize(("label", "element"), pairs(LABELS))
def test_labels(tmp_path, label, element):
    path = tmp_path / "a.cif"
    path.write_text(cif(f"'{label}' .1 .2 .3".replace("'O''", '"O\'"'), columns=COLUMNS))
    if element == "-":
        with pytest.raises(ValueError, match=r"a\.cif:\d+: .*_atom_site_label: ") as caught:
            read(path)
        assert label in str(caught.value)
    else:
        assert read(path).species == (element,)


COLUMNS = "label fract_x fract_y fract_z"


@pytest.mark.parametrize(("symbol", "species"), pairs(TYPES))
def test_type_symbols(tmp_path, symbol, species):
    path = tmp_path / "a.cif"
    path.write_text(cif(f"X1 '{symbol}' .1 .2 .3"))
    if species == "-":
        with pytest.raises(ValueError, match=r"a\.cif:\d+: .*_atom_site_type_symbol: ") as caught:
            read(path)
        assert symbol in str(caught.value)
    else:
        assert read(path).species == (species,)


@pytest.mark.parametrize(
    ("label", "formula", "element"),
    [
        ("CO1", "Co2 F3", "Co"),
        ("CO1", "C O2", "C"),
        ("CO1", "C Co O", "-"),
        ("NA1", "Na Cl", "Na"),
        ("W1", "Ca W O4", "W"),
        ("W1", "Na Al Si2 O6", "-"),
        ("TA1", "Ta2 O5", "Ta"),
        ("D1", "H2 O", "D"),
        ("Si1", "SiO2", "Si"),
        ("Fe1", "(Fe,Mg)2SiO4", "Fe"),
    ],
)
def test_the_formula_tells_what_a_label_means(tmp_path, label, formula, element):
    path = tmp_path / "a.cif"
    text = cif(f"{label} .1 .2 .3", columns=COLUMNS, more=f"_chemical_formula_sum '{formula}'")
    path.write_text(text)
    if element == "-":
        with pytest.raises(ValueError, match=f"'{label}'"):
            read(path)
    else:
        assert read(path).species == (element,)


@pytest.mark.parametrize(
    ("symbol", "advice"),
    [
        ("Fe,Ni", r"have a row each \(Fe, Ni\), with equal coordinates and their own occupancies"),
        ("Fe + Ni", r"a row each \(Fe, Ni\)"),
        ("Fe3+,Al3+", r"a row each \(Fe, Al\)"),
        ("Vac", "take their rows out"),
        ("H2O", "the oxygen of water or hydroxyl is O"),
        ("CO3", "an element .Co. or a group of atoms"),
        ("T", "tetrahedral site.* Tritium: 3H"),
    ],
)
def test_refusals_say_what_to_do(tmp_path, symbol, advice):
    path = tmp_path / "a.cif"
    path.write_text(cif(f"X1 '{symbol}' .1 .2 .3"))
    with pytest.raises(ValueError, match=advice):
        read(path)


def test_hydrogens_of_water_are_not_water(tmp_path):
    path = tmp_path / "a.cif"
    path.write_text(cif("O1 .1 .2 .3\nH1O .3 .2 .3\nH2O .1 .4 .3", columns=COLUMNS))
    with pytest.raises(ValueError, match="'H2O', water or a hydrogen"):
        read(path)
