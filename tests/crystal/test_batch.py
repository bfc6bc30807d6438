"""Batches of crystals from the layouts of other programs."""

import equinox as eqx
import numpy as np
import pytest

from jaxtal.crystal import Crystal, CrystalBatch, WyckoffCrystal, prototype

QUARTZ = prototype("alpha-quartz")
CELL = 4.0 * np.eye(3)


def cells():
    """Three crystals of 1, 2 and 9 atoms: matrix, coordinates, atomic numbers."""
    quartz = QUARTZ.expand()
    yield CELL, np.zeros((1, 3)), np.array([26])
    yield CELL + 0.3, np.array([[0, 0, 0], [0.5, 0.5, 0.4]]), np.array([55, 17])
    yield (
        np.asarray(quartz.lattice.matrix, float),
        np.asarray(quartz.frac_coords, float),
        np.asarray(quartz.atomic_numbers),
    )


def ragged():
    matrices, fracs, numbers = zip(*cells(), strict=True)
    counts = [len(n) for n in numbers]
    return np.concatenate(fracs), np.concatenate(numbers), counts, np.stack(matrices)


def same(a: CrystalBatch, b: CrystalBatch):
    np.testing.assert_allclose(np.asarray(a.matrix), np.asarray(b.matrix), atol=1e-5)
    np.testing.assert_array_equal(np.asarray(a.mask), np.asarray(b.mask))
    np.testing.assert_array_equal(np.asarray(a.atomic_numbers), np.asarray(b.atomic_numbers))
    gap = np.asarray(a.frac_coords) - np.asarray(b.frac_coords)
    assert np.abs(gap - np.round(gap)).max() < 1e-5


def test_ragged_layout_is_the_crystals_one_after_another():
    frac, species, counts, matrices = ragged()
    batch = CrystalBatch.from_ragged(frac, species, counts, matrices)
    assert len(batch) == 3
    assert batch.frac_coords.shape == (3, 10, 3)
    np.testing.assert_array_equal(np.asarray(batch.mask).sum(axis=1), [1, 2, 9])
    for b, (matrix, x, numbers) in enumerate(cells()):
        n = len(numbers)
        np.testing.assert_allclose(np.asarray(batch.matrix[b]), matrix, rtol=1e-6)
        np.testing.assert_allclose(np.asarray(batch.frac_coords[b, :n]), x, rtol=1e-6)
        np.testing.assert_array_equal(
            np.asarray(batch.atomic_numbers[b]), np.pad(numbers, (0, 10 - n))
        )
    crystals = [Crystal.from_arrays(*cell) for cell in cells()]
    same(batch, CrystalBatch.from_crystals(crystals))
    same(batch, CrystalBatch.from_crystals([crystal.to_ase() for crystal in crystals]))
    lengths = np.stack([crystal.lattice.cell[:3] for crystal in crystals])
    angles = np.stack([crystal.lattice.cell[3:] for crystal in crystals])
    turned = CrystalBatch.from_ragged(frac, species, counts, lengths=lengths, angles=angles)
    metric = np.einsum("bij,bkj->bik", *[np.asarray(batch.matrix)] * 2)
    np.testing.assert_allclose(
        np.einsum("bij,bkj->bik", *[np.asarray(turned.matrix)] * 2), metric, atol=2e-4
    )


def test_one_crystal_of_a_batch_is_a_crystal():
    frac, species, counts, matrices = ragged()
    batch = CrystalBatch.from_ragged(frac, species, counts, matrices, pad_to=12)
    crystal = batch[1]
    assert crystal.mask.shape == (12,)
    assert [int(z) for z in crystal.atomic_numbers[:3]] == [55, 17, 0]


#: Number, cell, sites: (element, letter, its place, point).
SITES = [
    (227, [3.567] * 3 + [90] * 3, [(6, "8a", 1, (1 / 8, 1 / 8, 1 / 8))]),
    (1, [4, 5, 6, 80, 95, 103], [(14, "1a", 1, (0.1, 0.2, 0.3)), (8, "1a", 1, (0.5, 0.9, 0.6))]),
    (47, [4, 5, 6, 90, 90, 90], [(22, "8A", 27, (0.1, 0.2, 0.3)), (8, "4z", 26, (0.3, 0.4, 0.5))]),
    (166, [4.9, 4.9, 14, 90, 90, 120], [(83, "6c", 3, (0, 0, 0.4)), (34, "3a", 1, (0, 0, 0))]),
    (14, [5, 6, 7, 90, 108, 90], [(7, "4e", 5, (0.1, 0.2, 0.3)), (1, "2b", 2, (0.5, 0, 0))]),
]


def wyckoff_arrays(scaled=True):
    """The layout of CrystalFormer for `SITES`, padded with 1e10."""
    G, L, XYZ, A, W, crystals = [], [], [], [], [], []
    for number, cell, sites in SITES:
        crystal = WyckoffCrystal.build(number, cell, [(z, w, x) for z, w, _, x in sites])
        n = len(crystal.expand().mask) if scaled else 1
        G.append(number)
        L.append(np.array(cell) / np.array([n ** (1 / 3)] * 3 + [1] * 3))
        pad = 3 - len(sites)
        XYZ.append([x for *_, x in sites] + [(1e10,) * 3] * pad)
        A.append([z for z, *_ in sites] + [0] * pad)
        W.append([w for _, _, w, _ in sites] + [0] * pad)
        crystals.append(crystal)
    return [np.array(x) for x in (G, L, XYZ, A, W)], crystals


@pytest.mark.parametrize("scaled", [True, False])
def test_wyckoff_layout_expands_as_wyckoff_crystals_do(scaled, powder):
    arrays, crystals = wyckoff_arrays(scaled)
    batch = CrystalBatch.from_wyckoff(*arrays, scaled=scaled)
    for b, crystal in enumerate(crystals):
        expanded = crystal.expand()
        real = np.asarray(batch.mask[b])
        assert real.sum() == len(expanded.mask)
        np.testing.assert_allclose(
            np.asarray(batch.matrix[b]), np.asarray(expanded.lattice.matrix), atol=1e-5
        )
        gap = (
            np.asarray(batch.frac_coords[b])[real][:, None] - np.asarray(expanded.frac_coords)[None]
        )
        near = np.abs(gap - np.round(gap)).max(axis=2) < 1e-5
        np.testing.assert_array_equal(near.sum(axis=1), 1)
        found = np.asarray(expanded.atomic_numbers)[near.argmax(axis=1)]
        np.testing.assert_array_equal(np.asarray(batch.atomic_numbers[b])[real], found)
        # The fingerprint sees occupancies and displacements too.
        np.testing.assert_allclose(powder(batch[b]), powder(expanded), rtol=1e-3, atol=1e-6)


def test_wyckoff_points_are_moved_onto_their_position():
    (G, L, XYZ, A, W), _ = wyckoff_arrays()
    moved = XYZ.copy()
    moved[0, 0] += 1e-3
    same(CrystalBatch.from_wyckoff(G, L, XYZ, A, W), CrystalBatch.from_wyckoff(G, L, moved, A, W))
    moved[0, 0] += 0.02
    with pytest.raises(ValueError, match="crystal 0, site 0: expected a point of the orbit 8a"):
        CrystalBatch.from_wyckoff(G, L, moved, A, W)
    CrystalBatch.from_wyckoff(G, L, moved, A, W, tolerance=1.0)


def changed(index, value):
    arrays = [np.array(x, float) for x in ragged()]
    arrays[index[0]][index[1:]] = value
    return arrays


@pytest.mark.parametrize(
    ("index", "value", "message"),
    [
        ((0, 4, 1), np.nan, r"crystal 2: frac_coords\[1, 1\]: expected a finite number"),
        ((0, 2), 0.001, "crystal 1: atoms 0 and 1: expected a distance"),
        ((1, 2), 0, r"crystal 1: atomic_numbers\[1\]: expected 1..118, got 0"),
        ((1, 2), 6.5, "atomic_numbers: expected integers"),
        ((2, 0), 2, r"frac_coords: expected shape \(13, 3\)"),
        ((2, 0), 0, "num_atoms: expected positive integers"),
        ((3, 1, 2), 0, "crystal 1: lattice matrix: expected independent lattice vectors"),
        ((3, 1, 2), np.inf, "crystal 1: lattice matrix"),
    ],
)
def test_bad_ragged_input_is_named(index, value, message):
    with pytest.raises(ValueError, match=message):
        CrystalBatch.from_ragged(*changed(index, value))


def test_other_bad_input_is_named():
    frac, species, counts, matrices = ragged()
    with pytest.raises(ValueError, match="either lattices or both"):
        CrystalBatch.from_ragged(frac, species, counts)
    with pytest.raises(ValueError, match="crystal 1: cell: expected a positive length"):
        CrystalBatch.from_ragged(
            frac, species, counts, lengths=[[4, 4, 4], [4, -4, 4], [4, 4, 4]], angles=[[90] * 3] * 3
        )
    with pytest.raises(ValueError, match="pad_to: expected at least the 9 atoms"):
        CrystalBatch.from_ragged(frac, species, counts, matrices, pad_to=8)
    with pytest.raises(ValueError, match="expected at least one, got none"):
        CrystalBatch.from_crystals([])
    near = frac.copy()
    near[2] = 0.001
    assert len(CrystalBatch.from_ragged(near, species, counts, matrices, min_distance=0)) == 3
    half = eqx.tree_at(lambda c: c.occupancies, QUARTZ.expand(), np.full(9, 0.5, np.float32))
    with pytest.raises(ValueError, match=r"crystal 1: expected occupancy 1 throughout.* 0.5 at"):
        CrystalBatch.from_crystals([QUARTZ, half])
    ion = Crystal.from_arrays(CELL, np.zeros((1, 3)), [14], charges=[4])
    with pytest.raises(ValueError, match="crystal 0: expected charge 0"):
        CrystalBatch.from_crystals([ion])
    assert len(CrystalBatch.from_crystals([ion], neutral=True)) == 1


@pytest.mark.parametrize(
    ("name", "place", "value", "message"),
    [
        ("G", (1,), 231, "crystal 1: expected a space-group number"),
        ("L", (1, 0), -1, "crystal 1: cell: expected a positive length"),
        ("XYZ", (2, 1, 0), np.nan, r"crystal 2, site 1: XYZ\[0\]"),
        ("A", (3, 2), 8, "crystal 3, site 2: expected both an atomic number and a Wyckoff letter"),
        ("A", (3, 1), 119, r"crystal 3: atomic_numbers\[6\]: expected 1..118"),
        ("W", (0, 0), 10, "crystal 0, site 0: expected W from 1 to 9 in space group 227, got 10"),
    ],
)
def test_bad_wyckoff_input_is_named(name, place, value, message):
    arrays, _ = wyckoff_arrays()
    arrays = dict(zip(("G", "L", "XYZ", "A", "W"), (x.astype(float) for x in arrays), strict=True))
    arrays[name][place] = value
    with pytest.raises(ValueError, match=message):
        CrystalBatch.from_wyckoff(**arrays)
