"""What a target must be for its lattice to be found."""

from ...descriptors import Description, Descriptor, RadialDistribution


def check_radial(target: Description) -> None:
    """Refuse a target from which no lattice follows.

    Raises:
        ValueError: no radial distribution, or displacements or anomalous scattering in it.
    """
    made_by = target.specification
    if target.rdf is None or not isinstance(made_by, Descriptor | RadialDistribution):
        raise ValueError(
            "target: expected a radial distribution, from which the lattice is found (Descriptor "
            f"or RadialDistribution); got {made_by!r}"
        )
    if made_by.space.displacements or made_by.space.wavelength is not None:
        raise ValueError(
            "target: expected a descriptor without displacements and anomalous scattering, got "
            f"{made_by.space!r}"
        )
