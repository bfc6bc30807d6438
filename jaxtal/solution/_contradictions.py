"""What was given and can't be true together, and what the data lack: said before and after."""

import numpy as np

from ..lattice import cell_to_matrix
from ..reflections import DataReport
from ..scattering import CompositionLike, composition_amounts, parse_species
from ..symmetry import SpaceGroup

#: No solid has less than this for an atom that is no hydrogen, A^3 (diamond: 5.7).
_LEAST_VOLUME = 5.0
#: Bragg's law allows d >= wavelength / 2; cells are known to some per mille.
_HALF = 0.495
#: Completeness below which, and spacing above which, phasing without a model mostly fails.
_COMPLETE, _COARSE = 0.6, 1.2
#: Mean sigma over mean intensity above which data are weak.
_NOISY = 0.35


def refuse_contradictions(
    report: DataReport,
    contents: CompositionLike | None,
    wavelength: float | int | None,
    group: SpaceGroup | None,
) -> None:
    """Refuse what can't be true together.

    Args:
        report: of the data, in the cell that was stated.
        contents: composition of a formula unit or of the cell.
        wavelength: as stated, angstrom.
        group: as asked for, in the setting of the cell that was stated.

    Raises:
        ValueError: spacings that the wavelength can't reach, a composition that doesn't go into
            the cell, a group that the cell doesn't have.
    """
    where = f"{report.table.source}: " if report.table.source else ""
    cell = np.asarray(report.table.cell, np.float64)
    matrix = np.asarray(cell_to_matrix(cell))
    if wavelength and report.d_min < _HALF * wavelength:
        raise ValueError(
            f"{where}cell or wavelength wrong: {wavelength:g} A reach spacings of "
            f"{wavelength / 2:.3f} A, got reflections to {report.d_min:.3f} A"
        )
    if contents is not None:
        amounts = composition_amounts(contents)
        heavy = sum(n for element, n in amounts.items() if parse_species(element)[0] > 1)
        volume = abs(float(np.linalg.det(matrix)))
        if heavy and volume / heavy < _LEAST_VOLUME:
            raise ValueError(
                f"{where}cell or composition wrong: {heavy:g} atoms beside hydrogen in "
                f"{volume:.0f} A^3, expected at least {_LEAST_VOLUME:g} A^3 for each"
            )
    if group is not None:
        try:
            group.check_matrix(matrix, 0.03)
        except ValueError as error:
            raise ValueError(f"{where}the cell does not have {group.hm}: {error}") from error


def lacking(report: DataReport) -> str:
    """What the data lack that solving without a model wants, as the end of a sentence."""
    found = []
    if report.completeness is not None and report.completeness < _COMPLETE:
        found.append(f"{100 * report.completeness:.0f} % of the reflections were measured")
    if report.d_min > _COARSE:
        found.append(f"they end at d = {report.d_min:.2f} A")
    if report.r_sigma is not None and report.r_sigma > _NOISY:
        found.append(f"sigma is {100 * report.r_sigma:.0f} % of the intensity on the mean")
    return f"; {' and '.join(found)}" if found else ""
