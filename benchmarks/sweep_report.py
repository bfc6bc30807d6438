"""The tables of `fuzz.py` and `interrupts.py`, for `report.py`."""

FUZZ = """
## Damaged files (`fuzz.py`)

Small files of every kind, damaged by seeded mutations and read in forked processes. Refused: a
`ValueError` that names the file. Faults: refused without the file's name, another exception, more
than 5 s of CPU time, the end of the process, more memory than 128 MB and 100 times the
file. Formats of ASE (xyz to ase-db) are read as `dedup` reads a folder, by a worker that has 2 s
here (10 s by default). Of 20,000 inputs wanted each; hkl and ins were begun anew after what
they had found was mended.

| reader | inputs | read | refused | no name | escaped | hung | died | memory |
|---|---|---|---|---|---|---|---|---|
"""

INTERRUPTS = """
## Commands ended at random moments (`interrupts.py`)

Each command interrupted (SIGINT) and killed (SIGKILL) at random shares of its CPU time; those with
a cache, finished portions or a checkpoint half of the time where a former kill left some. Landed:
before it was done. Faults: a traceback, an exit code that is not 130 after SIGINT, a damaged file,
a set of files of which some are there, another answer when it is run again; on a full disk and in a
read-only folder anything but exit code 2 and a message with the name of a file or folder.

| command | SIGINT, landed | faults | SIGKILL, landed | faults | begun | full disk | read-only |
|---|---|---|---|---|---|---|---|
"""

GROWTH = """
## Mixed use of one process (`growth.py`)

Random jobs on crystals, batches, lists and fields of random sizes: resident memory and memory maps
of the process, of which Linux allows 65,530. {flat}

| minutes | calls | CPU s | memory (MB) | maps |
|---|---|---|---|---|
"""

JOBS = """
| job | calls | CPU s a call | maps added | MB added |
|---|---|---|---|---|
"""


def fuzz_text(result):
    counts = ("inputs", "read", "refused", "unnamed", "escaped", "hung", "died", "memory")
    lines = [
        f"| {name} | {' | '.join(str(row[count]) for count in counts)} |"
        for name, row in result.items()
    ]
    totals = [str(sum(row[count] for row in result.values())) for count in counts]
    return FUZZ + "\n".join([*lines, f"| all | {' | '.join(totals)} |"]) + "\n"


def interrupts_text(result):
    lines = []
    for name, row in result.items():
        turns = row.get("turns", [])
        cells = [name]
        for kind in ("interrupted", "killed"):
            ones = [turn[kind] for turn in turns]
            landed = sum(not one["finished"] for one in ones)
            cells += [f"{len(ones)}, {landed}", str(sum(len(one["faults"]) for one in ones))]
        cells.append(str(sum(one["begun"] for turn in turns for one in turn.values())))
        cells += [str(len(row[key])) if key in row else "" for key in ("full disk", "read-only")]
        lines.append(f"| {' | '.join(cells)} |")
    text = INTERRUPTS + "\n".join(lines) + "\n"
    twice = [row["two runs"] for row in result.values() if "two runs" in row]
    if twice:
        text += f"\nTwo runs of `dedup` on one cache: {len(twice[0])} faults.\n"
    return text


def growth_text(result):
    grown = result.get("grown", {"memory": 0.0, "maps": 0.0})
    flat = (
        f"The most of the last third of the time beside the third before: memory "
        f"{100 * grown['memory']:+.1f} %, maps {100 * grown['maps']:+.1f} %."
    )
    text = GROWTH.format(flat=flat) + "\n".join(
        f"| {row['minutes']} | {row['calls']} | {row['cpu']} | {row['memory']} | {row['maps']} |"
        for row in result["rows"]
    )
    text += "\n" + JOBS
    for name, one in result["jobs"].items():
        each = one["seconds"] / max(one["calls"], 1)
        text += f"| {name} | {one['calls']} | {each:.2f} | {one['maps']} | {one['memory']:.0f} |\n"
    return text
