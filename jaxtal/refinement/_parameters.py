"""Which numbers of a model are free, and the linear map from them to all numbers of all atoms."""

import dataclasses
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from ._model import Model
from ._sites import COLUMNS, ROWS, polar_directions

_XYZ = ("x", "y", "z")
_U = ("U11", "U22", "U33", "U12", "U13", "U23")


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
        build = _Builder(model, set(fixed))
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
        polar = _polar_rows(model) @ matrix[: 3 * len(model)]
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


class _Builder:
    """Rows and columns of the map, added parameter by parameter."""

    def __init__(self, model: Model, fixed: set[str]) -> None:
        self.model, self.fixed = model, fixed
        self.names: list[str] = []
        self.entries: list[tuple[int, int, float]] = []
        self.rows = 0
        self.riding = model.riding
        self.carrier: dict[int, list[int]] = {}
        self.factor: dict[int, float] = {}
        for group in model.hydrogens:
            self.carrier.setdefault(group.carrier, []).extend(group.atoms)
            self.factor |= dict.fromkeys(group.atoms, group.u_factor)
        self.u_row: dict[tuple[int, int], int] = {}

    def next_row(self) -> int:
        self.rows += 1
        return self.rows - 1

    def free(self, name: str, moved: list[tuple[int, float]], kind: str = "") -> bool:
        """Add a parameter that moves some numbers, unless it is fixed."""
        if {name, name.split(".")[0], kind} & self.fixed:
            return False
        self.entries += [(row, len(self.names), value) for row, value in moved if value]
        self.names.append(name)
        return True

    def matrix(self) -> Any:
        from scipy import sparse

        rows, columns, values = zip(*self.entries, strict=True) if self.entries else ((), (), ())
        shape = (self.rows, len(self.names))
        return sparse.csr_array(sparse.coo_array((values, (rows, columns)), shape=shape))

    def positions(self) -> None:
        model, N = self.model, len(self.model)
        self.rows += 3 * N
        for axis in range(3):
            for atom, site in enumerate(model.sites):
                if self.riding[atom]:
                    continue
                for column in site.positions.T:
                    if np.flatnonzero(column)[0] != axis:
                        continue
                    with_it = [atom, *self.carrier.get(atom, [])]
                    moved = [(c * N + j, column[c]) for c in range(3) for j in with_it]
                    self.free(f"{model.labels[atom]}.{_XYZ[axis]}", moved, "positions")

    def displacements(self) -> None:
        model = self.model
        aniso, iso = np.flatnonzero(model.anisotropic), np.flatnonzero(~model.anisotropic)
        first, second = self.rows, self.rows + 6 * len(aniso)
        self.rows = second + len(iso)
        where = {atom: second + i for i, atom in enumerate(iso.tolist())}
        metric = _equivalent(model.matrix)
        for axis in range(6):
            for i, atom in enumerate(aniso.tolist()):
                for column in model.sites[atom].displacements.T:
                    if np.flatnonzero(column)[0] != axis:
                        continue
                    moved = [(first + c * len(aniso) + i, column[c]) for c in range(6)]
                    moved += self._riders(atom, where, float(metric @ column))
                    self.free(f"{model.labels[atom]}.{_U[axis]}", moved, "displacements")
        for atom in iso.tolist():
            if not self.riding[atom] or not self.factor[atom]:
                moved = [(where[atom], 1.0), *self._riders(atom, where, 1.0)]
                self.free(f"{model.labels[atom]}.Uiso", moved, "displacements")

    def _riders(self, atom: int, where: dict[int, int], rate: float) -> list[tuple[int, float]]:
        riders = self.carrier.get(atom, [])
        return [(where[j], self.factor[j] * rate) for j in riders if j in where]

    def occupancies(self, atoms: np.ndarray) -> None:
        for atom in atoms:
            self.free(f"{self.model.labels[atom]}.occ", [(self.next_row(), 1.0)])

    def torsions(self) -> list[tuple[int, int]]:
        turns = []
        for at, group in enumerate(self.model.hydrogens):
            name = f"{self.model.labels[group.carrier]}.torsion"
            if group.turns and self.free(name, [], "positions"):
                turns.append((at, len(self.names) - 1))
        return turns


def _equivalent(matrix: np.ndarray) -> np.ndarray:
    """Coefficients of U_eq by U11, U22, U33, U12, U13, U23."""
    lengths = np.linalg.norm(np.linalg.inv(matrix), axis=0)
    metric = np.outer(lengths, lengths) * (matrix @ matrix.T) / 3
    return metric[ROWS, COLUMNS] * np.where(ROWS == COLUMNS, 1, 2)


def _polar_rows(model: Model) -> np.ndarray:
    """Weighted means of shifts along free directions of the origin, over x, y, z of all atoms."""
    directions = polar_directions(model.group)
    weight = np.maximum(model.atomic_numbers, 1) * model.occupancies
    weight = np.where(model.riding, 0.0, weight)
    along = (model.matrix @ model.matrix.T) @ directions
    return np.array([np.outer(axis, weight).ravel() for axis in along.T]).reshape(
        -1, 3 * len(model)
    )
