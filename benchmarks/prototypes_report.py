"""The table of `prototypes.py`, for `report.py`."""

from statistics import mean, median

PROTOTYPES = """
## Prototypes rebuilt without a cell (`prototypes.py`)

The AFLOW prototypes with at most {atoms} atoms in the conventional cell and at most {free} free
parameters, each sought by `from_sites` from its descriptor, group and sites; cell and volume are
not told. {starts} starts in each cell that the search proposes, at most {limit} s of wall time a
crystal; all crystals of a seed in one process that begins with an empty compilation cache.
Rebuilt: superposes on the crystal (RMSD < 0.01 A, cell < 0.1 %). Other: converged on another
crystal that has the same descriptor to 1e-4. False: claimed, and neither. Starts: mean share that
end within the tolerance in the last cell. CPU: median and largest seconds, compilation included.

"""
BANDS = ((0, 1), (2, 3), (4, 6), (7, 9), (10, 12), (13, 54))
#: Relative distance of descriptors below which they are the same.
SAME = 1e-4


def outcome(row):
    """What became of one search: rebuilt, other, false or missed."""
    if row["rebuilt"]:
        return "rebuilt"
    if not row["claimed"]:
        return "missed"
    return "other" if row["distance"] < SAME else "false"


def prototypes_text(result):
    crystals = result["crystals"]
    seeds = {s: rows for s, rows in result["seeds"].items() if rows}
    text = PROTOTYPES.format(
        atoms=40, free=BANDS[-1][1], starts=result["starts"], limit=result["limit"]
    )
    text += "| free parameters | crystals | seed | rebuilt | other | false | starts | CPU (s) |\n"
    text += "|---|---|---|---|---|---|---|---|\n"
    for least, most in (*BANDS, (0, 12)):
        for seed, rows in seeds.items():
            some = [row for row in rows if least <= row["free"] <= most]
            if not some:
                continue
            kinds = [outcome(row) for row in some]
            n = sum(least <= c[0] <= most for c in crystals)
            tried = f"{n}" if n == len(some) else f"{len(some)} of {n}"
            share = 100 * mean(row.get("share", 0.0) for row in some)
            cpu = [row["cpu_s"] for row in some]
            text += (
                f"| {least} to {most} | {tried} | {seed} | {kinds.count('rebuilt')} "
                f"({100 * kinds.count('rebuilt') / len(some):.1f} %) | {kinds.count('other')} "
                f"| {kinds.count('false')} | {share:.0f} % | {median(cpu):.1f}, {max(cpu):.0f} |\n"
            )
    text += "\nNot rebuilt:\n\n| prototype | group | free | seed | outcome | loss | CPU (s) |\n"
    text += "|---|---|---|---|---|---|---|\n"
    for seed, rows in seeds.items():
        for row in rows:
            if outcome(row) != "rebuilt":
                why = row.get("why") or (
                    f"{outcome(row)}{', out of time' if row.get('interrupted') else ''}"
                )
                loss = f"{row['loss']:.0e}" if "loss" in row else ""
                text += (
                    f"| {row['name']} | {row['group']} | {row['free']} | {seed} | {why} "
                    f"| {loss} | {row['cpu_s']:.0f} |\n"
                )
    for seed, rows in seeds.items():
        programs, wall = (sum(row[key] for row in rows) for key in ("programs", "wall_s"))
        text += (
            f"\nSeed {seed}: {len(rows)} crystals, {programs} programs compiled, "
            f"{wall / 60:.0f} minutes of wall time, {sum(r['cpu_s'] for r in rows) / 60:.0f} of CPU"
            ".\n"
        )
    again = result.get("restarts", 0)
    versions = ", ".join(" ".join(item) for item in result["versions"].items())
    resumed = f"; taken up again {again} times, each with an empty cache" if again else ""
    return text + f"\n{result['cores']} cores, float32, {versions}{resumed}\n"
