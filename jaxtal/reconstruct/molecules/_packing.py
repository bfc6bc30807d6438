"""How much room molecules take in their crystals (host)."""

from collections.abc import Sequence

from ._placement import Placement

#: Mean volumes of atoms in organic crystals at room temperature by atomic number, angstrom^3.
#: D. W. M. Hofmann, Acta Cryst. B 57 (2002) 489.
_VOLUMES = {
    **{1: 5.08, 5: 13.24, 6: 13.87, 7: 11.8, 8: 11.39, 9: 11.17, 14: 37.3, 15: 29.5},
    **{16: 25.2, 17: 25.8, 35: 32.7, 53: 46.2},
}


def packed_volume(placements: Sequence[Placement]) -> float | None:
    """Volume of the conventional cell that molecules fill, angstrom^3.

    That of crystals differs by some 5 %, and by more on cooling. Intensities say less: what
    `estimate_volume` neglects are interferences between atoms, of which molecules have many at low
    angles.

    Returns:
        The volume, or None if there are elements that organic crystals seldom have.
    """
    total = 0.0
    for placement in placements:
        volumes = [_VOLUMES.get(int(number)) for number in placement.numbers]
        known = [volume for volume in volumes if volume is not None]
        if len(known) < len(volumes):
            return None
        total += placement.position.multiplicity * sum(known)
    return total
