"""The linear map from free parameters to the numbers of a model, built parameter by parameter."""

from typing import Any

import numpy as np

from ._model import Model
from ._sites import COLUMNS, ROWS, polar_directions

_XYZ = ("x", "y", "z")
_U = ("U11", "U22", "U33", "U12", "U13", "U23")


class MapBuilder:
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


def polar_rows(model: Model) -> np.ndarray:
    """Weighted means of shifts along free directions of the origin, over x, y, z of all atoms."""
    directions = polar_directions(model.group)
    weight = np.maximum(model.atomic_numbers, 1) * model.occupancies
    weight = np.where(model.riding, 0.0, weight)
    along = (model.matrix @ model.matrix.T) @ directions
    return np.array([np.outer(axis, weight).ravel() for axis in along.T]).reshape(
        -1, 3 * len(model)
    )
