"""Candidates of one lattice as arrays, in batches, and what comes of them (host)."""

import dataclasses
import functools
from collections.abc import Iterator, Sequence

import jax
import numpy as np
from jaxtyping import Float

from ..._core import device_array
from ...descriptors import Description
from ...descriptors._laue_invariants import laue_invariants
from ...descriptors.expansion import real_spherical_harmonics
from ...scattering import FormFactors
from ...symmetry import laue_unique
from .._objective import Objective
from .._profiles import parts_of
from .._search_plan import ladder
from ._candidates import Candidate
from ._lattice_fit import LatticeFit
from ._lattices import FoundLattice
from ._settings import Setting
from ._site_problem import CellProblem, SitesProblem, descend

#: Candidates of one call.
BATCH = 32
#: Samples and starts by the number of variables, up to each.
_EFFORT = {2: (96, 6), 6: (512, 12), 16: (1024, 24), 64: (1024, 32)}


@dataclasses.dataclass(frozen=True)
class SiteEnd:
    """Where the search for the sites of a candidate has ended.

    Attributes:
        candidate: what was tried.
        lattice: in which cell.
        parameters: free coordinates of each site, in the order of the species and their positions.
        loss: of the objective without overlaps, in single precision.
    """

    candidate: Candidate
    lattice: FoundLattice
    parameters: tuple[Float[np.ndarray, " k"], ...]
    loss: float


class SiteSearch:
    """The search for sites in the cell of a lattice.

    Args:
        target: what is to be reproduced.
        objective: weights.
        species: kinds of atoms, as keys of the tables of form factors.
        counts: atoms of each in the primitive cell.
        lattice: the cell.
        seed: of the samples.
    """

    def __init__(
        self,
        target: Description,
        objective: Objective,
        species: Sequence[tuple[int, int, int]],
        counts: Sequence[int],
        lattice: FoundLattice,
        seed: int,
    ):
        self.target, self.objective, self.lattice, self.seed = target, objective, lattice, seed
        self.counts = np.array(counts, np.float64)
        space = target.specification.space
        factors = FormFactors.build(
            list(species), kind=space.kind, charges=space.charges, dtype=np.float64, host=True
        )
        self._factors = dataclasses.replace(factors, species=())
        self._hkl, _ = lattice.lattice.reflections(lattice.matrix, space.q_max)
        unit, middle = (np.ones(1), np.zeros(1)), np.zeros(1)
        self._scale = np.sqrt(space.intensities(unit, middle, self.counts, self._factors))
        self._cells: dict[bytes, CellProblem] = {}

    def run(self, candidates: Sequence[Candidate]) -> Iterator[list[SiteEnd]]:
        """Best end of each candidate, batch after batch."""
        groups: dict[tuple, list[tuple[Candidate, SitesProblem]]] = {}
        for candidate in candidates:
            sites = self._sites(candidate)
            key = candidate.setting.group.laue_rotations.tobytes(), sites.maps.shape
            groups.setdefault(key, []).append((candidate, sites))
        for members in groups.values():
            cell = self._cell(members[0][0].setting)
            for start in range(0, len(members), BATCH):
                yield self._batch(cell, members[start : start + BATCH])

    def _batch(
        self, cell: CellProblem, members: list[tuple[Candidate, SitesProblem]]
    ) -> list[SiteEnd]:
        rows = [sites for _, sites in members]
        rows += rows[:1] * (BATCH - len(rows))
        stacked = jax.tree.map(lambda *x: device_array(np.stack(x), np.float32), *rows)
        width = stacked.maps.shape[-1]
        number, kept = _EFFORT[width]
        samples = _samples(self.seed, number, width)
        side = 1 if jax.default_backend() == "cpu" else BATCH
        found = descend(cell, stacked, device_array(samples, np.float32), kept, side)
        variables, losses = (np.asarray(x, np.float64) for x in found)
        ends = []
        for (candidate, _), v, loss in zip(members, variables, losses, strict=False):
            best = int(np.argmin(loss))
            ends.append(self._end(candidate, v[best], float(loss[best])))
        return ends

    def _end(self, candidate: Candidate, v: np.ndarray, loss: float) -> SiteEnd:
        parameters, place = [], 0
        for columns, n in _columns(candidate):
            u = np.zeros(n)
            u[columns] = v[place : place + len(columns)]
            place += len(columns)
            parameters.append(u % 1.0)
        return SiteEnd(candidate, self.lattice, tuple(parameters), loss)

    def _sites(self, candidate: Candidate) -> SitesProblem:
        setting = candidate.setting
        width = next(w for w in _EFFORT if w >= candidate.n_free)
        maps, shifts, real, place = [], [], [], 0
        free = iter(_columns(candidate))
        for species, positions in enumerate(candidate.sites):
            for j in positions:
                site, (columns, _) = setting.sites[j], next(free)
                block = np.zeros((len(site.maps), 3, width))
                block[:, :, place : place + len(columns)] = site.maps[:, :, columns]
                place += len(columns)
                weights = np.zeros((len(site.maps), len(self.counts)))
                weights[:, species] = site.copies / len(setting.group.centering)
                maps.append(block)
                shifts.append(site.shifts)
                real.append(weights)
        n = sum(map(len, maps))
        size = ladder(n, 8)
        maps, shifts, real = (
            np.pad(np.concatenate(x), [(0, size - n)] + [(0, 0)] * (x[0].ndim - 1))
            for x in (maps, shifts, real)
        )
        return SitesProblem(maps, shifts, real, real * (0.0 if setting.centric else 1.0))

    def _cell(self, setting: Setting) -> CellProblem:
        """The linear map from intensities, with the harmonics that the Laue group leaves."""
        rotations = setting.group.laue_rotations
        key = rotations.tobytes()
        if key in self._cells:
            return self._cells[key]
        specification = self.target.specification
        space, matrix = specification.space, self.lattice.matrix
        # Representatives of the holohedry stand for several of a smaller Laue group.
        hkl, multiplicity = _under(rotations, self._hkl, self.lattice)
        q = hkl @ (2 * np.pi * np.linalg.inv(matrix).T)
        size = np.linalg.norm(q, axis=1)
        weights = multiplicity * space.window(size / space.q_max)
        spectrum, distribution = parts_of(specification)
        linear, G, P = [np.zeros((0, len(hkl)))], np.zeros(0), np.zeros((0, 0))
        degrees = np.zeros((0, 0))
        objective = self.objective
        if objective.distribution_weight and distribution is not None:
            fit = LatticeFit.of(self.target)
            bells = fit.bells(size, len(fit.values))
            scale = np.sqrt(objective.distribution_weight) / (np.linalg.norm(fit.values) or 1.0)
            linear.append(scale * bells * weights)
            G = scale * fit.values
        if objective.spectrum_weight and spectrum is not None:
            P = np.asarray(self.target.power_spectrum, np.float64)
            scale = np.sqrt(objective.spectrum_weight) / (np.linalg.norm(P) or 1.0)
            P = scale * P[:, ::2]
            highest = spectrum.l_max - spectrum.l_max % 2
            rows = real_spherical_harmonics(q / size[:, None], highest, "even")
            cartesian = np.linalg.inv(matrix) @ np.swapaxes(rotations, 1, 2) @ matrix
            kept, blocks, counts, start = laue_invariants(cartesian, highest), [], [], 0
            for l in range(0, highest + 1, 2):
                blocks.append(rows[:, start : start + 2 * l + 1] @ kept[l // 2])
                counts.append(blocks[-1].shape[1])
                start += 2 * l + 1
            harmonics = np.concatenate(blocks, axis=1)
            radial = np.asarray(spectrum.radial(size, spectrum.n_max, space.q_max), np.float64)
            degrees = np.repeat(np.eye(len(counts)), counts, axis=0)
            extra = ladder(len(degrees), 12) - len(degrees)
            degrees = np.pad(degrees, ((0, extra), (0, 0)))
            harmonics = np.pad(harmonics, ((0, 0), (0, extra)))
            moments = np.sqrt(scale) * radial[:, None, :] * harmonics.T[None] * weights
            linear.append(moments.reshape(-1, len(hkl)))
        f = self._scale * self._factors((size / (4 * np.pi)) ** 2)
        pad = ladder(len(hkl), 32) - len(hkl)
        cell = CellProblem(
            hkl=np.pad(hkl, ((0, pad), (0, 0))).T,
            factors=np.pad(f, ((0, 0), (0, pad))),
            linear=np.pad(np.concatenate(linear), ((0, 0), (0, pad))),
            degrees=degrees,
            distribution=G,
            spectrum=P,
        )
        cell = jax.tree.map(lambda x: device_array(x, np.float32), cell)
        self._cells[key] = cell
        return cell


def _under(rotations: np.ndarray, hkl: np.ndarray, lattice: FoundLattice):
    """Representatives under a Laue group, from those under the holohedry."""
    images = np.unique(
        np.concatenate([hkl @ W for W in lattice.lattice.holohedry.laue_rotations]), axis=0
    )
    unique, multiplicity = laue_unique(images, rotations)
    unique, first = np.unique(unique, axis=0, return_index=True)
    return unique, multiplicity[first]


def _columns(candidate: Candidate) -> list[tuple[list[int], int]]:
    """Which parameters of each site are variables, and how many it has; a free origin is put."""
    pinned, found = list(candidate.setting.pinned), []
    for positions in candidate.sites:
        for j in positions:
            site = candidate.setting.sites[j]
            columns = list(range(site.position.n_free))
            for axis in pinned:
                del columns[int(np.flatnonzero(site.position.rotations[0][axis, columns])[0])]
            pinned = []
            found.append((columns, site.position.n_free))
    return found


@functools.lru_cache(maxsize=32)
def _samples(seed: int, number: int, width: int) -> Float[np.ndarray, "n V"]:
    return np.random.default_rng(seed).uniform(size=(number, width))
