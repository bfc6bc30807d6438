"""A space group: its operations, its name, and what follows from them."""

import dataclasses
import functools
from collections.abc import Iterable
from typing import Union

import gemmi
import numpy as np
from jaxtyping import Float

from . import _closure, _names, _plane_groups, _quasicrystal_groups
from ._basis_change import BasisChange
from ._crystal_systems import crystal_system, metric_violation, unique_axis
from ._identify import identify
from ._locate_point import locate as _locate
from ._operation_arrays import OperationArrays
from ._symop import SymOp
from ._wyckoff import WyckoffPosition
from ._wyckoff_table import wyckoff_positions as _wyckoff_positions

_SHOWN = 4  # operations that the repr of a nameless group in N dimensions writes out


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class SpaceGroup(OperationArrays):
    """A group of symmetry operations modulo lattice translations, exact, in any dimension.

    Make one with `find`, `from_number`, `from_name`, `from_hall`, `from_operations` or
    `from_generators`. Groups are equal when their operations are (in the same order) and mean
    the same Wyckoff letters; they can be hashed, so they may stand in static fields.

    Attributes:
        operations: all n operations of the conventional cell, identity first, centring included.
        number: number in International Tables A (1 to 230; 1 to 17 in two and 1 to 2 in one
            dimension), None if not identified.
        hm: Hermann-Mauguin symbol with its setting ("F d -3 m:2", in two dimensions "p 6 m m"),
            family and symbol of a predefined quasicrystal group ("icosahedral P235"), None for
            untabulated settings.
        hall: Hall symbol, None for untabulated settings.
        from_standard: exact map from the coordinates of the standard setting to these, if known.
        setting: qualifier of the setting ("1", "2", "H", "R", "b1", "cab", "" where there is none).
    """

    number: int | None = None
    hm: str | None = None
    hall: str | None = None
    from_standard: BasisChange | None = None
    setting: str = ""

    # --- ways in -----------------------------------------------------------------------------

    @classmethod
    def find(
        cls, group: Union[int, str, "SpaceGroup"], dimension: int | None = None
    ) -> "SpaceGroup":
        """Find a group by number, Hermann-Mauguin symbol, Hall symbol, or itself.

        Args:
            group: as of `from_number`, `from_name`, `from_hall`; with `dimension` 2 one of the 17
                plane groups ("p 6 m m", "p6m", 17), with 1 a line group ("P -1", "P 1").
            dimension: that the group must have; by default a space group or a predefined
                quasicrystal group is looked for.

        Raises:
            ValueError: unknown number or symbol, or a group in another dimension.
        """
        if isinstance(group, SpaceGroup):
            found = group
        elif dimension in _plane_groups.KINDS:
            return _low_group(group, dimension)
        elif isinstance(group, str):
            found = cls._from_symbol(group)
        else:
            found = cls.from_number(group)
        if dimension is not None and found.dimension != dimension:
            raise ValueError(f"expected a group in {dimension} dimensions, got {found!r}")
        return found

    @classmethod
    def _from_symbol(cls, symbol: str) -> "SpaceGroup":
        try:
            return cls.from_name(symbol)
        except ValueError as error:
            try:
                return cls.from_hall(symbol)
            except ValueError:
                raise error from None

    @classmethod
    def from_number(cls, number: int) -> "SpaceGroup":
        """Return a group in its standard setting: axis b, cell choice 1, origin 2, hexagonal axes.

        Raises:
            ValueError: the number isn't an integer from 1 to 230.
        """
        if isinstance(number, bool) or not isinstance(number, int | np.integer):
            raise ValueError(f"expected a space-group number from 1 to 230, got {number!r}")
        return _tabulated(_names.by_number(int(number)).xhm())

    @classmethod
    def from_name(cls, name: str) -> "SpaceGroup":
        """Find a group by its Hermann-Mauguin symbol in any setting, tolerant in spelling.

        "Fd-3m", "F d -3 m :1", "P 21/n", "P 1 21/c 1", "R -3 m :R", "P2_1/c", "Oh^7", "227:1".
        Without a setting, origin choice 2 and hexagonal axes are meant. Predefined groups of
        quasicrystals (`quasicrystal_group_names`) go by "icosahedral Pm-3-5", "decagonal
        P10_5/mmc"; the family may be left out where no three-dimensional symbol reads the same.

        Raises:
            ValueError: unknown symbol; the message lists close matches.
        """
        if not isinstance(name, str):
            raise ValueError(f"expected a space-group symbol, got {name!r}")
        try:
            return _tabulated(_names.by_name(name).xhm())
        except ValueError:
            predefined = _quasicrystal_groups.lookup(name)
            if predefined is None:
                raise
        return _predefined(predefined)

    @classmethod
    def from_hall(cls, hall: str) -> "SpaceGroup":
        """Make a group from a Hall symbol, tabulated or not ("-P 2ybc", "P 2c (3 0 0)").

        Raises:
            ValueError: not a Hall symbol.
        """
        operations, entry = _names.by_hall(hall)
        if entry is not None:
            return _tabulated(entry.xhm())
        return dataclasses.replace(cls.from_operations(operations), hall=hall)

    @classmethod
    def from_operations(cls, operations: Iterable[SymOp | str]) -> "SpaceGroup":
        """Make a group from the complete list of its operations, identified where possible.

        Args:
            operations: operations or operator strings ("-x,y+1/2,-z", "-x1,x2+1/2,-x3,x4" beyond
                three dimensions), centring included, in any order.

        Raises:
            ValueError: the operations do not form a group (see `from_generators`).
        """
        listed = list(dict.fromkeys(_closure.as_operations(operations)))
        if not listed or SymOp.identity(listed[0].dimension) not in listed:
            raise ValueError("expected the identity among the operations of a group")
        if not _closure.is_closed(listed):
            raise ValueError(
                f"expected a complete group, got {len(listed)} operations whose products are not "
                "all among them; use from_generators to complete them"
            )
        return cls._of_closed(listed)

    @classmethod
    def _of_closed(cls, listed: list[SymOp]) -> "SpaceGroup":
        """The group of distinct operations that are known to be closed."""
        # The order is made a function of the group, so that equal groups compare equal.
        operations = _closure.ordered(listed)
        if listed[0].dimension < 3:
            low = _plane_groups.by_operations(operations)
            return cls(operations) if low is None else _low(low)
        if listed[0].dimension > 3:
            return cls(operations)
        entry = _names.by_operations(operations)
        if entry is not None:
            return _tabulated(entry.xhm())
        number, from_standard = identify(operations)
        return cls(operations, number=number, from_standard=from_standard)

    @classmethod
    def from_generators(
        cls, generators: Iterable[SymOp | str], max_order: int = 20_000
    ) -> "SpaceGroup":
        """Generate a group from some operations, in any dimension, modulo lattice translations.

        Args:
            generators: operations or operator strings, as of `from_operations`.
            max_order: largest number of operations accepted.

        Raises:
            ValueError: the group is infinite or larger than `max_order`.
        """
        return cls._of_closed(_closure.close(_closure.as_operations(generators), max_order))

    # --- what International Tables say of it -------------------------------------------------

    @property
    def crystal_system(self) -> str | None:
        """triclinic ... cubic (trigonal and hexagonal apart), None if not identified.

        Of a plane group oblique, rectangular, square or hexagonal; None in other dimensions.
        """
        if self.number is None:
            return None
        return crystal_system(self.number, self.dimension)

    @property
    def is_rhombohedral_axes(self) -> bool:
        """True for the seven R groups on rhombohedral axes (a = b = c, equal angles)."""
        return self.setting == "R"

    @property
    def unique_axis(self) -> str | None:
        """The unique axis "a", "b" or "c" of a monoclinic group, otherwise None."""
        if self.crystal_system != "monoclinic":
            return None
        return unique_axis(self.point_rotations)

    @property
    def to_standard(self) -> BasisChange | None:
        """Exact map from these coordinates to those of the standard setting, if known."""
        return None if self.from_standard is None else self.from_standard.inverse()

    # --- Wyckoff positions -------------------------------------------------------------------

    @functools.cached_property
    def wyckoff_positions(self) -> tuple[WyckoffPosition, ...]:
        """List all Wyckoff positions, letters a, b, ... in order; the last one is general.

        Raises:
            ValueError: the group isn't one of the 230, or its setting isn't known.
        """
        if self.number is None or self.from_standard is None:
            raise ValueError(f"Wyckoff positions need one of the 230 space groups, got {self!r}")
        return _wyckoff_positions(self.number, *self._arrays, self.from_standard)

    def wyckoff(self, letter: str) -> WyckoffPosition:
        """Return the Wyckoff position with a letter, given as "a" or with its multiplicity as "8a".

        Raises:
            ValueError: the group has no such letter, or the multiplicity is another.
        """
        for position in self.wyckoff_positions:
            if letter.strip() in (position.letter, position.label):
                return position
        known = " ".join(position.label for position in self.wyckoff_positions)
        raise ValueError(
            f"space group {self.hm or self.number} has no Wyckoff position {letter!r}; "
            f"it has {known}"
        )

    def locate(
        self,
        frac: Float[np.ndarray, "3"],
        matrix: Float[np.ndarray, "3 3"],
        tol: float = 0.01,
    ) -> tuple[WyckoffPosition, Float[np.ndarray, " k"]]:
        """Find the most special Wyckoff position within a distance of a measured point.

        Args:
            frac: fractional coordinates of the point, (3,); any lattice translation.
            matrix: lattice matrix, rows a, b, c in angstrom.
            tol: largest distance from the position, angstrom.

        Returns:
            the position, and its free parameters u in [0, 1), (k,): the member of its orbit nearest
            to the point lies within `tol` of it.

        Raises:
            ValueError: bad shapes, coordinates that aren't finite, a tolerance that isn't positive.
        """
        return _locate(
            self.wyckoff_positions, np.asarray(frac, float), np.asarray(matrix, float), tol
        )

    # --- a lattice under the group -----------------------------------------------------------

    def check_matrix(self, matrix: Float[np.ndarray, "D D"], tol: float = 1e-3) -> None:
        """Check that every rotation preserves a lattice: W^T G W = G with the metric G = M M^T.

        Args:
            matrix: lattice matrix M, rows a, b, c in any unit of length.
            tol: largest violation accepted, |W^T G W - G| relative to the lengths concerned.

        Raises:
            ValueError: a violation, with the operation and its size; or a bad matrix.
        """
        violation = metric_violation(matrix, self.rotations)
        worst = int(violation.argmax())
        if violation[worst] > tol:
            raise ValueError(
                f"the lattice does not fit space group {self.hm or self.number}: operation "
                f"{self.operations[worst]!r} changes its metric by {violation[worst]:.2e} "
                f"(relative), more than {tol:.2e}; lattice rows {np.asarray(matrix).tolist()}"
            )

    # --- identity ----------------------------------------------------------------------------

    @functools.cached_property
    def _hash(self) -> int:
        return hash(self.operations)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return (
            isinstance(other, SpaceGroup)
            and self.operations == other.operations
            and self.from_standard == other.from_standard
        )

    def __repr__(self) -> str:
        if self.dimension == 3:
            name = f"{self.number}, {self.hm!r}" if self.hm else f"number={self.number}"
            return f"SpaceGroup({name}, {self.order} operations)"
        shown = [op.to_xyz() for op in self.operations[:_SHOWN]]
        shown += ["..."] if self.order > _SHOWN else []
        what = repr(self.hm) if self.hm else "; ".join(shown)
        return f"SpaceGroup({what}, {self.dimension} dimensions, {self.order} operations)"


@functools.cache
def _tabulated(xhm: str) -> SpaceGroup:
    """The tabulated setting with this extended Hermann-Mauguin symbol."""
    entry: gemmi.SpaceGroup = next(s for s in gemmi.spacegroup_table() if s.xhm() == xhm)
    return SpaceGroup(
        _names.operations_of(entry),
        number=entry.number,
        hm=entry.xhm(),
        hall=entry.hall,
        from_standard=_names.from_standard(entry),
        setting=entry.ext.strip("\0") or entry.qualifier,
    )


@functools.cache
def _low(group: _plane_groups.LowGroup) -> SpaceGroup:
    """A tabulated line group or plane group."""
    return SpaceGroup(_closure.ordered(group.operations()), number=group.number, hm=group.name)


def _low_group(group: int | str, dimension: int) -> SpaceGroup:
    """A line group or a plane group from its number or symbol."""
    if isinstance(group, str):
        return _low(_plane_groups.by_name(group, dimension))
    if isinstance(group, bool) or not isinstance(group, int | np.integer):
        raise ValueError(f"expected the number or the symbol of a group, got {group!r}")
    return _low(_plane_groups.by_number(int(group), dimension))


@functools.cache
def _predefined(name: str) -> SpaceGroup:
    """The predefined quasicrystal group with this full name."""
    group = SpaceGroup.from_generators(_quasicrystal_groups.generators(name))
    return dataclasses.replace(group, hm=name)
