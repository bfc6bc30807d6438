"""The section of `README.md` on the live monitor."""

MONITOR = """
## The live monitor (`monitor.py`)

`phase` alone (as with `--quiet`), with the monitor and no page open, with an open page that takes
every picture but draws nothing (what the run's own process pays), and with a page drawn by
headless Chromium on the same cores. The same two starts in turns, warm, {turns} turns, from the
first cycle to the last; as many cycles as take {seconds:g} s on these cores without other work.
Processor seconds of the run's process, with all its threads, are medians, and what each costs
beyond the first is the median of the differences within a turn. Wall time is that of the fastest
turn, and what it costs beyond the fastest alone. Pictures: of a median run in Chromium.

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
        f"| run | time | {' | '.join(titles)} | pictures |",
        f"|---|---|{'---:|' * (len(kinds) + 1)}",
    ]
    for row in result["rows"]:
        alone = row["least"]["quiet"][0]
        processor = [f"{row['median'][kind][1]:.2f}" for kind in kinds]
        wall = [f"{row['least'][kind][0]:.2f}" for kind in kinds]
        for i, kind in enumerate(kinds[1:], 1):
            processor[i] += f", {100 * row['overhead'][kind][1]:+.1f} %"
            wall[i] += f", {100 * (row['least'][kind][0] / alone - 1):+.1f} %"
        pictures = f"{row['pictures'].get('browser', row['pictures'].get('page', 0)):g}"
        lines.append(f"| {row['name']} | processor | {' | '.join(processor)} | {pictures} |")
        lines.append(f"| | wall | {' | '.join(wall)} | |")
    made = result["environment"]
    load = " to ".join(f"{one:.1f}" for one in made["load"])
    where = f"\n{made['cpus']} cores, load {load} (others computed, too), jax {made['jax']}.\n"
    return (
        MONITOR.format(turns=result["turns"], seconds=result["seconds"])
        + "\n".join(lines)
        + "\n"
        + where
    )
