"""The section of `README.md` on the live monitor."""

MONITOR = """
## The live monitor (`monitor.py`)

`phase` alone (as with `--quiet`), with the monitor and no page open, with an open page that takes
every picture but draws nothing (what the run's own process pays), and with a page drawn by
headless Chromium on the same cores. The same starts in turns, warm, {turns} turns; seconds of the
cycles of all starts and of what goes on between them, medians, and what each costs beyond the first
(median of the differences within a turn). Pictures: of one run, in the browser.

"""
_KINDS = {
    "quiet": "alone",
    "no page": "no page",
    "page": "page",
    "browser": "page in Chromium",
}


def monitor_text(result):
    """Lines of the table, see `monitor.py`."""
    kinds = [kind for kind in _KINDS if all(kind in row["seconds"] for row in result["rows"])]
    titles = [f"{_KINDS[kind]} (s)" for kind in kinds]
    lines = [
        f"| run | {' | '.join(titles)} | pictures |",
        f"|---|{'---:|' * (len(kinds) + 1)}",
    ]
    for row in result["rows"]:
        cells = []
        for kind in kinds:
            text = f"{row['median'][kind]:.2f}"
            if kind != "quiet":
                text += f", {100 * row['overhead'][kind]:+.1f} %"
            cells.append(text)
        pictures = row["pictures"].get("browser", row["pictures"].get("page", 0))
        lines.append(f"| {row['name']} | {' | '.join(cells)} | {pictures} |")
    made = result["environment"]
    where = f"\n{made['cpus']} cores, load {made['load']:.1f} when it began, jax {made['jax']}.\n"
    return MONITOR.format(turns=result["turns"]) + "\n".join(lines) + "\n" + where
