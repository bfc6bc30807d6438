"""What of a data report should be looked at."""

from typing import Any

import numpy as np

from ...lattice import cell_to_matrix

#: Volume of an atom that is no hydrogen, A^3: outside of this cell or composition are wrong.
_VOLUMES = 6.0, 50.0


def find_warnings(report: Any, atoms: float | None) -> tuple[str, ...]:
    """One sentence for each thing that should be looked at.

    Args:
        report: a `DataReport`.
        atoms: atoms of a formula unit or cell that are no hydrogens; None where unknown.
    """
    found = [*_rows(report), *_lattice(report), *_symmetry(report), *_twins(report)]
    found += [*_quality(report), *_contents(report, atoms)]
    return tuple(found)


def _rows(report: Any) -> list[str]:
    table = report.table
    found = [one.text() for one in table.dropped]
    found += list(table.notes)
    if table.sigma is None:
        found.append("no uncertainties: weights, outliers and signal can't be judged")
    return found


def _lattice(report: Any) -> list[str]:
    centring, found = report.centring, []
    if centring.letter == "R reverse":
        found.append(
            "rhombohedral lattice in the reverse setting: indices were turned to the obverse one"
        )
    if centring.twin_fraction is not None:
        found.append(
            "obverse/reverse twin: what both settings of a rhombohedral lattice extinguish is "
            f"absent, the smaller domain has {100 * centring.twin_fraction:.0f} %"
        )
    if centring.letter in ("P", "C", "A", "B", "I") and centring.pseudo:
        shown = ", ".join(centring.pseudo)
        found.append(f"nearly centred ({shown}): pseudo-translation, weak superlattice reflections")
    laue = report.laue
    if not np.allclose(laue.index_matrix, np.eye(3)):
        rows = "; ".join(" ".join(f"{x:g}" for x in row) for row in laue.index_matrix)
        a, b, c, al, be, ga = laue.cell
        found.append(
            f"another cell shows the symmetry: {a:.4f} {b:.4f} {c:.4f} {al:.3f} {be:.3f} {ga:.3f}, "
            f"index matrix [{rows}]"
        )
    return found


def _symmetry(report: Any) -> list[str]:
    table, laue, found = report.table, report.laue, []
    if table.group is None:
        return found
    name = table.group.hm or f"the group of order {table.group.order}"
    try:
        table.group.check_matrix(np.asarray(cell_to_matrix(table.cell)), 1e-2)
    except ValueError as error:
        return [f"{name} is stated, but {error}"]
    if report.extinct and "wrong" in report.extinct:
        found.append(f"{name} is stated, but what it extinguishes is strong")
    stated = {W.tobytes() for W in table.group.laue_rotations.astype(np.int64)}
    operations = {W.tobytes(): a for W, a in laue.operations if W.dtype.kind == "i"}
    chosen = {W.tobytes() for W in laue.chosen.rotations if laue.chosen.rotations.dtype.kind == "i"}
    refused = [operations[W] for W in stated & set(operations) - chosen if operations[W]]
    if refused:
        worst = max(one.r for one in refused)
        found.append(f"{name} is stated, but equivalents do not agree (R = {worst:.3f})")
    elif chosen - stated:
        found.append(f"{name} is stated, the data have the higher Laue class {laue.chosen.name}")
    return found


def _twins(report: Any) -> list[str]:
    found, statistics = [], report.statistics
    for one in report.laue.twins:
        if one.r < 0.25 and one.pairs >= 100:
            rows = "; ".join(" ".join(f"{x:g}" for x in row) for row in one.matrix)
            found.append(
                f"nearly symmetric (R = {one.r:.3f}) under [{rows}]: a twin law of fraction about "
                f"{one.fraction:.2f}, or pseudosymmetry"
            )
    if statistics is not None and statistics.count >= 200:
        low_l = statistics.l_mean is not None and statistics.l_mean < 0.43
        if statistics.e2_minus_1 < 0.60 or (low_l and statistics.e2_minus_1 < 0.65):
            shown = "" if statistics.l_mean is None else f", <|L|> = {statistics.l_mean:.3f}"
            found.append(
                f"intensities as of a twin: <|E^2 - 1|> = {statistics.e2_minus_1:.3f}{shown} "
                "(untwinned 0.74 and 0.50 or more)"
            )
    return found


def _quality(report: Any) -> list[str]:
    found, wavelength = [], report.table.wavelength
    if wavelength and report.d_min < 0.495 * wavelength:
        found.append(
            f"cell or wavelength wrong: d_min = {report.d_min:.3f} A is less than half of the "
            f"wavelength of {wavelength:g} A"
        )
    if report.completeness is not None and report.completeness < 0.85:
        found.append(f"incomplete: {100 * report.completeness:.0f} % of the reflections measured")
    if report.d_min > 1.205:
        found.append(f"d_min = {report.d_min:.2f} A: phasing without a model wants 1.2 A or better")
    if report.r_int is not None and report.r_int > 0.20:
        found.append(f"equivalents agree badly: R_int = {report.r_int:.3f}")
    signal = [shell.i_over_sigma for shell in report.shells]
    if None not in signal and signal and max(signal) < 3:
        found.append(f"weak: mean I/sigma of the best shell is {max(signal):.1f}")
    if report.wilson is None:
        found.append("no Wilson plot: no intensity is positive")
    elif not report.wilson.reliable:
        found.append(f"B of the Wilson plot is not to be trusted: {report.wilson.text()}")
    return found


def _contents(report: Any, atoms: float | None) -> list[str]:
    table = report.table
    if atoms is None or table.z is None or not atoms:
        return []
    volume = abs(np.linalg.det(np.asarray(cell_to_matrix(table.cell))))
    # UNIT is the contents of the cell, a formula is one of z.
    each = [volume / (atoms * n) for n in {1.0, float(table.z)} if n > 0]
    if any(_VOLUMES[0] <= one <= _VOLUMES[1] for one in each):
        return []
    return [
        f"cell or composition wrong: {each[0]:.1f} A^3 for each atom that is no hydrogen, expected "
        f"{_VOLUMES[0]:g} to {_VOLUMES[1]:g}"
    ]
