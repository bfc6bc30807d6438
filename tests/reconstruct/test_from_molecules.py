"""Crystals of molecules whose shapes are known: how they lie, their torsions, and their search."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule

from jaxtal.crystal import WyckoffCrystal, match_crystals
from jaxtal.descriptors import Descriptor, describe
from jaxtal.diffraction import ReciprocalSpace
from jaxtal.phasing.models._crystals import _NAPHTHALENE
from jaxtal.reconstruct import Adam, Objective, from_molecules
from jaxtal.reconstruct._search_plan import search_problem
from jaxtal.reconstruct._verify import verified_loss
from jaxtal.reconstruct.ab_initio._from_sites import with_cell
from jaxtal.reconstruct.molecules._molecule import Molecule
from jaxtal.reconstruct.molecules._molecule_problem import MoleculeProblem
from jaxtal.reconstruct.molecules._placement import placed
from jaxtal.reconstruct.molecules._pose_plan import PosePlan
from jaxtal.reconstruct.molecules._poses import rotated
from jaxtal.symmetry import SpaceGroup

SMALL = Descriptor(4, 4, 5.0, n_bins=51)
USUAL = Descriptor(8, 8, 6.0, n_bins=61)
#: Atoms that overlap in what is tried here.
OBJECTIVE = Objective(distance_weight=1.0, distance_factor=0.9)
MONOCLINIC = (7.1, 6.2, 8.3, 103.0)
ETHER = "CH3CH2OCH3"


def poses_of(group, cell, *molecules):
    """Molecules of ASE on their positions in a cell: objective, poses, and a crystal of theirs."""
    group = SpaceGroup.find(group)
    placements = [
        placed(Molecule.of(molecule(name), torsions), group, letter, name, torsions == "find")
        for name, letter, torsions in molecules
    ]
    sites = [site for one in placements for site in one.sites]
    like = with_cell(group, cell, sites, np.float64)
    planned = search_problem(OBJECTIVE, describe(like, SMALL), like, 1.5)
    assert planned is not None
    return planned[0], PosePlan.build(placements, group, planned[1]), like


def drawn(plan, like, rng, count=1):
    v = np.asarray(like.to_variables(), np.float64)[None, : plan.cells]
    return plan.drawn(np.repeat(plan.cell.from_public(v), count, axis=0), rng)


def atoms_of(plan, w):
    """Places of all atoms in space, angstrom, with the cell left out."""
    atoms = sum(len(placement.numbers) for placement in plan.placements)
    return rotated(plan.poses.spins @ w, plan.poses.placed(w))[:atoms]


def test_torsions_found_are_those_of_single_bonds_that_turn_more_than_hydrogen():
    def found(name):
        atoms = molecule(name)
        own = Molecule.of(atoms, "find")
        return sorted("".join(sorted(atoms.symbols[[b, c]])) for b, c in own.torsions)

    assert found(ETHER) == ["CO"]
    assert found("HCOOCH3") == ["CO"]
    assert found("trans-butane") == ["CC"]
    for name in ("C6H6", "CH3CONH2", "CH3CN", "C2H6", "C4H4S", "butadiene"):
        # Of butadiene the bond in the middle is single.
        assert found(name) == (["CC"] if name == "butadiene" else [])


def test_a_torsion_is_turned_by_its_variable_alone(rng):
    ether = molecule(ETHER)
    _, plan, like = poses_of(14, MONOCLINIC, (ETHER, "4e", "find"))
    ((b, c),) = Molecule.of(ether, "find").torsions
    bonded = Molecule.of(ether).bonded
    a, d = (int(np.flatnonzero(bonded[i] & (np.arange(12) != j))[0]) for i, j in ((b, c), (c, b)))
    w = drawn(plan, like, rng)[0]
    turn = plan.cells + 7
    w[turn] = 0.0
    before = Atoms(ether.symbols, atoms_of(plan, w))
    # The molecule as it was given, turned as a whole.
    assert np.allclose(before.get_all_distances(), ether.get_all_distances(), atol=1e-12)
    w[turn] = 0.7
    after = Atoms(ether.symbols, atoms_of(plan, w))
    change = after.get_dihedral(a, b, c, d) - before.get_dihedral(a, b, c, d)
    assert np.isclose(np.deg2rad(change) % (2 * np.pi), 0.7, atol=1e-9)
    # Nothing else has changed: bonds, and distances on either side.
    one, two = before.get_all_distances(), after.get_all_distances()
    side = Molecule.of(ether).side(b, c)
    rigid = bonded | (side[:, None] == side[None])
    assert np.allclose(one[rigid], two[rigid], atol=1e-12)
    assert np.abs(one - two).max() > 0.1
    w[turn] += 2 * np.pi
    assert np.allclose(atoms_of(plan, w), after.positions, atol=1e-12)


def test_a_molecule_on_a_centre_keeps_it_and_pairs_its_torsions(rng):
    butane = molecule("trans-butane")
    bonded, carbon = Molecule.of(butane).bonded, np.flatnonzero(butane.numbers == 6)
    ends = [i for i in carbon if bonded[i][carbon].sum() == 1]
    torsions = []
    for end in ends:
        (inner,) = carbon[bonded[end][carbon]]
        hydrogen = np.flatnonzero(bonded[end] & (butane.numbers == 1))[0]
        (other,) = [i for i in carbon if bonded[inner, i] and i != end]
        torsions.append((int(hydrogen), int(end), int(inner), int(other)))
    _, plan, like = poses_of(14, MONOCLINIC, ("trans-butane", "2a", torsions))
    (placement,) = plan.placements
    assert placement.n_torsions == 1
    assert len(placement.chosen) == 7
    w = drawn(plan, like, rng)[0]
    r = atoms_of(plan, w)
    gap = np.linalg.norm(r[:, None] + r[None], axis=-1).min(axis=1)
    assert gap.max() < 1e-9
    # Both ends have turned.
    w[plan.cells + 4] += 1.0
    moved = np.linalg.norm(atoms_of(plan, w) - r, axis=1) > 0.1
    assert moved.sum() == 6
    # The crystal has the whole molecule, every atom once.
    crystal = like.with_variables(plan.crystals(w[None])[0])
    host = crystal.to_host()
    whole = host.frac_coords @ host.matrix
    for atom in atoms_of(plan, w)[:14]:
        shifts = (whole - atom) @ np.linalg.inv(host.matrix)
        shifts -= np.rint(shifts)
        assert np.sum(np.linalg.norm(shifts @ host.matrix, axis=1) < 1e-6) == 1


def test_orientations_are_equally_distributed(rng):
    _, plan, like = poses_of(14, MONOCLINIC, ("HCN", "4e", ()))
    w = drawn(plan, like, rng, 4000)
    q = w[:, plan.cells + 3 : plan.cells + 7]
    frames = np.array([rotated(np.repeat(one[None], 3, axis=0), np.eye(3)) for one in q])
    assert np.allclose(frames @ np.swapaxes(frames, 1, 2), np.eye(3), atol=1e-12)
    assert np.allclose(np.linalg.det(frames), 1.0)
    # Moments over all rotations: <R> = 0, <R_ij^2> = 1/3, <(trace R)^2> = 1; spread 4000^-1/2.
    assert np.abs(frames.mean(axis=0)).max() < 0.04
    assert np.abs(np.square(frames).mean(axis=0) - 1 / 3).max() < 0.03
    assert abs(np.square(np.trace(frames, axis1=1, axis2=2)).mean() - 1) < 0.1
    # The length of a quaternion does not count, and none at all turns nothing.
    assert np.allclose(rotated(3 * q, q[:, 1:]), rotated(q, q[:, 1:]))
    slope = jax.jacfwd(lambda q: rotated(q, jnp.ones((1, 3))))(jnp.zeros((1, 4)))
    assert np.all(np.isfinite(slope))


@jax.jit
def _evaluated(problem, w, blur, slopes):
    found = problem.evaluated(w, blur, slopes=slopes)
    return found.loss, found.gradient, found.rows()


def test_values_and_derivatives(x64, rng):
    """Two molecules, one that turns and one on a centre, in a cell that shears."""
    molecules = ((ETHER, "4e", "find"), ("C2H2", "2a", ()))
    atoms, plan, like = poses_of(14, MONOCLINIC, *molecules)
    problem = jax.tree.map(jnp.asarray, MoleculeProblem(atoms, plan.poses))
    w = drawn(plan, like, rng)[0]
    target = describe(like, SMALL)
    crystal = like.with_variables(plan.crystals(w[None])[0])
    expected = verified_loss(OBJECTIVE, target, crystal)

    def evaluate(w, slopes):
        return [np.asarray(x) for x in _evaluated(problem, jnp.asarray(w), 0.1, slopes)]

    _, gradient, rows = evaluate(w, False)
    assert np.isclose(
        float(_evaluated(problem, jnp.asarray(w), 0.0, False)[0]), expected, rtol=1e-9
    )
    slopes = evaluate(w, True)[2][1:]
    eps = 1e-6
    used = plan.cells + 8 + 4
    assert np.abs(gradient[:used]).min() > 0
    assert np.all(gradient[used:] == 0)
    for i in range(used):
        step = eps * (np.arange(len(w)) == i)
        up, down = evaluate(w + step, False), evaluate(w - step, False)
        scale = np.abs(gradient).max()
        assert np.isclose((up[0] - down[0]) / (2 * eps), gradient[i], atol=1e-6 * scale)
        change = (up[2][0] - down[2][0]) / (2 * eps)
        assert np.allclose(change, slopes[i], atol=1e-6 * np.abs(slopes).max())
    # Both ways agree, and the length of a quaternion changes nothing.
    assert np.allclose(2 * slopes @ rows[0], gradient, atol=1e-10 * np.abs(gradient).max())
    spin = slice(plan.cells + 3, plan.cells + 7)
    assert abs(w[spin] @ gradient[spin]) < 1e-12 * np.abs(gradient).max()


#: G. J. H. van Nes & A. Vos, Acta Cryst. B 35 (1979) 2593: the cell of ethylene; and a pose.
ETHYLENE = ("P 1 21/n 1", (4.626, 6.620, 4.067, 94.39))


@functools.cache
def ethylene(angle=0.4):
    atoms = molecule("C2H4")
    atoms.rotate(np.rad2deg(angle), (1, 2, 0.5))
    atoms.positions -= atoms.positions.mean(axis=0)
    group, cell = ETHYLENE
    frame = WyckoffCrystal.build(group, cell, [("H", "2a", (0, 0, 0))])
    frac = atoms.positions @ np.linalg.inv(frame.to_host().matrix)
    half = [i for i in range(6) if i in (0, 2, 3)]
    sites = [(atoms.symbols[i], "4e", frac[i]) for i in half]
    return WyckoffCrystal.build(group, cell, sites)


def same(found, reference):
    match = match_crystals(reference, found)
    return match is not None and match.rmsd < 0.01 and match.cell_error < 1e-3


def test_ethylene_is_found_from_its_molecule():
    crystal = ethylene()
    group, cell = ETHYLENE
    news = []
    found = from_molecules(
        describe(crystal, SMALL),
        group,
        [(molecule("C2H4"), "2a")],
        cell=cell,
        starts=4,
        optimiser=Adam(steps=100),
        progress=False,
        on_chunk=news.append,
    )
    assert found.success
    assert same(found.best, crystal)
    assert found.variables.shape == (4, crystal.n_free)
    # What is told on the way are variables of crystals.
    now = news[-1].found()
    assert now.variables.shape[1] == crystal.n_free
    assert news[-1].like.with_variables(now.variables[0]).group == crystal.group


@pytest.mark.slow
def test_atoms_are_freed_where_the_shape_is_not_that_of_the_crystal():
    crystal = ethylene()
    shape = molecule("C2H4")
    shape.positions *= 1.01
    arguments = (describe(crystal, SMALL), ETHYLENE[0], [(shape, "2a")])
    options = {"cell": ETHYLENE[1], "starts": 4, "progress": False}
    rigid = from_molecules(*arguments, **options, free=False)
    assert not rigid.success
    found = from_molecules(*arguments, **options)
    assert found.success
    assert same(found.best, crystal)


@pytest.mark.slow
def test_a_cell_that_is_not_told_is_found():
    crystal = ethylene()
    found = from_molecules(
        describe(crystal, USUAL), ETHYLENE[0], [(molecule("C2H4"), "2a")], starts=4, progress=False
    )
    assert found.success
    assert same(found.best, crystal)


def benzene():
    """A regular molecule, in about the cell and the orientation of Bacon, Curry & Wilson,
    Proc. R. Soc. A 279 (1964) 98."""
    matrix = np.diag([7.44, 9.55, 6.92])
    first, second = np.array([(-0.0569, 0.1387, -0.0054), (-0.1335, 0.046, 0.1264)]) @ matrix
    u = first / np.linalg.norm(first)
    v = second - (second @ u) * u
    v /= np.linalg.norm(v)
    sites = [
        (element, "8c", (r * (np.cos(turn) * u + np.sin(turn) * v)) @ np.linalg.inv(matrix))
        for element, r in (("C", 1.395), ("H", 2.48))
        for turn in np.pi / 3 * np.arange(3)
    ]
    return WyckoffCrystal.build("P b c a", np.diagonal(matrix), sites), "4a"


def naphthalene():
    """D. W. J. Cruickshank, Acta Cryst. 10 (1957) 504."""
    sites = [(element, "4e", x) for element, x in _NAPHTHALENE]
    return WyckoffCrystal.build("P 21/c", (8.658, 6.003, 8.235, 122.92), sites), "2a"


@pytest.mark.slow
@pytest.mark.parametrize("made", [benzene, naphthalene])
def test_aromatic_crystals_are_found_from_random_poses(made):
    crystal, letter = made()
    host, site = crystal.to_host(), np.asarray(crystal.plan.site)
    first = np.searchsorted(site, np.arange(len(crystal.plan.letters)))
    half = (host.frac_coords[first] - np.rint(host.frac_coords[first])) @ host.matrix
    numbers = np.tile(host.atomic_numbers[first], 2)
    shape = Atoms(numbers, np.concatenate([half, -half]))
    shape.rotate(77, (1, 2, 3))
    for seed in range(2):
        found = from_molecules(
            describe(crystal, USUAL),
            crystal.group,
            [(shape, letter)],
            cell=crystal.lattice_parameters,
            key=seed,
            progress=False,
        )
        assert found.success
        assert same(found.best, crystal)


def pair():
    atoms = molecule("H2O") + molecule("H2O")
    atoms.positions[3:] += 4.0
    return atoms


TARGET = functools.cache(lambda: describe(ethylene(), SMALL))


@pytest.mark.parametrize(
    ("group", "molecules", "message"),
    [
        (14, [], "expected at least one"),
        (14, [molecule("H2O")], r"molecule 0: expected \(atoms, letter\)"),
        (14, [("benzene.xyz", "2a")], "molecule 0: expected ASE Atoms, got str"),
        (14, [(Atoms(), "2a")], "expected atoms, got none"),
        (14, [(pair(), "4e")], "expected one molecule, got atom 3"),
        (14, [(molecule("C6H6"), "2a"), (molecule("H2O"), "2a")], "molecule 1: .*inversion"),
        (14, [(molecule("C6H6"), "4f")], "no Wyckoff position '4f'"),
        (15, [(molecule("C6H6"), "4e")], "site symmetry 1 or -1, got 4e of C 1 2/c 1"),
        (14, [(molecule("C6H6"), "2a", "all")], "quadruples or 'find', got 'all'"),
        (14, [(molecule("C6H6"), "2a", [(0, 1, 2, 3)])], "bond in no ring, got 1-2"),
        (14, [(molecule("C6H6"), "2a", [(0, 1, 2, 12)])], "four different atoms of 0 to 11"),
        (14, [(molecule("C6H6"), "2a", [5])], "torsion 5: expected four different atoms"),
        (14, [(molecule("C6H6"), "2a", [(0, 2, 1, 3)])], "none of 0 and 2"),
        (14, [(molecule("C2H6"), "2a", [(2, 0, 1, 5)])], "bond 0-1 through it"),
        (14, [(molecule("C2H6"), "4e", [(2, 0, 1, 5), (3, 0, 1, 6)])], "one torsion for each"),
    ],
)
def test_what_is_no_molecule_is_refused(group, molecules, message):
    with pytest.raises(ValueError, match=message):
        from_molecules(TARGET(), group, molecules, cell=MONOCLINIC, progress=False)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"starts": 0}, "starts: expected at least 1"),
        ({"cell_range": 1.0}, "cell_range"),
        ({"volume": -1.0}, "volume"),
        ({"cell": (4.0, 5.0)}, "cell: expected 6 parameters or the free ones"),
    ],
)
def test_numbers_out_of_range_are_refused(options, message):
    given = {"cell": ETHYLENE[1], "progress": False} | options
    with pytest.raises(ValueError, match=message):
        from_molecules(TARGET(), ETHYLENE[0], [(molecule("C2H4"), "2a")], **given)


def test_what_takes_more_than_coordinates_is_refused():
    space = ReciprocalSpace(5.0, displacements=True)
    target = describe(ethylene(), Descriptor(4, 4, 5.0, n_bins=51, space=space))
    with pytest.raises(ValueError, match="without displacements"):
        from_molecules(target, 14, [(molecule("C2H4"), "2a")], cell=MONOCLINIC, progress=False)
