"""Reports on a star basis: its stars and its waves, as PSCF writes them."""

import os
from typing import Any

import numpy as np

from ...fields import StarBasis, Stars
from ...lattice import BravaisLattice
from ...symmetry import pscf_name
from ._header import FieldHeader
from ._text import format_rows, save_text


def write_star_report(
    path: str | os.PathLike[str],
    basis: StarBasis | Stars,
    bravais: BravaisLattice | str | None = None,
    parameters: Any = None,
    group_name: str | None = None,
) -> None:
    """Write one row for each star that is not cancelled, as PSCF's WRITE_STARS.

    Columns: basis function, star, its size, its first wave and the one after its last, flag (0
    closed; 1 and -1 a pair of open stars), indices of the wave that names it.

    Args:
        path: the file, replaced if it exists, gzipped for a name in .gz.
        basis: the stars.
        bravais: lattice for the header; by default read off the cell of the basis.
        parameters: its parameters, lengths and degrees, (p,).
        group_name: of the header, default `pscf_name`.

    Raises:
        ValueError: parameters that make no cell.
        OSError: the file cannot be written.
    """
    stars = _stars(basis)
    header = _header(stars, bravais, parameters, group_name)
    shown = stars.basis_star
    columns = [
        np.arange(stars.n_basis),
        shown,
        stars.sizes[shown],
        stars.begin[shown],
        stars.begin[shown] + stars.sizes[shown],
        stars.flag[shown],
        *stars.characteristic[shown].T,
    ]
    template = "%6d%6d%5d%8d%8d%4d" + "%6d" * stars.mesh.dimension
    body = format_rows(template, np.stack(columns, axis=1))
    save_text(path, header.text() + f"N_basis\n{'':17}{stars.n_basis}\n" + body)


def write_wave_report(
    path: str | os.PathLike[str],
    basis: StarBasis | Stars,
    bravais: BravaisLattice | str | None = None,
    parameters: Any = None,
    group_name: str | None = None,
) -> None:
    """Write one row for each wave of a star that is not cancelled, as PSCF's WRITE_WAVES.

    Columns: number of the row, number of the wave, its minimal indices, its star, real and
    imaginary part of its coefficient in the star's function (7 decimals).

    Args:
        path: the file, replaced if it exists, gzipped for a name in .gz.
        basis: the stars.
        bravais: lattice for the header; by default read off the cell of the basis.
        parameters: its parameters, lengths and degrees, (p,).
        group_name: of the header, default `pscf_name`.

    Raises:
        ValueError: parameters that make no cell.
        OSError: the file cannot be written.
    """
    stars = _stars(basis)
    header = _header(stars, bravais, parameters, group_name)
    shown = np.flatnonzero(~stars.cancelled[stars.star])
    c = stars.coefficients[shown]
    numbers = [np.arange(len(shown)), shown, *stars.waves[shown].T, stars.star[shown]]
    template = "%8d%8d" + "%5d" * stars.mesh.dimension + "%6d%17.7e%17.7e"
    body = format_rows(template, np.stack([*numbers, np.real(c), np.imag(c)], axis=1))
    save_text(path, header.text() + f"N_wave\n{'':13}{len(shown)}\n" + body)


def _stars(basis: StarBasis | Stars) -> Stars:
    return basis.stars if isinstance(basis, StarBasis) else basis


def _header(
    stars: Stars, bravais: BravaisLattice | str | None, parameters: Any, group_name: str | None
) -> FieldHeader:
    if bravais is None:
        lattice, cell = BravaisLattice.of(stars.matrix)
    else:
        lattice = BravaisLattice.find(bravais, stars.mesh.dimension)
        cell = lattice.check(
            lattice.parameters_of(stars.matrix) if parameters is None else parameters
        )
    return FieldHeader(lattice, cell, group_name or pscf_name(stars.group), None)
