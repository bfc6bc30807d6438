"""The reference cases of PSCF 1.3.3: their names, their files, cells as they have them."""

import gzip
import pathlib
from collections.abc import Sequence

import numpy as np

from jaxtal.lattice import BravaisLattice

#: Folders with the files of one run each.
NAMES = [
    "a15_Pm-3n",
    "altgyr_I4_132",
    "at_1d_P1",
    "at_2d_p2",
    "at_2d_p2gg",
    "at_2d_p3",
    "at_cub_F-43m",
    "at_hex_P6122",
    "at_mono_P21c",
    "at_orth_P212121",
    "at_rhom_R-3mR",
    "at_tet_P43212",
    "at_tric_P-1",
    "at_trig_P3121",
    "bcc_Im-3m",
    "c15_Fd-3m_1",
    "c15_Fd-3m_2",
    "dd_Pn-3m_2",
    "gyroid_Ia-3d",
    "hcp_P63mmc",
    "hex3d_P6mmm",
    "hex_p6mm",
    "lam_P-1",
    "o70_Fddd_2",
    "sigma_P42mnm",
]
#: Those made of Gaussian atoms.
ATOMS = [name for name in NAMES if name.startswith("at_")]


def reference(data_dir: pathlib.Path, name: str, file: str) -> pathlib.Path:
    """A file of a case, which may be gzipped there."""
    path = data_dir / "fields" / name / file
    return path if path.exists() else path.with_name(file + ".gz")


def text_of(path: pathlib.Path) -> str:
    """The text of a file, gunzipped where it is gzipped."""
    data = path.read_bytes()
    return (gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data).decode()


def table_after(label: str, path: pathlib.Path) -> np.ndarray:
    """The numbers below a label and the line after it."""
    body = text_of(path).split("\n" + label, 1)[1].split("\n", 2)[2]
    return np.loadtxt(body.splitlines(), ndmin=2)


def cell_of(words: Sequence[str | float], dimension: int) -> tuple[BravaisLattice, np.ndarray]:
    """Lattice and parameters, angles in degrees, from name, lengths and angles in radians."""
    bravais = BravaisLattice.find(str(words[0]), dimension)
    parameters = np.array(words[1:], float)
    parameters[bravais.n_lengths :] = np.rad2deg(parameters[bravais.n_lengths :])
    return bravais, parameters


def matrix_of(words: Sequence[str | float], dimension: int) -> np.ndarray:
    """The matrix of that lattice, rows."""
    bravais, parameters = cell_of(words, dimension)
    return bravais.host_matrix(parameters)
