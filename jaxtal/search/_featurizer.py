"""`Featurizer`: descriptors and fingerprints as columns, for other libraries (host)."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from jaxtyping import Float

from ..crystal import HostAtoms, is_crystal
from ..descriptors import Description, Descriptor


class Featurizer:
    """Columns of numbers from crystals, as scikit-learn's transformers and matminer's featurizers.

        columns = Featurizer(CrystalMetric(composition=1)).fit_transform(crystals)
        make_pipeline(Featurizer(), StandardScaler(), Ridge()).fit(crystals, y)
        Featurizer().featurize(crystal), Featurizer().feature_labels()

    Nothing is learned: `fit` returns the object. Crystals may be of any kind (`host_crystals`), or
    structures of pymatgen. Neither library is needed or imported.

    Attributes:
        specification: any that is called with crystals: `Descriptor` (the default),
            `PowerSpectrum`, `RadialDistribution`, `CrystalMetric`, `PowderPattern`.
    """

    def __init__(self, specification: Any = None):
        self.specification = specification

    @property
    def _used(self) -> Any:
        return Descriptor() if self.specification is None else self.specification

    def fit(self, crystals: Any, y: Any = None) -> "Featurizer":
        """Return the object: there is nothing to learn."""
        return self

    def transform(self, crystals: Iterable[Any]) -> Float[np.ndarray, "n D"]:
        """Compute the columns, a row for each crystal.

        Args:
            crystals: n of them, n > 0.

        Raises:
            ValueError: none, something that is no crystal, or what the specification refuses.
        """
        given = [crystals] if is_crystal(crystals) else list(crystals)
        if not given:
            raise ValueError("crystals: expected at least one, got none")
        found = self._used([_with_host_atoms(one, i) for i, one in enumerate(given)])
        missing = np.flatnonzero(~np.asarray(found.complete))
        if missing.size:
            raise ValueError(
                f"crystal {missing[0]}: expected one that can be described, its cell is "
                "near-singular"
            )
        return np.concatenate([part for _, part in _columns(found)], axis=1)

    def fit_transform(self, crystals: Iterable[Any], y: Any = None) -> Float[np.ndarray, "n D"]:
        """Compute the columns; as `transform`."""
        return self.transform(crystals)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Name the columns: "P n=2 l=4", "G 17", "fingerprint 5", "pattern 11"; counted from 0.

        Args:
            input_features: not used; scikit-learn passes it.
        """
        # The columns of a crystal of one atom are those of every crystal.
        one = HostAtoms.from_arrays(np.eye(3) * 3.0, np.zeros((1, 3)), [14])
        names = [name for names, _ in _columns(self._used([one])) for name in names]
        return np.array(names, object)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return what the constructor takes, for `sklearn.base.clone`."""
        return {"specification": self.specification}

    def set_params(self, **params: Any) -> "Featurizer":
        """Set what the constructor takes.

        Raises:
            ValueError: another name.
        """
        unknown = sorted(set(params) - {"specification"})
        if unknown:
            raise ValueError(f"expected the parameter specification, got {unknown[0]}")
        self.specification = params.get("specification", self.specification)
        return self

    def featurize(self, crystal: Any) -> list[float]:
        """Compute the columns of one crystal, as matminer's featurizers do."""
        return self.transform([crystal])[0].tolist()

    def feature_labels(self) -> list[str]:
        """Name the columns; as `get_feature_names_out`."""
        return self.get_feature_names_out().tolist()

    def __sklearn_is_fitted__(self) -> bool:
        """There is nothing to fit."""
        return True

    def __repr__(self) -> str:
        """Print the specification."""
        return f"Featurizer({self._used!r})"


def _columns(found: Any) -> list[tuple[list[str], np.ndarray]]:
    """Names and values (n, d) of every part of a result."""
    if not isinstance(found, Description):
        what = "fingerprint" if hasattr(found, "vector") else "pattern"
        values = np.asarray(found.vector if what == "fingerprint" else found.intensity)
        return [([f"{what} {i}" for i in range(values.shape[1])], values)]
    parts = []
    if found.power_spectrum is not None:
        P = np.asarray(found.power_spectrum)
        # By Friedel's law odd degrees are zero.
        degrees = range(0, P.shape[2], 2 if found.specification.space.wavelength is None else 1)
        names = [f"P n={n} l={l}" for n in range(P.shape[1]) for l in degrees]
        parts.append((names, P[:, :, list(degrees)].reshape(len(P), -1)))
    if found.rdf is not None:
        G = np.asarray(found.rdf)
        parts.append(([f"G {i}" for i in range(G.shape[1])], G))
    return parts


def _with_host_atoms(given: Any, place: int) -> Any:
    """The crystal, converted if it is a structure of pymatgen's (by what that has)."""
    if is_crystal(given) or not all(hasattr(given, x) for x in ("lattice", "species_and_occu")):
        return given
    rows, numbers, shares = [], [], []
    for site, content in zip(given.frac_coords, given.species_and_occu, strict=True):
        for species, share in content.items():
            number = getattr(species, "Z", None)
            if number is None:
                raise ValueError(f"crystal {place}: expected elements, got {species}")
            rows.append(site)
            numbers.append(number)
            shares.append(share)
    return HostAtoms.from_arrays(given.lattice.matrix, rows, numbers, occupancies=shares)
