"""Surfaces of constant value in periodic fields, by the marching cubes of scikit-image."""

import dataclasses
import warnings

import numpy as np
from jaxtyping import Float, Int


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
    """Triangulate the surface values = level of a periodic field.

    Args:
        values: on the nodes of one cell, (n1, n2, n3).
        matrix: lattice, rows, (3, 3).
        level: value on the surface.
        cells: how many cells to fill; the first node of the next cell closes each axis.
        caps: close the surface where the box cuts the region of higher values, so that it encloses
            a volume.

    Returns:
        The triangles; none where the field does not take the value.

    Raises:
        ImportError: scikit-image is not installed.

    References:
        Lewiner, Lopes, Vieira & Tavares (2003), J. Graphics Tools 8, 1.
    """
    try:
        from skimage.measure import marching_cubes
    except ImportError as error:
        raise ImportError(
            "isosurfaces need scikit-image: pip install 'jaxtal[plot]'", name="skimage"
        ) from error

    shape = [n * c for n, c in zip(values.shape, cells, strict=True)]
    steps = [np.arange(m + 1) for m in shape]
    f = values[np.ix_(*[s % n for s, n in zip(steps, values.shape, strict=True)])] - level
    places = [s / n for s, n in zip(steps, values.shape, strict=True)]
    if caps:
        # A layer of the lowest values, in the place of the faces: the surface runs along them.
        f = np.pad(f, 1, constant_values=-1e9 * (1.0 + np.abs(f).max()))
        places = [np.concatenate([p[:1], p, p[-1:]]) for p in places]
    if not f.min() < 0 < f.max():
        return Triangles(np.zeros((0, 3)), np.zeros((0, 3), np.int64))
    # "ascent" turns triangles towards lower values, in a right-handed lattice.
    with warnings.catch_warnings():
        # scikit-image sets the shapes of its tables' arrays, which NumPy 2.5 deprecates.
        warnings.simplefilter("ignore", DeprecationWarning)
        nodes, faces, *_ = marching_cubes(
            f, 0.0, gradient_direction="ascent", allow_degenerate=False
        )
    fractions = np.stack(
        [np.interp(nodes[:, i], np.arange(len(p)), p) for i, p in enumerate(places)], axis=1
    )
    if np.linalg.det(matrix) < 0:
        faces = faces[:, ::-1]
    return Triangles(fractions @ matrix, faces.astype(np.int64))
