"""The table of `descent.py`, for `report.py`."""

DESCENT = """
## Which loss can be descended (`descent.py`)

Segal et al. (OpenReview A21WF9M1Um) find losses of powder patterns too rough to descend. Their test
in this library: of ten prototypes those counted, in their primitive cells, all atoms free, moved by
an RMS of the sizes named in random directions and strained a little, {repeats} starts of each size;
150 steps of Adam on displacements and strain, alike for every loss, with the perfect crystal as
the target. Share of starts that come back (RMSD < 0.05 A over origin, cell choice and hand, cell
within 1 %). Powder patterns: Cu K-alpha, 10 to 70 degrees, Gaussian lines of the full width named,
compared after a triangle of half base l. CPU for each crystal, compilation and superpositions
included.

"""


def descent_text(result):
    rows = result["rows"]
    listed = next(iter(rows.values()))["starts"]
    sizes = sorted({start[1] for start in listed})
    names = len({start[0] for start in listed})
    repeats = len(listed) // (names * len(sizes))
    text = DESCENT.format(repeats=repeats)
    text += "| loss | crystals |" + "".join(f" {size} A |" for size in sizes) + " all | CPU (s) |\n"
    text += "|---|" + "---|" * (len(sizes) + 3) + "\n"
    for name, row in rows.items():
        back = {size: [s[2] for s in row["starts"] if s[1] == size] for size in sizes}
        cells = [f"{100 * sum(b) / len(b):.0f} %" for b in back.values()]
        every = sum(map(sum, back.values())) / len(row["starts"])
        count = len({start[0] for start in row["starts"]})
        cells = [name, str(count), *cells, f"{100 * every:.0f} %", f"{row['cpu_s'] / count:.0f}"]
        text += f"| {' | '.join(cells)} |\n"
    versions = ", ".join(" ".join(item) for item in result["versions"].items())
    return text + f"\n{result['cores']} cores, float32, {versions}\n"
