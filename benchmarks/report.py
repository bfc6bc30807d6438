"""Write `README.md` from the results of the benchmarks.

python benchmarks/report.py
"""

import json
from pathlib import Path
from statistics import median

from claims_report import claims_text
from descent_report import descent_text
from from_composition_report import from_composition_text
from generative_report import generative_text
from monitor_report import monitor_text
from notebooks_report import notebooks_text
from prototypes_report import prototypes_text
from rebuilding_report import rebuilding_text
from refinement_report import refinement_text
from solving_report import simulated_text, solving_peers_text, solving_text, verdict_text
from sweep_report import fuzz_text, growth_text, interrupts_text

HERE = Path(__file__).parent

HEAD = """# Benchmarks

Written by `report.py` from `results/*.json`; run a script to measure again. Times are warm, with
`block_until_ready`, compile time apart, and peers run in the same process on the same machine.
Shared machines are noisy: read ratios, not milliseconds.
"""

DESCRIPTOR = """
## Time per structure (`descriptor.py`)

Alpha-quartz as a rattled 2 x 2 x 2 cell, 72 atoms, q_max = 10 1/A, n_max = l_max = 10 (SOAP:
r_cut 6 A, n_max 8, l_max 6). jaxtal's list of reflections is complete; RECP's misses 240 of 15298.

"""

THROUGHPUT = """
## Batches of crystals (`throughput.py`)

64 rattled and strained cells of alpha-quartz, 72 atoms each, float32, q_max = 10 1/A, n_max =
l_max = 10; the metric at its default settings; SOAP as above, by DScribe unless stated, RINSE with
its defaults, AMD with k = 100; powder lines of Cu K-alpha from 5 to 90 degrees. Inside `jit`, on a
CPU, the crystals of a batch follow one another in one program; two threads take half a batch each,
as do the calls `plan(crystals)` and `metric(crystals)` by themselves. First call: of all 64 in this
process, with what it compiles or loads (4 of RECP and midas-hkls). How much faster: medians, and
best times, of the rows named.

"""

#: First and second call of a process.
KINDS = ("first", "second")

COLD = """
## First calls (`cold.py`)

What a newcomer waits for: each task in a process of its own with an empty compilation cache, its
first call cold and its second warm; beside the former build ce30c65 in turns, and peers. CPU
seconds of all cores, the least of all turns; commands with the start of Python, calls without
imports.

"""

RATES = """
## Crystals rebuilt from their descriptor (`reconstruction.py rates`)

Space group, sites and the descriptor are given. `paper` starts are perturbed by the paper's
(d_lat, d_coor), x2 and x4 by twice and four times as much; `random` means uniform coordinates and
cell lengths within 20 %. Solved: the best start superposes on the reference with RMSD < 0.01 A
over origin, cell choice and hand, and a cell error < 0.1 %. Claimed: the program says it
converged. Single start: the same test for every start by itself. Seconds: all starts, median,
compiled.

"""

SCIPY = """
## SciPy's optimisers on the identical objective (`reconstruction.py scipy`)

The paper's perturbations, identical starts, the compiled objective, at most 4000 evaluations.
Evaluations are values for Nelder-Mead, values with gradient for L-BFGS-B; for jaxtal they are
iterations, 400 with a gradient and 40 with a Jacobian. SciPy runs one start after the other and its
seconds include the superposition on the reference; jaxtal runs all starts at once. The machine was
busy with other work, so only large ratios mean anything.

"""


PHASING = """
## Phasing the measured Cd-Yb quasicrystal (`phasing.py`)

5078 orbits, 522 866 reflections with symmetry, six dimensions. True: agreement above 0.97 with the
solution of a long sweep on the alias-free grid, modulo origin and hand. Claimed: the verdict (a
start of the family, shaken and released from the group, comes back). Seconds per start: from random
phases to the judged density, warm, restarts included, without the search for the grid, which is
done once, and without the verdict.

"""

PEER = """
The peer is the reference algorithm written with NumPy and SciPy (cyclic grid of {points:,} points,
float64, `scipy.fft` with two workers, `np.partition`): {ms:.0f} ms per iteration, measured in the
same run over {cycles} iterations. A start takes the {median:.0f} iterations that the same sweep,
0.8 / 0.995, needs in the median to pass the ratio of 50: {seconds:.1f} s, **{ratio:.0f} times** the
{ours:.2f} s of a start of the default recipe.

"""

SWEEPS = """
`SweepDown` alone on the alias-free grid, until the ratio passes 50, at most 100 iterations:

"""

GRIDS = """
The paper's open question, by counts: the same sweep (0.8 / 0.99) on other grids.

"""

MODELS = """
## Phasing crystals with known phases (`phasing.py models`)

Single attempts, then the recipe with its restarts and verdict. True: agreement above 0.97 with the
true phases. The two-dimensional set has a second homometric solution, which agrees at 0.66 with the
first and is as good; it counts neither as true nor as a false claim. `mod4d`, `deca5d` and `ico6d`
are sets of the reference data, the others come from the package.

A search by sweeps (recipe `folded-sweep`) ends on `ico6d` mostly in a family that agrees with the
truth at 0.90, with a ratio of 109 and R = 0.16. Its reflections of even index sum are right (4e-4
of their power has a wrong sign), its odd ones, 8 % of the power, are random: the average over the
body-centring translation is found, and which of the two sublattices an atom is on is not. RRR, the
search of `folded` and `thorough`, leaves that family (ratio 560 to 650, R = 0.04).

"""

FIELDS = """
## Symmetry-adapted bases (`fields.py`)

Gyroid, I a -3 d (96 operations), float64, times in ms: median, best. `scipy` is `scipy.fft` with
two workers and NumPy gathers through the same tables, in the same run. PSCF is the compiled program
1.3.3 on one core of another machine (best of three or four; its two steps added): only the order
of magnitude compares. Energy: mean f^3 plus the gradient term, and its gradient in all
coefficients.

"""

MATCHING = """
## Finding perturbed crystals again (`matching.py`)

The 288 prototypes of the AFLOW encyclopaedia are the entries; every query is one of them, perturbed
(atoms by an RMS of 0.05 or 0.1 A, 2 % strain, volume 5 % up or down) and disguised (supercell of
index up to 4 or sheared cell, rotation, origin, order of atoms), five of each per level.
`disguise.py` tells how. Found: the nearest of all 288 entries is the query's own; the two pairs
that are one crystal within the noise (FeS2, O2) count as one. `of SiO2`: the queries of the ten
SiO2 polymorphs, among all entries. `composition known`: queries whose composition several entries
have, among those entries alone, which takes the elements out of the task.

"""

MATCHING_NOTES = """
Peers get the Niggli-reduced cell of each crystal, since RECP's list of reflections and, in a few
skewed cells, the neighbour search of average-minimum-distance depend on the cell (jaxtal reduces
cells itself where that saves work; its numbers are the same). RECP: P of dmax 10, nmax = lmax = 10,
Bessel, Euclidean distance. SOAP: r_cut 6 A, n_max 8, l_max 6, averaged over the sites by DScribe
(`inner` or `outer`), with a block for each pair of elements (`elements apart`), or one density of
all atoms of weight 1 or Z; distance of the vectors or of the vectors normalised; the best of each
kind, chosen on these very queries, and the plain choice. AMD and PDD: k = 100, the package's
default metrics; they see no elements. `scaled`: to one volume per atom first (15 A^3 for SOAP).
StructureMatcher: default settings; it compares crystals of one composition alone, so that it is
told the composition, and may match none. The form of CrystalMetric was chosen by trials on
perturbed prototypes too (other random numbers), and the weights of its spectra are their spreads
over these entries.
"""

HELD_OUT = """
The same with crystals that had no part in any choice: 288 of the 4764 of Matbench's dielectric set,
of at most {atoms} atoms, drawn at random ({alone} of them share their composition with none of the
others). Many have the same structure type and differ in their elements alone, which the metric sees
only as heavier and lighter, unless its composition term is switched on. The forms of SOAP are those
that the prototypes have chosen.

"""

RANKING = """
Ranking: Spearman's correlation of the size of the perturbation (20 sizes up to 0.2 A with strain
and volume in proportion, 50 crystals, disguised anew each time) with the distance from the crystal
unperturbed. `one direction`: the sizes scale one perturbation; `random`: new random numbers for
each size.

"""


GPU = """
## On a GPU (`gpu.py`)

"""

GPU_NOTES = """Per second: warm, median. Roofline: the least time that flops and bytes (by XLA's
count, inner loops once) need at the rates of a float32 product and of a copy, measured in the same
run, as a share of the best time; a lower bound. Starts of whole jobs are wall time. A failed row
has a reason in its place, one that there was no time for is empty.

"""


def gpu_text(result):
    """The table of `gpu.py`, or that there is none."""
    if result is None or result["gpu"] is None:
        return GPU + "Not measured on a GPU.\n"
    text = GPU + GPU_NOTES
    for kind, name in (("gpu", result["gpu"]), ("cpu", f"CPU, {result['cores']} cores")):
        rate = result["rates"][kind]
        text += f"- {name}: copy {rate['bytes_per_s'] / 1e9:.0f} GB/s, "
        text += f"product {rate['flops_per_s'] / 1e12:.2f} Tflop/s\n"
    text += "\n| | GPU, per s | roofline | CPU, per s | roofline | ratio | first call (s), GPU |\n"
    text += "|---|---|---|---|---|---|---|\n"
    for name, row in result["rows"].items():
        cells = [c for kind in ("gpu", "cpu") for c in _gpu_cells(row.get(kind, {}))]
        rates = [row.get(kind, {}).get("per_s") for kind in ("gpu", "cpu")]
        cells.append(f"{rates[0] / rates[1]:.1f}" if all(rates) else "")
        found = row.get("gpu", {})
        cold = found["first_s"] + found.get("compile_s", 0.0) if "first_s" in found else None
        cells.append("" if cold is None else f"{cold:.1f}")
        text += f"| {name}: {row['unit']} | {' | '.join(cells)} |\n"
    versions = ", ".join(f"{k} {v}" for k, v in result["versions"].items())
    return text + f"\n{result['gpu']}, {result['machine']}, {result['dtype']}, {versions}\n"


def _gpu_cells(found):
    if "error" in found:
        return [found["error"], ""]
    if not found:
        return ["", ""]
    share = found.get("share_of_roofline")
    return [f"{found['per_s']:.4g}", "" if share is None else f"{100 * share:.1f} %"]


def matching_text(result):
    levels = sorted(result["noise"])
    best = _best_soaps(result["noise"][levels[-1]])
    names = [n for n in result["noise"][levels[-1]] if not n.startswith("SOAP") or n in best]
    names.sort(key=lambda n: not n.startswith("jaxtal"))
    lines = ["| distance | noise (A) | all | of SiO2 | composition known |\n|---|---|---|---|---|"]
    for name in names:
        for level in levels:
            row = result["noise"][level][name]
            cells = [
                f"{a} of {b}, {100 * a / b:.1f} %" if key == "all" else f"{a} of {b}"
                for key in ("all", "SiO2 among all", "same composition")
                for a, b in [row[key]]
            ]
            lines.append(f"| {name} | {level} | {' | '.join(cells)} |")
    text = MATCHING + "\n".join(lines) + "\n" + MATCHING_NOTES
    if "held out" in result:
        text += held_out_table(result)
    text += "\nTaken for another entry most often, at the larger noise (queries of 5):\n\n"
    for name in names:
        wrong = result["noise"][levels[-1]][name]["confusions"][:4]
        listed = "; ".join(f"{a} for {b} ({n})" for a, b, n in wrong)
        text += f"- {name}: {listed or 'none'}\n"
    kinds = list(result["ranking"])
    text += RANKING + "| distance |" + "".join(f" {k}: least | mean | above 0.95 |" for k in kinds)
    text += "\n|---|" + "---|---|---|" * len(kinds) + "\n"
    for name in sorted(result["ranking"][kinds[0]], key=lambda n: not n.startswith("jaxtal")):
        rows = [result["ranking"][k][name] for k in kinds]
        cells = [f"{r['least']:.3f} | {r['mean']:.3f} | {r['above']} of 50" for r in rows]
        text += f"| {name} | {' | '.join(cells)} |\n"
    if "time" in result:
        n, size = result["time_structures"]
        text += (
            f"\nTime, {n} of the queries, {size:.0f} atoms in the mean, one after the other:\n\n"
        )
        text += "| distance | fingerprint (ms) | distance of a pair (ms) |\n|---|---|---|\n"
        for name, t in result["time"].items():
            text += f"| {name} | {t['fingerprint_ms']:.2f} | {t['pair_ms']:.4f} |\n"
    return text + "\n" + environment(result) + "\n"


def held_out_table(result):
    found = result["held out"]
    levels = sorted(found)
    text = HELD_OUT.format(**result["held_out_crystals"]) + "| distance |"
    text += "".join(f" {level} A |" for level in levels) + "\n|---|" + "---|" * len(levels) + "\n"
    for name in sorted(found[levels[0]], key=lambda n: not n.startswith("jaxtal")):
        counts = [found[level][name]["all"] for level in levels]
        cells = [f"{a} of {b}, {100 * a / b:.1f} %" for a, b in counts]
        text += f"| {name} | {' | '.join(cells)} |\n"
    return text


def _best_soaps(rows):
    """The best SOAP of each kind at one level, best first, and the plain choice."""
    soaps = {n: r["all"][0] for n, r in rows.items() if n.startswith("SOAP")}
    groups = ("elements apart", "no elements", "weights Z")
    kept = [max((n for n in soaps if g in n), key=lambda n: soaps[n]) for g in groups if soaps]
    return {*kept, "SOAP inner, elements apart, normalised"} & set(soaps)


PROPERTIES = """
## A property from the descriptor (`properties.py`)

The refractive index n of the 4764 crystals of `matbench_dielectric`, five folds of Matbench.
Kernel ridge regression of log n on distances between vectors, one and the same for every row: a
random search of {draws} draws chooses transformation, kernel and ridge inside each training set.
MAE in n (mean and spread over the folds), R2 of n (a few huge values decide it) and of log n. With
composition: statistics of element properties stand beside the structure, alike in every row. P and
the metric know elements as stronger and weaker scatterers only, the metric even relative to their
mean; SOAP with a block for each pair of elements knows which they are.

"""

DESIGN = """
### Inverse design (`properties.py design`)

Crystals of the last fold, rebuilt from their own descriptor while a fitted n (model: {model} and
composition, fitted to the other folds) is pulled 10 % up or down. Model: what part of the wanted
change the search reaches by its own model, evaluated afresh. Judge: what part a second model, on
SOAP with densities weighed by Z and composition, confirms; it has not taken part. Lost: mismatch
of the descriptor, 1 for crystals that have nothing in common. Medians over {count} crystals. On
crystals of the last fold as they are, the model has a MAE of {model_mae:.2f}, the judge
{judge_mae:.2f}; a volume 10 % smaller changes n by {model_dense:+.1f} % and {judge_dense:+.1f} %.
What the judge does not confirm is the search finding what its own model gets wrong: a fit to a
few thousand crystals near equilibrium is no guide to crystals that nobody has computed.

"""


def fields_text(result):
    return FIELDS + "\n".join(fields_table(result)) + "\n"


def fields_table(result):
    lines = ["| mesh | what | jaxtal | scipy | PSCF |\n|---|---|---|---|---|"]
    names = {
        "basis": "basis from scratch",
        "to_mesh": "coefficients -> nodes",
        "from_mesh": "nodes -> coefficients",
        "energy with gradient": "energy with gradient",
        "field gradient": "gradient of a field on the nodes",
    }
    for n, case in result["meshes"].items():
        rows, (basis, forward, back) = case["rows"], case["pscf"]
        published = {"basis": 1e3 * basis, "to_mesh": forward, "from_mesh": back}
        for key, what in names.items():
            peer = rows.get(f"scipy {key}")
            cells = [
                f"{r['median_ms']:.2f}, {r['best_ms']:.2f}" if r else "" for r in (rows[key], peer)
            ]
            program = f"{published[key]:.2f}" if key in published else ""
            lines.append(
                f"| {n}^3 ({case['n_basis']}) | {what} | {' | '.join(cells)} | {program} |"
            )
    return [*lines, "", environment(result)]


def environment(result):
    versions = result.get("versions") or {"jax": result["jax"]}
    parts = [result["device"], result["machine"], result["dtype"]]
    if "cores" in result:
        parts.insert(0, f"{result['cores']} cores")
    return ", ".join([*parts, *(f"{k} {v}" for k, v in versions.items())])


def descriptor_table(result):
    rows = result["rows"]
    base = rows["jaxtal"]["spectrum"]["median_ms"]
    names = {"spectrum": "P", "value": "P and G", "value_and_grad": "P and G, with gradient"}
    lines = ["| program | what | median (ms) | best (ms) | ratio | first call (s) |"]
    lines.append("|---|---|---|---|---|---|")
    for name, row in rows.items():
        for kind, t in row.items():
            if not isinstance(t, dict):
                continue
            what = names[kind] if name.startswith("jaxtal") else "value"
            lines.append(
                f"| {name} | {what} | {t['median_ms']:.2f} | {t['best_ms']:.2f} "
                f"| {t['median_ms'] / base:.1f} | {t['first_ms'] / 1e3:.1f} |"
            )
    ours = rows["jaxtal"]
    floor = ours["reflections"], ours["mflop"], ours["mflop"] / ours["value"]["best_ms"]
    note = "{} reflections of the half sphere; {:.0f} MFLOP by XLA's count, {:.0f} GFLOP/s."
    return [*lines, "", note.format(*floor), "", environment(result)]


def throughput_text(result):
    rows = result["rows"]
    faster = [name for name in ("SOAP", "SOAP, two processes", "RECP") if name in rows]
    lines = [
        "| | ms a structure, median (best) | first call (s) | "
        + " | ".join(f"than {n}" for n in faster)
        + " |",
        "|" + "---|" * (3 + len(faster)),
    ]
    for name, row in rows.items():
        kinds = ("median_ms", "best_ms")
        ratios = ("{:.1f} ({:.1f})".format(*(rows[n][k] / row[k] for k in kinds)) for n in faster)
        time = f"{row['median_ms']:.2f} ({row['best_ms']:.2f})"
        if name.startswith("powder"):
            ratios = [""] * len(faster)
        first = f"{result['first_call_s'][name]:.1f}" if name in result["first_call_s"] else ""
        lines.append(f"| {name} | {time} | {first} | " + " | ".join(ratios) + " |")
    memory, pairs = result["memory"], result["all_pairs"]
    more = pairs["peak_gib"] - pairs["before_gib"]
    versions = ", ".join(f"{k} {v}" for k, v in result["versions"].items() if v)
    return "\n".join(lines) + (
        f"\n\nPeak memory of the process: {memory['before_gib']:.2f} GiB after the imports, "
        f"{memory['compiled_gib']:.2f} once everything is compiled, {memory['after_gib']:.2f} "
        f"after the runs. All pairs of {pairs['n']} vectors of length 300, the ten nearest of "
        f"each: {pairs['seconds']:.1f} s, {more:.2f} GiB more.\n\n"
        f"{result['cores']} cores; {versions}"
    )


def cold_text(result):
    lines = ["| task | cold | warm | former, cold | former, warm | cold: less by | peer, warm |"]
    lines.append("|" + "---|" * 7)
    for task, row in result["rows"].items():
        this, former = row["this"], row.get("former", {})
        if task in ("growth", "margin"):
            continue
        peers = {name: value for name, value in row.items() if name not in ("this", "former")}
        cells = [f"{side[k]:.2f}" if k in side else "" for side in (this, former) for k in KINDS]
        ratio = f"{former['first'] / this['first']:.1f} x" if former else ""
        peer = ", ".join(f"{name} {value['second']:.2f}" for name, value in peers.items())
        # Rows of earlier runs, which kept wall time alone.
        by_wall = "" if "first_wall" in this or task in ("help", "import") else " (wall)"
        lines.append(f"| {task}{by_wall} | " + " | ".join([*cells, ratio, peer]) + " |")
    text = "\n".join(lines) + "\n"
    if "growth" in result["rows"]:
        for name, row in result["rows"]["growth"].items():
            (maps, size), (more, larger) = row["after 50"], row["after 1000"]
            build = "This build" if name == "this" else "The former build"
            text += (
                f"\n{build}, 1000 crystals of varied size described in one process: {maps} memory "
                f"maps and {size:.0f} MB after the first 50, {more} and {larger:.0f} MB at the "
                "end.\n"
            )
    if "margin" in result["rows"]:
        ratios = {k: v["ratio"] for k, v in result["rows"]["margin"]["this"].items()}
        listed = ", ".join(f"{ratio:.2f} for the {name}" for name, ratio in ratios.items())
        text += f"\nCost of a call of a plan with a margin of 1.1, relative to none: {listed}.\n"
    return (
        text
        + f"\n{result['cores']} cores; {', '.join(map(' '.join, result['versions'].items()))}\n"
    )


def rates_table(result):
    lines = ["| structure | starts | solved | claimed | false claims | single start | seconds |"]
    lines.append("|---|---|---|---|---|---|---|")
    for case, r in result["rates"].items():
        name, mode = case.split(" | ")
        lines.append(
            f"| {name} | {r['starts']}, {mode} | {r['solved']} of {r['seeds']} | {r['claimed']} "
            f"| {r['false_claims']} | {100 * r['single_start']:.0f} % | {r['seconds_warm']:.1f} |"
        )
    info = result["environment"]
    return [*lines, "", f"{info['descriptor']}; {environment(info)}"]


def scipy_table(result):
    lines = ["| structure | method | solved | evaluations | seconds per start |"]
    lines.append("|---|---|---|---|---|")
    for name, row in result["scipy"].items():
        for method, r in row.items():
            lines.append(
                f"| {name} | {method} | {r['solved']} of {r['starts']} "
                f"| {r['evaluations']:.0f} | {r['seconds_per_start']:.3f} |"
            )
    return lines


def recipe_lines(result):
    lines = [
        "| starts | attempts | claimed | false claims | true | seconds per start, median | mean |"
        "\n|---|---|---|---|---|---|---|"
    ]
    for kind, name in (("recipe", "float32"), ("double", "float64")):
        for case, r in result.get(kind, {}).items():
            if not isinstance(r, dict):
                continue
            again = f"{r['first_attempt']} with one"
            each = r["run_seconds"] / r["starts"]
            lines.append(
                f"| {r['starts']}, {name}, {case} | {again} | {r['claimed']} | {r['false_claims']} "
                f"| {r['true']} | {r['seconds_median']:.3f} | {each:.3f} |"
            )
    return lines


def sweep_lines(rows):
    lines = ["| case | grid points | solved | iterations: median, first, last |\n|---|---|---|---|"]
    for name, r in rows.items():
        points = f"{r['points']:,}" if "points" in r else ""
        spread = f"{r['median']:.0f}, {r['first']}, {r['last']}" if r["solved"] else "-"
        lines.append(f"| {name} | {points} | {r['solved']} of {r['starts']} | {spread} |")
    return lines


def stage_lines(rows):
    lines = ["| one iteration, and its parts | median (ms) | best (ms) |\n|---|---|---|"]
    lines += [f"| {n} | {r['median_ms']:.2f} | {r['best_ms']:.2f} |" for n, r in rows.items()]
    return lines


def model_lines(rows):
    lines = [
        "| crystal | orbits | reflections | single attempts true | with restarts: claimed, "
        "false claims, true, above 0.9 |\n|---|---|---|---|---|"
    ]
    for name, r in rows.items():
        false = r["false_claims"] if name != "2d" else "-"
        lines.append(
            f"| {name} | {r['orbits']} | {r['reflections']:,} | {r['single_true']} of "
            f"{r['starts']} | {r['claimed']}, {false}, {r['true']}, {r['above_0.9']} |"
        )
    return lines


def phasing_text(result):
    text = ""
    if "recipe" in result:
        text += PHASING + "\n".join(recipe_lines(result)) + "\n"
        text += f"\nPeak memory of the float32 runs: {result['recipe']['peak_memory_mb']:.0f} MB.\n"
    if {"recipe", "peer", "sweep"} <= set(result):
        peer, median = result["peer"], result["sweep"]["0.8 / 0.995"]["median"]
        ours = next(iter(result["recipe"].values()))["seconds_median"]
        seconds = median * peer["ms_per_iteration"] / 1e3
        text += PEER.format(
            points=peer["points"],
            ms=peer["ms_per_iteration"],
            cycles=peer["cycles"],
            median=median,
            seconds=seconds,
            ours=ours,
            ratio=seconds / ours,
        )
    if "stages" in result:
        text += "\n" + "\n".join(stage_lines(result["stages"])) + "\n"
    if "sweep" in result:
        text += SWEEPS + "\n".join(sweep_lines(result["sweep"])) + "\n"
    if "grids" in result:
        text += GRIDS + "\n".join(sweep_lines(result["grids"])) + "\n"
    if "models" in result:
        text += MODELS + "\n".join(model_lines(result["models"])) + "\n"
    return text + "\n" + environment(result["environment"]) + "\n"


def properties_text(result):
    text = PROPERTIES.format(draws=result["draws"])
    lines = [
        "| representation | MAE | R2 | R2 of log n | with composition: MAE | R2 | R2 of log n |"
    ]
    lines.append("|---|---|---|---|---|---|---|")
    names = result["representations"] | {"composition": "composition alone"}
    rows = result["fit"]
    for name, what in names.items():
        plain = rows.get(name) if name != "composition" else None
        beside = rows.get(f"{name} | composition") if name != "composition" else rows.get(name)
        cells = []
        for row in (plain, beside):
            if row is None:
                cells += ["", "", ""]
            else:
                mae = f"{row['mae']:.3f} +- {row['mae_sd']:.3f}"
                cells += [mae, f"{row['r2']:.2f}", f"{row['r2_log']:.2f}"]
        if plain or beside:
            lines.append(f"| {what} | {' | '.join(cells)} |")
    text += "\n".join([*lines, "", environment(result["environment"])]) + "\n"
    return text + (design_text(result["design"]) if "design" in result else "")


def design_text(result):
    test = result["test"]
    text = DESIGN.format(
        model=result["model"],
        count=len(result["crystals"]),
        model_mae=test["model"]["mae"],
        judge_mae=test["judge"]["mae"],
        **{
            f"{who}_dense": 100 * (median([c["compressed"][who] for c in result["crystals"]]) - 1)
            for who in ("model", "judge")
        },
    )
    lines = ["| wanted | weight | model | judge | volume | atoms moved (A) | lost |"]
    lines.append("|---|---|---|---|---|---|---|")
    rows = [row for crystal in result["crystals"] for row in crystal["rows"]]
    for wanted, weight in sorted({(r["wanted"], r["weight"]) for r in rows}):
        some = [r for r in rows if (r["wanted"], r["weight"]) == (wanted, weight)]
        part = [[100 * (r[who] - 1) / (wanted - 1) for r in some] for who in ("model", "judge")]
        moved = [r["rmsd"] for r in some if r["rmsd"] is not None]
        lost = [sum(v for k, v in r["parts"].items() if not k.startswith("term")) for r in some]
        volume = 100 * (median([r["volume"] for r in some]) - 1)
        lines.append(
            f"| {100 * (wanted - 1):+.0f} % | {weight:g} | {median(part[0]):.0f} % "
            f"| {median(part[1]):.0f} % | {volume:+.1f} % | {median(moved):.3f} "
            f"| {median(lost):.1e} |"
        )
    return text + "\n".join(lines) + "\n"


def write():
    text = HEAD
    path = HERE / "results" / "descriptor.json"
    if path.exists():
        text += DESCRIPTOR + "\n".join(descriptor_table(json.loads(path.read_text()))) + "\n"
    path = HERE / "results" / "throughput.json"
    if path.exists():
        text += THROUGHPUT + throughput_text(json.loads(path.read_text())) + "\n"
    path = HERE / "results" / "cold.json"
    if path.exists():
        text += COLD + cold_text(json.loads(path.read_text()))
    path = HERE / "results" / "gpu.json"
    text += gpu_text(json.loads(path.read_text()) if path.exists() else None)
    path = HERE / "results" / "reconstruction.json"
    if path.exists():
        result = json.loads(path.read_text())
        text += RATES + "\n".join(rates_table(result)) + "\n"
        if result["scipy"]:
            text += SCIPY + "\n".join(scipy_table(result)) + "\n"
    path = HERE / "results" / "rebuilding.json"
    if path.exists() and "this" in (result := json.loads(path.read_text()))["builds"]:
        text += rebuilding_text(result)
    for name, told in (
        ("prototypes", prototypes_text),
        ("from_composition", from_composition_text),
        ("descent", descent_text),
        ("phasing", phasing_text),
        ("monitor", monitor_text),
        ("fields", fields_text),
        ("matching", matching_text),
        ("properties", properties_text),
        ("generative", generative_text),
        ("refinement", refinement_text),
        ("solving", solving_text),
        ("solving_peers", solving_peers_text),
        ("robustness", simulated_text),
        ("fuzz", fuzz_text),
        ("interrupts", interrupts_text),
        ("notebooks", notebooks_text),
        ("growth", growth_text),
        ("claims", claims_text),
    ):
        path = HERE / "results" / f"{name}.json"
        if path.exists():
            text += told(json.loads(path.read_text()))
    path = HERE / "results" / "verdict.jsonl"
    if path.exists():
        text += verdict_text([json.loads(line) for line in path.read_text().splitlines()])
    (HERE / "README.md").write_text(text)


if __name__ == "__main__":
    write()
