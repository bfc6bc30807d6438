"""Reading and writing crystals: CIF, and through ASE every format that it knows. Host only.

    crystal = read("quartz.cif")                     # WyckoffCrystal in the file's own symmetry
    crystal = read("quartz.cif", symmetry="find")    # found by spglib, standard setting
    crystal = read("POSCAR", symprec=1e-2)           # symmetry found, as for all ASE formats
    crystal = read("quartz.cif", symmetry="P1")      # every atom of the cell free
    write_cif(crystal, "out.cif")                    # symmetric: operations and asymmetric unit
    to_ase(crystal), from_ase(atoms), crystal_from_ase(atoms)

A CIF keeps its setting, occupancies, mixed sites, isotropic and anisotropic displacements, charges
("O2-") and isotopes ("D"). Its symmetry comes from the list of operations where there is one, then
from the Hall symbol, then from the Hermann-Mauguin symbol or number; a file that contradicts
itself is refused. Coordinates near a special position are put on it (`site_tolerance`).

Every error is a `ValueError` that names the file, the atom and the key; nothing is half-written.
"""

from ._ase import crystal_from_ase as crystal_from_ase
from ._ase import from_ase as from_ase
from ._ase import to_ase as to_ase
from ._atomic import replacing as replacing
from ._atomic import write_bytes as write_bytes
from ._atomic import write_text as write_text
from ._cif_read import read_cif as read_cif
from ._cif_write import write_cif as write_cif
from ._read import read as read
