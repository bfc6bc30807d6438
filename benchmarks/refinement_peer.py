"""Cycles of smtbx on a job of `refinement.py`; run by the interpreter of the peers."""

import json
import pathlib
import sys
import time

from cctbx import adptbx, crystal, miller, sgtbx, xray
from cctbx.array_family import flex
from smtbx.refinement import constraints, least_squares
from smtbx.utils import connectivity_table

job = json.loads(pathlib.Path(sys.argv[1]).read_text())

group = sgtbx.space_group()
for op in job["operations"]:
    group.expand_smx(sgtbx.rt_mx(op))
info = sgtbx.space_group_info(group=group)
symmetry = crystal.symmetry(unit_cell=job["cell"], space_group_info=info)
structure = xray.structure(crystal_symmetry=symmetry)
for atom in job["atoms"]:
    u = adptbx.u_cif_as_u_star(symmetry.unit_cell(), atom["u"])
    one = xray.scatterer(atom["label"], site=atom["site"], u=u, scattering_type=atom["element"])
    one.occupancy = atom["occupancy"]
    one.fp, one.fdp = atom["fp"], atom["fdp"]
    one.flags.set_grads(False)
    one.flags.set_grad_site(True).set_grad_u_aniso(True).set_use_fp_fdp(True)
    structure.add_scatterer(one)
structure.scattering_type_registry(table="it1992")
indices = flex.miller_index([tuple(h) for h in job["hkl"]])
anomalous = not group.is_centric()
listed = miller.set(symmetry, indices, anomalous_flag=anomalous)
array = miller.array(listed, flex.double(job["intensity"]), flex.double(job["sigma"]))
observed = array.set_observation_type_xray_intensity().as_xray_observations()
table = connectivity_table(structure)
reparametrisation = constraints.reparametrisation(structure, [], table)
a, b = job["weights"]
weighting = least_squares.mainstream_shelx_weighting(a=a, b=b)
ls = least_squares.crystallographic_ls(observed, reparametrisation, weighting_scheme=weighting)
cycles, times, cpu = job["cycles"], [], []
for _ in range(cycles):
    start, begun = time.perf_counter(), time.process_time()
    ls.build_up()
    ls.solve()
    ls.step_forward()
    times.append(time.perf_counter() - start)
    cpu.append(time.process_time() - begun)
ls.build_up()
covariance = ls.covariance_matrix_and_annotations()
r1 = ls.r1_factor(cutoff_factor=2)[0]
xyz, u = [], []
for s in structure.scatterers():
    xyz.append(list(s.site))
    u.append(list(adptbx.u_star_as_u_cif(symmetry.unit_cell(), s.u_star)))
diagonal = covariance.matrix.matrix_packed_u_diagonal()
errors = {n: float(v) ** 0.5 for n, v in zip(covariance.annotations, diagonal, strict=True)}
found = {
    "times": times,
    "cpu": cpu,
    "r1": r1,
    "goof": ls.goof(),
    "wr2": ls.wR2(),
    "xyz": xyz,
    "u": u,
    "errors": errors,
    "parameters": ls.n_parameters,
}
pathlib.Path(sys.argv[2]).write_text(json.dumps(found))
