"""Write `README.md` from the results of the benchmarks.

python benchmarks/report.py
"""

import json
from pathlib import Path

HERE = Path(__file__).parent

HEAD = """# Benchmarks

Written by `report.py` from `results/*.json`; run a script to measure again. Times are warm, with
`block_until_ready`, compile time apart, and peers run in the same process on the same machine.
Shared machines are noisy: read ratios, not milliseconds. Nothing has been measured on a GPU yet.
"""

DESCRIPTOR = """
## Time per structure (`descriptor.py`)

Alpha-quartz as a rattled 2 x 2 x 2 cell, 72 atoms, q_max = 10 1/A, n_max = l_max = 10 (SOAP:
r_cut 6 A, n_max 8, l_max 6). jaxtal's list of reflections is complete; RECP's misses 240 of 15298.

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


def write():
    text = HEAD
    path = HERE / "results" / "descriptor.json"
    if path.exists():
        text += DESCRIPTOR + "\n".join(descriptor_table(json.loads(path.read_text()))) + "\n"
    path = HERE / "results" / "reconstruction.json"
    if path.exists():
        result = json.loads(path.read_text())
        text += RATES + "\n".join(rates_table(result)) + "\n"
        if result["scipy"]:
            text += SCIPY + "\n".join(scipy_table(result)) + "\n"
    (HERE / "README.md").write_text(text)


if __name__ == "__main__":
    write()
