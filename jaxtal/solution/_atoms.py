"""Atoms from a phased density: positions, elements, and how well they explain the data."""

import dataclasses
import functools
import math
import time

import numpy as np
from jaxtyping import Complex, Float, Int

from ..crystal import HostAtoms, WyckoffCrystal
from ..scattering import CompositionLike, FormFactors, composition_amounts, parse_species
from ..symmetry import SpaceGroup, absent
from ._peaks import SitePeaks, ball_integrals, site_peaks, values_at
from ._rungs import Radiation
from ._space_group import CandidateGroup, SpaceGroupSearch

#: Volume of an atom that is not hydrogen in crystals without given number of formula units, A^3.
_VOLUME = 18.0
#: Logarithm of how far the number of formula units may be off.
_UNSURE = math.log(1.35)
#: Ripples, special positions, and the ball over which density is integrated, angstrom.
_APART, _SNAP, _RADIUS = 0.9, 0.45, 0.6
#: A site whose observed density is below this share of the calculated one is false.
_FALSE = 0.35
#: Without a composition: the typical peak is carbon, and what is below this share of it no atom.
_TYPICAL, _LOW = 6, 0.45
_TABLES = {"xray": "waasmaier-kirfel", "electron": "electron", "neutron": "neutron"}


@dataclasses.dataclass(frozen=True, eq=False)
class AtomSites:
    """Sites of a model, ready to be refined.

    Attributes:
        group: the space group, in the setting of the cell.
        matrix: lattice matrix, rows a, b, c in angstrom, (3, 3).
        labels: "Zn1", "C7" ..., (n,).
        elements: species of each site, (n,).
        frac_coords: one point of each site, on its special position, (n, 3).
        multiplicity: atoms of each site in the cell, (n,).
        integral: density integrated about each, relative to the mean, (n,).
        support: density observed at each site, under the phases found in P1, over that of the
            model; near 1 for atoms that are there, (n,).
        peaks: positions and heights of everything that was looked at, (p, 4).
        b_iso: overall displacement parameter that fits best, A^2.
        r1: sum | |F_obs| - |F_calc| | / sum |F_obs| of the model as it is, before any refinement.
        units: formula units in the cell, None without a composition.
        seconds: spent.
    """

    group: SpaceGroup
    matrix: Float[np.ndarray, "3 3"]
    labels: list[str]
    elements: list[str]
    frac_coords: Float[np.ndarray, "n 3"]
    multiplicity: Int[np.ndarray, " n"]
    integral: Float[np.ndarray, " n"]
    support: Float[np.ndarray, " n"]
    peaks: Float[np.ndarray, "p 4"]
    b_iso: float
    r1: float
    units: int | None
    seconds: float

    def __len__(self) -> int:
        return len(self.elements)

    @property
    def u_iso(self) -> float:
        """The displacement B / 8 pi^2 of every site, A^2."""
        return self.b_iso / (8.0 * math.pi**2)

    @functools.cached_property
    def crystal(self) -> WyckoffCrystal:
        """The model as a crystal of its Wyckoff sites, which refinement starts from."""
        sites = []
        for element, x in zip(self.elements, self.frac_coords, strict=True):
            position, _ = self.group.locate(x, self.matrix, 0.02)
            sites.append((element, position.label, x))
        cell = HostAtoms.from_arrays(self.matrix, np.zeros((1, 3)), [1]).cell
        u_iso = np.full(len(sites), self.u_iso)
        return WyckoffCrystal.build(self.group, cell, sites, u_iso=u_iso, names=self.labels)

    @functools.cached_property
    def atoms(self) -> HostAtoms:
        """Every atom of the cell."""
        W, w = self.group.rotations, self.group.translations / self.group.denominator
        frac, numbers = [], []
        for element, x in zip(self.elements, self.frac_coords, strict=True):
            kept: list[np.ndarray] = []
            for image in W @ x + w:
                d = np.array(kept).reshape(-1, 3) - image
                if not len(kept) or _lengths(d, self.matrix).min() > 0.05:
                    kept.append(image)
            frac += kept
            numbers += [parse_species(element)[0]] * len(kept)
        u = np.full(len(frac), self.u_iso)
        return HostAtoms.from_arrays(
            self.matrix, np.array(frac) % 1.0, numbers, u_iso=u, min_distance=0
        )

    def __repr__(self) -> str:
        counts = {e: self.elements.count(e) for e in dict.fromkeys(self.elements)}
        found = " ".join(f"{e}{n}" for e, n in counts.items())
        return f"AtomSites({found} in {self.group.hm}, R1 {self.r1:.3f} before refinement)"


def find_atoms(
    found: SpaceGroupSearch | CandidateGroup,
    composition: CompositionLike | None = None,
    *,
    search: SpaceGroupSearch | None = None,
    radiation: Radiation = "xray",
    units: int | None = None,
) -> AtomSites:
    """Interpret a density as atoms.

        model = find_atoms(search, "C22 H23 N O4")
        model.crystal, model.r1
        other = find_atoms(search.alternatives[0], "C22 H23 N O4", search=search)

    Peaks of the density averaged over the group are found between voxels and snapped onto special
    positions; ripples beside higher peaks are left out. Elements are given out by the density
    integrated about each peak, heaviest first, as many as the composition has in the cell;
    hydrogen is left for the difference map. Without a composition atomic numbers are proportional
    to the integrals, the typical one being carbon's. Sites whose observed density is far below
    what the model itself would have there are dropped, and the next peaks take their places.

    Args:
        found: from `find_space_group`: its best group; or one of the candidates.
        composition: of a formula unit, or of the whole cell.
        search: where a candidate comes from.
        radiation: decides the form factors.
        units: formula units in the cell; by default the number that explains the data best of
            those that about 18 A^3 for an atom allow.

    Raises:
        ValueError: a candidate without its search, or a composition of hydrogen alone.
    """
    begun = time.perf_counter()
    if isinstance(found, SpaceGroupSearch):
        candidate, search = found.best, found
    else:
        candidate = found
    if search is None:
        raise ValueError("search: expected the SpaceGroupSearch that the candidate comes from")
    structure, group = search.structure, candidate.group
    reflections = structure.reflections
    matrix = 2.0 * np.pi * np.linalg.inv(reflections.space.parallel).T
    present = ~absent(structure.k, group)
    k, F = structure.k[present], candidate.structure_factors[present]
    if structure.signed:
        F = _positive(k, F)
    observed = reflections.amplitude[structure.orbit[present]]
    natural = observed * np.exp(1j * np.angle(F))
    s2 = (np.linalg.norm(k @ np.linalg.inv(matrix).T, axis=1) / 2.0) ** 2
    choices = _contents(composition, units, abs(np.linalg.det(matrix)), group)
    wanted = max(sum(contents.values()) for contents, _ in choices)
    wanted = wanted or abs(np.linalg.det(matrix)) / _VOLUME
    number = int(2.0 * wanted * 8 / group.order) + 12
    peaks = site_peaks(k, F, group, matrix, number, _APART, _SNAP)
    if not len(peaks.height):
        raise ValueError("expected peaks in the density, got none")
    integral = ball_integrals(k, natural, peaks.frac_coords, matrix, _RADIUS)
    data = _Data(k, s2, natural, group, radiation)
    models = [(_interpreted(data, peaks, integral, one), n) for one, n in choices]
    (sites, elements, b_iso, support, r1), n_units = min(models, key=lambda one: one[0][-1])
    order = np.argsort(-integral[sites], kind="stable")
    sites, elements = sites[order], [elements[i] for i in order]
    return AtomSites(
        group=group,
        matrix=matrix,
        labels=[f"{e}{elements[: i + 1].count(e)}" for i, e in enumerate(elements)],
        elements=elements,
        frac_coords=peaks.frac_coords[sites],
        multiplicity=peaks.multiplicity[sites],
        integral=integral[sites] / integral[sites].mean(),
        support=support[order],
        peaks=np.concatenate([peaks.frac_coords, peaks.height[:, None]], axis=1),
        b_iso=b_iso,
        r1=r1,
        units=n_units,
        seconds=time.perf_counter() - begun,
    )


@dataclasses.dataclass(frozen=True, eq=False)
class _Data:
    """Phased amplitudes on the scale of the data, and what form factors need."""

    k: Int[np.ndarray, "m 3"]
    s2: Float[np.ndarray, " m"]
    natural: Complex[np.ndarray, " m"]
    group: SpaceGroup
    radiation: Radiation


def _interpreted(
    data: _Data, peaks: SitePeaks, integral: Float[np.ndarray, " p"], contents: dict[str, float]
) -> tuple[np.ndarray, list[str], float, np.ndarray, float]:
    """Sites, their elements, B, observed over calculated density, and R1."""
    usable = np.ones(len(peaks.height), bool)
    model = None
    for _ in range(3):
        sites, elements = _elements(peaks.multiplicity, integral, usable, contents, data.radiation)
        if not len(sites):
            raise ValueError("expected atoms in the density, got none")
        x, copies = peaks.frac_coords[sites], peaks.multiplicity[sites]
        calculated, b_iso, r1 = _fit(data, x, elements, copies)
        own, seen = values_at(data.k, calculated, x), values_at(data.k, data.natural, x)
        support = seen / np.where(own > 0, own, np.inf)
        better = model is None or r1 < model[-1]
        if better:
            model = (sites, elements, b_iso, support, r1)
        false = support < _FALSE
        if not better or not false.any():
            break
        usable[sites[false]] = False
    assert model is not None
    return model


def _contents(
    composition: CompositionLike | None, units: int | None, volume: float, group: SpaceGroup
) -> list[tuple[dict[str, float], int | None]]:
    """Atoms of each species in the cell, hydrogen left out, for each number of formula units."""
    if composition is None:
        return [({}, None)]
    amounts = composition_amounts(composition)
    heavy = {e: n for e, n in amounts.items() if parse_species(e)[0] > 1}
    if not heavy:
        raise ValueError(f"composition: expected an element beside hydrogen, got {composition!r}")
    counts = [units] if units is not None else []
    if units is None:
        estimate = volume / (_VOLUME * sum(heavy.values()))
        # Whole general positions, or shares of one where molecules have symmetry themselves.
        order = group.order
        shares = [order // d for d in range(1, order + 1) if order % d == 0]
        allowed = shares + [order * m for m in (2, 3, 4, 6, 8)]
        off = {n: abs(math.log(n / estimate)) for n in allowed}
        nearest = min(allowed, key=lambda n: off[n])
        counts = [nearest, *(n for n in sorted(off) if off[n] < _UNSURE and n != nearest)]
    return [({e: n * amount for e, amount in heavy.items()}, n) for n in counts]


def _elements(
    multiplicity: np.ndarray,
    integral: np.ndarray,
    usable: np.ndarray,
    contents: dict[str, float],
    radiation: Radiation,
) -> tuple[np.ndarray, list[str]]:
    """Sites that become atoms, strongest first, and their species."""
    order = [i for i in np.argsort(-integral, kind="stable") if usable[i] and integral[i] > 0]
    if not contents:
        return _by_proportion(np.array(order, int), integral, multiplicity)
    kind = _TABLES[radiation]
    table = FormFactors.build(list(contents), kind, host=True)
    power = np.asarray(table(np.zeros(1)), float)[:, 0]
    species = [list(contents)[i] for i in np.argsort(-power, kind="stable")]
    left, sites, elements = dict(contents), [], []
    for i in order:
        fits = [e for e in species if left[e] >= 0.5 * multiplicity[i]]
        if not fits:
            continue
        sites.append(i)
        elements.append(fits[0])
        left[fits[0]] -= int(multiplicity[i])
    return np.array(sites, dtype=np.int64), elements


def _by_proportion(
    order: np.ndarray, integral: np.ndarray, multiplicity: np.ndarray
) -> tuple[np.ndarray, list[str]]:
    """Atomic numbers in proportion to the integrals of peaks, the median one carbon."""
    from ..scattering import species_label

    strong = integral[order]
    # Light peaks are many: the median of those above a fifth of the highest is typical.
    typical = float(np.median(strong[strong > 0.2 * strong[0]]))
    kept = [i for i in order if integral[i] >= _LOW * typical]
    numbers = [min(max(round(_TYPICAL * float(integral[i]) / typical), 3), 92) for i in kept]
    numbers = [6 if 4 <= n <= 6 else n for n in numbers]
    return np.array(kept, dtype=np.int64), [species_label((n, 0, 0)) for n in numbers]


def _fit(
    data: _Data, x: np.ndarray, elements: list[str], multiplicity: np.ndarray
) -> tuple[Complex[np.ndarray, " m"], float, float]:
    """F of point atoms scaled to the data, with the overall B and R1 that fit best."""
    k, s2, group, observed = data.k, data.s2, data.group, np.abs(data.natural)
    kinds = sorted(set(elements))
    table = FormFactors.build(kinds, _TABLES[data.radiation], host=True)
    f = np.asarray(table(s2), float)
    W, w = group.rotations.astype(float), group.translations / group.denominator
    F = np.zeros(len(k), complex)
    for i, kind in enumerate(kinds):
        mine = [j for j, e in enumerate(elements) if e == kind]
        weight = multiplicity[mine] / group.order
        images = (np.einsum("oij,pj->poi", W, x[mine]) + w).reshape(-1, 3)
        waves = np.exp(2j * np.pi * (k @ images.T)) @ np.repeat(weight, group.order)
        F += f[i] * waves
    best = (F, 0.0, np.inf)
    for b in np.linspace(0.0, 8.0, 33):
        trial = F * np.exp(-b * s2)
        size = np.abs(trial)
        scale = float(np.sum(size * observed) / max(np.sum(size**2), 1e-300))
        r1 = float(np.sum(np.abs(scale * size - observed)) / np.sum(observed))
        if r1 < best[2]:
            best = (scale * trial, float(b), r1)
    return best


def _positive(k: np.ndarray, F: np.ndarray) -> np.ndarray:
    """F or -F, whichever has the higher peaks: most scattering lengths are positive."""
    from ..grids import mesh_for
    from ..phasing._free_cycles import fill_free

    grid = mesh_for(np.concatenate([k, -k]))
    rho = np.fft.irfftn(fill_free(grid, k, F), s=grid.moduli, axes=(0, 1, 2))
    return F if np.sum(rho**3) >= 0 else -F


def _lengths(d: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    return np.linalg.norm((d - np.round(d)) @ matrix, axis=1)
