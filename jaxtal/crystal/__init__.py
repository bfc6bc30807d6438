"""Crystals: `Crystal`, the P1 content of a cell, and `WyckoffCrystal`, its symmetric form.

A `WyckoffCrystal` is a static plan (space group, Wyckoff letters) and free parameters; `expand()`
is pure and differentiable and gives a `Crystal`, which is what every later room works on.

    diamond = WyckoffCrystal.build(227, 3.567, [("C", "8a", (1/8, 1/8, 1/8))])
    diamond.expand()                              # Crystal: 8 atoms, arrays, gradients
    prototype("alpha-quartz")                     # built in, from published parameters
    Crystal.from_arrays(matrix, frac_coords, atomic_numbers)   # any cell, checked
    WyckoffCrystal.from_crystal(crystal, symprec=1e-3)   # symmetry found, standard setting
    WyckoffCrystal.from_crystal(crystal, symmetry=False) # P1: every atom free
    crystal.to_ase(); Crystal.from_ase(atoms); WyckoffCrystal.from_ase(atoms)
    match_crystals(a, b).rmsd                     # superposed over origin, cell and hand

Lower symmetry than a crystal has is a matter of stating it: `diamond_settings()` holds diamond in
twelve groups, written with `WyckoffCrystal.build`.

Many crystals of one shape, for training loops:

    batch = CrystalBatch.from_crystals(crystals)  # or from_ragged, from_wyckoff
    batch[0], batch[rows], list(batch), len(batch)

Two doors let every function take crystals of any kind. On the host, outside of `jit`, where shapes
are decided, `HostAtoms` (NumPy, float64, no padding) is what everything works on:

    host_crystal(given)           # one: Crystal, WyckoffCrystal, ASE Atoms, HostAtoms
    host_crystals(given)          # a list: one of these, a CrystalBatch, or any iterable of them
    iterate_host_crystals(given)  # the same for a stream, one after another
    is_crystal(given)             # one, rather than several
    Crystal.from_host(atoms, pad_to=n); CrystalBatch.from_host(list_of_atoms)

Traced, inside `jit`, `grad` and `vmap`:

    as_crystal(given)             # a Crystal as it is, a WyckoffCrystal expanded
    apply.apply_plan(one, plan, given)   # a function of one crystal, for one or several, compiled
    CrystalArrays(matrix, frac_coords, species, mask)   # one or many, unchecked; mixed sites

What is no crystal is refused there in one line that says what was expected and what came. Printed,
crystals and batches are one line each; `eqx.tree_pformat(crystal)` shows every array.
"""

from . import apply as apply
from ._as_crystal import as_crystal as as_crystal
from ._batch import CrystalBatch as CrystalBatch
from ._crystal import Crystal as Crystal
from ._crystal_arrays import CrystalArrays as CrystalArrays
from ._hash import structure_hash as structure_hash
from ._host_atoms import HostAtoms as HostAtoms
from ._host_crystals import host_crystal as host_crystal
from ._host_crystals import host_crystals as host_crystals
from ._host_crystals import is_crystal as is_crystal
from ._host_crystals import iterate_host_crystals as iterate_host_crystals
from ._match import CrystalMatch as CrystalMatch
from ._match import match_crystals as match_crystals
from ._prototypes import diamond_settings as diamond_settings
from ._prototypes import prototype as prototype
from ._prototypes import prototype_names as prototype_names
from ._prototypes import prototype_source as prototype_source
from ._wyckoff_crystal import WyckoffCrystal as WyckoffCrystal
