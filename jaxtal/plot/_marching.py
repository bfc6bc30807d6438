"""Surfaces of constant value by marching tetrahedra, vectorised over the mesh."""

import dataclasses
import itertools

import numpy as np
from jaxtyping import Float, Int

#: Corners of the six tetrahedra of a cube, along one diagonal: neighbours share their faces.
_TETRAHEDRA = np.array(
    [
        np.cumsum([np.zeros(3, int), *np.eye(3, dtype=int)[list(order)]], axis=0)
        for order in itertools.permutations(range(3))
    ]
)


@dataclasses.dataclass(frozen=True, eq=False)
class Triangles:
    """A triangulated surface.

    Attributes:
        vertices: each once, Cartesian, in the unit of the lattice, (V, 3).
        faces: vertices of each triangle, counterclockwise seen from where the field is lower,
            (F, 3).
    """

    vertices: Float[np.ndarray, "V 3"]
    faces: Int[np.ndarray, "F 3"]

    @property
    def corners(self) -> Float[np.ndarray, "F 3 3"]:
        """Corners of the triangles, (F, 3, 3)."""
        return self.vertices[self.faces]

    @property
    def area_vectors(self) -> Float[np.ndarray, "F 3"]:
        """Normals towards lower values, as long as the area, (F, 3)."""
        a, b, c = np.moveaxis(self.corners, 1, 0)
        return 0.5 * np.cross(b - a, c - a)

    @property
    def area(self) -> float:
        """Area, in the square of the unit of the lattice."""
        return float(np.linalg.norm(self.area_vectors, axis=1).sum())

    @property
    def volume(self) -> float:
        """Volume enclosed by a closed surface, by Gauss's theorem."""
        return float((self.corners.mean(axis=1) * self.area_vectors).sum() / 3)


def triangulate(
    values: Float[np.ndarray, "n1 n2 n3"],
    matrix: Float[np.ndarray, "3 3"],
    level: float,
    cells: tuple[int, int, int] = (1, 1, 1),
    caps: bool = False,
) -> Triangles:
    """The surface values = level of a periodic field, linear within tetrahedra.

    Args:
        values: on the nodes of one cell, (n1, n2, n3).
        matrix: lattice, rows, (3, 3).
        level: value on the surface.
        cells: how many cells to fill; the first node of the next cell closes each axis.
        caps: close the surface where the box cuts the region of higher values, so that it encloses
            a volume.

    Returns:
        The triangles; none where the field does not take the value.
    """
    shape = [n * c for n, c in zip(values.shape, cells, strict=True)]
    steps = [np.arange(m + 1) for m in shape]
    f = values[np.ix_(*[s % n for s, n in zip(steps, values.shape, strict=True)])] - level
    places = [s / n for s, n in zip(steps, values.shape, strict=True)]
    if caps:
        # A layer of the lowest values, in the place of the faces: the surface runs along them.
        f = np.pad(f, 1, constant_values=-1e9 * (1.0 + np.abs(f).max()))
        places = [np.concatenate([p[:1], p, p[-1:]]) for p in places]
    edges, below = _crossings(f)
    unique, faces = np.unique(edges.reshape(-1, 2), axis=0, return_inverse=True)
    ends = [np.stack(np.unravel_index(e, f.shape), axis=1) for e in unique.T]
    high, low = (np.stack([p[e[:, i]] for i, p in enumerate(places)], axis=1) for e in ends)
    f_high, f_low = (f.reshape(-1)[e][:, None] for e in unique.T)
    vertices = (high + (low - high) * (f_high / (f_high - f_low))) @ matrix
    faces = faces.reshape(-1, 3)
    surface = Triangles(vertices, faces)
    # A layer has no thickness: the index space, where it has, tells which side is lower.
    wrong = (_normals(unique, faces, f) * below).sum(axis=1) * np.linalg.det(matrix) < 0
    faces[wrong] = faces[wrong][:, ::-1]
    return dataclasses.replace(surface, faces=faces)


def _crossings(f: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Edges (higher node, lower node) of each triangle, (F, 3, 2), and where lower values lie."""
    above = f > 0
    count = np.zeros([n - 1 for n in f.shape], int)
    for corner in itertools.product((0, 1), repeat=3):
        count += above[tuple(slice(c, c + n) for c, n in zip(corner, count.shape, strict=True))]
    cubes = np.stack(np.nonzero((count > 0) & (count < 8)), axis=1)
    stride = np.array([f.shape[1] * f.shape[2], f.shape[2], 1])
    flat = above.reshape(-1)
    edges, below = [np.zeros((0, 3, 2), int)], [np.zeros((0, 3))]
    for corners in _TETRAHEDRA:
        nodes = (cubes @ stride)[:, None] + corners @ stride
        inside = flat[nodes]
        for pattern in itertools.product((False, True), repeat=4):
            high = [i for i in range(4) if pattern[i]]
            low = [i for i in range(4) if not pattern[i]]
            if not high or not low:
                continue
            chosen = nodes[(inside == pattern).all(axis=1)]
            towards = corners[low].mean(axis=0) - corners[high].mean(axis=0)
            for triangle in _TRIANGLES[len(high)]:
                pairs = [[high[i], low[j]] for i, j in triangle]
                edges.append(chosen[:, pairs])
                below.append(np.broadcast_to(towards, (len(chosen), 3)))
    return np.concatenate(edges), np.concatenate(below)


#: Triangles by the number of higher corners; a vertex is the edge (i-th higher, j-th lower corner).
_TRIANGLES = {
    1: [((0, 0), (0, 1), (0, 2))],
    2: [((0, 0), (0, 1), (1, 1)), ((0, 0), (1, 1), (1, 0))],
    3: [((0, 0), (1, 0), (2, 0))],
}


def _normals(edges: np.ndarray, faces: np.ndarray, f: np.ndarray) -> np.ndarray:
    """Normals in index space of triangles between the middles of their edges, (F, 3)."""
    ends = [np.stack(np.unravel_index(e, f.shape), axis=1) for e in edges.T]
    a, b, c = np.moveaxis((ends[0] + ends[1])[faces], 1, 0)
    return np.cross(b - a, c - a)
