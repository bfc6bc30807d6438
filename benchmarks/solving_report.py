"""The section of `README.md` on structure solution, from `results/solving.json`."""

from statistics import median

TEXT = """
## Measured crystals solved from nothing (`solving.py`)

`jxt.solve` with cell, composition, wavelength and radiation, without the space group, one set of
defaults, {seeds} seeds at most. Claimed: runs that say "solved". Right: at least 95 % of the
reference's atoms but hydrogen within 0.3 A, in the reference's group or with that named among the
alternatives. False: claimed, but not right. R1 over I > 2 sigma, median, beside that of the
published model. CPU seconds, median, programs cached. The reference of ws_bt6337 is itself an
automatic model of R1 0.13, of which a fifth of the atoms is not confirmed.

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
