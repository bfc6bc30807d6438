"""What a reconstruction is to reproduce, and the static shapes of the way there."""

from typing import Any

import equinox as eqx
from jaxtyping import Array, Float, Int

from ..descriptors import Description, PairPlan, SpectrumPlan


class Target(eqx.Module):
    """What is to be reproduced.

    Attributes:
        description: power spectrum and G(d).
        pairs: real-space g(r), shape (n_pairs, n_bins), or None.
    """

    description: Description
    pairs: Float[Array, "n_pairs n_bins"] | None = None


class ObjectivePlan(eqx.Module):
    """Static shapes of an objective for crystals of one group and one set of sites.

    Attributes:
        spectrum: reflections and symmetry-adapted harmonics.
        pairs: neighbour list of g(r), or None.
        centres: first atom of each site, shape (n_sites,).
        radii: covalent radius of each atom, shape (N,), angstrom.
        multiplicities: atoms per site, shape (n_sites,).
        terms: what each further term has planned.
    """

    spectrum: SpectrumPlan
    pairs: PairPlan | None
    centres: Int[Array, " n_sites"]
    radii: Float[Array, " N"]
    multiplicities: Float[Array, " n_sites"]
    terms: tuple[Any, ...] = ()
