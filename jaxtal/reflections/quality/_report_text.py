"""A data report for people and for machines."""

from typing import Any

import numpy as np

from ._centring import Strength


def report_text(report: Any) -> str:
    """The report in some lines."""
    table, laue = report.table, report.laue
    lines = [f"{len(table)} rows of {table.source or 'arrays'}"]
    stated = [f"cell {_cell(table.cell)}"]
    if table.wavelength is not None:
        stated.append(f"wavelength {table.wavelength:g} A")
    stated += [] if table.radiation is None else [table.radiation]
    stated += [] if table.composition is None else [table.composition]
    lines.append("stated      " + ", ".join(stated))
    if report.extinct:
        lines.append(f"            {report.extinct}")
    lines.append(f"centring    {report.centring.letter}{_tested(report.centring.tested)}")
    lines.append(f"Laue class  {laue.chosen.name}, as {laue.group.hm or 'unknown group'}")
    lines.append("            class     R_int  compared  worst R  completeness")
    for one in laue.by_class:
        mark = "*" if one is laue.chosen else " "
        lines.append(
            f"          {mark} {one.name:7} {_num(one.r_int, '7.4f')} {one.compared:9d} "
            f"{_num(one.worst, '8.3f')} {_percent(one.completeness):>13}"
        )
    absent = [one for one in report.elements if one.found.verdict == "absent"]
    lines.append("absences    " + ("; ".join(_element(one.found) for one in absent) or "none"))
    unlisted = [one.found.name for one in report.elements if one.found.verdict == "unlisted"]
    if unlisted:
        lines.append(f"            not in the file: {'; '.join(unlisted)}")
    lines.append(
        f"merged      {len(report.reflections)} independent reflections, R_int "
        f"{_num(report.r_int, '.4f')}, R_sigma {_num(report.r_sigma, '.4f')}, redundancy "
        f"{report.redundancy:.1f}, {report.reflections.report.outliers} outliers"
    )
    lines.append(
        f"resolution  {report.d_max:.2f} to {report.d_min:.3f} A, completeness "
        f"{_percent(report.completeness)}"
    )
    lines.append("            d (A)          rows  unique  complete   <I>  <I/sigma>   R_int")
    lines += [_shell(shell) for shell in report.shells]
    if report.statistics is not None:
        s = report.statistics
        neighbours = "" if s.l_mean is None else f", <|L|> {s.l_mean:.3f}, <L^2> {s.l_square:.3f}"
        lines.append(
            f"statistics  <|E^2-1|> {s.e2_minus_1:.3f}, <E^4> {s.e4:.2f}{neighbours} "
            f"({s.count} general reflections)"
        )
        lines.append(
            "            acentric 0.736, 2, 0.5, 0.333; centric 0.968, 3, 0.637, 0.5; "
            "twin 0.541, 1.5, 0.375, 0.2"
        )
    if report.wilson is not None:
        assumed = "" if table.composition else " (carbon assumed)"
        lines.append(f"Wilson      {report.wilson.text()}{assumed}")
    lines += [f"warning     {one}" for one in report.warnings]
    return "\n".join(lines)


def report_dict(report: Any) -> dict[str, Any]:
    """Numbers, texts, lists and dictionaries alone."""
    table, laue, s = report.table, report.laue, report.statistics
    return {
        "source": table.source,
        "rows": len(table),
        "dropped": [
            {
                "reason": one.reason,
                "rows": one.rows,
                "mean_intensity": one.mean_intensity,
                "mean_i_over_sigma": one.mean_i_over_sigma,
            }
            for one in table.dropped
        ],
        "stated": {
            "cell": _floats(table.cell),
            "space_group": None if table.group is None else table.group.hm,
            "wavelength": table.wavelength,
            "radiation": table.radiation,
            "composition": table.composition,
            "z": table.z,
            "extinct": report.extinct,
        },
        "centring": report.centring.letter,
        "centrings": [_strength(one) for one in report.centring.tested],
        "obverse_reverse_twin": report.centring.twin_fraction,
        "laue_class": laue.chosen.name,
        "laue_group": laue.group.hm,
        "cell": _floats(laue.cell),
        "index_matrix": [_floats(row) for row in laue.index_matrix],
        "laue_candidates": [
            {
                "laue_class": one.name,
                "r_int": one.r_int,
                "compared": one.compared,
                "worst_r": one.worst,
                "completeness": one.completeness,
                "accepted": one.accepted,
                "chosen": one is laue.chosen,
            }
            for one in laue.candidates
        ],
        "elements": [
            {
                "kind": one.kind,
                "symbol": one.symbol,
                "direction": list(one.direction),
                "translation": list(one.translation),
                **_strength(one.found),
            }
            for one in report.elements
        ],
        "unique": len(report.reflections),
        "r_int": report.r_int,
        "r_sigma": report.r_sigma,
        "redundancy": report.redundancy,
        "outliers": report.reflections.report.outliers,
        "d_max": report.d_max,
        "d_min": report.d_min,
        "completeness": report.completeness,
        "shells": [
            {
                "d_max": one.d_max,
                "d_min": one.d_min,
                "rows": one.rows,
                "unique": one.unique,
                "possible": one.possible,
                "completeness": one.completeness,
                "mean_intensity": one.mean_intensity,
                "i_over_sigma": one.i_over_sigma,
                "r_int": one.r_int,
            }
            for one in report.shells
        ],
        "statistics": None
        if s is None
        else {
            "count": s.count,
            "d_min": s.d_min,
            "e2_minus_1": s.e2_minus_1,
            "e4": s.e4,
            "l_mean": s.l_mean,
            "l_square": s.l_square,
            "l_pairs": s.l_pairs,
        },
        "wilson": None
        if report.wilson is None
        else {
            "b_iso": report.wilson.b_iso,
            "b_sigma": _finite(report.wilson.b_sigma),
            "scale": report.wilson.scale,
            "reliable": report.wilson.reliable,
        },
        "twin_operations": [
            {
                "matrix": [list(row) for row in one.matrix],
                "r": one.r,
                "fraction": one.fraction,
                "pairs": one.pairs,
            }
            for one in laue.twins
        ],
        "warnings": list(report.warnings),
    }


def _shell(shell: Any) -> str:
    return (
        f"            {shell.d_max:6.2f}-{shell.d_min:.3f} {shell.rows:6d} {shell.unique:7d} "
        f"{_percent(shell.completeness):>9} {shell.mean_intensity:9.4g} "
        f"{_num(shell.i_over_sigma, '7.1f')} {_num(shell.r_int, '9.4f')}"
    )


def _tested(tested: tuple[Strength, ...]) -> str:
    present = [one for one in tested if one.verdict == "present" and one.ratio < 0.2]
    absent = [one for one in tested if one.verdict == "absent"]
    shown = [_element(one) for one in (*absent[:1], *present)]
    return f": {'; '.join(shown)}" if shown else ""


def _element(one: Strength) -> str:
    if not one.rows:
        return f"{one.name} (none in the file)"
    signal = "" if np.isnan(one.i_over_sigma) else f", I/sigma {one.i_over_sigma:.1f}"
    return f"{one.name} ({one.rows} rows, {100 * one.ratio:.2g} % of the others{signal})"


def _strength(one: Strength) -> dict[str, Any]:
    return {
        "name": one.name,
        "rows": one.rows,
        "others": one.others,
        "ratio": _finite(one.ratio),
        "mean_i_over_sigma": _finite(one.i_over_sigma),
        "significant": _finite(one.significant),
        "verdict": one.verdict,
    }


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _floats(values: Any) -> list[float] | None:
    return None if values is None else [float(x) for x in values]


def _cell(cell: Any) -> str:
    return " ".join(f"{x:.4f}" for x in cell[:3]) + " " + " ".join(f"{x:.3f}" for x in cell[3:])


def _num(value: float | None, form: str) -> str:
    width = form.split(".")[0]
    return (
        f"{'-':>{width}}"
        if value is None and width
        else "-"
        if value is None
        else f"{value:{form}}"
    )


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"
