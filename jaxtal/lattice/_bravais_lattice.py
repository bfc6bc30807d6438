"""The Bravais lattices of one, two and three dimensions by name, as field files name them."""

import dataclasses
import difflib
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._core import check_finite, host_array
from ._bravais_cells import KINDS, matrix_of, read_off
from ._lattice import Lattice

#: Open ranges of the angles, degrees, in which a cell encloses a positive volume.
_RANGES = {"gamma": (0.0, 180.0), "beta": (0.0, 180.0), "theta": (-90.0, 90.0)}
# Of the volume over the product of the lengths, as `Lattice.from_matrix` has it.
_FLAT = 1e-9


@dataclasses.dataclass(frozen=True)
class BravaisLattice:
    """A Bravais lattice by name: which parameters it has, and the matrix that they make.

    Lamellar (1D); square, rectangular, hexagonal, rhombic, oblique (2D); cubic, tetragonal,
    orthorhombic, hexagonal, rhombohedral, monoclinic, triclinic (3D). Orientation: a along x, b in
    the xy plane, as everywhere; but a rhombohedral lattice has its threefold axis along z,

        a_k = a (sin t cos(2 pi k / 3), sin t sin(2 pi k / 3), cos t),
        cos t = sqrt((1 + 2 cos beta) / 3),

    and the third vector of a triclinic lattice is given by its direction, not by alpha and beta:

        c = c (sin theta cos phi, sin theta sin phi, cos theta).

    Hashable, so that it can stand in static fields.

    Attributes:
        name: in lower case.
        dimension: D.
    """

    name: str
    dimension: int

    def __post_init__(self):
        if (self.dimension, self.name) not in KINDS:
            known = BravaisLattice.names(self.dimension)
            near = difflib.get_close_matches(str(self.name), known, n=1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            raise ValueError(
                f"expected a Bravais lattice in {self.dimension} dimensions among "
                f"{', '.join(known)}; got {self.name!r}{hint}"
            )

    # --- ways in -----------------------------------------------------------------------------

    @classmethod
    def find(cls, name: "str | BravaisLattice", dimension: int) -> "BravaisLattice":
        """Find the lattice with a name, in any case.

        Raises:
            ValueError: no such lattice in that dimension; the message lists the names.
        """
        if isinstance(name, BravaisLattice):
            if name.dimension != dimension:
                raise ValueError(
                    f"expected a lattice in {dimension} dimensions, got {name.name} in "
                    f"{name.dimension}"
                )
            return name
        return cls(name.strip().lower() if isinstance(name, str) else name, dimension)

    @staticmethod
    def names(dimension: int) -> tuple[str, ...]:
        """List the Bravais lattices in D = 1, 2 or 3 dimensions, fewest parameters first.

        Raises:
            ValueError: another dimension.
        """
        names = tuple(name for D, name in KINDS if dimension == D)
        if not names:
            raise ValueError(f"expected 1, 2 or 3 dimensions, got {dimension}")
        return names

    @classmethod
    def of(cls, matrix: Any, tol: float = 1e-6) -> tuple["BravaisLattice", np.ndarray]:
        """Find the lattice with the fewest parameters that a matrix fits in its axes as they stand.

        Nothing is reduced or re-centred: the primitive cell of a body-centred cubic lattice is
        rhombohedral, a hexagonal cell with gamma = 60 degrees is not hexagonal, and a monoclinic
        one must have b unique. Oblique and triclinic lattices fit every matrix.

        Args:
            matrix: rows are the basis vectors, any unit, in any orientation; host.
            tol: largest violation accepted, as of `parameters_of`.

        Returns:
            the lattice, and its parameters (p,): lengths in that unit, angles in degrees.

        Raises:
            ValueError: not a right-handed matrix of 1, 2 or 3 dimensions.
        """
        values = _right_handed(matrix)
        D = len(values)
        for name in cls.names(D):
            parameters, violation = read_off(D, name, values)
            if violation <= tol:
                break
        # The last name fits everything, up to rounding.
        return cls(name, D), parameters

    # --- parameters --------------------------------------------------------------------------

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Names of the parameters in order: lengths, then angles."""
        return KINDS[self.dimension, self.name].parameters

    @property
    def n_parameters(self) -> int:
        """Number of parameters p."""
        return len(self.parameter_names)

    @property
    def n_lengths(self) -> int:
        """Number of parameters that are lengths; they come first, angles (degrees) follow."""
        return sum(name in "abc" for name in self.parameter_names)

    def check(self, parameters: Any, name: str = "cell parameters") -> Float[np.ndarray, " p"]:
        """Validate parameters on the host.

        Args:
            parameters: (p,), lengths then angles in degrees.
            name: what the message calls them.

        Returns:
            the parameters as a float64 array.

        Raises:
            ValueError: wrong number, not finite, a length that is not positive, or an angle with
                which the cell has no positive volume; the message says which.
        """
        values = np.atleast_1d(host_array(parameters, name))
        wanted = (
            f"{self.n_parameters} ({', '.join(self.parameter_names)}) of the {self.name} lattice"
        )
        if values.shape != (self.n_parameters,):
            got = len(values) if values.ndim == 1 else f"shape {values.shape}"
            raise ValueError(f"{name}: expected {wanted}, got {got}")
        check_finite(values, name)
        for label, value in zip(self.parameter_names, values, strict=True):
            if label in "abc" and value <= 0:
                raise ValueError(f"{name}: expected a positive length {label}, got {value:g}")
            low, high = self._range(label)
            if not low < value < high:
                raise ValueError(
                    f"{name}: expected {low:g} < {label} < {high:g} degrees in the {self.name} "
                    f"lattice, got {value:g}"
                )
        matrix = matrix_of(self.dimension, self.name, values)
        if np.linalg.det(matrix) <= _FLAT * np.prod(np.linalg.norm(matrix, axis=1)):
            angles = dict(zip(self.parameter_names, values.tolist(), strict=True))
            raise ValueError(f"{name}: these enclose no volume: {angles}")
        return values

    def _range(self, label: str) -> tuple[float, float]:
        # Three vectors of one mutual angle are in a plane at 120 degrees.
        if self.name == "rhombohedral" and label == "beta":
            return 0.0, 120.0
        return _RANGES.get(label, (-np.inf, np.inf))

    # --- matrices ----------------------------------------------------------------------------

    @functools.partial(jax.jit, static_argnums=0)
    def matrix(self, parameters: Float[Array, " p"]) -> Float[Array, "d d"]:
        """Return the lattice matrix of parameters, differentiable in them.

        Args:
            parameters: (p,), lengths (any unit), then angles in degrees.

        Returns:
            (D, D), rows are the basis vectors.

        Raises:
            ValueError: the number of parameters is another.
        """
        if parameters.shape != (self.n_parameters,):
            raise ValueError(
                f"expected {self.n_parameters} parameters ({', '.join(self.parameter_names)}) of "
                f"the {self.name} lattice, got shape {parameters.shape}"
            )
        return matrix_of(self.dimension, self.name, parameters, jnp)

    def host_matrix(self, parameters: Any) -> Float[np.ndarray, "d d"]:
        """Compute `matrix` in NumPy float64 from checked parameters, for builders.

        Raises:
            ValueError: parameters that are none (see `check`).
        """
        return matrix_of(self.dimension, self.name, self.check(parameters))

    def lattice(self, parameters: Any) -> Lattice:
        """Return the `Lattice` of parameters (p,), differentiable in them.

        Args:
            parameters: a JAX array, which is not checked, or host values, which are.

        Raises:
            ValueError: another number of parameters, or host values that `check` refuses.
        """
        if isinstance(parameters, jax.Array):
            return Lattice(self.matrix(parameters))
        return Lattice.from_matrix(self.host_matrix(parameters))

    # --- back from a matrix ------------------------------------------------------------------

    def parameters_of(self, matrix: Any, tol: float = 1e-6) -> Float[np.ndarray, " p"]:
        """Read parameters off a lattice matrix in any orientation; tied lengths are averaged.

        Args:
            matrix: rows are the basis vectors, (D, D); host.
            tol: largest violation accepted: |G' - G|_ij / sqrt(G_ii G_jj) of the metric G of the
                matrix and G' of the parameters.

        Returns:
            (p,), lengths, then angles in degrees.

        Raises:
            ValueError: the matrix does not fit this lattice, or is left-handed: a field on its
                lattice would change its hand.
        """
        values = _right_handed(matrix)
        if len(values) != self.dimension:
            raise ValueError(
                f"lattice matrix: expected shape ({self.dimension}, {self.dimension}) of the "
                f"{self.name} lattice, got {values.shape}"
            )
        parameters, violation = read_off(self.dimension, self.name, values)
        if violation > tol:
            raise ValueError(
                f"lattice matrix: expected the {self.name} lattice with parameters "
                f"{', '.join(self.parameter_names)}, got {np.round(values, 6).tolist()}, whose "
                f"metric differs by {violation:.2e} (relative), more than {tol:.2e}"
            )
        return parameters


def _right_handed(matrix: Any) -> np.ndarray:
    values = np.asarray(host_array(matrix, "lattice matrix"))
    if values.ndim != 2 or values.shape not in {(1, 1), (2, 2), (3, 3)}:
        raise ValueError(
            f"lattice matrix: expected shape (D, D) with D = 1, 2 or 3, got {values.shape}"
        )
    check_finite(values, "lattice matrix")
    volume, lengths = np.linalg.det(values), np.linalg.norm(values, axis=1)
    if volume <= _FLAT * np.prod(lengths):
        raise ValueError(
            f"lattice matrix: expected independent right-handed rows (a positive determinant), got "
            f"volume {volume:.4g} with lengths {np.round(lengths, 4).tolist()}"
        )
    return values
