"""Reflections of crystals that nobody measured: hard ones, and ones that are not to be believed.

    table, truth = simulated("eq_p212121")

Molecules of measured crystals (`JAXTAL_DATA/reflections`) are packed anew: turned and moved until
none overlap, in a cell that is made as small as that allows. Intermetallics have known or random
sites. Rows are what a detector would give:

    sigma^2(I) = g I + b^2 + (p I)^2       g, b: counting and background, by I/sigma at the edge
    I_row = I_true + sigma N(0, 1)         for a few equivalents of each reflection

with isotropic and anisotropic displacements, hydrogen, anomalous scattering, Blackman's two-beam
intensities for electrons [1], reflections missing at random or in a wedge, twins by a law, indices
of a wrong cell, and shuffled intensities. Everything follows from the name and the numbers of a
case.

[1] M. Blackman, Proc. R. Soc. London A173 (1939) 68.
"""

import dataclasses
import functools
import json
import os
from pathlib import Path
from typing import Any, Literal

import gemmi
import jax
import jax.numpy as jnp
import numpy as np
import scipy.optimize
import scipy.special

from jaxtal.lattice import Superspace, cell_to_matrix
from jaxtal.phasing._wave_vectors import wave_vectors_within
from jaxtal.reflections import ReflectionTable
from jaxtal.scattering import FormFactors, anomalous
from jaxtal.symmetry import SpaceGroup, absent, laue_unique

TABLES = {"xray": "waasmaier-kirfel", "electron": "electron", "neutron": "neutron"}
WAVELENGTHS = {"xray": 0.71073, "electron": 0.0251, "neutron": 1.0}
#: Files of the molecules: asymmetric units of measured crystals.
MOLECULES = {
    "sucrose": ("sucrose", "reference.cif"),
    "ester": ("c18h19no4_106c", "reference.cif"),
    "pyridyl": ("s2dipyridyl", "reference.cif"),
    "bromide": ("neutron_c9h10br2", "reference_derived.cif"),
}
#: Distance of atoms of two molecules, hydrogen left out, angstrom; least of all that is taken;
#: what volume costs.
HEAVY, NEAREST, PRESSURE = 3.6, 2.9, 0.08
Trick = Literal["shuffled", "noise", "stretched", "swapped", "doubled", "amplitudes"]


@dataclasses.dataclass(frozen=True)
class Case:
    """One crystal and its measurement.

    Attributes:
        group: in the setting of the cell.
        parts: molecules of an asymmetric unit, "bromide Br>Pd" with one atom exchanged.
        sites: instead, species and positions of independent atoms.
        cell: lengths and angles; with molecules only the angles count.
        d_min: angstrom.
        edge: mean I / sigma of a row in the outermost tenth.
        u: mean U_iso of atoms but hydrogen, A^2.
        lost: share of the independent reflections that is missing, and how.
        twin: a law, of columns of indices, and the share of the second domain.
        trick: what makes the data nonsense.
        given: composition told to the program: "right", none, or another one.
        believed: whether a claim can be right at all.
    """

    group: str
    parts: tuple[str, ...] = ()
    sites: tuple[tuple[str, float, float, float], ...] = ()
    cell: tuple[float, ...] = (10, 10, 10, 90, 90, 90)
    d_min: float = 0.84
    edge: float = 4.0
    u: float = 0.035
    lost: tuple[float, str] = (0.0, "random")
    radiation: Literal["xray", "electron", "neutron"] = "xray"
    twin: tuple[tuple[tuple[int, ...], ...], float] | None = None
    trick: Trick | None = None
    given: str | None = "right"
    believed: bool = True


@dataclasses.dataclass(frozen=True, eq=False)
class Truth:
    """What is in the crystal.

    Attributes:
        group: the group.
        matrix: rows a, b, c, angstrom.
        elements: of the asymmetric unit.
        frac: positions, (n, 3).
        composition: of the asymmetric unit.
    """

    group: SpaceGroup
    matrix: np.ndarray
    elements: list[str]
    frac: np.ndarray
    composition: str


MONO = (10, 10, 10, 90, 101, 90)
TRI = (10, 10, 10, 82, 97, 104)
HEX = (12, 12, 12, 90, 90, 120)
LAW_A = ((1, 0, 0), (0, -1, 0), (0, 0, -1))
LAW_HEX = ((0, 1, 0), (1, 0, 0), (0, 0, -1))

#: Sm Rh In Ge on mirror planes, the short axis between them.
LAYERS = "Pnma layers"
CASES: dict[str, Case] = {
    # Many equal atoms.
    "eq_p212121": Case("P 21 21 21", ("ester",) * 2),
    "eq_p21212": Case("P 21 21 2", ("sucrose",) * 2),
    "eq_p212121_large": Case("P 21 21 21", ("ester",) * 3, edge=3.0),
    "eq_pm1": Case("P -1", ("ester",) * 4, cell=TRI),
    # Weak ones.
    "weak_p21": Case("P 1 21 1", ("sucrose",), cell=MONO, edge=0.8, u=0.05),
    "weak_pbca": Case("P b c a", ("ester",), d_min=0.9, edge=0.8, u=0.055),
    "weak_pm1": Case("P -1", ("pyridyl",) * 2, cell=TRI, d_min=0.9, edge=0.5, u=0.06),
    "weak_p212121": Case("P 21 21 21", ("sucrose",), d_min=0.85, edge=0.7, u=0.05),
    # Poor resolution.
    "res1.1_p212121": Case("P 21 21 21", ("sucrose",), d_min=1.1, edge=8),
    "res1.0_c2": Case("C 1 2 1", ("ester",), cell=MONO, d_min=1.0, edge=6),
    # Incomplete ones.
    "wedge80_p21c": Case("P 1 21/c 1", ("ester",), cell=MONO, lost=(0.2, "wedge")),
    "random80_pna21": Case("P n a 21", ("pyridyl",) * 2, lost=(0.2, "random")),
    "wedge80_p212121": Case("P 21 21 21", ("ester",), lost=(0.2, "wedge")),
    "wedge70_pm1": Case("P -1", ("pyridyl",) * 2, cell=TRI, lost=(0.3, "wedge")),
    # Other lattices.
    "p61": Case("P 61", ("bromide",), cell=HEX),
    "r3bar": Case("R -3", ("pyridyl",), cell=HEX),
    "p1_two": Case("P 1", ("sucrose",) * 2, cell=TRI),
    # Other radiations.
    "neutron_p21": Case("P 1 21 1", ("sucrose",), cell=MONO, radiation="neutron", d_min=0.8),
    "electron60_p21c": Case(
        "P 1 21/c 1", ("ester",), cell=MONO, radiation="electron", lost=(0.4, "wedge"), edge=2
    ),
    "electron80_p212121": Case(
        "P 21 21 21", ("pyridyl",), radiation="electron", lost=(0.2, "wedge"), edge=2
    ),
    "electron70_albite": Case("albite", radiation="electron", lost=(0.3, "wedge"), d_min=0.8),
    "electron70_natrolite": Case("natrolite", radiation="electron", lost=(0.3, "wedge"), d_min=0.9),
    # Heavy atoms.
    "palladium_p21c": Case("P 1 21/c 1", ("bromide Br>Pd",), cell=MONO, d_min=0.8),
    "layers_pnma": Case("P n m a", (LAYERS,), cell=(13.2, 4.25, 15.3, 90, 90, 90), d_min=0.7),
    "smrhin": Case(
        "P -6 2 m",
        sites=(
            ("Sm", 0.592, 0.0, 0.5),
            ("In", 0.252, 0.0, 0.0),
            ("Rh", 1 / 3, 2 / 3, 0.0),
            ("Rh", 0.0, 0.0, 0.5),
        ),
        cell=(7.55, 7.55, 4.03, 90, 90, 120),
        d_min=0.6,
        u=0.008,
    ),
    "smrhin5": Case(
        "P 4/m m m",
        sites=(("Sm", 0, 0, 0), ("In", 0.5, 0.5, 0), ("Rh", 0, 0, 0.5), ("In", 0, 0.5, 0.306)),
        cell=(4.6, 4.6, 7.47, 90, 90, 90),
        d_min=0.6,
        u=0.008,
    ),
    # What the program is told is wrong or missing.
    "no_composition": Case("P 1 21/c 1", ("pyridyl",), cell=MONO, given=None),
    "wrong_composition": Case("P 21 21 21", ("pyridyl",), given="C12 H10 Cl O3"),
    # Not to be believed, or only where the atoms are right in spite of all.
    # The bromide is its own image under this law.
    "twin_p61": Case("P 61", ("sucrose",), cell=HEX, twin=(LAW_HEX, 0.4)),
    "twin_r3bar": Case("R -3", ("pyridyl",), cell=HEX, twin=(LAW_HEX, 0.4)),
    "twin_p21": Case("P 1 21 1", ("ester",), twin=(LAW_A, 0.45)),
    "twin_p21c": Case("P 1 21/c 1", ("pyridyl",), twin=(LAW_A, 0.5)),
    "shuffled_p212121": Case("P 21 21 21", ("pyridyl",), trick="shuffled", believed=False),
    "shuffled_pm1": Case("P -1", ("bromide",), cell=TRI, trick="shuffled", believed=False),
    "noise_p21c": Case("P 1 21/c 1", ("pyridyl",), cell=MONO, trick="noise", believed=False),
    "stretched_p21c": Case(
        "P 1 21/c 1", ("pyridyl",), cell=MONO, trick="stretched", believed=False
    ),
    "swapped_p212121": Case("P 21 21 21", ("pyridyl",), trick="swapped", believed=False),
    "amplitudes_p21c": Case("P 1 21/c 1", ("pyridyl",), cell=MONO, trick="amplitudes"),
    "amplitudes_p21": Case("P 1 21 1", ("ester",), cell=MONO, trick="amplitudes"),
    "doubled_p21c": Case("P 1 21/c 1", ("bromide",), cell=MONO, trick="doubled", believed=False),
}


def home() -> Path:
    """Folder of the measured sets."""
    return Path(os.environ["JAXTAL_DATA"]) / "reflections"


@functools.cache
def molecule(name: str) -> tuple[list[str], np.ndarray]:
    """Elements and positions, angstrom about the centre, of the largest molecule of a file."""
    folder, file = MOLECULES[name]
    structure = gemmi.read_small_structure(str(home() / folder / file))
    sites = [s for s in structure.sites if s.occ > 0.5]
    cell = json.loads((home() / folder / "meta.json").read_text())["cell"]
    x = np.array([s.fract.tolist() for s in sites]) @ np.asarray(cell_to_matrix(np.array(cell)))
    elements = [s.element.name for s in sites]
    reach = np.array([0.45 if e == "H" else 0.75 if e in "CNO" else 1.15 for e in elements])
    distance = np.linalg.norm(x[:, None] - x[None], axis=-1)
    bonded = distance < reach[:, None] + reach + 0.25
    left, groups = set(range(len(x))), []
    while left:
        group, waiting = [], [min(left)]
        left -= set(waiting)
        while waiting:
            i = waiting.pop()
            group.append(i)
            near = {j for j in left if bonded[i, j]}
            left -= near
            waiting.extend(near)
        groups.append(sorted(group))
    largest = max(groups, key=len)
    return [elements[i] for i in largest], x[largest] - x[largest].mean(axis=0)


def packed(case: Case, rng: np.random.Generator) -> Truth:
    """Molecules at random places of a cell that is as small as they allow."""
    group = SpaceGroup.find(case.group)
    parts = []
    for text in case.parts:
        name, *changes = text.split()
        elements, x = molecule(name)
        elements = list(elements)
        for change in changes:
            old, new = change.split(">")
            elements[elements.index(old)] = new
        parts.append((elements, x))
    elements = [e for one, _ in parts for e in one]
    heavy = [np.array([e != "H" for e in one]) for one, _ in parts]
    bare = [x[kept] for (_, x), kept in zip(parts, heavy, strict=True)]
    owner = np.repeat(np.arange(len(parts)), [len(x) for x in bare])
    other = owner[:, None] != owner
    W, w = group.rotations.astype(float), group.translations / group.denominator
    tied = _tied_lengths(group)
    rows = np.asarray(cell_to_matrix(np.array([1.0, 1.0, 1.0, *case.cell[3:]])))
    # Half of the translations; the nearest image does not show a molecule's own.
    steps = np.array([[a, b, c] for a in (-1, 0, 1) for b in (-1, 0, 1) for c in (-1, 0, 1)])[14:]

    def laid(p: Any, molecules: list[np.ndarray]) -> tuple[Any, list[Any]]:
        matrix = jnp.exp(p[:3])[tied][:, None] * rows
        placed = []
        for n, x in enumerate(molecules):
            turn, at = p[3 + 6 * n : 6 + 6 * n], p[6 + 6 * n : 9 + 6 * n]
            placed.append(_turned(x, turn) @ jnp.linalg.inv(matrix) + at)
        return matrix, placed

    def too_near(d: Any, matrix: Any) -> Any:
        square = jnp.sum((d @ matrix) ** 2, axis=-1)
        return jnp.maximum(HEAVY - jnp.sqrt(square + 1e-9), 0.0) ** 2

    @jax.jit
    @jax.value_and_grad
    def overlap(p: Any) -> Any:
        matrix, placed = laid(p, bare)
        x = jnp.concatenate(placed)
        images = jnp.einsum("oij,pj->opi", W, x) + w[:, None]
        d = x[None, :, None] - images[:, None]
        apart = too_near(d - jnp.round(d), matrix)
        total = jnp.sum(apart[1:]) + jnp.sum(jnp.where(other, apart[0], 0.0))
        for one in placed:
            d = one[:, None] - one[None]
            total += 2 * jnp.sum(too_near(d[..., None, :] + steps, matrix))
        return total * group.order + PRESSURE * jnp.abs(jnp.linalg.det(matrix))

    def nearest(p: np.ndarray) -> float:
        matrix, placed = laid(jnp.asarray(p), bare)
        x = np.concatenate([np.array(one) for one in placed])
        d = x[None, :, None] - (np.einsum("oij,pj->opi", W, x) + w[:, None])[:, None]
        length = np.linalg.norm((d - np.round(d)) @ np.array(matrix), axis=-1)
        return float(min(length[1:].min(initial=9.0), length[0][other].min(initial=9.0)))

    best = None
    with jax.enable_x64(True):
        for _ in range(4):
            edge = (28.0 * len(owner) * group.order) ** (1 / 3)
            p = np.concatenate([np.log(edge * rng.uniform(0.8, 1.25, 3)), np.zeros(6 * len(parts))])
            for n in range(len(parts)):
                p[3 + 6 * n : 6 + 6 * n] = rng.normal(size=3)
                p[6 + 6 * n : 9 + 6 * n] = rng.random(3)
            found = scipy.optimize.minimize(
                lambda p: [np.asarray(one, float) for one in overlap(p)],
                p,
                jac=True,
                method="L-BFGS-B",
                options={"maxiter": 400},
            )
            if best is None or (found.fun < best.fun and nearest(found.x) > NEAREST):
                best = found
        assert best is not None
        matrix, placed = laid(jnp.asarray(best.x), [x for _, x in parts])
        matrix, frac = np.array(matrix), np.concatenate([np.array(x) for x in placed])
    return Truth(group, matrix, elements, frac % 1.0, _formula(elements))


def _turned(x: np.ndarray, turn: Any) -> Any:
    """Points turned about an axis by its length (Rodrigues)."""
    angle = jnp.sqrt(jnp.sum(turn**2) + 1e-12)
    axis = turn / angle
    along = (x @ axis)[:, None] * axis
    return along + jnp.cos(angle) * (x - along) + jnp.sin(angle) * jnp.cross(axis, x)


def _tied_lengths(group: SpaceGroup) -> np.ndarray:
    """Which of three free lengths each axis takes."""
    highest = group.number or 1
    return np.array([0, 1, 2] if highest < 75 else [0, 0, 2] if highest < 195 else [0, 0, 0])


def _formula(elements: list[str]) -> str:
    return " ".join(f"{e}{elements.count(e)}" for e in dict.fromkeys(elements))


def layered(case: Case, rng: np.random.Generator) -> Truth:
    """Metals at random on the mirror planes y = 1/4 of P n m a, at least 2.6 A apart."""
    group = SpaceGroup.find(case.group)
    matrix = np.asarray(cell_to_matrix(np.array(case.cell, float)))
    W, w = group.rotations.astype(float), group.translations / group.denominator
    elements, taken, x = ["Sm"] * 2 + ["Rh"] * 2 + ["In"] * 2 + ["Ge"] * 3, np.zeros((0, 3)), []
    tries = 0
    while len(x) < len(elements):
        tries += 1
        if tries % 3000 == 0:
            taken, x = np.zeros((0, 3)), []
        point = np.array([rng.random(), 0.25, rng.random()])
        images = W @ point + w
        d = images - images[0]
        d = (d - np.round(d)) @ matrix
        own = np.linalg.norm(d, axis=1)
        if own[own > 1e-6].min() < 2.6:
            continue
        d = taken - images[0]
        if np.linalg.norm((d - np.round(d)) @ matrix, axis=1).min(initial=9.0) < 2.6:
            continue
        x.append(point)
        taken = np.concatenate([taken, images])
    return Truth(group, matrix, elements, np.array(x), _formula(elements))


def published(name: str) -> Truth:
    """A measured crystal of the same folder, to be measured again."""
    folder = next(home().glob(f"{name}*"))
    structure = gemmi.read_small_structure(str(folder / "reference.cif"))
    group = SpaceGroup.find(structure.spacegroup_hm)
    matrix = np.array(structure.cell.orth.mat.tolist()).T
    sites = [s for s in structure.sites if s.occ > 0.5]
    elements = [s.element.name for s in sites]
    frac = np.array([s.fract.tolist() for s in sites])
    share = _multiplicity(group, frac, matrix)
    amounts = dict.fromkeys(elements, 0)
    for e, n in zip(elements, share, strict=True):
        amounts[e] += int(n)
    return Truth(group, matrix, elements, frac, " ".join(f"{e}{n}" for e, n in amounts.items()))


def _multiplicity(group: SpaceGroup, frac: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    W, w = group.rotations.astype(float), group.translations / group.denominator
    found = []
    for x in frac:
        d = W @ x + w - x
        same = np.linalg.norm((d - np.round(d)) @ matrix, axis=1) < 0.05
        found.append(group.order // int(same.sum()))
    return np.array(found)


def structure_factors(
    case: Case, truth: Truth, k: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """F with tensors that scatter about U_iso, larger far from the middle of a molecule."""
    reciprocal = np.linalg.inv(truth.matrix).T
    s2 = (np.linalg.norm(k @ reciprocal, axis=1) / 2) ** 2
    kinds = sorted(set(truth.elements))
    f = np.asarray(FormFactors.build(kinds, TABLES[case.radiation], host=True)(s2), complex)
    if case.radiation == "xray":
        fp, fpp = anomalous(kinds, WAVELENGTHS["xray"])
        f += (np.asarray(fp) + 1j * np.asarray(fpp))[:, None]
    W, w = truth.group.rotations.astype(float), truth.group.translations / truth.group.denominator
    weight = _multiplicity(truth.group, truth.frac, truth.matrix) / truth.group.order
    F = np.zeros(len(k), complex)
    for n, (element, x) in enumerate(zip(truth.elements, truth.frac, strict=True)):
        u = case.u * rng.uniform(0.7, 1.5) * (1.3 if element == "H" else 1.0)
        axes = np.linalg.qr(rng.normal(size=(3, 3)))[0]
        spread = np.array([0.75, 1.0, 1.25]) if weight[n] == 1 and element != "H" else np.ones(3)
        tensor = axes @ np.diag(u * spread) @ axes.T
        part = np.zeros(len(k), complex)
        for rotation, shift in zip(W, w, strict=True):
            q = (k @ rotation) @ reciprocal
            fade = np.exp(-2 * np.pi**2 * np.einsum("ki,ij,kj->k", q, tensor, q))
            part += fade * np.exp(2j * np.pi * (k @ (rotation @ x + shift)))
        F += weight[n] * f[kinds.index(element)] * part
    return F


def simulated(name: str) -> tuple[ReflectionTable, Truth]:
    """Rows of a case, and what made them."""
    case = CASES[name]
    rng = np.random.default_rng(list(name.encode()))
    if case.sites:
        elements = [one[0] for one in case.sites]
        matrix = np.asarray(cell_to_matrix(np.array(case.cell, float)))
        frac = np.array([one[1:] for one in case.sites], float)
        group = SpaceGroup.find(case.group)
        counts = _multiplicity(group, frac, matrix)
        amounts = dict.fromkeys(elements, 0)
        for e, n in zip(elements, counts, strict=True):
            amounts[e] += int(n)
        text = " ".join(f"{e}{n}" for e, n in amounts.items())
        truth = Truth(group, matrix, elements, frac, text)
    elif case.parts == (LAYERS,):
        truth = layered(case, rng)
    elif case.parts:
        truth = packed(case, rng)
    else:
        truth = published(case.group)
    return measured(case, truth, rng), truth


def measured(case: Case, truth: Truth, rng: np.random.Generator) -> ReflectionTable:
    """Rows of a detector."""
    lengths = np.linalg.norm(truth.matrix, axis=1)
    cosines = [
        truth.matrix[i] @ truth.matrix[j] / lengths[i] / lengths[j]
        for i, j in ((1, 2), (0, 2), (0, 1))
    ]
    cell = np.array([*lengths, *np.degrees(np.arccos(cosines))])
    space, group = Superspace.periodic(cell), truth.group
    k = wave_vectors_within(space, 2 * np.pi / case.d_min)
    k = k[k.any(axis=1)]
    k = k[~absent(k, SpaceGroup.from_operations(_centring(group)))]
    unique = np.unique(laue_unique(k, group.laue_rotations)[0], axis=0)
    unique = unique[_kept(case, unique, truth.matrix, rng)]
    # Each equivalent of a reflection is one of it or of its mate, as the point group has it.
    number = 1 + rng.poisson(1.5, len(unique))
    row = np.repeat(np.arange(len(unique)), number)
    W = group.laue_rotations
    rotation = rng.integers(len(W), size=len(row))
    hkl = np.einsum("ni,nij->nj", unique[row], W[rotation])
    proper = {one.tobytes() for one in np.ascontiguousarray(group.point_rotations)}
    mate = np.array([one.tobytes() not in proper for one in np.ascontiguousarray(W)])[rotation]
    state = rng.bit_generator.state
    each = []
    for sign in (1, -1):
        rng.bit_generator.state = state
        intensity = np.abs(structure_factors(case, truth, sign * unique, rng)) ** 2
        if case.twin is not None:
            law, share = case.twin
            rng.bit_generator.state = state
            moved = sign * unique @ np.array(law).T
            other = np.abs(structure_factors(case, truth, moved, rng)) ** 2
            intensity = (1 - share) * intensity + share * other
        each.append(intensity)
    true = np.where(mate, each[1][row], each[0][row])
    if case.radiation == "electron":
        true = _two_beams(true)
    s = np.linalg.norm(unique @ np.linalg.inv(truth.matrix).T, axis=1)
    if case.trick == "shuffled":
        order = np.argsort(s, kind="stable")
        for part in np.array_split(order, max(len(order) // 100, 1)):
            true = _exchanged(true, row, part, rng)
    outer = float(true[s[row] > np.quantile(s, 0.9)].mean())
    gain, ground, scatter = 0.4 * outer / case.edge**2, 0.8 * outer / case.edge, 0.02
    if case.radiation == "electron":
        scatter = 0.12
    sigma = np.sqrt(gain * true + ground**2 + (scatter * true) ** 2)
    if case.trick == "noise":
        true = true * 0.0 + true.mean()
        sigma = np.full(len(true), 0.7 * true.mean())
    intensity = true + sigma * rng.standard_normal(len(true))
    if case.trick == "amplitudes":
        # As in files for HKLF 3.
        F = np.sqrt(np.maximum(intensity, 0.0))
        intensity, sigma = F, sigma / (2 * np.maximum(F, np.sqrt(sigma)))
    size = 9999.0 / intensity.max()
    return ReflectionTable(
        hkl,
        np.round(size * intensity, 2),
        sigma=np.maximum(np.round(size * sigma, 2), 0.01),
        cell=_recelled(case, cell),
        wavelength=WAVELENGTHS[case.radiation],
        radiation=case.radiation,
    )


def composition(case: Case, truth: Truth) -> str | None:
    """What the program is told of the contents."""
    return truth.composition if case.given == "right" else case.given


def _centring(group: SpaceGroup) -> list[Any]:
    identity = np.eye(3, dtype=np.int64)
    return [op for op in group.operations if (np.asarray(op.rotation) == identity).all()]


def _kept(case: Case, k: np.ndarray, matrix: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    share, how = case.lost
    if not share:
        return np.ones(len(k), bool)
    if how == "random":
        return rng.random(len(k)) >= share
    q = k @ np.linalg.inv(matrix).T
    # About the mean direction of the independent ones, so that no equivalent fills the wedge.
    axis = (q / np.linalg.norm(q, axis=1)[:, None]).mean(axis=0) + 0.3 * rng.standard_normal(3)
    cosine = np.abs(q @ axis) / np.linalg.norm(q, axis=1) / np.linalg.norm(axis)
    return cosine <= np.quantile(cosine, 1 - share)


def _two_beams(intensity: np.ndarray) -> np.ndarray:
    """Blackman's integrated intensity: |F| integral of J0(2 x) from 0 to A, A proportional to |F|.

    A is 1.2 for the strongest, so that it is a third weaker than kinematic theory has it.
    """
    A = 1.2 * np.sqrt(intensity / intensity.max())
    j0, _ = scipy.special.itj0y0(2 * A)
    return A * j0 / 2 * intensity.max() / 1.2**2


def _exchanged(
    true: np.ndarray, row: np.ndarray, part: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Intensities of some reflections given to others of them."""
    value = np.zeros(int(row.max()) + 1)
    value[row] = true
    value[part] = value[rng.permutation(part)]
    changed = np.isin(row, part)
    return np.where(changed, value[row], true)


def _recelled(case: Case, cell: np.ndarray) -> np.ndarray:
    if case.trick == "stretched":
        return cell * np.array([1.22, 1.0, 1.0, 1, 1, 1])
    if case.trick == "doubled":
        return cell * np.array([1, 2, 1, 1, 1, 1])
    return cell[[2, 0, 1, 3, 4, 5]] if case.trick == "swapped" else cell
