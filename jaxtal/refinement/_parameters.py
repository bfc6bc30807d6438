"""Which numbers of a model are free, and the linear map from them to all numbers of all atoms."""

import dataclasses
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from ._model import Model
from ._parameter_map import MapBuilder, polar_rows
from ._sites import COLUMNS, ROWS


@dataclasses.dataclass(frozen=True, eq=False)
class Parameters:
    """Free parameters p of a model, and d(numbers)/dp.

    The numbers of a model, in this order: x of all atoms, y, z; U11 of the anisotropic ones, ...,
    U23; U_iso of the isotropic ones; occupancies that are refined; scale; extinction; twin
    fractions.

    Attributes:
        names: of the free parameters, "C1.x", "scale", (p,).
        map: d(numbers)/d(free), (numbers, p), sparse.
        occupied: atoms whose occupancy is refined.
        extinction: whether it is refined.
        twins: number of twin fractions refined.
        turns: groups of hydrogen atoms whose torsion is a parameter: (group, parameter).
        polar: rows over the free parameters that move the whole structure along free directions.
        still: the map without the torsions, whose part changes with the angle.
    """

    names: tuple[str, ...]
    map: Any
    occupied: np.ndarray
    extinction: bool
    twins: int
    turns: tuple[tuple[int, int], ...]
    polar: np.ndarray
    still: Any

    @classmethod
    def of(
        cls,
        model: Model,
        *,
        occupancies: Sequence[str] = (),
        fixed: Collection[str] = (),
    ) -> "Parameters":
        """Choose the free parameters of a model.

        Args:
            model: with `extinction` not None and `twin_fractions` where these are refined.
            occupancies: labels of atoms whose occupancy is free.
            fixed: names of parameters, or labels of atoms, or "positions", "displacements",
                "scale", that are not.

        Raises:
            ValueError: an unknown label.
        """
        unknown = set(occupancies) - set(model.labels)
        if unknown:
            raise ValueError(f"occupancies: no atoms are called {sorted(unknown)}")
        build = MapBuilder(model, set(fixed))
        occupied = np.array([model.labels.index(label) for label in occupancies], dtype=int)
        build.positions()
        build.displacements()
        build.occupancies(occupied)
        turns = build.torsions()
        extinction = model.extinction is not None
        twins = len(model.twin_fractions)
        others = ["scale", *(["extinction"] if extinction else [])]
        others += [f"twin{i + 1}" for i in range(twins)]
        for name in others:
            build.free(name, [(build.next_row(), 1.0)])
        matrix = build.matrix()
        polar = polar_rows(model) @ matrix[: 3 * len(model)]
        names, turns = tuple(build.names), tuple(turns)
        return cls(names, matrix, occupied, extinction, twins, turns, polar, matrix).at(model)

    def at(self, model: Model) -> "Parameters":
        """The same parameters at another model of the same atoms."""
        if not self.turns:
            return self
        from scipy import sparse

        N, rows, columns, values = len(model), [], [], []
        for at, parameter in self.turns:
            group = model.hydrogens[at]
            rate = group.turn(model.frac, model.matrix)
            for i, j in enumerate(group.atoms):
                rows += [j, N + j, 2 * N + j]
                columns += [parameter] * 3
                values += rate[i].tolist()
        turning = sparse.csr_array((values, (rows, columns)), shape=self.still.shape)
        return dataclasses.replace(self, map=(self.still + turning).tocsr())

    @property
    def count(self) -> int:
        """Number of free parameters."""
        return len(self.names)

    def numbers(self, model: Model) -> np.ndarray:
        """All numbers of a model in the order of the map's rows."""
        aniso, iso = model.anisotropic, ~model.anisotropic
        parts = [
            model.frac.T.ravel(),
            model.u_aniso[aniso][:, ROWS, COLUMNS].T.ravel(),
            model.u_iso[iso],
            model.occupancies[self.occupied],
            [model.scale if model.scale is not None else 1.0],
            [model.extinction] if self.extinction else [],
            list(model.twin_fractions),
        ]
        return np.concatenate([np.asarray(part, float) for part in parts])

    def with_numbers(self, model: Model, numbers: np.ndarray) -> Model:
        """The model with other numbers; hydrogen atoms are placed anew by `shifted` alone."""
        N = len(model)
        aniso = np.flatnonzero(model.anisotropic)
        iso = np.flatnonzero(~model.anisotropic)
        ends = np.cumsum([3 * N, 6 * len(aniso), len(iso), len(self.occupied), 1, self.extinction])
        x, six, u_iso, occ, scale, extinction, twins = np.split(numbers, ends)
        U, u, occupancies = model.u_aniso.copy(), model.u_iso.copy(), model.occupancies.copy()
        values = six.reshape(6, -1).T
        U[aniso[:, None], ROWS, COLUMNS] = values
        U[aniso[:, None], COLUMNS, ROWS] = values
        u[iso] = u_iso
        occupancies[self.occupied] = occ
        return model.moved(
            frac=x.reshape(3, -1).T.copy(),
            u_aniso=U,
            u_iso=u,
            occupancies=occupancies,
            scale=float(scale[0]),
            extinction=float(extinction[0]) if self.extinction else model.extinction,
            twin_fractions=tuple(map(float, twins)),
        )

    def shifted(self, model: Model, shift: np.ndarray) -> Model:
        """The model after a shift of the free parameters, hydrogen atoms placed anew."""
        moved = self.with_numbers(model, self.numbers(model) + self.map @ shift)
        if not model.hydrogens:
            return moved
        groups = list(model.hydrogens)
        for group, parameter in self.turns:
            torsion = groups[group].torsion + float(shift[parameter])
            groups[group] = dataclasses.replace(groups[group], torsion=torsion)
        return ride(moved.moved(hydrogens=tuple(groups)))

    def deviations(self, covariance: np.ndarray) -> np.ndarray:
        """Standard uncertainties of all numbers."""
        product = self.map @ covariance
        return np.sqrt(np.maximum(np.asarray(self.map.multiply(product).sum(axis=1)), 0).ravel())


def ride(model: Model) -> Model:
    """The model with its riding hydrogen atoms where their carriers are, and their U with it."""
    frac, u = model.frac.copy(), model.u_iso.copy()
    u_eq = model.u_eq
    for group in model.hydrogens:
        at = list(group.atoms)
        frac[at] = group.places(frac, model.matrix)
        if group.u_factor:
            u[at] = group.u_factor * u_eq[group.carrier]
    return model.moved(frac=frac, u_iso=u)
