"""Named descriptors, and one call that describes one crystal."""

import json
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from .._core import bucket
from ..crystal import Crystal, host_crystal, host_crystals
from ..diffraction import ReciprocalPlan, missing_species
from ._descriptor import AbstractDescriptor, Description, Descriptor
from .compat import RecpPlan, RecpSpectrum

PRESETS = ("default", "paper", "recp")

#: `describe` sums over fewer (atom, reflection) pairs than this directly: that takes some tenths of
#: a second at most, and compiling a program for the box of one cell takes seconds.
_DIRECT = 1 << 24


class RecpDescriptor(AbstractDescriptor):
    """Power spectrum and radial distribution of pyxtal's class RECP, number for number.

    Attributes:
        spectrum: the class's two functions; its docstring tabulates how the presets differ.
    """

    spectrum: RecpSpectrum

    def __init__(self, spectrum: RecpSpectrum | None = None):
        """Default: `RecpSpectrum()`."""
        self.spectrum = RecpSpectrum() if spectrum is None else spectrum

    def plan(
        self,
        crystals: Any,
        *,
        margin: float = 1.05,
        laue: Any = None,
    ) -> RecpPlan:
        """The reflections that RECP lists for one crystal (host only).

        Args:
            crystals: one crystal, or a sequence of one.
            margin: not used; RECP's list belongs to one cell.
            laue: not used; the numbers would be the same.

        Raises:
            ValueError: more than one crystal, or none.
        """
        given = host_crystals(crystals)
        if len(given) != 1:
            raise ValueError(
                f"crystals: expected one, since RECP's list belongs to one cell, got {len(given)}"
            )
        return self.spectrum.plan(Crystal.from_host(given[0]))

    def __call__(self, crystal: Crystal, plan: RecpPlan) -> Description:
        """Describe one crystal; pure, to be jitted and vmapped.

        `complete` speaks of the species alone: whether RECP's own list is complete depends on
        how skewed the cell is.
        """
        nothing = jnp.zeros_like(crystal.charges)
        neutral = eqx.tree_at(lambda c: (c.charges, c.isotopes), crystal, (nothing, nothing))
        return Description(
            power_spectrum=self.spectrum(crystal, plan),
            rdf=self.spectrum.radial_distribution(crystal, plan),
            complete=~jnp.any(missing_species(neutral, plan.form_factors)),
            specification=json.dumps(self.specification, sort_keys=True),
        )

    @property
    def specification(self) -> dict[str, Any]:
        """Everything that decides the numbers, as JSON types."""
        one = self.spectrum
        return {
            "descriptor": "recp",
            "n_max": one.n_max,
            "l_max": one.l_max,
            "q_max": one.q_max,
            "radial": one.rbasis,
            "normalised": one.norm,
            "resolution": one.resolution,
        }

    @property
    def rdf_centres(self) -> Float[np.ndarray, " n_bins"]:
        """Centres of the bins, 1/angstrom."""
        edges = np.linspace(0.0, self.spectrum.q_max, self.spectrum.n_bins + 1)
        return (edges[1:] + edges[:-1]) / 2


def preset(name: str, n_max: int = 10, l_max: int = 10, q_max: float = 10.0) -> AbstractDescriptor:
    """A descriptor by name.

    Args:
        name: "default" (`Descriptor`), "paper" (`Descriptor.paper`: the paper's equations) or
            "recp" (`RecpDescriptor`: the program that made the paper's figures).
        n_max: number of radial functions.
        l_max: highest degree.
        q_max: radius of the sphere, 1/angstrom.

    Raises:
        ValueError: another name, or sizes out of range.
    """
    if name == "default":
        return Descriptor(n_max, l_max, q_max)
    if name == "paper":
        return Descriptor.paper(n_max, l_max, q_max)
    if name == "recp":
        return RecpDescriptor(RecpSpectrum(n_max=n_max, l_max=l_max, q_max=q_max))
    raise ValueError(f"preset: expected one of {', '.join(PRESETS)}, got {name!r}")


def describe(
    crystal: Any,
    descriptor: AbstractDescriptor | None = None,
    **options: Any,
) -> Description:
    """Describe one crystal in one call: plan, compile, run, check (host).

    Args:
        crystal: `Crystal`, `WyckoffCrystal` or ASE `Atoms`.
        descriptor: default `Descriptor(**options)`.

    Crystals of about the same number of atoms and the same volume share one compiled program.

    Raises:
        ValueError: no crystal, a number in it that is not finite, both a descriptor and options,
            an unknown species, options out of range, or a cell so flat that its reflections
            cannot be listed in this precision.
    """
    if descriptor is not None and options:
        raise ValueError(f"options {sorted(options)} belong to a default descriptor; give one only")
    descriptor = Descriptor(**options) if descriptor is None else descriptor
    atoms = host_crystal(crystal)
    # Sizes in steps, so that crystals of similar size share one compiled program.
    one = Crystal.from_host(atoms, pad_to=bucket(len(atoms)))
    plan = descriptor.plan(one, margin=1.0)
    plan = jax.tree.map(
        lambda part: _shareable(part, one), plan, is_leaf=lambda x: isinstance(x, ReciprocalPlan)
    )
    description = _run(descriptor, one, plan)
    if not bool(description.complete):
        raise ValueError(
            "crystal: the list of reflections does not cover its cell in "
            f"{one.lattice.matrix.dtype}; use float64 or a less skewed cell"
        )
    return description


def _shareable(part: Any, crystal: Crystal) -> Any:
    if not isinstance(part, ReciprocalPlan):
        return part
    small = part.hkl.shape[0] * crystal.mask.shape[0] <= _DIRECT
    return part.shareable() if small else part


@eqx.filter_jit
def _run(descriptor: AbstractDescriptor, crystal: Crystal, plan: Any) -> Description:
    return descriptor(crystal, plan)
