"""The model that is refined: atoms of the asymmetric unit, and what scales their intensities."""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from ..crystal import Crystal, WyckoffCrystal
from ..lattice import matrix_to_cell
from ..scattering import cif_scale, parse_species, species_label
from ..symmetry import SpaceGroup
from ._labels import hill_formula, numbered
from ._model_columns import crystal_columns, model_columns
from ._riding import HydrogenGroup
from ._sites import Site, site_of


@dataclasses.dataclass(frozen=True, eq=False)
class Model:
    """Atoms of the asymmetric unit with displacements, scale, extinction and twin laws.

    Attributes:
        matrix: lattice vectors as rows, angstrom, (3, 3).
        group: space group.
        labels: names of the atoms, (N,).
        species: scatterers ("C", "O2-", "D"), (N,).
        frac: fractional coordinates, (N, 3).
        occupancies: share of the site that is occupied, (N,).
        u_iso: isotropic displacements, used where `anisotropic` is False, A^2, (N,).
        u_aniso: displacement tensors in the CIF convention, A^2, (N, 3, 3).
        anisotropic: (N,).
        hydrogens: groups of hydrogen atoms that ride on others.
        scale: k, of F_calc^2 to the measured intensities.
        extinction: x of SHELX, or None where it isn't refined.
        twin_laws: matrices R, with h' = R h of each further twin domain.
        twin_fractions: share of each further domain, (twin laws,).
        weights: a and b of w = 1 / (sigma^2 + (a P)^2 + b P), on the scale of F_calc^2.
        notes: what a reader of the model should know.
    """

    matrix: Float[np.ndarray, "3 3"]
    group: SpaceGroup
    labels: tuple[str, ...]
    species: tuple[str, ...]
    frac: Float[np.ndarray, "N 3"]
    occupancies: Float[np.ndarray, " N"]
    u_iso: Float[np.ndarray, " N"]
    u_aniso: Float[np.ndarray, "N 3 3"]
    anisotropic: Bool[np.ndarray, " N"]
    hydrogens: tuple[HydrogenGroup, ...] = ()
    scale: float | None = None
    extinction: float | None = None
    twin_laws: tuple[Float[np.ndarray, "3 3"], ...] = ()
    twin_fractions: tuple[float, ...] = ()
    weights: tuple[float, float] = (0.05, 0.0)
    notes: tuple[str, ...] = ()

    @classmethod
    def build(
        cls,
        cell: Any,
        group: int | str | SpaceGroup,
        species: Sequence[str],
        frac: Any,
        *,
        u_iso: Any = 0.04,
        u_aniso: Any = None,
        occupancies: Any = 1.0,
        labels: Sequence[str] | None = None,
        site_tolerance: float = 0.1,
        **settings: Any,
    ) -> "Model":
        """Make a model of arrays; atoms near a special position are moved onto it.

        Args:
            cell: six parameters (angstrom, degrees), or rows in angstrom, (3, 3).
            group: group, symbol or number.
            species: N labels.
            frac: fractional coordinates, (N, 3).
            u_iso: A^2, one or (N,).
            u_aniso: A^2, CIF convention, (N, 3, 3); rows of NaN mark isotropic atoms.
            occupancies: one or (N,).
            labels: names; default "C1", "C2", ...
            site_tolerance: an image of an atom this close is the atom itself, angstrom.
            settings: `scale`, `extinction`, `twin_laws`, `twin_fractions`, `weights`.

        Raises:
            ValueError: shapes that do not fit, numbers that are not finite, an unknown species, or
                labels that are not unique.
        """
        columns = model_columns(
            cell, group, species, frac, u_iso, u_aniso, occupancies, labels, site_tolerance
        )
        return cls(**columns, **settings).with_equivalent_u()

    @classmethod
    def from_crystal(cls, crystal: WyckoffCrystal | Crystal, **settings: Any) -> "Model":
        """Make a model of a crystal; one of every atom is described in P 1.

        Args:
            crystal: a crystal; displacements of zero become 0.04 A^2.
            settings: as of `build`.
        """
        return cls.build(**crystal_columns(crystal), **settings)

    def crystal(self) -> WyckoffCrystal:
        """Return the crystal in its space group, hydrogen atoms included.

        Raises:
            ValueError: atoms closer than 0.1 A, or a group without Wyckoff positions.
        """
        sites = [
            (species, self.group.locate(x, self.matrix, 1e-3)[0].letter, x)
            for species, x in zip(self.species, self.frac, strict=True)
        ]
        any_aniso = bool(self.anisotropic.any())
        U = np.where(self.anisotropic[:, None, None], self.u_aniso, 0.0)
        return WyckoffCrystal.build(
            self.group,
            matrix_to_cell(self.matrix),
            sites,
            occupancies=np.clip(self.occupancies, 0.0, 1.0),
            u_iso=np.where(self.anisotropic, 0.0, self.u_iso),
            u_aniso=U if any_aniso else None,
            names=self.labels,
        )

    def __len__(self) -> int:
        return len(self.labels)

    @functools.cached_property
    def sites(self) -> tuple[Site, ...]:
        """The site of each atom."""
        return tuple(site_of(x, self.group, self.matrix, 1e-2) for x in self.frac)

    @functools.cached_property
    def atomic_numbers(self) -> np.ndarray:
        """(N,) integers."""
        return np.array([parse_species(s)[0] for s in self.species], dtype=np.int64)

    @functools.cached_property
    def multiplicities(self) -> np.ndarray:
        """Atoms of the cell that each stands for, (N,)."""
        share = np.array([site.share for site in self.sites])
        return np.rint(self.group.order * share).astype(np.int64)

    @property
    def riding(self) -> np.ndarray:
        """True for hydrogen atoms whose places follow from others, (N,)."""
        out = np.zeros(len(self), dtype=bool)
        for group in self.hydrogens:
            out[list(group.atoms)] = True
        return out

    @property
    def u_eq(self) -> np.ndarray:
        """U_eq = trace(U_cart) / 3, or U_iso, A^2, (N,)."""
        metric = cif_scale(self.matrix) * (self.matrix @ self.matrix.T)
        equivalent = np.einsum("nij,ij->n", self.u_aniso, metric) / 3
        return np.where(self.anisotropic, equivalent, self.u_iso)

    def with_equivalent_u(self) -> "Model":
        """Return the model with U_iso of anisotropic atoms set to U_eq."""
        return dataclasses.replace(self, u_iso=self.u_eq)

    def replace(self, **changes: Any) -> "Model":
        """Return the model with other values of some attributes."""
        return dataclasses.replace(self, **changes)

    def moved(self, **changes: Any) -> "Model":
        """Return the model with its atoms elsewhere on their sites, which are not sought anew."""
        new = dataclasses.replace(self, **changes)
        for name in ("sites", "multiplicities", "atomic_numbers"):
            new.__dict__[name] = getattr(self, name)
        return new

    def take(self, kept: Any) -> "Model":
        """Return the model with some of its atoms; hydrogen atoms go with what they ride on.

        Args:
            kept: indices, or True for each atom that stays, (N,).
        """
        mask = np.zeros(len(self), dtype=bool)
        mask[kept] = True
        groups = []
        for group in self.hydrogens:
            needed = [group.carrier, *(atom for atom, *_ in group.neighbours)]
            if mask[needed].all() and mask[list(group.atoms)].all():
                groups.append(group)
            else:
                mask[list(group.atoms)] = False
        rank = np.cumsum(mask) - 1
        at = np.flatnonzero(mask)
        return dataclasses.replace(
            self,
            labels=tuple(self.labels[i] for i in at),
            species=tuple(self.species[i] for i in at),
            frac=self.frac[at],
            occupancies=self.occupancies[at],
            u_iso=self.u_iso[at],
            u_aniso=self.u_aniso[at],
            anisotropic=self.anisotropic[at],
            hydrogens=tuple(group.renumbered(rank) for group in groups),
        )

    def without_hydrogens(self) -> "Model":
        """Return the model without its hydrogen atoms, those of deuterium included."""
        return dataclasses.replace(self, hydrogens=()).take(self.atomic_numbers > 1)

    def isotropic(self) -> "Model":
        """Return the model with U_eq instead of tensors."""
        return dataclasses.replace(
            self,
            u_iso=self.u_eq,
            u_aniso=np.zeros_like(self.u_aniso),
            anisotropic=np.zeros(len(self), dtype=bool),
        )

    def with_tensors(self, which: Any = None) -> "Model":
        """Return the model with a tensor for some atoms, equal to their U_iso at first.

        Args:
            which: True for each of these atoms, (N,); default all but hydrogen.
        """
        which = self.atomic_numbers > 1 if which is None else np.asarray(which, bool)
        new = which & ~self.anisotropic
        sphere = np.linalg.inv(self.matrix @ self.matrix.T) / cif_scale(self.matrix)
        U = np.where(new[:, None, None], self.u_iso[:, None, None] * sphere, self.u_aniso)
        return dataclasses.replace(self, u_aniso=U, anisotropic=self.anisotropic | which)

    def with_atoms(
        self,
        species: Sequence[str],
        frac: Any,
        *,
        u_iso: Any = 0.04,
        labels: Sequence[str] | None = None,
        site_tolerance: float = 0.1,
    ) -> "Model":
        """Return the model with more atoms, fully occupied and isotropic, at its end."""
        given = tuple(labels) if labels else numbered(species, self.labels)
        more = Model.build(
            self.matrix,
            self.group,
            species,
            np.reshape(frac, (-1, 3)),
            u_iso=u_iso,
            labels=given,
            site_tolerance=site_tolerance,
        )
        joined = {
            name: np.concatenate([getattr(self, name), getattr(more, name)])
            for name in ("frac", "occupancies", "u_iso", "u_aniso", "anisotropic")
        }
        return dataclasses.replace(
            self,
            labels=self.labels + more.labels,
            species=self.species + more.species,
            **joined,
        )

    def with_species(self, atom: int, species: str) -> "Model":
        """Return the model with another element at one atom, which gets a new label."""
        kinds = list(self.species)
        kinds[atom] = species_label(species)
        others = tuple(label for i, label in enumerate(self.labels) if i != atom)
        labels = list(self.labels)
        labels[atom] = numbered([kinds[atom]], others)[0]
        return dataclasses.replace(self, species=tuple(kinds), labels=tuple(labels))

    @property
    def formula(self) -> str:
        """Content of the cell, Hill's order: "C44 H40 O8"."""
        return hill_formula(self.amounts)

    @property
    def amounts(self) -> dict[str, float]:
        """Atoms of each element in the cell."""
        found: dict[str, float] = {}
        weights = self.occupancies * self.multiplicities
        for number, amount in zip(self.atomic_numbers, weights, strict=True):
            symbol = species_label(int(number))
            found[symbol] = found.get(symbol, 0.0) + float(amount)
        return found

    def __repr__(self) -> str:
        aniso = int(self.anisotropic.sum())
        ride = int(self.riding.sum())
        return (
            f"Model({len(self)} atoms, {aniso} anisotropic, {ride} riding, {self.formula}, "
            f"{self.group.hm})"
        )
