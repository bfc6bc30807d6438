"""Charge flipping by cctbx on a job of `solving_peers.py`; run by the interpreter of the peers."""

import json
import pathlib
import random
import sys
import time

from cctbx import crystal, maptbx, miller, sgtbx
from cctbx.array_family import flex
from smtbx.ab_initio import charge_flipping

job = json.loads(pathlib.Path(sys.argv[1]).read_text())
group = sgtbx.space_group()
for op in job["operations"]:
    group.expand_smx(sgtbx.rt_mx(op))
info = sgtbx.space_group_info(group=group)
symmetry = crystal.symmetry(unit_cell=job["cell"], space_group_info=info)
listed = miller.set(symmetry, flex.miller_index([tuple(h) for h in job["hkl"]]), False)
array = miller.array(listed, flex.double(job["intensity"]), flex.double(job["sigma"]))
array = array.set_observation_type_xray_intensity().merge_equivalents().array()
f_obs = array.select(array.data() > 0).f_sq_as_f()
f_obs = f_obs.resolution_filter(d_min=max(job["d_min"], f_obs.d_min()))

# A cycle, on the grid that it chooses.
flipping = charge_flipping.weak_reflection_improved_iterator(delta=None)
expanded = f_obs.expand_to_p1().as_non_anomalous_array().merge_equivalents().array()
expanded = expanded.discard_sigmas()
flex.set_random_seed(0)
flipping.start(expanded, 6.283185307179586 * flex.random_double(expanded.size()))
flipping.delta = 1.1 * flipping.rho_map.sigma()
for _ in range(10):
    next(flipping)
begin, cpu = time.perf_counter(), time.process_time()
for _ in range(job["cycles"]):
    next(flipping)
points = flipping.crystal_gridding.n_grid_points()
cycle = {
    "points": points,
    "wall": (time.perf_counter() - begin) / job["cycles"],
    "cpu": (time.process_time() - cpu) / job["cycles"],
}

runs = []
for seed in job["seeds"]:
    random.seed(seed)
    flex.set_random_seed(seed)
    begin, cpu = time.perf_counter(), time.process_time()
    solving = charge_flipping.solving_iterator(
        charge_flipping.weak_reflection_improved_iterator(delta=None),
        f_obs,
        yield_during_delta_guessing=True,
        yield_solving_interval=1,
        extra_iterations_on_f_after_phase_transition=10,
        normalisations_for=charge_flipping.amplitude_quasi_normalisations,
    )
    cycles = sum(1 for _ in solving)
    run = {
        "claimed": bool(solving.f_calc_solutions),
        "cycles": cycles,
        "wall": time.perf_counter() - begin,
        "cpu": time.process_time() - cpu,
        "peaks": [],
    }
    if solving.f_calc_solutions:
        f_calc = solving.f_calc_solutions[0][0]
        density = f_calc.fft_map(
            symmetry_flags=maptbx.use_space_group_symmetry, resolution_factor=1 / 4
        )
        wanted = maptbx.peak_search_parameters(
            min_distance_sym_equiv=0.9, max_clusters=job["atoms"], interpolate=True
        )
        found = density.peak_search(parameters=wanted, verify_symmetry=False).all()
        run["peaks"] = [list(site) for site in found.sites()]
    runs.append(run)
print(json.dumps({"cycle": cycle, "runs": runs}))
