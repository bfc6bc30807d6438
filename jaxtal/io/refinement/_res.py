"""A refined model as SHELXL reads it."""

import numpy as np

from ...lattice import matrix_to_cell
from ...refinement import Refinement
from ...scattering import parse_species, species_label
from .._peaks import _shelx_symmetry

#: AFIX of the kinds of hydrogen groups.
_AFIX = {"CH": 13, "CH2": 23, "flat": 43, "NH2": 93, "CH3": 137, "OH": 147, "rides": 3}
#: Formula units of the header are whole cells: SHELXL needs a number.
_Z = 1


def res_text(found: Refinement, name: str) -> str:
    """The text of the file."""
    model, measured = found.model, found.measured
    cell = matrix_to_cell(model.matrix)
    lattice, operations = _shelx_symmetry(model.group)
    symbols = [species_label((parse_species(s)[0],)) for s in model.species]
    kinds = sorted(set(symbols), key=lambda s: (s != "C", s != "H", s))
    cells = model.occupancies * model.multiplicities
    amounts = [sum(n for n, s in zip(cells, symbols, strict=True) if s == kind) for kind in kinds]
    a, b = model.weights
    lines = [
        f"TITL {name} in {model.group.hm}, by jaxtal",
        f"CELL {measured.wavelength:.5f} " + " ".join(f"{v:.4f}" for v in cell),
        f"ZERR {_Z} 0 0 0 0 0 0",
        f"LATT {lattice}",
        *(f"SYMM {text.upper()}" for text in operations),
        *(["NEUT"] if measured.radiation == "neutron" else []),
        "SFAC " + " ".join(kinds),
        "UNIT " + " ".join(f"{n:g}" for n in np.round(amounts, 2)),
        *(
            ["REM electrons: SFAC needs their scattering factors"]
            * (measured.radiation == "electron")
        ),
        "L.S. 10",
        "BOND $H",
        "FMAP 2",
        "PLAN 20",
        "ACTA",
    ]
    lines += ["TWIN " + " ".join(f"{v:g}" for v in np.ravel(law)) for law in model.twin_laws]
    if model.twin_fractions:
        lines.append("BASF " + " ".join(f"{v:.5f}" for v in model.twin_fractions))
    if model.extinction is not None:
        lines.append(f"EXTI {model.extinction:.6f}")
    lines += [f"WGHT {a:.4f} {b:.4f}", f"FVAR {np.sqrt(model.scale or 1.0):.5f}"]
    lines += ["", *_atoms(found, kinds, symbols)]
    lines += ["HKLF 4", "END", ""]
    figures = found.figures
    lines += [
        f"REM R1 = {figures.r1:.4f} for {figures.strong} I > 2sig(I) and {figures.r1_all:.4f} for "
        f"all {figures.reflections} data",
        f"REM wR2 = {figures.wr2:.4f}, GooF = {figures.gof:.3f}, {figures.parameters} parameters",
        f"REM difference density {found.difference.highest:.2f}, {found.difference.lowest:.2f}",
    ]
    return "\n".join([*lines, ""])


def _atoms(found: Refinement, kinds: list[str], symbols: list[str]) -> list[str]:
    model = found.model
    riding, lines = model.riding, []
    groups: dict[int, list] = {}
    for group in model.hydrogens:
        groups.setdefault(group.carrier, []).append(group)
    for atom in range(len(model)):
        if riding[atom]:
            continue
        lines += _atom(found, kinds, symbols, atom)
        for group in groups.get(atom, []):
            lines.append(f"AFIX {_AFIX[group.kind]}")
            factor = group.u_factor or 1.2
            for other in group.atoms:
                lines += _atom(found, kinds, symbols, other, f"{-factor:.4f}")
            lines.append("AFIX 0")
    return lines


def _atom(
    found: Refinement, kinds: list[str], symbols: list[str], atom: int, u: str | None = None
) -> list[str]:
    model, labels = found.model, short_labels(found.model.labels)
    share = model.multiplicities[atom] / model.group.order
    occupation = 10 + model.occupancies[atom] * share
    if f"{model.labels[atom]}.occ" in found.parameters.names:
        occupation -= 10
    head = f"{labels[atom]:<4} {kinds.index(symbols[atom]) + 1}"
    head += "".join(f" {v:10.6f}" for v in model.frac[atom]) + f" {occupation:9.5f}"
    if u is not None or not model.anisotropic[atom]:
        return [head + f" {u or f'{model.u_iso[atom]:.5f}'}"]
    U = model.u_aniso[atom]
    six = [U[0, 0], U[1, 1], U[2, 2], U[1, 2], U[0, 2], U[0, 1]]
    return [
        head + "".join(f" {v:.5f}" for v in six[:2]) + " =",
        "    " + "".join(f" {v:.5f}" for v in six[2:]),
    ]


def short_labels(labels: tuple[str, ...]) -> tuple[str, ...]:
    """Labels of four characters at most, all different: SHELX knows no longer ones."""
    if all(len(label) <= 4 for label in labels):
        return labels
    taken = {label for label in labels if len(label) <= 4}
    short = []
    for label in labels:
        if len(label) <= 4:
            short.append(label)
            continue
        tries = (f"{label[0]}{n}" for n in range(1, 1000))
        short.append(next(t for t in tries if t not in taken))
        taken.add(short[-1])
    return tuple(short)
