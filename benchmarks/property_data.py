"""The crystals of `properties.py`, and every representation of them."""

import contextlib
import gzip
import json
import time
import zipfile

import numpy as np
import scipy.sparse
from ase import Atoms
from ase.data import chemical_symbols

INSIDE = "crystal_toolkit/apps/examples/matbench_dielectric.json.gz"
SOAP_SETTINGS = {"r_cut": 6.0, "n_max": 8, "l_max": 6, "periodic": True}


def load(wheel):
    """Crystals, refractive indices, and the test sets of the five folds."""
    with zipfile.ZipFile(wheel) as archive:
        table = json.loads(gzip.decompress(archive.read(INSIDE)))
    crystals = []
    for i in range(len(table["n"])):
        structure = table["structure"][str(i)]
        sites = structure["sites"]
        crystals.append(
            Atoms(
                [site["species"][0]["element"] for site in sites],
                scaled_positions=[site["abc"] for site in sites],
                cell=structure["lattice"]["matrix"],
                pbc=True,
            )
        )
    n = np.array([table["n"][str(i)] for i in range(len(crystals))])
    order = np.arange(len(n))
    np.random.RandomState(18012019).shuffle(order)  # Matbench's own
    return crystals, n, np.array_split(order, 5)


def spectra(crystals):
    """P and G of `describe` for crystals of all sizes, with few compiled programs."""
    from jaxtal.crystal import Crystal, CrystalBatch
    from jaxtal.descriptors import Descriptor
    from jaxtal.lattice import niggli_reduce

    descriptor = Descriptor()
    groups = {}
    for i, atoms in enumerate(crystals):
        matrix, transform = np.asarray(atoms.cell), np.eye(3)
        with contextlib.suppress(ValueError):  # a few cells that spglib cannot reduce
            matrix, transform = niggli_reduce(matrix)
        frac = atoms.get_scaled_positions() @ np.linalg.inv(transform)
        longest = np.linalg.norm(matrix, axis=1).max()
        size = (len(atoms) / 16, atoms.get_volume() / 200, longest / 12)
        key = tuple(int(np.ceil(np.log2(max(a, 1)))) for a in size)
        groups.setdefault(key, []).append((i, Crystal.from_arrays(matrix, frac, atoms.numbers)))
    P, G = np.zeros((len(crystals), 110)), np.zeros((len(crystals), 101))
    for key, members in groups.items():
        given = [crystal for _, crystal in members]
        plan = descriptor.plan(given, max_stretch=1.0, reflections="found", max_species=8)
        for first in range(0, len(given), 32):
            some = given[first : first + 32]
            # The last batch is filled up, so that it does not compile anew.
            filled = some + [given[0]] * (min(32, len(given)) - len(some))
            batch = CrystalBatch.from_crystals(filled, pad_to=16 * 2 ** key[0])
            found = plan(batch)
            assert np.all(np.asarray(found.complete))
            rows = [i for i, _ in members[first : first + 32]]
            P[rows] = np.asarray(found.power_spectrum)[: len(rows)].reshape(len(rows), -1)
            G[rows] = np.asarray(found.rdf)[: len(rows)]
        print(f"{len(members)} crystals of size {key}", flush=True)
    return P, G


def metric_vectors(crystals, metric):
    return np.asarray(metric(crystals).vector)


def metrics():
    from jaxtal.metric import CrystalMetric

    return {
        "metric": CrystalMetric(density=1.0),
        "metric + distances": CrystalMetric(density=1.0, distances=1.0),
    }


def soap_compressed(crystals, weights):
    from dscribe.descriptors import SOAP

    numbers = sorted({int(z) for atoms in crystals for z in atoms.numbers})
    species = [chemical_symbols[z] for z in numbers]
    table = {chemical_symbols[z]: float(z) for z in numbers} if weights == "Z" else None
    compression = {"mode": "mu2", "species_weighting": table}
    soap = SOAP(species=species, average="outer", compression=compression, **SOAP_SETTINGS)
    return np.array([soap.create(atoms) for atoms in crystals])


def pair_columns(crystals):
    """Where the columns of each pair of elements that occurs begin, and their number."""
    n_max, n_l = SOAP_SETTINGS["n_max"], SOAP_SETTINGS["l_max"] + 1
    offsets, total = {}, 0
    for atoms in crystals:
        numbers = sorted({int(z) for z in atoms.numbers})
        for p, a in enumerate(numbers):
            for b in numbers[p:]:
                if (a, b) not in offsets:
                    offsets[a, b] = total
                    total += n_l * (n_max * (n_max + 1) // 2 if a == b else n_max**2)
    return offsets, total


def soap_elements(crystals, average, columns_of):
    """Sparse rows: one block of columns for each pair of elements that occurs.

    A crystal's own elements alone are handed to DScribe: the columns of all others are zero.
    """
    from dscribe.descriptors import SOAP

    offsets, total = columns_of
    rows, columns, values = [], [], []
    for i, atoms in enumerate(crystals):
        numbers = sorted({int(z) for z in atoms.numbers})
        names = {z: chemical_symbols[z] for z in numbers}
        soap = SOAP(species=list(names.values()), average=average, **SOAP_SETTINGS)
        vector = soap.create(atoms)
        for p, a in enumerate(numbers):
            for b in numbers[p:]:
                part = vector[soap.get_location((names[a], names[b]))]
                rows.append(np.full(len(part), i))
                columns.append(offsets[a, b] + np.arange(len(part)))
                values.append(part)
    entries = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    return scipy.sparse.csr_matrix(entries, shape=(len(crystals), total))


def features(crystals, folder, names):
    """Every representation, made once and kept."""
    folder.mkdir(parents=True, exist_ok=True)
    volume = np.array([atoms.get_volume() / len(atoms) for atoms in crystals])
    seconds = {}

    def kept(name, make):
        path = folder / f"{name}.npz"
        if not path.exists():
            begin = time.perf_counter()
            found = make()
            seconds[name] = time.perf_counter() - begin
            if scipy.sparse.issparse(found):
                scipy.sparse.save_npz(path, found)
            else:
                np.savez(path, found)
            print(f"{name}: {found.shape}, {seconds[name]:.0f} s", flush=True)
        try:
            return np.load(path)["arr_0"]
        except KeyError:
            return scipy.sparse.load_npz(path)

    def make(name):
        if name == "density":
            return np.log(volume)[:, None]
        if name in ("P", "P + G"):
            both = kept("spectra", lambda: np.concatenate(spectra(crystals), axis=1))
            return both[:, :110] if name == "P" else both
        if name.startswith("metric"):
            return kept(name, lambda: metric_vectors(crystals, metrics()[name]))
        if name in ("SOAP blind", "SOAP Z"):
            return kept(name, lambda: soap_compressed(crystals, name.split()[1]))
        average = "inner" if name.endswith("inner") else "outer"
        return kept(name, lambda: soap_elements(crystals, average, pair_columns(crystals)))

    composition = kept("composition", lambda: composition_features(crystals))
    return {name: make(name) for name in names if name != "mean"}, composition, seconds


def composition_features(crystals):
    """Statistics of element properties over the atoms, and the share of each element.

    Mean, spread, least and largest of: atomic number, mass, period, group, Mendeleev number,
    electronegativity, covalent radius, valence electrons in s, p, d and f.
    """
    from ase.data import covalent_radii
    from pymatgen.core import Element

    def properties(number):
        element = Element.from_Z(number)
        valence = dict.fromkeys("spdf", 0)
        for _, shell, electrons in element.full_electronic_structure[-4:]:
            valence[shell] = electrons
        return [
            number,
            float(element.atomic_mass),
            element.row,
            element.group,
            element.mendeleev_no,
            element.X if np.isfinite(element.X) else 1.5,
            covalent_radii[number],
            *valence.values(),
        ]

    table = {z: properties(int(z)) for z in sorted({int(z) for a in crystals for z in a.numbers})}
    rows = []
    for atoms in crystals:
        x = np.array([table[int(z)] for z in atoms.numbers], dtype=float)
        shares = np.bincount(atoms.numbers, minlength=119)[1:] / len(atoms)
        rows.append(
            np.concatenate([x.mean(axis=0), x.std(axis=0), x.min(axis=0), x.max(axis=0), shares])
        )
    return np.array(rows)
