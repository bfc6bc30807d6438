"""Evaluation of tabulated form factors as sums of Gaussians in s."""

from collections.abc import Sequence
from typing import Any, Literal, get_args

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Complex, Float, Int
from numpy.typing import ArrayLike

from .._core import AnyArray, device_array, namespace, warn_caller
from ._species import Species, parse_species, species_keys, species_label
from ._tables import Key, coefficients, nearest_charge

#: What stands for an ion that a table lacks: the nearest charge that it has, or an error.
Charges = Literal["nearest", "exact"]


class FormFactors(eqx.Module):
    """Scattering factors of S species as functions of s = sin(theta)/lambda.

        f(s^2) = c + sum_k a_k exp(-b_k s^2)                    every kind but "recp"
        f(s^2) = Z - 41.78214 s^2 sum_k a_k exp(-b_k s^2)       "recp" (Mott-Bethe)

    Units of f: electrons for X-rays, angstrom for "electron", fm for "neutron". Valid to
    s = 6 1/A (Waasmaier-Kirfel) or 2 1/A (the other Gaussian tables). f(0) of a fit differs
    slightly from the number of electrons (Waasmaier-Kirfel: up to 0.08 %, IT92: 0.12 %);
    "recp" and "constant" are exact there. Coefficients are cast to the dtype of s^2.

    Attributes:
        keys: atomic number, charge, mass number (0 = natural), (S, 3).
        a: Gaussian amplitudes, (S, K), in the unit of f ("recp": times -41.78214, in A^2).
        b: Gaussian widths in A^2, (S, K).
        c: constant term in the unit of f, (S,).
        fp: real part f' of the anomalous dispersion in electrons, (S,), or None.
        fpp: imaginary part f'' in electrons, (S,), or None.
        kind: name of the table.
        species: labels of the species.

    References:
        Waasmaier & Kirfel (1995), Acta Cryst. A51, 416. International Tables for Crystallography
        C (1992), tables 6.1.1.4 and 4.3.2.2. Doyle & Turner (1968), Acta Cryst. A24, 390.
        Neutron scattering lengths: the compilation in the package periodictable; Lynn & Seeger
        (1990), At. Data Nucl. Data Tables 44, 191, for nuclei with a resonance near 2200 m/s, where
        it agrees with Sears (1992), Neutron News 3(3), 26.
    """

    keys: Int[AnyArray, "S 3"]
    a: Float[AnyArray, "S K"]
    b: Float[AnyArray, "S K"]
    c: Float[AnyArray, " S"]
    fp: Float[AnyArray, " S"] | None
    fpp: Float[AnyArray, " S"] | None
    kind: str = eqx.field(static=True)
    species: tuple[str, ...] = eqx.field(static=True)

    @classmethod
    def build(
        cls,
        species: Sequence[Species] | Int[np.ndarray, " S"],
        kind: str = "waasmaier-kirfel",
        *,
        charges: str = "nearest",
        fp: ArrayLike | None = None,
        fpp: ArrayLike | None = None,
        dtype: Any = None,
        host: bool = False,
    ) -> "FormFactors":
        """Look the species up in a table; on the host.

        Args:
            species: S labels ("Si", "Si4+", "O2-", "D", "18O"), atomic numbers, or tuples
                (Z, charge, mass number). X-ray and electron factors do not depend on the isotope.
                Neutron lengths do not depend on the charge. Absorbing nuclei have a complex length,
                of which the real part at 2200 m/s is taken: the imaginary part, that of absorption,
                is left out (fm: Gd -13.8, Sm -1.65, Eu -1.26, Cd -0.70, Dy -0.28, Pu -0.28,
                B -0.21; others at most 0.12), and so is its dependence on the energy.
            kind: "waasmaier-kirfel", "it92", "recp", "constant", "electron" or "neutron".
            charges: what stands for an ion that the table lacks (S2-, N3-, P5+; all of them in
                the tables of electrons). "nearest": the tabulated charge of the element that is
                nearest, mostly the neutral atom, with one warning that names the species. The two
                differ where s < 0.3 1/A alone, at s = 0 by the difference of their charges.
                "exact": an error.
            fp: f' of each species in electrons, (S,); see `anomalous`. Not part of `__call__`.
            fpp: f'' of each species in electrons, (S,).
            dtype: floating dtype of the coefficients; JAX's default if None.
            host: hold NumPy arrays, for what is computed without JAX.

        Returns:
            The form factors, one row per species in the order given.

        Raises:
            ValueError: no species; an unknown element, isotope or kind; an ion that the table
                lacks, if `charges` is "exact"; wrong shape of fp or fpp.
        """
        if isinstance(species, str):
            raise ValueError(f"expected a sequence of species, got the string {species!r}")
        if len(species) == 0:
            raise ValueError("expected at least one species, got none")
        keys = [parse_species(one) for one in species]
        rows = [coefficients(kind, key) for key in tabulated(kind, keys, charges)]
        dtype = jnp.result_type(float) if dtype is None else dtype
        array = np.asarray if host else device_array
        per_species = {"fp": fp, "fpp": fpp}
        return cls(
            keys=array(species_keys(keys), np.int32),
            a=array([row[0] for row in rows], dtype),
            b=array([row[1] for row in rows], dtype),
            c=array([row[2] for row in rows], dtype),
            **{
                name: None if values is None else array(_checked(name, values, len(keys)), dtype)
                for name, values in per_species.items()
            },
            kind=kind,
            species=tuple(species_label(key) for key in keys),
        )

    def __call__(self, stol2: Float[AnyArray, "*P"]) -> Float[AnyArray, "S *P"]:
        """Return f of every species, without anomalous dispersion.

        Args:
            stol2: s^2 = (sin(theta)/lambda)^2 = (q / 4 pi)^2 in 1/A^2, any shape P.

        Returns:
            (S, *P) in the unit of the table and the dtype of `stol2`.
        """
        xp = namespace(stol2)
        column = (slice(None), *(None,) * stol2.ndim)
        s2 = stol2[None]
        total = xp.zeros_like(s2)
        for k in range(self.a.shape[1]):
            a = self.a[:, k].astype(stol2.dtype)[column]
            b = self.b[:, k].astype(stol2.dtype)[column]
            total = total + a * xp.exp(-b * s2)
        if self.kind == "recp":
            total = total * s2
        return total + self.c.astype(stol2.dtype)[column]

    @property
    def f0(self) -> Float[Array, " S"]:
        """f at s = 0 in the unit of the table, (S,)."""
        return self.c if self.kind == "recp" else self.c + jnp.sum(self.a, axis=1)

    def complex_factors(self, stol2: Float[Array, "*P"]) -> Complex[Array, "S *P"]:
        """Return f + f' + i f'' of every species.

        Args:
            stol2: s^2 in 1/A^2, any shape P.

        Returns:
            (S, *P) in electrons.

        Raises:
            ValueError: if neither fp nor fpp was given to `build`.
        """
        if self.fp is None and self.fpp is None:
            raise ValueError("complex factors need fp or fpp, got neither in FormFactors.build")
        column = (slice(None), *(None,) * stol2.ndim)
        real = self(stol2)
        imag = jnp.zeros_like(real)
        if self.fp is not None:
            real = real + self.fp.astype(stol2.dtype)[column]
        if self.fpp is not None:
            imag = imag + self.fpp.astype(stol2.dtype)[column]
        return lax.complex(real, imag)

    def index_of(self, species: Sequence[Species] | Int[np.ndarray, " N"]) -> Int[np.ndarray, " N"]:
        """Return the row of each of N species (or atomic numbers) in the table; on the host.

        An element named without charge and isotope also finds the only row of that element, so
        that atoms known by atomic number find "Si4+".

        Args:
            species: N labels, atomic numbers or tuples.

        Returns:
            (N,) integers in 0..S-1.

        Raises:
            ValueError: for a species without a row, or with several possible ones.
        """
        keys = [parse_species(label) for label in self.species]
        rows: dict[tuple[int, int, int], int] = {}
        for key in {parse_species(one) for one in species}:
            exact = [row for row, other in enumerate(keys) if other == key]
            loose = [row for row, other in enumerate(keys) if other[0] == key[0]]
            if not exact and key[1:] == (0, 0) and len(loose) == 1:
                exact = loose
            if not exact:
                raise ValueError(
                    f"expected one of the species {', '.join(self.species)}, "
                    f"got {species_label(key)!r}"
                )
            rows[key] = exact[0]
        return np.array([rows[parse_species(one)] for one in species], dtype=np.int32)


def tabulated(kind: str, keys: list[Key], charges: str) -> list[Key]:
    """The species whose rows of the table stand for some; warns of those that differ."""
    if charges not in get_args(Charges):
        raise ValueError(f"charges: expected one of {get_args(Charges)}, got {charges!r}")
    if charges == "exact":
        return keys
    found = [(key[0], nearest_charge(kind, key), key[2]) for key in keys]
    pairs = [
        f"{species_label(used)} for {species_label(key)}"
        for key, used in sorted({k: u for k, u in zip(keys, found, strict=True) if k != u}.items())
    ]
    if pairs:
        warn_caller(
            f"the table {kind!r} has no form factor of some ions: taken are {', '.join(pairs)}, "
            'which differ at small angles (charges="exact" refuses)'
        )
    return found


def _checked(name: str, values: ArrayLike, count: int) -> Float[np.ndarray, " S"]:
    given = np.asarray(values, dtype=float)
    if given.shape != (count,):
        raise ValueError(f"expected {name} of shape ({count},), got {given.shape}")
    if not np.isfinite(given).all():
        raise ValueError(f"expected finite {name}, got {given.tolist()}")
    return given
