"""Other programs' fingerprints and distances of crystals, for `matching.py`.

Every method is a pair: what it makes of one list of crystals (cached by the caller), and the matrix
of distances between two such lists. Crystals are dictionaries of `matrix`, `frac`, `z`.

All peers get the Niggli-reduced cell of every crystal, since two of them are not invariant to
skewed cells: RECP's box of reflections misses some, and the neighbour search of
average-minimum-distance 1.6.1 stops too early in some of them (7 of 424 disguised crystals).
"""

import warnings

import numpy as np
from ase import Atoms
from ase.build import niggli_reduce
from scipy import sparse
from scipy.spatial.distance import cdist

SOAP_SIZE = {"r_cut": 6.0, "n_max": 8, "l_max": 6, "periodic": True}
VOLUME_PER_ATOM = 15.0
NEIGHBOURS = 100


def atoms(crystal, volume=None):
    """ASE's Atoms, in the Niggli-reduced cell, scaled to a volume per atom (A^3) if given."""
    made = Atoms(
        numbers=crystal["z"], scaled_positions=crystal["frac"], cell=crystal["matrix"], pbc=True
    )
    niggli_reduce(made)
    made.wrap()
    if volume:
        factor = np.cbrt(volume * len(made) / made.cell.volume)
        made.set_cell(made.cell[:] * factor, scale_atoms=True)
    return made


def euclidean(a, b):
    """Euclidean distances of two lists of vectors, dense or sparse."""
    if not sparse.issparse(a):
        return cdist(a, b)
    one, other = (np.asarray(x.multiply(x).sum(axis=1)).ravel() for x in (a, b))
    return np.sqrt(np.maximum(one[:, None] + other[None] - 2 * (a @ b.T).toarray(), 0.0))


def cosine(a, b):
    """Euclidean distances of the normalised vectors, sqrt(2 - 2 cos)."""
    return euclidean(_unit(a), _unit(b))


def _unit(a):
    if sparse.issparse(a):
        return sparse.diags(1 / np.sqrt(np.asarray(a.multiply(a).sum(axis=1)).ravel())) @ a
    return a / np.linalg.norm(a, axis=1, keepdims=True)


def recp(crystals):
    """P of pyxtal's class RECP (dmax 10, nmax = lmax = 10, Bessel), (n, 110)."""
    from pyxtal.reciprocal import RECP

    peer = RECP(dmax=10.0, nmax=10, lmax=10, rbasis="bessel")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.array([peer.compute(atoms(c))[0].numpy() for c in crystals])


def cctbx_structures(crystals, volume=None):
    """Structures of cctbx in P1, scaled to a volume per atom (A^3) if given."""
    from ase.cell import Cell
    from ase.data import chemical_symbols
    from cctbx import crystal, xray
    from cctbx.array_family import flex

    made = []
    for one in crystals:
        matrix = np.array(one["matrix"])
        if volume:
            matrix = matrix * np.cbrt(volume * len(one["z"]) / abs(np.linalg.det(matrix)))
        atoms = [
            xray.scatterer(f"{chemical_symbols[z]}{i}", site=x, scattering_type=chemical_symbols[z])
            for i, (z, x) in enumerate(zip(one["z"], one["frac"], strict=True))
        ]
        symmetry = crystal.symmetry(tuple(Cell(matrix).cellpar()), "P1")
        made.append(
            xray.structure(crystal_symmetry=symmetry, scatterers=flex.xray_scatterer(atoms))
        )
    return made


def rinse(crystals, volume=None):
    """RINSE's descriptor with its defaults: a power spectrum of |F|^2, (n, d)."""
    import rinse_descriptor

    return np.asarray(rinse_descriptor.descriptor_many(cctbx_structures(crystals, volume)))


def soap(crystals, species, average, weights="off", volume=None, sigma=1.0):
    """DScribe's SOAP averaged over the sites, a sparse matrix.

    Args:
        crystals: the list.
        species: atomic numbers of everything that is ever compared.
        average: "inner" or "outer".
        weights: "off" (full: every pair of elements its own block), "1" or "Z" (mu2: one density
            of all atoms, of weight 1 or Z).
        volume: scale to this volume per atom first, A^3; None for the crystal as it is.
        sigma: width of the Gaussians, A; 1 is DScribe's default.
    """
    from dscribe.descriptors import SOAP

    options = {"average": average, "sigma": sigma, **SOAP_SIZE}
    if weights != "off":
        table = {int(z): float(z) if weights == "Z" else 1.0 for z in species}
        mode = {"mode": "mu2", "species_weighting": table}
        peer = SOAP(species=species, compression=mode, **options)
        return sparse.csr_matrix(np.array([peer.create(atoms(c, volume=volume)) for c in crystals]))
    # The blocks of elements that a crystal lacks are zero: computed without, put in their place.
    rank = {int(z): i for i, z in enumerate(species)}
    block = SOAP_SIZE["n_max"] ** 2 * (SOAP_SIZE["l_max"] + 1)
    rows = []
    for crystal in crystals:
        own = sorted({int(z) for z in crystal["z"]})
        peer = SOAP(species=own, **options)
        values = peer.create(atoms(crystal, volume=volume))
        columns = np.empty(len(values), dtype=np.int64)
        for i, a in enumerate(own):
            for b in own[i:]:
                where = peer.get_location((a, b))
                size = where.stop - where.start
                first = (rank[a] * len(species) + rank[b]) * block
                columns[where] = first + np.arange(size)
        rows.append((columns, values))
    indices = np.concatenate([c for c, _ in rows])
    start = np.cumsum([0] + [len(c) for c, _ in rows])
    shape = (len(rows), len(species) ** 2 * block)
    return sparse.csr_matrix((np.concatenate([v for _, v in rows]), indices, start), shape=shape)


def pdd(crystals, volume=None):
    """Pointwise distance distributions of average-minimum-distance, k = 100."""
    import amd

    made = [atoms(c, volume=volume) for c in crystals]
    return [amd.PDD(amd.PeriodicSet(a.positions, a.cell[:]), NEIGHBOURS) for a in made]


def amd_distances(a, b):
    """Chebyshev distances of the average minimum distances, the package's default."""
    import amd

    return amd.AMD_cdist(*(np.array([amd.PDD_to_AMD(p) for p in one]) for one in (a, b)))


def pdd_distances(a, b, pairs, nearest=True):
    """Earth mover's distances of PDDs (Chebyshev between rows, the default); infinity elsewhere.

    Args:
        a: PDDs of the queries.
        b: PDDs of the entries.
        pairs: pairs to be computed, (n, m) booleans.
        nearest: also those that could be a query's nearest: the distance of the AMDs is a lower
            bound, so that the nearest of all is exact.
    """
    import amd

    bound = amd_distances(a, b)
    found = np.full(bound.shape, np.inf)
    for i in range(len(a)):
        best = np.inf
        for j in np.argsort(bound[i]):
            if pairs[i, j] or (nearest and bound[i, j] <= best):
                found[i, j] = amd.EMD(a[i], b[j])
                best = min(best, found[i, j])
    return found


def structures(crystals):
    """pymatgen's Structures."""
    from pymatgen.core import Lattice, Structure

    return [Structure(Lattice(c["matrix"]), c["z"], c["frac"]) for c in crystals]


def matcher_distances(a, b, pairs):
    """RMS distances of pymatgen's StructureMatcher (default settings), infinity if no match.

    It compares crystals of one composition: all others never match, so they are not tried.

    Args:
        a: Structures of the queries.
        b: Structures of the entries.
        pairs: pairs to be compared, (n, m) booleans.
    """
    from pymatgen.analysis.structure_matcher import StructureMatcher

    matcher = StructureMatcher()
    found = np.full((len(a), len(b)), np.inf)
    for i, j in zip(*np.nonzero(pairs), strict=True):
        result = matcher.get_rms_dist(a[i], b[j])
        found[i, j] = np.inf if result is None else result[0]
    return found
