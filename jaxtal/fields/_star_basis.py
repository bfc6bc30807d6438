"""The symmetry-adapted basis of real fields: coefficients of stars <-> values on the mesh."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Complex, Float, Int

from .._core import device_array
from ..lattice import Lattice
from ..symmetry import SpaceGroup
from ._mesh import Mesh
from ._stars import Stars
from ._waves import squared_lengths


class StarBasis(eqx.Module):
    """Real, orthonormal functions with the symmetry of a group: f(r) = sum_i a_i f_i(r).

    With phi the functions of the stars (see `Stars`), a closed star i gives f_i = phi_i, and a pair
    of open stars i, i + 1

        f_i = (phi + conj phi) / sqrt 2        f_(i+1) = (phi - conj phi) / (i sqrt 2)

    so that mean f_i f_j = delta_ij and -Laplacian f_i = |G_i|^2 f_i: the mean of a product of two
    fields is the dot product of their coefficients. Coefficient 0 is the mean of the field.

    Everything takes one field (several by `jax.vmap`) and is linear, so gradients are exact.

    Attributes:
        stars: waves and stars, on the host.
        source: row of [f, conj f, 0] that a stored wave takes, f the orbit amplitudes, (H,).
        factor: its coefficient, (H,).
        slot: stored waves that an orbit reads, one of each pair G, -G, (n_orbits, m).
        weight: conj c of them, twice for pairs; zero for padding, (n_orbits, m).
        mirrored: True where -G is read in the place of G, (n_orbits, m).
        first: basis function of each orbit, (n_orbits,).
        second: basis function of its imaginary part; n_basis for a closed star, (n_orbits,).
        scale: 1 for closed stars, 1 / sqrt 2 for open ones, (n_orbits,).
        waves: characteristic wave of each basis function, (n_basis, D).
    """

    stars: Stars = eqx.field(static=True)
    source: Int[Array, " H"]
    factor: Complex[Array, " H"]
    slot: Int[Array, "o m"]
    weight: Complex[Array, "o m"]
    mirrored: Bool[Array, "o m"]
    first: Int[Array, " o"]
    second: Int[Array, " o"]
    scale: Float[Array, " o"]
    waves: Int[Array, "b D"]

    def __init__(
        self,
        group: SpaceGroup | int | str | Stars,
        mesh: Any = None,
        cell: Any = None,
        dtype: Any = None,
    ):
        """Work out the basis of a group on a mesh, on the host.

            StarBasis("I a -3 d", mesh=(32, 32, 32), cell=("cubic", [3.5]))

        Args:
            group: a space, plane or line group of D dimensions, its name or number; or `Stars` that
                were sorted before, which know their mesh and cell.
            mesh: the mesh, or its sizes, (D,).
            cell: lattice type and its parameters (lengths, then degrees), a `Lattice`, or a matrix,
                rows, (D, D); it decides the order of the functions.
            dtype: floating-point type of the coefficients, default JAX's current one.

        Raises:
            ValueError: group, cell and mesh do not fit each other (see `Stars.build`).
        """
        if isinstance(group, Stars):
            if mesh is not None or cell is not None:
                raise ValueError("expected no mesh and cell beside stars, which have their own")
            stars = group
        elif mesh is None or cell is None:
            raise ValueError("expected a mesh and a cell beside the group")
        else:
            stars = Stars.build(mesh, cell, group)
        self.stars = stars
        mesh, orbits, c = stars.mesh, stars.orbits, stars.coefficients
        present = np.flatnonzero(~stars.cancelled[stars.orbit_star])
        n = len(present)
        place = np.zeros(len(orbits.k), np.int64)
        place[present] = np.arange(n)
        closed = stars.flag[stars.orbit_star[present]] == 0

        # Filling: every stored wave takes the amplitude of its orbit, the inverse of an open star
        # the conjugate one, a cancelled star zero.
        orbit_of_star = np.zeros(stars.n_stars, np.int64)
        orbit_of_star[stars.orbit_star] = place
        partner = np.flatnonzero(stars.flag < 0)
        orbit_of_star[partner] = orbit_of_star[partner - 1] + n
        half = stars.wave_of_rank.reshape(mesh.sizes)[..., : mesh.half_shape[-1]].reshape(-1)
        source = np.where(stars.cancelled, 2 * n, orbit_of_star)[stars.star[half]]

        # Reading: one of each pair G, -G of an orbit, itself or its inverse, whichever is stored.
        owner = place[orbits.orbit]
        counts = np.bincount(owner, minlength=n)
        column = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
        mirror = ~mesh.stored(orbits.members)
        read = np.where(mirror[:, None], -orbits.members, orbits.members)
        pairs = np.where(closed[owner] & ~orbits.own_mate, 2.0, 1.0)
        shape = (n, int(counts.max(initial=1)))
        slot, mirrored = np.zeros(shape, np.int64), np.zeros(shape, bool)
        weight = np.zeros(shape, complex)
        slot[owner, column] = mesh.half_ranks(read)
        mirrored[owner, column] = mirror
        members = stars.wave_of_rank[mesh.ranks(orbits.members)]
        weight[owner, column] = pairs * np.conj(c[members])

        first = stars.basis_id[stars.orbit_star[present]]
        kind = np.dtype(device_array(0.0, dtype or float).dtype)
        if not np.issubdtype(kind, np.floating):
            raise ValueError(f"dtype: expected a floating-point type, got {kind}")
        complex_kind = np.result_type(kind, np.complex64)
        self.source = device_array(source, np.int32)
        self.factor = device_array(c[half], complex_kind)
        self.slot = device_array(slot, np.int32)
        self.weight = device_array(weight, complex_kind)
        self.mirrored = device_array(mirrored, bool)
        self.first = device_array(first, np.int32)
        self.second = device_array(np.where(closed, stars.n_basis, first + 1), np.int32)
        self.scale = device_array(np.where(closed, 1.0, np.sqrt(0.5)), kind)
        self.waves = device_array(stars.characteristic[stars.basis_star], np.int32)

    @property
    def mesh(self) -> Mesh:
        """Mesh of the values."""
        return self.stars.mesh

    @property
    def group(self) -> SpaceGroup:
        """Group of the functions."""
        return self.stars.group

    @property
    def n_basis(self) -> int:
        """Count the basis functions."""
        return self.stars.n_basis

    # --- coefficients to the mesh and back ---------------------------------------------------

    @jax.jit
    def to_waves(self, a: Float[Array, " b"]) -> Complex[Array, "*half"]:
        """Return Fourier coefficients of the stored waves, (*half_shape), of basis coefficients.

        Closed: F(G) = a_i c(G); open: F(G) = (a_i -+ i a_(i+1)) / sqrt 2 c(G), the sign - for the
        first star of a pair.
        """
        a = self._coefficients(a)
        imaginary = jnp.concatenate([a, jnp.zeros(1, a.dtype)])[self.second]
        scale = self.scale.astype(a.dtype)
        f = lax.complex(a[self.first] * scale, -imaginary * scale)
        table = jnp.concatenate([f, jnp.conj(f), jnp.zeros(1, f.dtype)])
        factor = self.factor.astype(table.dtype)
        return (table[self.source] * factor).reshape(self.mesh.half_shape)

    @jax.jit
    def from_waves(self, waves: Complex[Array, "*half"]) -> Float[Array, " b"]:
        """Return basis coefficients of stored waves: the projection on symmetric fields.

        With s = sum over the star conj(c) F: a_i = Re s if closed, a_i = sqrt 2 Re s and
        a_(i+1) = -sqrt 2 Im s for an open pair.
        """
        if waves.shape != self.mesh.half_shape:
            raise ValueError(f"waves: expected shape {self.mesh.half_shape}, got {waves.shape}")
        read = waves.reshape(-1)[self.slot]
        weight = self.weight.astype(waves.dtype)
        s = jnp.sum(jnp.where(self.mirrored, jnp.conj(read), read) * weight, axis=1)
        scale = 1 / self.scale.astype(s.real.dtype)
        empty = jnp.zeros(self.n_basis + 1, scale.dtype)  # the last place is nobody's
        a = empty.at[self.first].set(s.real * scale, unique_indices=True)
        return a.at[self.second].set(-s.imag * scale)[:-1]

    @jax.jit
    def to_mesh(self, a: Float[Array, " b"]) -> Float[Array, "*sizes"]:
        """Return values on the mesh, (*sizes), of the field with basis coefficients a."""
        return self.mesh.to_values(self.to_waves(a))

    @jax.jit
    def from_mesh(self, values: Float[Array, "*sizes"]) -> Float[Array, " b"]:
        """Return coefficients a_i = mean f f_i of a field; what is not symmetric drops out."""
        return self.from_waves(self.mesh.to_waves(values))

    # --- symmetry ----------------------------------------------------------------------------

    @jax.jit
    def project(self, values: Float[Array, "*sizes"]) -> Float[Array, "*sizes"]:
        """Return the nearest symmetric field: the average over the operations of the group."""
        return self.to_mesh(self.from_mesh(values))

    @jax.jit
    def asymmetry(self, values: Float[Array, "*sizes"]) -> Float[Array, ""]:
        """Measure the largest difference of a field from its symmetric part, in its unit."""
        return jnp.max(jnp.abs(values - self.project(values)))

    # --- derivatives -------------------------------------------------------------------------

    def squared(self, lattice: Lattice) -> Float[Array, " b"]:
        """Return |G|^2 of each basis function, 1 / length^2, differentiable in the cell.

        The cell may differ from that of construction: |G|^2 is of the same waves.
        """
        return squared_lengths(self.waves, lattice)

    def laplacian(self, a: Float[Array, " b"], lattice: Lattice) -> Float[Array, " b"]:
        """Return the coefficients of the Laplacian: -|G_i|^2 a_i."""
        return -self.squared(lattice) * self._coefficients(a)

    def _coefficients(self, a: Array) -> Array:
        if a.shape != (self.n_basis,):
            raise ValueError(f"a: expected {self.n_basis} coefficients, got shape {a.shape}")
        return a

    def __repr__(self) -> str:
        return f"StarBasis({repr(self.stars).removeprefix('Stars(')}"
