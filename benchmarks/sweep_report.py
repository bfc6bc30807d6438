"""The tables of `fuzz.py` and `interrupts.py`, for `report.py`."""

FUZZ = """
## Damaged files (`fuzz.py`)

Small files of every kind, damaged by seeded mutations and read in forked processes. Refused: a
`ValueError` that names the file. Faults: refused without the file's name, another exception, more
than 5 s of CPU time or 30 s, the end of the process, more memory than 128 MB and 100 times the
file. Formats of ASE (xyz to ase-db) are read as `dedup` reads a folder, by a worker that has 2 s
here (10 s by default).

| reader | inputs | read | refused | no name | escaped | hung | died | memory |
|---|---|---|---|---|---|---|---|---|
"""

INTERRUPTS = """
## Commands ended at random moments (`interrupts.py`)

Each command interrupted (SIGINT) and killed (SIGKILL) at random moments, some after the command had
begun in the same folder before; landed: before it was done. Faults: a traceback, a damaged file, a
set of files of which some are there, another answer when it is run again; on a full disk and in a
read-only folder anything but exit code 2 and a message with the name of a file or folder.

| command | interrupted, landed | faults | killed, landed | faults | full disk | read-only |
|---|---|---|---|---|---|---|
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
        cells = [name]
        for kind in ("interrupted", "killed"):
            one = row[kind]
            cells += [f"{one['times']}, {one['landed']}", str(len(one["faults"]))]
        cells += [str(len(row["full disk"])), str(len(row["read-only"]))]
        lines.append(f"| {' | '.join(cells)} |")
    text = INTERRUPTS + "\n".join(lines) + "\n"
    twice = [row["two runs"] for row in result.values() if "two runs" in row]
    if twice:
        text += f"\nTwo runs of `dedup` on one cache: {len(twice[0])} faults.\n"
    return text
