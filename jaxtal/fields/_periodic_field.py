"""Several periodic fields on one mesh of one cell, with everything the layer does to them."""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.core
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from .._core import as_array, check_finite, device_array, host_array
from ..density import Density, Plane, Section
from ..lattice import BravaisLattice, Lattice, Superspace
from ..symmetry import SpaceGroup
from . import _derivatives, _tiling
from ._evaluate import evaluate, mesh_density
from ._mesh import Mesh
from ._resample import ResamplePlan, resample
from ._waves import LATTICE_TOLERANCE, Waves


class PeriodicField(eqx.Module):
    """n real fields on the nodes of one mesh, and the cell that they fill.

        field = PeriodicField.from_arrays(values, "cubic", [3.5], group="I a -3 d")
        field.gradient(); field.at([0.1, 0.2, 0.3]); field.resample((64, 64, 64))

    Methods that need wave vectors take their plan, `Waves`, as an optional argument: left out, it
    is built from the cell, which then may not be traced. Differentiate the pure functions, or
    build the plan once with `wave_plan` and pass it.

    Attributes:
        values: (n, *sizes), any unit.
        parameters: cell parameters in the order of `bravais.parameter_names`: lengths, then
            angles in degrees, (p,).
        bravais: lattice type.
        group: symmetry that the fields are said to have, or None where none is stated.
    """

    values: Float[Array, "n *sizes"]
    parameters: Float[Array, " p"]
    bravais: BravaisLattice = eqx.field(static=True)
    group: SpaceGroup | None = eqx.field(static=True, default=None)

    @classmethod
    def from_arrays(
        cls,
        values: Any,
        bravais: BravaisLattice | str,
        parameters: Any,
        group: SpaceGroup | str | int | None = None,
        dtype: Any = None,
    ) -> "PeriodicField":
        """Check fields given as host arrays.

        Args:
            values: (n, *sizes), or (*sizes) for one field. The dimension is that of `bravais`; a
                name is looked up in the dimension that follows from n fields, (n, *sizes), and, if
                it is none there, from one field. ("hexagonal" is a name in two and in three
                dimensions: one field in space needs its axis, (1, *sizes).)
            bravais: lattice type or its name.
            parameters: its cell parameters, lengths and degrees, (p,).
            group: group or symbol that the mesh and the cell must admit. The values are not
                checked.
            dtype: floating-point type, default that of floating-point JAX values, JAX's current one
                for others.

        Raises:
            ValueError: values that are complex, not finite (the node is named) or of another shape,
                parameters that make no cell, a group of another dimension, or one that the cell or
                the mesh does not admit.
        """
        given = isinstance(values, jax.Array) and jnp.issubdtype(values.dtype, jnp.floating)
        kind = np.dtype(jax.dtypes.canonicalize_dtype(dtype or (values.dtype if given else float)))
        if not jnp.issubdtype(kind, jnp.floating):
            raise ValueError(f"dtype: expected a floating-point type, got {kind}")
        array = _real(values)
        if isinstance(bravais, str):
            name = bravais.strip().lower()
            if name in _names(array.ndim) and name not in _names(array.ndim - 1):
                array = array[None]
            bravais = BravaisLattice.find(bravais, max(array.ndim - 1, 1))
        if array.ndim == bravais.dimension:
            array = array[None]
        if array.ndim != bravais.dimension + 1 or array.size == 0:
            raise ValueError(
                f"values: expected fields (n, *sizes) in {bravais.dimension} dimensions on a "
                f"{bravais.name} lattice, got shape {array.shape}"
            )
        check_finite(array, "values")
        cell = bravais.check(parameters)
        group = _group(group, bravais.dimension)
        if group is not None:
            Mesh(array.shape[1:]).check_group(group)
            group.check_matrix(bravais.host_matrix(cell), tol=LATTICE_TOLERANCE)
        with np.errstate(over="ignore"):
            stored = device_array(array, kind)
        check_finite(np.asarray(stored), f"values as {stored.dtype}")
        return cls(stored, device_array(cell, kind), bravais, group)

    @classmethod
    def from_lattice(
        cls,
        values: Any,
        lattice: Any,
        group: SpaceGroup | str | int | None = None,
        dtype: Any = None,
        *,
        tol: float = 1e-6,
    ) -> "PeriodicField":
        """Check fields on any cell; its type is the most symmetric one that its axes fit.

        The cell is turned into the orientation of its type (`BravaisLattice.of`); values on nodes
        do not change.

        Args:
            values: (n, *sizes), or (*sizes) for one field.
            lattice: `Lattice` or matrix, rows, (D, D).
            group: see `from_arrays`.
            dtype: see `from_arrays`.
            tol: strain up to which the cell is taken as symmetric (see `BravaisLattice.of`).

        Raises:
            ValueError: see `from_arrays`.
        """
        matrix = lattice.matrix if isinstance(lattice, Lattice) else lattice
        bravais, parameters = BravaisLattice.of(host_array(matrix, "lattice"), tol)
        return cls.from_arrays(values, bravais, parameters, group, dtype)

    # --- what it is --------------------------------------------------------------------------

    def __repr__(self) -> str:
        fields = f"{self.n_fields} field{'s' * (self.n_fields != 1)}"
        group = "no group" if self.group is None else self.group.hm or repr(self.group)
        cell = cell_text(self.bravais, self.parameters)
        return f"PeriodicField({fields} on {self.mesh}, {cell}, {group})"

    @property
    def n_fields(self) -> int:
        """n."""
        return self.values.shape[0]

    @property
    def mesh(self) -> Mesh:
        """The mesh of the nodes."""
        return Mesh(self.values.shape[1:])

    @property
    def lattice(self) -> Lattice:
        """The cell, differentiable in the parameters."""
        return self.bravais.lattice(self.parameters)

    def host_matrix(self) -> Float[np.ndarray, "D D"]:
        """Return the lattice matrix in float64, for builders; rows, unit of the parameters.

        Raises:
            ValueError: the parameters are traced.
        """
        return self.bravais.host_matrix(host_array(self.parameters, "cell parameters"))

    def wave_plan(self) -> Waves:
        """Plan of the wave vectors of this mesh and cell (host)."""
        return Waves.build(self.mesh, self.host_matrix(), self.values.dtype, group=self.group)

    def with_values(self, values: Float[Array, "n *sizes"]) -> "PeriodicField":
        """Return other fields on the same cell; the mesh may be another one."""
        return PeriodicField(values, self.parameters, self.bravais, self.group)

    def waves(self) -> Complex[Array, "n *half"]:
        """Transform to Fourier coefficients, stored half, (n, *half_shape); see `Mesh.to_waves`."""
        return _to_waves(self.mesh, self.values)

    def scaled(self, factor: Any) -> "PeriodicField":
        """Multiply the fields by a number, or each by its own, (n,)."""
        factor = jnp.asarray(factor, self.values.dtype)
        return self.with_values(
            jax.vmap(jnp.multiply)(self.values, jnp.broadcast_to(factor, (self.n_fields,)))
        )

    def checked_index(self, i: Any) -> int:
        """Return the number of a field, if there is one.

        Raises:
            ValueError: not an integer from 0 to n - 1.
        """
        if isinstance(i, bool) or not isinstance(i, int | np.integer) or not 0 <= i < self.n_fields:
            raise ValueError(f"expected the number of a field, 0 to {self.n_fields - 1}, got {i!r}")
        return int(i)

    # --- what follows from it ----------------------------------------------------------------

    def gradient(self, waves: Waves | None = None) -> Float[Array, "n *sizes D"]:
        """Differentiate along Cartesian axes on the nodes; see `gradient`."""
        plan = waves or self.wave_plan()
        return _gradients(self.values, self.lattice, plan)

    def laplacian(self, waves: Waves | None = None) -> Float[Array, "n *sizes"]:
        """Take Laplacians on the nodes; see `laplacian`."""
        plan = waves or self.wave_plan()
        return _laplacians(self.values, self.lattice, plan)

    def at(self, x: Any, waves: Waves | None = None) -> Float[Array, "*points n"]:
        """Evaluate all fields at points of fractional coordinates (..., D), (..., n)."""
        plan = waves or self.wave_plan()
        return _at(self.values, as_array(x, self.values.dtype), plan)

    def density(self, i: Any = 0, waves: Waves | None = None) -> Density:
        """Turn field number i into a `Density`, for boxes, grids, planes and peaks.

        At scattered points `at` is faster; here are second derivatives and peaks.
        """
        found = mesh_density(self.values[self.checked_index(i)], waves or self.wave_plan())
        space = None
        if not isinstance(self.parameters, jax.core.Tracer):
            space = Superspace.periodic(self.host_matrix())
        return Density(found.k, found.coefficients, self.mesh.grid(), self.group, space)

    def section(
        self, plane: Plane | tuple[Any, Any], i: Any = 0, shape: tuple[int, int] = (256, 256)
    ) -> Section:
        """Cut field number i with a plane; see `Density.section`."""
        return self.density(i).section(plane, shape)

    def resample(self, sizes: Sequence[int], plan: ResamplePlan | None = None) -> "PeriodicField":
        """Put the fields on another mesh of the same cell; see `ResamplePlan`.

        Raises:
            ValueError: sizes of another dimension, or ones that the group does not admit.
        """
        mesh = Mesh(sizes)
        if self.group is not None:
            mesh.check_group(self.group)
        plan = plan or ResamplePlan.build(
            self.mesh, mesh, self.host_matrix(), self.values.dtype, group=self.group
        )
        if plan.mesh != mesh:
            raise ValueError(f"plan: expected one for mesh {mesh}, got one for {plan.mesh}")
        return self.with_values(_resampled(self.values, plan))

    def replicate(self, counts: Sequence[int]) -> "PeriodicField":
        """Join several cells to one, without a group.

        Lengths are multiplied by the counts; where these differ, the lattice type relaxes (square
        to rectangular, cubic to tetragonal or orthorhombic, ...).
        """
        n = _tiling.positive_integers(counts, "counts", self.bravais.dimension)
        return PeriodicField(*_replicated(self.values, self.bravais, self.parameters, n))

    def expand(self, dimension: int, sizes: Sequence[int]) -> "PeriodicField":
        """Carry the fields, constant, along new axes normal to the old ones, without a group.

        Args:
            dimension: of the result, larger than now, at most 3.
            sizes: nodes along each new axis; they are as far apart as along the first axis.
        """
        new = dimension - self.bravais.dimension
        # A wrong dimension is named by `_tiling.expand`.
        n = _tiling.positive_integers(sizes, "sizes", new) if new > 0 else ()
        return PeriodicField(*_expanded(self.values, self.bravais, self.parameters, dimension, n))


# Compiled as wholes when called outside of jit: op by op, each step is a program of its own.


@eqx.filter_jit
def _to_waves(mesh: Mesh, values: Array) -> Array:
    return jax.vmap(lambda f: mesh.to_waves(f))(values)


@eqx.filter_jit
def _gradients(values: Array, lattice: Lattice, plan: Waves) -> Array:
    return jax.vmap(lambda f: _derivatives.gradient(f, lattice, plan))(values)


@eqx.filter_jit
def _laplacians(values: Array, lattice: Lattice, plan: Waves) -> Array:
    return jax.vmap(lambda f: _derivatives.laplacian(f, lattice, plan))(values)


@eqx.filter_jit
def _at(values: Array, x: Array, plan: Waves) -> Array:
    return jax.vmap(lambda f: evaluate(f, x, plan), out_axes=-1)(values)


@eqx.filter_jit
def _resampled(values: Array, plan: ResamplePlan) -> Array:
    return jax.vmap(lambda f: resample(f, plan))(values)


@eqx.filter_jit
def _replicated(
    values: Array, bravais: BravaisLattice, parameters: Array, counts: tuple[int, ...]
) -> tuple[Array, Array, BravaisLattice]:
    tiles = [_tiling.replicate(f, bravais, parameters, counts) for f in values]
    return jnp.stack([f for f, _, _ in tiles]), tiles[0][2], tiles[0][1]


@eqx.filter_jit
def _expanded(
    values: Array,
    bravais: BravaisLattice,
    parameters: Array,
    dimension: int,
    sizes: tuple[int, ...],
) -> tuple[Array, Array, BravaisLattice]:
    wide = [_tiling.expand(f, bravais, parameters, dimension, sizes) for f in values]
    return jnp.stack([f for f, _, _ in wide]), wide[0][2], wide[0][1]


def cell_text(bravais: BravaisLattice, parameters: Array) -> str:
    """Name a cell with its parameters, where they are known: "cubic, a 3.5"."""
    if isinstance(parameters, jax.core.Tracer) or not isinstance(parameters, jax.Array):
        return bravais.name
    pairs = zip(bravais.parameter_names, np.asarray(parameters).tolist(), strict=True)
    return ", ".join([bravais.name, " ".join(f"{name} {value:.6g}" for name, value in pairs)])


def _names(dimension: int) -> tuple[str, ...]:
    return BravaisLattice.names(dimension) if dimension in (1, 2, 3) else ()


def _real(values: Any) -> np.ndarray:
    if np.iscomplexobj(values):
        raise ValueError("values: expected real numbers, got complex ones")
    return host_array(values, "values")


def _group(group: SpaceGroup | str | int | None, dimension: int) -> SpaceGroup | None:
    if group is None:
        return None
    found = group if isinstance(group, SpaceGroup) else SpaceGroup.find(group, dimension=dimension)
    if found.dimension != dimension:
        raise ValueError(
            f"group: expected one in {dimension} dimensions, got {found!r} in {found.dimension}"
        )
    return found
