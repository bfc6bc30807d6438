"""The sections of `README.md` on structure solution, from `results/solving*.json`."""

from statistics import median

TEXT = """
## Measured crystals solved from nothing (`solving.py`)

`jxt.solve` with cell, composition, wavelength and radiation, without the space group, one set of
defaults; at most this many seeds: {seeds}. Claimed: runs that say "solved". Right: at least 95 % of
the reference's atoms but hydrogen within 0.3 A, in the reference's group or with that named among
the alternatives. False: claimed, but not right. R1 over I > 2 sigma, median, beside that of the
published model. CPU seconds, median, programs cached. Atoms that a reference's own refinement has
smeared out (U above 0.15 A^2) don't count: the one of ws_bt6337, an automatic model of R1 0.13, has
four.

| set | radiation, group | claimed | right | false | least of atoms | R1 | reference | CPU (s) |
|---|---|---|---|---|---|---|---|---|
"""


def solving_text(results: dict) -> str:
    """The table, a row for each set."""
    runs = results.get("runs", {})
    if not runs:
        return ""
    text = TEXT.format(seeds=max(len(rows) for rows in runs.values()))
    for name, by_seed in sorted(runs.items()):
        rows = list(by_seed.values())
        claimed = [row for row in rows if row["solved"]]
        false = sum(not row["right"] for row in claimed)
        r1 = [row["r1"] for row in rows if row["r1"] is not None]
        known = rows[0]["reference_r1"]
        cells = (
            f"{rows[0]['radiation']}, {rows[0]['group']}",
            f"{len(claimed)} of {len(rows)}",
            f"{sum(row['right'] for row in rows)}",
            f"{false}",
            f"{100 * min(row['share'] for row in rows):.0f} %",
            f"{median(r1):.4f}" if r1 else "-",
            "-" if known is None else f"{known:.4f}",
            f"{median(row['cpu'] for row in rows):.0f}",
        )
        text += f"| {name} | {' | '.join(cells)} |\n"
    return text


SIMULATED = """
## Simulated crystals solved from nothing (`robustness.py`)

Molecules of measured crystals packed anew, and metals, with displacements, hydrogen, anomalous
scattering, counting noise, missing reflections, two-beam intensities of electrons, twins and
nonsense (`simulated_reflections.py`). Limits were set on another drawing of these cases. Noise: sum
of sigma over sum of I of the merged data. Right, claimed and false as above; of nonsense every
claim is false.

| set | group, atoms | d (A), complete, noise | claimed | right | false | atoms | R1 | CPU (s) |
|---|---|---|---|---|---|---|---|---|
"""

#: Sets of which no start can be right.
TWINS = ("cs_twin_3a",)

VERDICT = """
## The verdict of `jxt.phase` on measured sets (`verdict.py`)

17 sets in their space group and in P 1, 16 starts; the first 4 and 8 of them as runs of their own.
A run claims falsely if one of the starts that it claims is wrong (agreement with the reference
model up to 0.6; all of a twin are). Bound: the largest rate of such runs that is compatible with
the count at 95 % (Clopper and Pearson, one-sided). Recognised: share of the right starts that are
claimed.

"""


def simulated_text(results: dict) -> str:
    """The table of simulated sets."""
    runs = results.get("runs", {})
    if not runs:
        return ""
    text, total, false_claims, wanted, solved = SIMULATED, 0, 0, 0, 0
    for name, by_seed in runs.items():
        rows = list(by_seed.values())
        first = rows[0]
        claimed = [row for row in rows if row["solved"]]
        false = sum(not row["right"] for row in claimed)
        right = sum(row["right"] and row["solved"] for row in rows)
        total, false_claims = total + len(rows), false_claims + false
        if first["believed"] and not name.startswith(("twin", "amplitudes")):
            wanted, solved = wanted + len(rows), solved + right
        r1 = [row["r1"] for row in rows if row["r1"] is not None]
        complete = first["completeness"]
        cells = (
            f"{first['group']}, {first['atoms']}",
            f"{first['d_min']:g}, {'-' if complete is None else f'{100 * complete:.0f} %'}, "
            f"{'-' if first['signal'] is None else format(first['signal'], '.2f')}",
            f"{len(claimed)} of {len(rows)}",
            str(sum(row["right"] for row in rows)),
            str(false),
            f"{100 * min(row['share'] for row in rows):.0f} %",
            f"{median(r1):.3f}" if r1 else "-",
            f"{median(row['cpu'] for row in rows):.0f}",
        )
        text += f"| {name} | {' | '.join(cells)} |\n"
    return text + (
        f"\n{solved} of {wanted} runs of sets that can be solved were; {false_claims} false claims "
        f"in {total} runs.\n"
    )


def verdict_text(rows: list[dict]) -> str:
    """False claims and recognised starts, by recipe, for 4, 8 and 16 starts."""
    if not rows:
        return ""
    text = VERDICT
    text += "| recipe | sets x seeds | starts | runs with false claims | bound | right starts "
    text += "| recognised |\n|---|---|---|---|---|---|---|\n"
    recipes = list(dict.fromkeys(row["recipe"] for row in rows))
    for recipe in [*recipes, "all"]:
        mine = [row for row in rows if recipe in (row["recipe"], "all")]
        for n in (4, 8, 16):
            false = right = known = 0
            for row in mine:
                twin = row["set"] in TWINS
                good = [value > 0.6 and not twin for value in row["agreement"][:n]]
                claimed = row["claimed"][str(n)]
                false += any(not good[i] for i in claimed)
                right += sum(good)
                known += sum(good[i] for i in claimed)
            share = f"{100 * known / right:.1f} %" if right else "-"
            text += (
                f"| {recipe} | {len(mine)} | {n} | {false} | "
                f"{100 * clopper_pearson(false, len(mine)):.1f} % | {right} | {share} |\n"
            )
    return text


def clopper_pearson(found: int, tried: int, level: float = 0.95) -> float:
    """Upper bound of a rate of which some cases were found."""
    from scipy.stats import beta

    return 1.0 if found >= tried else float(beta.ppf(level, found + 1, tried - found))


PEERS = """
## Phasing beside its peers (`solving_peers.py`)

The same data in one run. A cycle: nanoseconds of CPU for each point of the grid, ours (relaxed
reflections, float32) and that of cctbx's charge flipping, its weak-reflection variant, as its own
defaults have it; wall seconds of ours with a start on each core, divided by the starts. Four
starts: wall seconds of `phase_in_p1` until its runs agree, with what it compiles and once more.
Solved: `jxt.solve` to a refined crystal, without the group (CPU seconds, compiled); cctbx by its
own claim, given the group, seeds 0 to 2; grok-phase-solver by its method "auto", given the group.
Share: of the reference's atoms but hydrogen that have an atom (ours) or a peak within 0.3 A.
"""


COLUMNS = (
    *("set", "cycle, ns a point: ours, cctbx", "ratio, CPU (wall)"),
    *("four starts (s): first, again", "solve: share (CPU s)"),
    *("cctbx: shares (CPU s)", "grok: share (CPU s)"),
)


def solving_peers_text(results: dict) -> str:
    """The table, a row for each set."""
    text = PEERS + f"\n| {' | '.join(COLUMNS)} |\n" + "|---" * len(COLUMNS) + "|\n"
    for name, row in results["rows"].items():
        own, peer, other = row["own"], row["cctbx"], row.get("grok")
        a, b = (
            {key: 1e9 * one["cycle"][key] / one["cycle"]["points"] for key in ("cpu", "wall")}
            for one in (own, peer)
        )
        shares = ", ".join(
            f"{100 * run['share']:.0f} %" + ("" if run["claimed"] else " (not claimed)")
            for run in peer["runs"]
        )
        cells = (
            f"{a['cpu']:.1f}, {b['cpu']:.1f}",
            f"{b['cpu'] / a['cpu']:.1f} ({b['wall'] / a['wall']:.1f})",
            f"{own['first'][0]:.1f}, {own['second'][0]:.1f}",
            f"{100 * own['share']:.0f} % ({own['solve']:.1f})",
            f"{shares} ({median(run['cpu'] for run in peer['runs']):.1f})",
            f"{100 * other.get('share', 0):.0f} % ({other['cpu']:.0f})" if other else "",
        )
        text += f"| {name} | " + " | ".join(cells) + " |\n"
    return text + f"\n{results['cores']} cores, jax {results['versions']['jax']}\n"
