"""The doors for crystals of every kind, on the host and inside jit, and how crystals print."""

import dataclasses
import re
from typing import Any

import ase
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxtal.crystal import (
    Crystal,
    CrystalBatch,
    HostAtoms,
    WyckoffCrystal,
    as_crystal,
    host_crystal,
    host_crystals,
    is_crystal,
    iterate_host_crystals,
    prototype,
)

QUARTZ, RUTILE = prototype("alpha-quartz"), prototype("rutile")
KINDS = {
    "Crystal": QUARTZ.expand(),
    "padded": Crystal.from_host(QUARTZ.to_host(), pad_to=12),
    "WyckoffCrystal": QUARTZ,
    "ASE": QUARTZ.to_ase(),
    "HostAtoms": QUARTZ.to_host(),
}


@pytest.mark.parametrize("kind", KINDS)
def test_one_crystal_of_every_kind(kind):
    given = KINDS[kind]
    assert is_crystal(given)
    expected = QUARTZ.expand()
    for atoms in (host_crystal(given), *host_crystals(given), *host_crystals([given])):
        assert isinstance(atoms, HostAtoms)
        assert len(atoms) == 9
        np.testing.assert_allclose(atoms.matrix, np.asarray(expected.lattice.matrix), atol=1e-5)
        gap = atoms.frac_coords - np.asarray(expected.frac_coords, float)
        np.testing.assert_allclose(gap, np.round(gap), atol=1e-6)
        np.testing.assert_array_equal(atoms.atomic_numbers, expected.atomic_numbers)
        assert atoms.distinct_species == [(8, 0, 0), (14, 0, 0)]
    crystal = as_crystal(given)
    assert isinstance(crystal, Crystal)
    assert crystal.frac_coords.dtype == expected.frac_coords.dtype
    np.testing.assert_allclose(float(crystal.volume), float(expected.volume), rtol=1e-5)


def test_several_crystals():
    batch = CrystalBatch.from_crystals([QUARTZ, RUTILE.to_ase()])
    assert not is_crystal(batch)
    several = [KINDS["ASE"], RUTILE, batch, KINDS["padded"]]
    assert [len(atoms) for atoms in host_crystals(several)] == [9, 6, 9, 6, 9]
    assert [len(atoms) for atoms in host_crystals(iter(several))] == [9, 6, 9, 6, 9]
    filled = CrystalBatch.from_host(host_crystals(batch), length=5)
    assert len(filled) == 5
    assert [len(atoms) for atoms in host_crystals(filled)] == [9, 6]
    stream = iterate_host_crystals(one for one in (RUTILE, None))
    assert len(next(stream)) == 6
    with pytest.raises(ValueError, match="crystal 1: expected"):
        next(stream)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (3, "crystals: expected a Crystal, WyckoffCrystal, .* or several, got int"),
        (None, "got NoneType"),
        ("quartz", r"got 'quartz'; a built-in crystal is jxt.prototype\('quartz'\)"),
        ([QUARTZ, "a.cif"], r"crystal 1: .*from a file jxt.io.read\('a.cif'\)"),
        ([QUARTZ, [QUARTZ]], "crystal 1: expected a Crystal, .* got list"),
        ([], "crystals: expected at least one, got none"),
        (ase.Atoms("H"), "crystals: cell: expected three independent vectors"),
        ([QUARTZ, ase.Atoms("X", cell=[3, 3, 3])], r"crystal 1: atomic_numbers\[0\]"),
    ],
)
def test_what_is_no_crystal(given, message):
    with pytest.raises(ValueError, match=message) as caught:
        host_crystals(given)
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="crystal"):
        as_crystal(given)


@pytest.mark.parametrize(
    ("name", "message"),
    [("frac_coords", r"frac_coords\[0, 0\]"), ("mask", "no atoms|got none"), ("u_iso", "u_iso")],
)
def test_what_a_crystal_must_not_hold(name, message):
    crystal = QUARTZ.expand()
    value = getattr(crystal, name)
    bad = value & False if name == "mask" else value * jnp.nan
    with pytest.raises(ValueError, match=f"crystal: .*({message})"):
        host_crystal(dataclasses.replace(crystal, **{name: bad}))


def test_traced_crystals():
    @jax.jit
    def volume(crystal):
        return as_crystal(crystal).volume

    for given in (QUARTZ, QUARTZ.expand()):
        np.testing.assert_allclose(volume(given), QUARTZ.lattice.volume, rtol=1e-6)
        slope = eqx.filter_grad(volume)(given)
        leaf = slope.lattice.matrix if isinstance(slope, Crystal) else slope.lattice_parameters
        assert np.all(np.isfinite(leaf))
        assert np.any(np.asarray(leaf) != 0)
        with pytest.raises(ValueError, match="known on the host"):
            jax.jit(lambda c: host_crystal(c).matrix)(given)


def test_atoms_on_the_host_are_those_of_expand(x64):
    tensor = 0.01 * np.eye(3) + 0.002
    built = WyckoffCrystal.build(
        154,
        (4.916, 5.4054),
        [("Si", "3a", (0.4697, 0, 2 / 3)), ("O", "6c", (0.4135, 0.2669, 0.7858))],
        u_iso=[0.01, 0.02],
    )
    free = dataclasses.replace(built, u_aniso=jnp.stack([jnp.asarray(tensor)] * 2))
    for crystal in (built, free, prototype("coesite")):
        ours, expected = crystal.to_host(), crystal.expand()
        np.testing.assert_allclose(ours.matrix, expected.lattice.matrix, atol=1e-12)
        np.testing.assert_allclose(ours.frac_coords, expected.frac_coords, atol=1e-12)
        for key in ("atomic_numbers", "occupancies", "u_iso", "charges", "isotopes"):
            np.testing.assert_array_equal(getattr(ours, key), getattr(expected, key))
        if crystal.u_aniso is not None:
            np.testing.assert_allclose(
                np.asarray(ours.u_aniso), np.asarray(expected.u_aniso), atol=1e-14
            )


def test_rows_of_a_batch():
    batch = CrystalBatch.from_crystals([QUARTZ, RUTILE, prototype("diamond")])
    assert len(list(batch)) == len(batch) == 3
    for crystal, n in zip(batch, (9, 6, 8), strict=True):
        assert isinstance(crystal, Crystal)
        assert crystal.mask.shape == batch.mask.shape[1:]
        assert len(crystal.to_host()) == n
    np.testing.assert_array_equal(batch[-1].atomic_numbers[:8], 6)
    np.testing.assert_allclose(float(batch[1].volume), float(RUTILE.lattice.volume), rtol=1e-6)
    assert isinstance(batch[np.int64(1)], Crystal)
    for rows in (slice(1, None), [1, 2], np.array([False, True, True]), jnp.array([1, 2])):
        some = batch[rows]
        assert isinstance(some, CrystalBatch)
        np.testing.assert_array_equal(some.matrix, batch.matrix[1:])
        np.testing.assert_array_equal(some.frac_coords, batch.frac_coords[1:])
    chosen = jax.jit(lambda b, rows: b[rows].atomic_numbers)(batch, jnp.array([2, 0]))
    np.testing.assert_array_equal(chosen, np.asarray(batch.atomic_numbers)[[2, 0]])
    wrong: tuple[Any, ...] = (3, -4, [0, 3], (0, 1))
    for index in wrong:
        with pytest.raises(IndexError):
            _ = batch[index]


def test_crystals_print_as_one_line():
    assert repr(RUTILE) == ("P 42/m n m (136): Ti 2a, O 4f; a 4.593, c 2.959 A; 3 free parameters")
    assert str(QUARTZ) == "P 32 2 1 (154): Si 3a, O 6c; a 4.916, c 5.405 A; 6 free parameters"
    line = "9 atoms: O 6, Si 3; a 4.916, b 4.916, c 5.405 A, gamma 120"
    assert repr(QUARTZ.expand()) == repr(QUARTZ.to_host()) == line
    assert repr(KINDS["padded"]) == f"{line}; padded to 12"
    batch = CrystalBatch.from_crystals([QUARTZ, RUTILE])
    assert repr(batch) == "2 crystals of 6 to 9 atoms, padded to 10: O, Si, Ti"
    assert re.search(r"f\d\d\[3,3\]", eqx.tree_pformat(QUARTZ.expand()))


def test_crystals_print_without_their_numbers():
    """Traced, batched and filtered ones, as they stand in messages of errors."""
    batch = CrystalBatch.from_crystals([QUARTZ, RUTILE])
    seen = []

    def printed(x):
        seen.append(repr(x))
        return jax.tree.leaves(x)[0]

    for given in (QUARTZ, QUARTZ.expand(), batch):
        jax.jit(printed)(given)
        doubled = jax.tree.map(lambda x: jnp.stack([x, x]), given)
        jax.vmap(printed)(doubled)
        seen += [repr(doubled)] if given is QUARTZ else []
        seen += [repr(eqx.partition(given, eqx.is_inexact_array)[i]) for i in (0, 1)]
        seen += [repr(jax.tree.map(lambda x: True, given))]
    jax.vmap(printed)(batch)
    assert all(line and "\n" not in line and len(line) < 200 for line in seen)
    assert any("traced" in line for line in seen)
    assert any("batched" in line for line in seen)
