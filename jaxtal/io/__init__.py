"""Reading and writing: crystals (CIF, and all that ASE knows), phases, densities. Host only.

    crystal = read("quartz.cif")                     # WyckoffCrystal in the file's own symmetry
    crystal = read("quartz.cif", symmetry="find")    # found by spglib, standard setting
    crystal = read("POSCAR", symprec=1e-2)           # symmetry found, as for all ASE formats
    crystal = read("quartz.cif", symmetry="P1")      # every atom of the cell free
    read("both.cif", block="second"); read("mp.json"); read("test.csv", block="mp-22865")
    for entry in contents("test.csv"): entry.name, entry.load()     # CIF, JSON, tables of CIFs
    write_cif(crystal, "out.cif")                    # symmetric: operations and asymmetric unit
    crystal.to_ase(); Crystal.from_ase(atoms); WyckoffCrystal.from_ase(atoms)

A block that gemmi has parsed already is read by `read_cif_block(CifBlock(path, block))`.

A CIF keeps its setting, occupancies, mixed sites, isotropic and anisotropic displacements, charges
("O2-") and isotopes ("D"). Its symmetry comes from the list of operations where there is one, then
from the Hall symbol, then from the Hermann-Mauguin symbol or number, on the axes that fit the cell
and with the origin that fits stated multiplicities, Wyckoff letters or formula; a file that
contradicts itself is refused. Coordinates near a special position are put on it
(`site_tolerance`); the occupancies of a position add up to at most 1.005. Bytes that are no UTF-8,
repeated tags and damage beside the crystal are passed over. A label is believed to name an element
only if a number, a charge or a site follows; displacement tensors that can't be used are left out
with a warning. Of magnetic structures the atoms are read when asked for without the file's group;
modulated ones are refused.

Results of phasing, in any dimension:

    write_phasing(found, "folder", ["csv", "npz", "ccp4"])
    read_phases_npz("folder/phases.npz")             # PhaseArchive: every start, group, records
    write_peaks(found.density.peaks(), "q.res", space, group)     # also .cif, .xyz
    write_ccp4("density.ccp4", values, cell)         # any density in three dimensions

Measured reflections, merged under the group that is given or stated, or else the Laue class found:

    read_reflections("data.hkl", cell=[7.1, 8.2, 9.3, 90, 105, 90], group="P 21/c")
    read_reflections("data.hkl")                     # "data.ins" or "data.res" beside it tells
    read_reflections("data.fcf")                     # cell and group as the file says

and the rows as they stand, a `ReflectionTable` for `Reflections.from_table` and
`reflections.DataReport`, with cell, group, wavelength, radiation and contents where they are said:

    read_reflection_table("data.hkl", hklf=3)        # SHELX: F; domain=1 of HKLF 5
    read_reflection_table("data.cif")                # lists (h, k, l, m1, ...), or SHELX text in it
    read_reflection_table("XDS_ASCII.HKL"); read_reflection_table("data.mtz")
    read_reflection_table("phased.csv")              # k1..kn, I, real(ampl), imag(ampl)
    read_reflection_table("data.txt")                # h k l I sigma in separated columns
    read_reflection_columns("data", ["n1", "n2", "n3", "n4", "n5", "n6"], "I", sigma="Sigma(I)")
    read_reflection_columns("data.txt", [0, 1, 2], amplitude=3, sigma=4)   # columns by number

SHELX files have fixed columns, 3I4,2F8,I4; anything else in them is refused with what to do. Rows
"-1 -1" are unmeasured and left out as are those with a negative sigma; the table says how many of
what, and how strong. A sigma of zero becomes that of rows as strong.

A refined crystal:

    write_refinement(found, "folder/name.cif")       # with uncertainties; .res, .ccp4 (difference)
    write_refinement(found, "name.cif", reflections=True)       # the reflections in it, too

A measured powder pattern:

    two_theta, intensity = read_powder("quartz.xy")  # for losses.measured_similarity

Periodic fields, in the formats of PSCF (one, two and three dimensions, several fields a file):

    field = read_field("w.rf")                                 # also .kf, .bf, .ccp4; .gz
    write_field("w.cube", field, index=1)                      # also .rf, .kf, .bf, .ccp4
    fields = read_bf("w.bf", Mesh((32, 32, 32)))               # BasisField; fields.field()
    fields, placement = resample_bf("w.bf", Mesh((64, 64, 64)))     # from another mesh
    write_bf("out.bf", BasisField.from_field(field, basis))
    read_field_header("w.bf")                                  # dimension, cell, group, n_fields
    write_star_report("stars", basis); write_wave_report("waves", basis)
    group = read_pscf_group("group"); write_pscf_group("out", group)

    write_descriptions(describe(crystals), "d.npz", names)      # what `jaxtal describe` writes
    found, names = read_descriptions("d.npz")

Angles are radians in those files and degrees here. A name in .gz is gzipped, with equal bytes for
equal fields.

Every error is a `ValueError` that names the file, the atom and the key; nothing is half-written.

A name is imported when it is first used (`__init__.pyi` lists them).
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
