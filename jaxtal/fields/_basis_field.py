"""Several symmetric fields as coefficients of one symmetry-adapted basis."""

from typing import Any

import equinox as eqx
import jax
import jax.core
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._core import check_finite, device_array, host_array
from ..lattice import BravaisLattice, Lattice
from ..symmetry import SpaceGroup
from ._mesh import Mesh
from ._periodic_field import PeriodicField, cell_text
from ._star_basis import StarBasis
from ._waves import LATTICE_TOLERANCE


class BasisField(eqx.Module):
    """n real symmetric fields f(r) = sum_i a_i f_i(r), and the cell that they fill.

    The functions f_i are those of a `StarBasis`: real, symmetric, orthonormal under the mean over
    the cell, eigenfunctions of the Laplacian; a_0 is the mean of the field. The basis belongs to a
    cell, on which the order of its functions may depend; the cell of the fields may have moved.

        fields = BasisField.from_field(field)       # must be symmetric
        fields.field()                              # back on the mesh

    Attributes:
        coefficients: a, (n, n_basis), in the unit of the fields.
        parameters: cell parameters in the order of `bravais.parameter_names`: lengths, then
            angles in degrees, (p,).
        basis: the basis, with its mesh and group.
        bravais: lattice type.
    """

    coefficients: Float[Array, "n b"]
    parameters: Float[Array, " p"]
    basis: StarBasis
    bravais: BravaisLattice = eqx.field(static=True)

    @classmethod
    def from_arrays(
        cls,
        coefficients: Any,
        basis: StarBasis,
        bravais: BravaisLattice | str | None = None,
        parameters: Any = None,
        dtype: Any = None,
    ) -> "BasisField":
        """Check coefficients given as host arrays and make fields of them.

        Args:
            coefficients: (n, n_basis), or (n_basis,) for one field.
            basis: the basis.
            bravais: lattice type or its name; by default the cell of the basis.
            parameters: its cell parameters, lengths and degrees, (p,); with `bravais` or not at
                all.
            dtype: floating-point type, default JAX's current one.

        Raises:
            ValueError: coefficients that aren't finite, of another number, or so large that the
                field is not finite, parameters that make no cell, or a cell that the group does
                not admit.
        """
        array = np.atleast_2d(host_array(coefficients, "coefficients"))
        if array.ndim != 2 or array.shape[1] != basis.n_basis:
            raise ValueError(
                f"coefficients: expected (n, {basis.n_basis}) for {basis.stars}, got shape "
                f"{array.shape}"
            )
        check_finite(array, "coefficients")
        if (bravais is None) != (parameters is None):
            raise ValueError("expected a lattice type with its parameters, or neither")
        if bravais is None:
            bravais, parameters = BravaisLattice.of(basis.stars.matrix)
        bravais = BravaisLattice.find(bravais, basis.mesh.dimension)
        cell = bravais.check(parameters)
        basis.stars.group.check_matrix(bravais.host_matrix(cell), tol=LATTICE_TOLERANCE)
        kind = np.dtype(jax.dtypes.canonicalize_dtype(dtype or float))
        _check_range(array, basis, kind)
        return cls(device_array(array, kind), device_array(cell, kind), basis, bravais)

    @classmethod
    def from_field(
        cls,
        field: PeriodicField,
        basis: StarBasis | SpaceGroup | str | int | None = None,
        *,
        tol: float | None = None,
        project: bool = False,
    ) -> "BasisField":
        """Expand fields on a mesh in a basis, a_i = mean of f_i f.

        Args:
            field: the fields; not traced, unless a basis is given and `project` is set.
            basis: the basis, or the group of one for the mesh and cell of the field; by default
                the field's own group.
            tol: largest asymmetry accepted, relative to the largest |value| or 1, whichever is
                larger; default 1e-8, in single precision 1e-4.
            project: replace fields that are not symmetric by their average over the group.

        Raises:
            ValueError: no group, one that mesh or cell do not admit, another mesh than the basis
                has, or fields that are not symmetric (with how much they are not).
        """
        if not isinstance(basis, StarBasis):
            group = field.group if basis is None else basis
            if group is None:
                raise ValueError("the field states no group: pass a group or a basis")
            basis = StarBasis(group, field.mesh, field.host_matrix(), field.values.dtype)
        if basis.mesh != field.mesh:
            raise ValueError(
                f"expected a field on the mesh of the basis, {basis.mesh}, got {field.mesh}"
            )
        if not isinstance(field.parameters, jax.core.Tracer):
            basis.group.check_matrix(field.host_matrix(), tol=LATTICE_TOLERANCE)
        coefficients, asymmetry = _projection(basis, field.values)
        if not project:
            _check_symmetric(field, basis, asymmetry, tol)
        return cls(coefficients, field.parameters, basis, field.bravais)

    def field(self) -> PeriodicField:
        """Evaluate the fields on the nodes of the mesh."""
        values = _on_mesh(self.basis, self.coefficients)
        return PeriodicField(values, self.parameters, self.bravais, self.group)

    @property
    def n_fields(self) -> int:
        """n."""
        return self.coefficients.shape[0]

    @property
    def mesh(self) -> Mesh:
        """The mesh of the basis."""
        return self.basis.mesh

    @property
    def group(self) -> SpaceGroup:
        """The group of the basis."""
        return self.basis.stars.group

    @property
    def lattice(self) -> Lattice:
        """The cell, differentiable in the parameters."""
        return self.bravais.lattice(self.parameters)

    def __repr__(self) -> str:
        fields = f"{self.n_fields} field{'s' * (self.n_fields != 1)}"
        return f"BasisField({fields}, {self.basis!r}, {cell_text(self.bravais, self.parameters)})"

    def with_coefficients(self, coefficients: Float[Array, "n b"]) -> "BasisField":
        """Return other fields in the same basis and cell."""
        return BasisField(coefficients, self.parameters, self.basis, self.bravais)


def _check_range(array: np.ndarray, basis: StarBasis, kind: np.dtype) -> None:
    """Refuse coefficients with which a sum over waves may overflow.

    A function of the basis is at most sqrt(2 size) in magnitude.
    """
    most = float(jnp.finfo(kind).max)
    sizes = basis.stars.sizes[basis.stars.basis_star]
    # Scaled, so that the bound itself does not overflow.
    share = np.abs(array) / most * np.sqrt(2.0 * sizes)
    bad = np.flatnonzero(share.sum(axis=1) >= 0.25)
    if len(bad):
        worst = int(share[bad[0]].argmax())
        raise ValueError(
            f"coefficients[{bad[0]}, {worst}]: expected a field in the range of {kind.name}, up to "
            f"{most:.1e}, got {array[bad[0], worst]:g}"
        )


# Compiled as a whole: op by op, the many small programs of a new mesh take seconds to compile.
# Lambdas, because JAX writes out the name of what it maps, and for a bound method that is the whole
# basis with its group.


@eqx.filter_jit
def _on_mesh(basis: StarBasis, a: Float[Array, "n b"]) -> Float[Array, "n *sizes"]:
    return jax.vmap(lambda row: basis.to_mesh(row))(a)


@eqx.filter_jit
def _projection(
    basis: StarBasis, values: Float[Array, "n *sizes"]
) -> tuple[Float[Array, "n b"], Float[Array, " n"]]:
    """Coefficients of each field, and its largest difference from its symmetric part."""
    a = jax.vmap(lambda f: basis.from_mesh(f))(values)
    change = jnp.abs(values - jax.vmap(lambda row: basis.to_mesh(row))(a))
    return a, jnp.max(change, axis=tuple(range(1, values.ndim)))


def _check_symmetric(
    field: PeriodicField, basis: StarBasis, asymmetry: Array, tol: float | None
) -> None:
    found = host_array(asymmetry, "values")
    values = host_array(field.values, "values")
    if tol is None:
        tol = 1e-8 if field.values.dtype == jnp.float64 else 1e-4
    for i, (size, f) in enumerate(zip(found.tolist(), values, strict=True)):
        allowed = tol * max(1.0, float(np.abs(f).max()))
        if not size <= allowed:
            group = basis.stars.group
            raise ValueError(
                f"field {i} is not symmetric under {group.hm or repr(group)}: it differs by up to "
                f"{size:.3g} from its average over the group, more than {allowed:.1e}; "
                "project=True takes the average"
            )
