"""Structure solution of ordinary crystals: from merged reflections to a model to refine.

    found = solve(io.read_reflection_table("data.hkl"), "C10 H10 F2 N4")      # all of it
    found.solved, found.message, found.crystal, found.refinement, found.alternatives
    plot.solution_figure(found)                                               # on one page

Every stage is an object that the next one starts from, and that a user can look into, replace, or
make by other means:

    reflections = io.read_reflections("data.hkl", cell, solution.laue_group("P 21/n"), merge="mean")
    structure = solution.phase_in_p1(reflections)         # phases without symmetry, several runs
    search = solution.find_space_group(structure)         # all groups of the Laue class, ranked
    model = solution.find_atoms(search, "C10 H10 F2 N4")  # sites, elements, R1 before refinement
    search.converged, search.best.group, search.alternatives, model.crystal
    refinement.complete_model(measurements, refinement.Model.from_crystal(model.crystal))

`phase_in_p1` lists every equivalent of every reflection and phases them in P1, where neither a
wrong group nor the origin of a right one stands in the way; recipes of a ladder (`LADDER`, of
`Rung`s) get harder only while runs do not agree. Merging first and listing all equivalents then
matters: a file of unique reflections phased in P1 fills a part of the sphere only.

`find_space_group` measures how well the phases obey each group that the Laue class and the centring
leave, in every setting of the cell, and moves the origin there. What the data cannot tell apart is
in `alternatives`: groups above and below, and the other hand, which P1 leaves open.

`find_atoms` turns the averaged density into sites on Wyckoff positions, `AtomSites.crystal`.

A twin passes as a structure in all of this, but not in its intensities: `FreeStructure.twin`.
"""

from ._atoms import AtomSites as AtomSites
from ._atoms import find_atoms as find_atoms
from ._candidate_groups import laue_group as laue_group
from ._free_structure import FreeStructure as FreeStructure
from ._phase_in_p1 import phase_in_p1 as phase_in_p1
from ._rungs import LADDER as LADDER
from ._rungs import Rung as Rung
from ._solution import Solution as Solution
from ._solve import solve as solve
from ._space_group import CandidateGroup as CandidateGroup
from ._space_group import SpaceGroupSearch as SpaceGroupSearch
from ._space_group import find_space_group as find_space_group
