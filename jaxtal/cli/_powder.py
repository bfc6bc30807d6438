"""`jaxtal powder`: the powder patterns of crystals, and how much a measured one looks like them."""

import json
import pathlib
import sys
from typing import Annotated, Any

import numpy as np
from cyclopts import Parameter

from .._core import replacing_set, write_bytes, write_text
from ..crystal import WyckoffCrystal
from ..diffraction import PowderPattern, powder_lines
from ..io import read_powder
from ..losses import measured_similarity
from ..plot import powder_patterns
from ._errors import BadInputError
from ._files import output_folder
from ._inputs import crystal_name, find_crystal
from ._options import Json, Reading, number

#: Lines that are printed; the file has all.
_SHOWN = 12


def powder(
    crystal: str,
    /,
    *more: Annotated[str, Parameter(name="CRYSTAL")],
    wavelength: str = "CuKa",
    limits: Annotated[tuple[float, float] | None, number(0.0)] = None,
    fwhm: Annotated[float, number(0.0)] = 0.1,
    against: pathlib.Path | None = None,
    flat: bool = False,
    output: Annotated[pathlib.Path, Parameter(alias="-o")] = pathlib.Path("powder"),
    reading: Reading = Reading(),
    as_json: Json = False,
) -> int:
    """Write pattern, list of lines and picture of crystals; compare them with a measured pattern.

    Args:
        crystal: file or built-in name; several.
        wavelength: angstrom, or CuKa, CuKa1, MoKa, CuKa1+CuKa2 ..., default CuKa.
        limits: FROM TO: degrees of 2 theta, default 5 90, or those of the measured pattern.
        fwhm: width of the lines, degrees, default 0.1.
        against: measured pattern (.xy, .xye): prints the similarity of each crystal, 0 to 1, after
            a background estimated by asPLS (pybaselines, the extra powder) is taken off.
        flat: the measured pattern has no background to take off.
        output: folder to write to, default powder.
    """
    names = [crystal, *more]
    beam = _wavelength(wavelength)
    measured = None if against is None else _measured(against, limits)
    first, last = (5.0, 90.0) if limits is None else limits
    if measured is not None:
        first, last = float(measured[0][0]), float(measured[0][-1])
    pattern = PowderPattern(
        beam, limits=(first, last), n_points=max(2, round((last - first) / 0.02) + 1), fwhm=fwhm
    )
    crystals = {name: find_crystal(name, reading) for name in names}
    drawn: dict[str, tuple[Any, Any]] = {}
    shown, background, rows, files = None, None, [], []
    with output_folder(output), replacing_set(output) as made:
        for name, one in crystals.items():
            row, curve = _lines(name, one, pattern), None
            if measured is not None:
                found = measured_similarity(
                    one, *measured, wavelength=beam, fwhm=fwhm, background=not flat
                )
                row |= {"similarity": found.value, "background": found.method}
                curve, background = (found.two_theta, found.calculated), found.background
                shown = found.two_theta, found.measured
            else:
                curve = pattern.samples, np.asarray(pattern(one).intensity, np.float64)
            files += _write(made, crystal_name(name), curve, row["lines"])
            label = (
                name if "similarity" not in row else f"{name}, similarity {row['similarity']:.3f}"
            )
            drawn[label] = curve
            rows.append(row)
        files.append(_draw(made, drawn, shown, None if flat else background, against, wavelength))
    files = [str(output / name) for name in files]
    if as_json:
        print(json.dumps({"crystals": rows, "files": files, "wavelength": wavelength}))
        return 0
    for row in rows:
        _print(row)
    for i, file in enumerate(files):
        print(f"{'written' if i == 0 else '':10} {file}")
    return 0


def _wavelength(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _measured(path: pathlib.Path, limits: tuple[float, float] | None) -> tuple[Any, Any]:
    if path.is_dir():
        raise BadInputError(f"{path}: expected a file, got a folder")
    if not path.exists():
        raise BadInputError(f"{path}: no such file")
    x, y = read_powder(path)
    if limits is not None:
        inside = (x >= limits[0]) & (x <= limits[1])
        if inside.sum() < 10:
            raise BadInputError(
                f"--limits: expected at least ten points of {path} within {limits[0]:g} to "
                f"{limits[1]:g} degrees, got {int(inside.sum())}; it has {x[0]:g} to {x[-1]:g}"
            )
        x, y = x[inside], y[inside]
    return x, y


def _lines(name: str, crystal: WyckoffCrystal, pattern: PowderPattern) -> dict[str, Any]:
    lines = [
        {
            "two_theta": line.two_theta,
            "d": line.d,
            "hkl": list(line.hkl),
            "multiplicity": line.multiplicity,
            "intensity": line.intensity,
        }
        for line in powder_lines(crystal, pattern)
    ]
    return {"crystal": name, "lines": lines}


def _write(
    folder: pathlib.Path, name: str, curve: tuple[Any, Any], lines: list[dict[str, Any]]
) -> list[str]:
    """NAME.xy and NAME-lines.csv."""
    text = "".join(f"{x:.4f} {y:.6g}\n" for x, y in zip(*curve, strict=True))
    table = ["two_theta,d,h,k,l,multiplicity,intensity"]
    for line in lines:
        numbers = [f"{line['two_theta']:.4f}", f"{line['d']:.5f}", *map(str, line["hkl"])]
        table.append(",".join([*numbers, str(line["multiplicity"]), f"{line['intensity']:.4f}"]))
    paths = [folder / f"{name}.xy", folder / f"{name}-lines.csv"]
    write_text(paths[0], text)
    write_text(paths[1], "\n".join(table) + "\n")
    return [path.name for path in paths]


def _draw(
    folder: pathlib.Path,
    drawn: dict[str, tuple[Any, Any]],
    measured: tuple[Any, Any] | None,
    background: Any,
    against: pathlib.Path | None,
    wavelength: str,
) -> str:
    from matplotlib.figure import Figure

    beam = wavelength if isinstance(_wavelength(wavelength), str) else f"{wavelength} Å"
    title = f"powder pattern, {beam}" + ("" if against is None else f", against {against.name}")
    figure = Figure(figsize=(9.0, 4.4), layout="constrained")
    look = {"title": title, "measured": measured, "background": background}
    powder_patterns(drawn, figure.add_subplot(), **look)
    path = folder / "powder.png"
    write_bytes(path, lambda file: figure.savefig(file, format="png", dpi=150))
    return path.name


def _print(row: dict[str, Any]) -> None:
    lines = sorted(row["lines"], key=lambda line: -line["intensity"])
    print(f"{row['crystal']}: {len(lines)} lines, the strongest")
    print(f"  {'2 theta':>9} {'d (A)':>9} {'hkl':>10} {'mult.':>6} {'I':>7}")
    for line in lines[:_SHOWN]:
        hkl = " ".join(str(i) for i in line["hkl"])
        print(
            f"  {line['two_theta']:9.3f} {line['d']:9.4f} {hkl:>10} {line['multiplicity']:6d} "
            f"{line['intensity']:7.2f}"
        )
    if "similarity" in row:
        print(f"  similarity {row['similarity']:.3f}; background: {row['background']}")
    if not lines:
        print("  no line within the limits", file=sys.stderr)
