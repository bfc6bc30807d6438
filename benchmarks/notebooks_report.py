"""The table of `notebooks.py`, for `report.py`."""

NOTEBOOKS = """
## Notebooks (`notebooks.py`)

Each executed from top to bottom in a process of its own with nothing compiled before: what a reader
waits for. CPU seconds of all threads, and wall seconds, which count what else the machine did.

| notebook | CPU (s) | wall (s) |
|---|---|---|
"""


def notebooks_text(result):
    lines = [f"| {name} | {row['cpu']:.0f} | {row['wall']:.0f} |" for name, row in result.items()]
    total = sum(row["cpu"] for row in result.values())
    return NOTEBOOKS + "\n".join([*lines, f"| all | {total:.0f} | |"]) + "\n\n2 cores, busy\n"
