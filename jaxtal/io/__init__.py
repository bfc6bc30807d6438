"""Reading and writing: crystals (CIF, and all that ASE knows), phases, densities. Host only.

    crystal = read("quartz.cif")                     # WyckoffCrystal in the file's own symmetry
    crystal = read("quartz.cif", symmetry="find")    # found by spglib, standard setting
    crystal = read("POSCAR", symprec=1e-2)           # symmetry found, as for all ASE formats
    crystal = read("quartz.cif", symmetry="P1")      # every atom of the cell free
    write_cif(crystal, "out.cif")                    # symmetric: operations and asymmetric unit
    crystal.to_ase(); Crystal.from_ase(atoms); WyckoffCrystal.from_ase(atoms)

A block that gemmi has parsed already is read by `read_cif_block(CifBlock(path, block))`.

A CIF keeps its setting, occupancies, mixed sites, isotropic and anisotropic displacements, charges
("O2-") and isotopes ("D"). Its symmetry comes from the list of operations where there is one, then
from the Hall symbol, then from the Hermann-Mauguin symbol or number; a file that contradicts
itself is refused. Coordinates near a special position are put on it (`site_tolerance`).

Phased reflections, in any dimension, and their densities:

    write_phases_csv(path, k, intensity, F)          # "k1, ..., kn, I, real(ampl), imag(ampl)"
    write_phases_npz(path, PhaseArchive(...))        # every start, the group, records; readable
    write_ccp4("density.ccp4", values, cell)         # three dimensions

A writer of results is any callable that takes the result and a folder; `replacing`, `write_text`
and `write_bytes` make its files whole or absent.

Reflections in any number of dimensions come as a `ReflectionTable` for `Reflections.from_table`:

    read_reflection_columns("data", ["n1", "n2", "n3", "n4", "n5", "n6"], "I", sigma="Sigma(I)")
    read_reflection_columns("data.txt", [0, 1, 2], amplitude=3, sigma=4)   # columns by number
    read_reflection_csv("phased.csv")                # k1..kn, I, real(ampl), imag(ampl)
    read_hkl("data.hkl")                             # SHELX HKLF 4, or hklf=3
    read_reflection_cif("data.fcf")                  # h, k, l, m1, m2, ...

Periodic fields, in the formats of PSCF (one, two and three dimensions, several fields a file):

    field = read_rf("w.rf"); write_rf("out.rf.gz", field)      # values on the mesh
    field = read_kf("w.kf.gz"); write_kf("out.kf", field)      # Fourier coefficients
    fields = read_bf("w.bf", Mesh((32, 32, 32)))               # BasisField; fields.field()
    fields, placement = resample_bf("w.bf", Mesh((64, 64, 64)))     # from another mesh
    read_field_header("w.bf")                                  # dimension, cell, group, n_fields
    infer_mesh("w.bf")                                         # the mesh that it was written on
    write_bf("out.bf", BasisField.from_field(field, basis))
    write_star_report("stars", basis); write_wave_report("waves", basis)
    group = read_pscf_group("group"); write_pscf_group("out", group)
    write_cube("out.cube", field, 0)
    read_field("w.rf"), write_field("w.ccp4", field, index=1)  # by the ending of the name

    write_descriptions(describe(crystals), "d.npz", names)      # what `jaxtal describe` writes
    found, names = read_descriptions("d.npz")

Angles are radians in those files and degrees here. A name in .gz is gzipped, with equal bytes for
equal fields.

Every error is a `ValueError` that names the file, the atom and the key; nothing is half-written.
"""

from .._core import replacing as replacing
from .._core import write_bytes as write_bytes
from .._core import write_text as write_text
from ._ccp4 import read_ccp4 as read_ccp4
from ._ccp4 import write_ccp4 as write_ccp4
from ._cif_read import read_cif as read_cif
from ._cif_read import read_cif_block as read_cif_block
from ._cif_values import CifBlock as CifBlock
from ._cif_write import write_cif as write_cif
from ._cube import write_cube as write_cube
from ._descriptions import read_descriptions as read_descriptions
from ._descriptions import write_descriptions as write_descriptions
from ._field_files import read_field as read_field
from ._field_files import write_field as write_field
from ._phases_csv import write_phases_csv as write_phases_csv
from ._phases_npz import PhaseArchive as PhaseArchive
from ._phases_npz import read_phases_npz as read_phases_npz
from ._phases_npz import write_phases_npz as write_phases_npz
from ._phasing import WRITERS as WRITERS
from ._phasing import Writer as Writer
from ._phasing import phase_archive as phase_archive
from ._phasing import save_ccp4 as save_ccp4
from ._phasing import save_csv as save_csv
from ._phasing import save_npz as save_npz
from ._phasing import write_phasing as write_phasing
from ._pscf_basis import read_bf as read_bf
from ._pscf_basis import resample_bf as resample_bf
from ._pscf_basis import write_bf as write_bf
from ._pscf_errors import FieldFileError as FieldFileError
from ._pscf_errors import FieldGroupError as FieldGroupError
from ._pscf_errors import FieldMeshError as FieldMeshError
from ._pscf_grid import read_kf as read_kf
from ._pscf_grid import read_rf as read_rf
from ._pscf_grid import write_kf as write_kf
from ._pscf_grid import write_rf as write_rf
from ._pscf_group import read_pscf_group as read_pscf_group
from ._pscf_group import write_pscf_group as write_pscf_group
from ._pscf_header import FieldHeader as FieldHeader
from ._pscf_header import read_field_header as read_field_header
from ._pscf_infer_mesh import infer_mesh as infer_mesh
from ._pscf_placing import Placement as Placement
from ._pscf_reports import write_star_report as write_star_report
from ._pscf_reports import write_wave_report as write_wave_report
from ._read import read as read
from ._reflection_cif import read_reflection_cif as read_reflection_cif
from ._reflection_shelx import read_hkl as read_hkl
from ._reflection_text import read_reflection_columns as read_reflection_columns
from ._reflection_text import read_reflection_csv as read_reflection_csv
