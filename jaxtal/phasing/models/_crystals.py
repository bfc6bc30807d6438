"""Computed data of three-dimensional crystals, with known phases."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from ..._core import host_array
from ...crystal import Crystal, WyckoffCrystal, prototype, prototype_source
from ...diffraction import hkl_sphere, structure_factors
from ...lattice import Superspace
from ...scattering import FormFactors, Species, rms_form_factor, species_label
from ...symmetry import SpaceGroup
from .._wave_vectors import representatives
from ._model import Model, measured_part

_compiled = eqx.filter_jit(structure_factors)

#: Naphthalene: carbon as published (there in P 2_1/a, here with a and c exchanged and b reversed),
#: hydrogen 1.08 A from it on the bisector of its bonds.
_NAPHTHALENE = (
    ("C", (0.3251, -0.0186, 0.0856)),
    ("C", (0.2200, -0.1588, 0.1148)),
    ("C", (0.0351, -0.1025, 0.0472)),
    ("C", (-0.0784, -0.2471, 0.0749)),
    ("C", (-0.2541, -0.1869, 0.0116)),
    ("H", (0.4644, -0.0703, 0.1394)),
    ("H", (0.2824, -0.3125, 0.1905)),
    ("H", (-0.0300, -0.4065, 0.1457)),
    ("H", (-0.3354, -0.2997, 0.0379)),
)


def crystal_model(
    crystal: Crystal | WyckoffCrystal,
    d_min: float,
    *,
    group: int | str | SpaceGroup | None = None,
    i_min: float = 1e-8,
    noise: float = 0.0,
    seed: int = 0,
    name: str = "3d",
    description: str = "three-dimensional crystal",
) -> Model:
    """X-ray data of a crystal, computed to a resolution.

    F(h) = sum f T exp(+2 pi i h.x) by `diffraction.structure_factors`, in JAX's current precision:
    about 1e-6 of F(0) in float32.

    Args:
        crystal: its atoms; `WyckoffCrystal`s bring their group.
        d_min: resolution, angstrom.
        group: space group of a `Crystal`, P 1 unless given.
        i_min: weakest intensity seen, as a share of the strongest; the default is about the
            precision of float32.
        noise: relative error of the intensities; 0 for none.
        seed: of the noise.
        name, description: of the model.

    Raises:
        ValueError: a group that does not leave the structure factors unchanged, a bad limit.
    """
    if isinstance(crystal, WyckoffCrystal):
        if group is not None:
            raise ValueError(f"group: the crystal brings its own, got {group!r} beside it")
        symmetry, crystal = crystal.plan.group, crystal.expand()
    else:
        symmetry = SpaceGroup.find(1 if group is None else group)
    matrix = host_array(crystal.lattice.matrix, "lattice matrix")
    symmetry.check_matrix(matrix)
    half = hkl_sphere(matrix, 2 * np.pi / d_min).astype(np.int64)
    k = np.concatenate([half, -half])
    k = k[representatives(k, symmetry)]
    atoms = np.stack([np.asarray(x) for x in (crystal.atomic_numbers, crystal.charges)], axis=1)
    atoms = np.concatenate([atoms, np.asarray(crystal.isotopes)[:, None]], axis=1)
    present = np.asarray(crystal.mask)
    labels = [species_label(tuple(int(v) for v in key)) for key in atoms[present]]
    factors = FormFactors.build(sorted(set(labels)))
    F = np.asarray(_compiled(crystal, jnp.asarray(k), factors), dtype=complex)
    _check_symmetry(crystal, k, F, symmetry, factors)
    space = Superspace.periodic(matrix)
    stol2 = (np.linalg.norm(space.q_parallel(k), axis=1) / (4 * np.pi)) ** 2
    occupancy = np.asarray(crystal.occupancies, dtype=float)[present]
    u_iso = float(np.average(np.asarray(crystal.u_iso)[present], weights=occupancy))
    amounts: dict[Species, float | int] = {
        label: float(occupancy[np.array(labels) == label].sum()) for label in set(labels)
    }
    falloff = rms_form_factor(amounts, stol2, b_iso=8 * np.pi**2 * u_iso)
    return measured_part(
        space,
        symmetry,
        k,
        _on_their_axes(k, F, symmetry),
        falloff,
        i_min=i_min,
        noise=noise,
        seed=seed,
        name=name,
        description=description,
    )


def quartz_model(d_min: float = 0.7, **measurement) -> Model:
    """Alpha-quartz as `jaxtal.prototype` has it; arguments of `crystal_model`."""
    crystal = prototype("alpha-quartz")
    about = f"alpha-quartz, {prototype_source('alpha-quartz')}"
    return crystal_model(crystal, d_min, name="quartz", description=about, **measurement)


def naphthalene_model(d_min: float = 0.8, **measurement) -> Model:
    """Naphthalene C10H8, a molecule on a centre of P 2_1/c; arguments of `crystal_model`.

    References:
        D. W. J. Cruickshank, Acta Cryst. 10 (1957) 504.
    """
    crystal = WyckoffCrystal.build(
        "P 21/c",
        (8.658, 6.003, 8.235, 90.0, 122.92, 90.0),
        [(species, "4e", x) for species, x in _NAPHTHALENE],
        u_iso=[0.045 if species == "C" else 0.06 for species, _ in _NAPHTHALENE],
    )
    about = "naphthalene, P 2_1/c, Cruickshank, Acta Cryst. 10 (1957) 504"
    return crystal_model(crystal, d_min, name="naphthalene", description=about, **measurement)


def laves_model(d_min: float = 0.7, **measurement) -> Model:
    """The hexagonal Laves phase MgZn2, P 6_3/m m c; arguments of `crystal_model`.

    References:
        Y. Komura and K. Tokunaga, Acta Cryst. B36 (1980) 1548.
    """
    crystal = WyckoffCrystal.build(
        194,
        (5.221, 8.567),
        [
            ("Mg", "4f", (1 / 3, 2 / 3, 0.063)),
            ("Zn", "2a", (0.0, 0.0, 0.0)),
            ("Zn", "6h", (0.8305, 0.661, 0.25)),
        ],
        u_iso=[0.010, 0.008, 0.008],
    )
    about = "MgZn2, P 6_3/m m c, Komura & Tokunaga, Acta Cryst. B36 (1980) 1548"
    return crystal_model(crystal, d_min, name="laves", description=about, **measurement)


def _check_symmetry(
    crystal: Crystal, k: np.ndarray, F: np.ndarray, group: SpaceGroup, factors: FormFactors
) -> None:
    """Check F(h W) = F(h) exp(-2 pi i h.w) on the strongest reflections.

    Raises:
        ValueError: naming the operation that is no symmetry of the atoms.
    """
    strong = np.argsort(-np.abs(F))[:32]
    images = np.einsum("ni,pij->pnj", k[strong], group.rotations)
    found = _compiled(crystal, jnp.asarray(images.reshape(-1, 3)), factors)
    turns = (group.translations @ k[strong].T) / group.denominator
    wanted = F[strong] * np.exp(-2j * np.pi * turns)
    off = np.abs(np.asarray(found).reshape(wanted.shape) - wanted).max(axis=1)
    worst = int(off.argmax())
    if off[worst] > 0.01 * np.abs(F).max():
        raise ValueError(
            f"group: expected symmetries of the atoms, got {group.operations[worst]!r}, which "
            f"changes structure factors by {off[worst] / np.abs(F).max():.2g} of the strongest"
        )


def _on_their_axes(k: np.ndarray, F: np.ndarray, group: SpaceGroup) -> np.ndarray:
    """F cleared of the rounding errors that the symmetry forbids, (n,).

    The mean of F(k) = F(k W) exp(2 pi i k.w) over the operations that map k to itself or to -k.
    """
    total, count = np.zeros(len(k), dtype=complex), np.zeros(len(k))
    for W, w in zip(group.rotations, group.translations, strict=True):
        image = k @ W
        turn = np.exp(2j * np.pi * (k @ w % group.denominator) / group.denominator)
        same, opposite = (image == k).all(axis=1), (image == -k).all(axis=1)
        total += np.where(same, F * turn, 0) + np.where(opposite, F.conj() * turn, 0)
        count += same.astype(float) + opposite
    return total / count
