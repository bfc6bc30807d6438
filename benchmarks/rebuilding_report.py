"""The table of `rebuilding.py`, for `report.py`."""

from statistics import mean

REBUILDING = """
## Twenty prototypes rebuilt, before and now (`rebuilding.py`)

Twenty AFLOW prototypes of one to twelve free parameters, every group once, from descriptor, group
and sites; {starts} fully random starts, {seeds}; all crystals of a build in one process that begins
with an empty compilation cache. Former: ce30c65. Rebuilt: the best start superposes on the crystal
(RMSD < 0.01 A, cell < 0.1 %). Starts: share that end within the tolerance. CPU seconds, compilation
included, and programs compiled, of the first seed.

"""


def rebuilding_text(result):
    builds = {
        name: result["builds"][name] for name in ("former", "this") if name in result["builds"]
    }
    seeds = min(map(len, builds.values()))
    listed = f"seeds 0 to {seeds - 1}" if seeds > 1 else "seed 0"
    text = REBUILDING.format(starts=result["starts"], seeds=listed)
    kinds = ("rebuilt", "starts", "CPU (s)", "programs")
    columns = [f"{kind}: {name}" for kind in kinds for name in builds]
    text += "| prototype | group | free | " + " | ".join(columns) + " |\n"
    text += "|---|---|---|" + "---|" * len(columns) + "\n"
    totals, counted = {name: [0, 0.0, 0] for name in builds}, 0
    for i, (n_free, group, label, _) in enumerate(result["crystals"]):
        cells = {kind: [] for kind in kinds}
        found = {
            name: [build[str(s)][i] for s in range(seeds) if i < len(build[str(s)])]
            for name, build in builds.items()
        }
        # Totals are those of the crystals that all builds have.
        in_all = all(len(rows) == seeds for rows in found.values())
        counted += in_all
        for name, rows in found.items():
            if not rows:
                for column in cells.values():
                    column.append("")
                continue
            good = sum(row["rebuilt"] for row in rows)
            cells["rebuilt"].append(f"{good} of {len(rows)}")
            cells["starts"].append(f"{100 * mean(row['share'] for row in rows):.0f} %")
            cells["CPU (s)"].append(f"{rows[0]['cpu_s']:.1f}")
            cells["programs"].append(str(rows[0]["programs"]))
            if in_all:
                for j, value in enumerate((good, rows[0]["cpu_s"], rows[0]["programs"])):
                    totals[name][j] += value
        line = [cell for kind in kinds for cell in cells[kind]]
        text += f"| {label} | {group} | {n_free} | {' | '.join(line)} |\n"
    line = [f"{t[0]} of {counted * seeds}" for t in totals.values()] + [""] * len(builds)
    line += [f"{t[1]:.0f}" for t in totals.values()] + [str(t[2]) for t in totals.values()]
    text += f"| the {counted} of all builds | | | {' | '.join(line)} |\n"
    versions = ", ".join(" ".join(item) for item in result["versions"].items())
    return text + f"\n{result['cores']} cores, float32, {versions}\n"
