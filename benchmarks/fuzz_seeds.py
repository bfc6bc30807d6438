"""The whole files that `fuzz.py` damages, small and made on the spot, and what reads them.

python benchmarks/fuzz_seeds.py FOLDER     writes them
"""

import dataclasses
import functools
import itertools
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Callable
from typing import Any


@dataclasses.dataclass(frozen=True)
class Reader:
    """A reader and its whole files.

    Attributes:
        name: of the row.
        kind: "text", "json", "npz" or "bytes": how files are damaged.
        ending: of the files.
        read: reads a file; whatever it returns has been looked at.
        seeds: whole files.
        refused: what is raised of whole files: plain .xyz has no cell.
        seconds: of CPU time that one file may take.
    """

    name: str
    kind: str
    ending: str
    read: Callable[[pathlib.Path], object]
    seeds: tuple[bytes, ...] = ()
    refused: tuple[type[Exception], ...] = ()
    seconds: float = 5.0


CIF = """data_{name}
_cell_length_a 5.0(1)
_cell_length_b 5.0
_cell_length_c 7.0
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
{group}
_diffrn_radiation_wavelength 0.71073
_chemical_formula_sum 'Si O'
_cell_formula_units_Z 4
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
_atom_site_U_iso_or_equiv
_atom_site_site_symmetry_multiplicity
Si1 Si4+ 0.1 0.2 0.3 1 0.01 4
O1 O2- 0.4 0.2 0.1(2) 0.5 0.012(3) 4
loop_
_atom_site_aniso_label
_atom_site_aniso_U_11
_atom_site_aniso_U_22
_atom_site_aniso_U_33
_atom_site_aniso_U_12
_atom_site_aniso_U_13
_atom_site_aniso_U_23
Si1 0.01 0.011 0.012 0 0.001 0
"""
GROUPS = (
    "loop_\n_space_group_symop_operation_xyz\n'x,y,z'\n'-x,-y,z'\n'-y,x,z'\n'y,-x,z'",
    "_space_group_name_H-M_alt 'P 4'\n_space_group_IT_number 75",
    "_space_group_name_Hall 'P 4'",
)
LIST = """loop_
_refln_index_h
_refln_index_k
_refln_index_l
_refln_F_squared_meas
_refln_F_squared_sigma
_refln_observed_status
1 0 0 123.45 1.2 o
0 2 0 55.0(8) 0.8 o
1 1 1 7.0 0.9 x
-1 2 3 9.5 1.1 f
"""
HKL = "".join(
    f"{h:4d}{k:4d}{l:4d}{10.5 * (h + k * k + l):8.2f}{1.2:8.2f}{1:4d}\n"
    for h in range(3)
    for k in range(3)
    for l in range(1, 4)
)
INS = """TITL test
CELL 0.71073 7.1 8.2 9.3 90 105 90
ZERR 4 0.001 0.001 0.001 0 0.01 0
LATT 1
SYMM -x, y+1/2, -z+1/2
SFAC C H N
UNIT 40 44 8
HKLF 4 1 1 0 0 0 1 0 0 0 1
END
"""
XDS = """!FORMAT=XDS_ASCII    MERGE=FALSE    FRIEDEL'S_LAW=FALSE
!SPACE_GROUP_NUMBER=   19
!UNIT_CELL_CONSTANTS=  10.1  12.2  14.3  90.0  90.0  90.0
!X-RAY_WAVELENGTH=  0.0251
!NUMBER_OF_ITEMS_IN_EACH_DATA_RECORD=12
!ITEM_H=1
!ITEM_K=2
!ITEM_L=3
!ITEM_IOBS=4
!ITEM_SIGMA(IOBS)=5
!END_OF_HEADER
 1 0 0 1.23E+01 1.0E+00 10 11 12 0.9 100 50 1
 0 2 0 4.5E+02 2.0E+00 10 11 13 0.9 100 51 1
-1 2 3 7.5E+00 -1.0E+00 10 11 14 0.9 100 52 1
!END_OF_DATA
"""
PYMATGEN = (
    '{"@module": "pymatgen.core.structure", "@class": "Structure", "lattice": {"matrix": '
    '[[4, 0, 0], [0, 4, 0], [0, 0, 4]], "a": 4, "b": 4, "c": 4, "alpha": 90, "beta": 90, '
    '"gamma": 90, "pbc": [true, true, true]}, "sites": [{"species": [{"element": "Na", "occu": 1}],'
    '"abc": [0, 0, 0]}, {"species": [{"element": "Cl", "occu": 0.5, "oxidation_state": -1}], '
    '"abc": [0.5, 0.5, 0.5]}]}'
)
OPTIMADE = (
    '{"data": [{"id": "a1", "attributes": {"lattice_vectors": [[4, 0, 0], [0, 4, 0], [0, 0, 4]], '
    '"dimension_types": [1, 1, 1], "species": [{"name": "Na", "chemical_symbols": ["Na", '
    '"vacancy"], "concentration": [0.9, 0.1]}], "species_at_sites": ["Na"], '
    '"cartesian_site_positions": [[0, 0, 0]]}}]}'
)
GROUP = """dim 2
size 4
1 0
0 1
0 0
-1 0
0 -1
1/2 0
1 0
0 -1
1/2 0
-1 0
0 1
0 0
"""
POWDER = "# 2theta I\n" + "".join(f"{5 + 0.1 * i:.2f} {100 + i % 7} 1.0\n" for i in range(40))
COLUMNS = "h k l I sigma\n1 0 0 12.5 0.5\n0 1 0 7.25 0.5\n-1 2 3 1e2 2.0\n"
PHASED = "k1, k2, k3, I, real(ampl), imag(ampl)\n1, 0, 0, 9, 3, 0\n0, 1, 2, 25, 3, -4\n"
JOB = """[data]
file = "data.csv"
format = "csv"

[space]
cell = [6.2832, 6.2832, 90]

[group]
generators = ["-x,-y"]

[sharpening]
composition = "C2"
b_iso = 1.0

[window]
parallel = "ball"

[run]
starts = 2
seed = 1

[[section]]
name = "cell"
lattice = [[1, 0], [0, 1]]
shape = [20, 30]

[output]
csv = true
peaks = 5
"""
JOB_MATRIX = """[data]
file = "data.csv"
format = "csv"

[space]
parallel = [[1.0, 0.0], [0.0, 1.0]]

[group]
generators = [{rotation = [[-1, 0], [0, -1]], translation = ["0", 0.5]}]

[sharpening]
method = "normalised_e"

[window]
parallel = "none"
"""


def write_seeds(folder: pathlib.Path) -> None:
    """Write the whole files of every reader, FOLDER/READER/i.ENDING."""
    import ase
    import ase.db
    import ase.io
    import gemmi
    import numpy as np

    import jaxtal as jxt
    from jaxtal import io
    from jaxtal.fields import BasisField, PeriodicField
    from jaxtal.grids import Grid

    def place(reader: str, i: int, ending: str) -> pathlib.Path:
        path = folder / reader / f"{i}{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def text(reader: str, ending: str, *texts: str) -> None:
        for i, one in enumerate(texts):
            place(reader, i, ending).write_text(one)

    cifs = [CIF.format(name=f"n{i}", group=group) for i, group in enumerate(GROUPS)]
    text("cif", ".cif", *cifs, cifs[0] + cifs[1])
    text("cif-list", ".cif", cifs[0] + LIST, cifs[1] + f"_shelx_hkl_file\n;\n{HKL}\n;\n")
    text("fcf", ".fcf", cifs[1].partition("loop_\n_atom")[0] + LIST)
    text("hkl", ".hkl", HKL, HKL + "   0   0   0    0.00    0.00\n" + INS)
    text("ins", ".ins", INS)
    text("xds", ".hkl", XDS)
    text("columns", ".txt", COLUMNS, COLUMNS.replace(" ", ","))
    text("phased-csv", ".csv", PHASED)
    text("json", ".json", PYMATGEN, f"[{PYMATGEN}]", OPTIMADE)
    table = '"' + cifs[0].replace('"', '""') + '"'
    text("csv", ".csv", f"material_id,cif\nmp-1,{table}\nmp-2,{table}\n")
    text("powder", ".xy", POWDER, POWDER.replace(" ", ","))
    text("pscf-group", ".group", GROUP)
    text("toml", ".toml", JOB, JOB_MATRIX)
    (folder / "data.csv").write_text("k1, k2, I\n1, 0, 5\n0, 1, 7\n1, 1, 2\n2, 1, 3\n")
    atoms = ase.Atoms(
        "NaCl", positions=[[0, 0, 0], [2.8, 2.8, 2.8]], cell=[5.6, 5.6, 5.6], pbc=True
    )
    formats = {"extxyz": ".extxyz", "xyz": ".xyz", "vasp": ".vasp", "xsf": ".xsf", "gen": ".gen"}
    for kind, ending in {**formats, "traj": ".traj"}.items():
        name = "poscar" if kind == "vasp" else kind
        ase.io.write(place(name, 0, ending), atoms, format=kind)
    ase.io.write(place("extxyz", 1, ".extxyz"), [atoms, atoms], format="extxyz")
    for ending in (".db", ".json"):
        database: Any = ase.db.connect(place(f"ase{ending.replace('.', '-')}", 0, ending))
        with database:
            database.write(atoms)
    mtz = gemmi.Mtz(with_base=True)
    mtz.set_cell_for_all(gemmi.UnitCell(5, 6, 7, 90, 90, 90))
    mtz.spacegroup = gemmi.SpaceGroup("P 21 21 21")
    mtz.add_dataset("one").wavelength = 0.9
    mtz.add_column("IMEAN", "J")
    mtz.add_column("SIGIMEAN", "Q")
    mtz.set_data(np.array([[1, 0, 0, 5.5, 1], [0, 2, 0, 7, 1], [1, 2, 3, 9, 2]], np.float32))
    mtz.write_to_file(str(place("mtz", 0, ".mtz")))
    rng = np.random.default_rng(0)
    io.write_ccp4(place("ccp4", 0, ".ccp4"), rng.normal(size=(4, 6, 5)), [5, 6, 7, 90, 95, 90])
    half = gemmi.Ccp4Map()
    half.grid = gemmi.FloatGrid(rng.normal(size=(4, 4, 4)).astype(np.float32))
    half.grid.set_unit_cell(gemmi.UnitCell(5, 5, 7, 90, 90, 90))
    half.grid.spacegroup = gemmi.SpaceGroup("P 4")
    half.update_ccp4_header(2)
    half.write_ccp4_map(str(place("ccp4", 1, ".ccp4")))
    values = rng.normal(size=(2, 4, 4, 4))
    cell = PeriodicField.from_arrays(values, "cubic", [3.5])
    flat = PeriodicField.from_arrays(rng.normal(size=(1, 4, 6)), "rectangular", [2.0, 3.0])
    for i, one in enumerate((cell, flat)):
        for kind in ("rf", "kf"):
            io.write_field(place(kind, i, f".{kind}"), one)
    io.write_field(place("rf-gz", 0, ".rf.gz"), flat)
    for i, (group, sizes, system, edges) in enumerate(
        (("P 4 3 2", (4, 4, 4), "cubic", [3.5]), ("p 4 m m", (6, 6), "square", [2.0]))
    ):
        start = PeriodicField.from_arrays(rng.normal(size=(2, *sizes)), system, edges, group)
        io.write_bf(place("bf", i, ".bf"), BasisField.from_field(start, project=True))
    Grid(np.array([[1, 0], [0, 1], [2, 3]]), (7, 9)).save(place("grid", 0, ".npz"))
    quartz = jxt.prototype("alpha-quartz")
    small = jxt.Descriptor(n_max=2, l_max=2, q_max=4.0, n_bins=5)
    io.write_descriptions(jxt.describe([quartz, quartz], small), place("descriptions", 0, ".npz"))
    problem = _problem()
    made = jxt.phase(problem, starts=2, checkpoint=place("checkpoint", 0, ".npz"), progress=False)
    place("resumed", 0, ".npz").write_bytes((folder / "checkpoint" / "0.npz").read_bytes())
    io.write_phasing(made, folder / "phases", ["npz"])
    (folder / "phases" / "phases.npz").rename(place("phases", 0, ".npz"))
    source = folder / "source"
    source.mkdir()
    for i, one in enumerate(cifs):
        (source / f"{i}.cif").write_text(one)
    (source / "bad.cif").write_text("data_x\n")
    jxt.fingerprints(source, cache=folder / "cache")
    place("cache-log", 0, ".jsonl").write_bytes((folder / "cache" / "log.jsonl").read_bytes())


@functools.cache
def _problem() -> Any:
    """A small problem of phasing, the same every time."""
    from jaxtal.phasing import PhasingProblem, model

    return PhasingProblem.from_reflections(model("2d").reflections)


def readers() -> list[Reader]:
    """Every reader, with its whole files."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        # In another process: one in which XLA has threads is not forked.
        subprocess.run([sys.executable, __file__, name], check=True)
        found = []
        for reader in _table(folder):
            paths = sorted((folder / reader.name).iterdir())
            seeds = tuple(path.read_bytes() for path in paths)
            found.append(dataclasses.replace(reader, seeds=seeds))
    return found


def _table(folder: pathlib.Path) -> list[Reader]:
    import numpy as np

    from jaxtal import io
    from jaxtal.cli.job._read import read_job
    from jaxtal.grids import Grid
    from jaxtal.io import _ase_frames
    from jaxtal.phasing import phase, recipe
    from jaxtal.phasing._checkpoint import Checkpoint
    from jaxtal.phasing._stage_tables import Workspace
    from jaxtal.search import Collection, crystals_of

    rows = (folder / "data.csv").read_bytes()
    vectors = (folder / "cache" / "vectors.bin").read_bytes()

    # What hangs ASE is given less time here, so that more fits into a run.
    _ase_frames._SECONDS = 2.0

    def every(path: pathlib.Path) -> None:
        for entry in itertools.islice(io.contents(path), 3):
            entry.load()

    def listed(path: pathlib.Path) -> None:
        # As `dedup` reads a folder: errors are told with the crystal's name.
        for label, crystal in crystals_of(path):
            if isinstance(crystal, ValueError):
                raise ValueError(f"{label}: {crystal}") from crystal
            if isinstance(crystal, Exception):
                raise crystal

    def instructions(path: pathlib.Path) -> None:
        beside = path.with_name("good.hkl")
        beside.write_text(HKL)
        io.read_reflection_table(beside, instructions=path)

    def job(path: pathlib.Path) -> None:
        from jaxtal.cli._errors import BadInputError

        path.with_name("data.csv").write_bytes(rows)
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            from jaxtal.cli.job._read import read_job_file

            try:
                read_job_file(path, {})
            except BadInputError as error:
                raise ValueError(str(error)) from error
            return
        try:
            read_job(text, str(path), path.stem, path.parent, {})
        except BadInputError as error:
            raise ValueError(str(error)) from error

    def checkpoint(path: pathlib.Path) -> None:
        # As `phase` reads it, without what it does then, which takes a second.
        stages = recipe("default", _problem().orbits.n_reflections)
        saved = Checkpoint(path, _problem(), stages, 0, "float32")
        if (grid := saved.grid_or(None)) is not None:
            workspace = Workspace.build(_problem(), stages, grid, 0, np.float32)
            saved.attempts(0, workspace, stages)

    def resumed(path: pathlib.Path) -> None:
        phase(_problem(), starts=2, checkpoint=path, progress=False)

    def cache(path: pathlib.Path) -> None:
        place = path.with_name(f"{path.stem}-cache")
        place.mkdir(exist_ok=True)
        (place / "log.jsonl").write_bytes(path.read_bytes())
        (place / "vectors.bin").write_bytes(vectors)
        try:
            Collection.open(place)
        except FileNotFoundError as error:
            raise ValueError(str(error)) from error  # of an empty log, as documented

    def field(path: pathlib.Path) -> None:
        if not np.isfinite(np.asarray(io.read_field(path).values)).all():
            raise RuntimeError("a field that is not finite")

    return [
        Reader("cif", "text", ".cif", io.read),
        Reader("cif-list", "text", ".cif", io.read_reflection_table),
        Reader("fcf", "text", ".fcf", io.read_reflection_table),
        Reader("hkl", "text", ".hkl", io.read_reflection_table),
        Reader("ins", "text", ".ins", instructions),
        Reader("xds", "text", ".hkl", io.read_reflection_table),
        Reader("columns", "text", ".txt", io.read_reflection_table),
        Reader("phased-csv", "text", ".csv", io.read_reflection_table),
        Reader("mtz", "bytes", ".mtz", io.read_reflection_table),
        Reader("json", "json", ".json", every),
        Reader("csv", "text", ".csv", every),
        Reader("powder", "text", ".xy", io.read_powder),
        Reader("xyz", "text", ".xyz", listed, refused=(ValueError,)),
        Reader("extxyz", "text", ".extxyz", listed),
        Reader("poscar", "text", ".vasp", listed),
        Reader("xsf", "text", ".xsf", listed),
        Reader("gen", "text", ".gen", listed),
        Reader("traj", "bytes", ".traj", listed),
        Reader("ase-json", "json", ".json", listed),
        Reader("ase-db", "bytes", ".db", listed),
        Reader("ccp4", "bytes", ".ccp4", field),
        Reader("rf", "text", ".rf", field),
        Reader("kf", "text", ".kf", field),
        Reader("bf", "text", ".bf", field),
        Reader("rf-gz", "bytes", ".rf.gz", field),
        Reader("pscf-group", "text", ".group", io.read_pscf_group),
        Reader("toml", "text", ".toml", job),
        Reader("phases", "npz", ".npz", io.read_phases_npz),
        Reader("descriptions", "npz", ".npz", io.read_descriptions),
        Reader("grid", "npz", ".npz", Grid.load),
        Reader("checkpoint", "npz", ".npz", checkpoint),
        Reader("resumed", "npz", ".npz", resumed, seconds=30.0),
        Reader("cache-log", "json", ".jsonl", cache),
    ]


if __name__ == "__main__":
    write_seeds(pathlib.Path(sys.argv[1]))
