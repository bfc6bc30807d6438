"""How symmetric fields are: the distance from their average over a group, the operations left."""

import dataclasses

import numpy as np
from jaxtyping import Float, Int

from ...fields import BasisField, Mesh, PeriodicField, StarBasis
from ...symmetry import SpaceGroup


@dataclasses.dataclass(frozen=True)
class Symmetry:
    """Fields compared with their average over a group.

    Attributes:
        average: the nearest symmetric fields.
        asymmetry: largest difference from them, (n,).
        allowed: largest one accepted, (n,).
    """

    average: BasisField
    asymmetry: Float[np.ndarray, " n"]
    allowed: Float[np.ndarray, " n"]

    @property
    def holds(self) -> bool:
        """True where all fields are symmetric."""
        return bool((self.asymmetry <= self.allowed).all())

    @property
    def worst(self) -> int:
        """The field that exceeds what is allowed by most."""
        return int(np.argmax(self.asymmetry - self.allowed))


def symmetry_of(
    field: PeriodicField, group: SpaceGroup, eps: float, basis: StarBasis | None = None
) -> Symmetry:
    """Compare fields with their average over a group.

    Args:
        field: the fields.
        group: the group.
        eps: asymmetry allowed, relative to the largest |value| or 1.
        basis: that of the group, if there is one.

    Raises:
        ValueError: the mesh or the cell does not admit the group.
    """
    if basis is None or basis.mesh != field.mesh:
        basis = StarBasis(group, field.mesh, field.host_matrix())
    average = BasisField.from_field(field, basis, project=True)
    values = np.asarray(field.values)
    axes = tuple(range(1, values.ndim))
    asymmetry = np.abs(values - np.asarray(average.field().values)).max(axis=axes)
    return Symmetry(average, asymmetry, eps * np.maximum(1.0, np.abs(values).max(axis=axes)))


def operations_held(
    values: Float[np.ndarray, "n *sizes"], group: SpaceGroup, allowed: Float[np.ndarray, " n"]
) -> list[str]:
    """The operations r -> R r + t with f(R r + t) = f(r) on the nodes, all fields at once."""
    mesh = Mesh(values.shape[1:])
    flat = values.reshape(len(values), -1)
    held = []
    for i, op in enumerate(group.operations):
        moved = flat[:, _images(mesh, group, i)]
        if (np.abs(moved - flat).max(axis=1) <= allowed).all():
            held.append(op.to_xyz())
    return held


def _images(mesh: Mesh, group: SpaceGroup, i: int) -> Int[np.ndarray, " M"]:
    """The node to which an operation takes each node; exact, the mesh admits the group."""
    R, t, sizes = group.rotations[i], group.translations[i], mesh.sizes
    D = mesh.dimension
    axes = [
        np.arange(n).reshape([-1 if j == k else 1 for k in range(D)]) for j, n in enumerate(sizes)
    ]
    place = np.zeros(sizes, np.int64)
    for j, n in enumerate(sizes):
        image = sum(int(R[j, k]) * n // sizes[k] * axes[k] for k in range(D) if R[j, k])
        place = place * n + (image + int(t[j]) * n // group.denominator) % n
    return place.reshape(-1)
