"""The table of `from_composition.py`, for `report.py`."""

from statistics import median

HEAD = """
## Crystals from a composition alone (`from_composition.py`)

The first {count} AFLOW prototypes of at most 8 atoms in the primitive cell, each sought from its
descriptor, its composition and the number of atoms in the primitive cell; volume, lattice, group
and sites are not told. At most 120 to {seconds:.0f} s of wall time each, beside other work; rows
were measured by the last few commits of this search. Right: superposes on the crystal (RMSD < 0.01
A, cell within 0.1 %) in its group. Tried: choices of group and sites, of those that the lattice
leaves. CPU seconds, compilation included.

"""


def from_composition_text(result):
    rows = result["rows"]
    text = HEAD.format(count=len(rows), seconds=result["seconds"])
    text += "| prototype | group | atoms | free | outcome | tried | CPU (s) |\n"
    text += "|---|---|---|---|---|---|---|\n"
    for row in rows:
        if row["right_group"]:
            outcome = "right"
        elif row["right"]:
            outcome = "right, another group"
        else:
            outcome = "false claim" if row["claimed"] else "not found"
        if len(row["solutions"]) > 1:
            outcome += f", one of {len(row['solutions'])}"
        text += (
            f"| {row['name']} | {row['group']} | {row['atoms']} | {row['free']} | {outcome} | "
            f"{row['tried']} of {row['counted']} | {row['cpu_s']:.0f} |\n"
        )
    right = sum(row["right_group"] for row in rows)
    false = sum(row["claimed"] and not row["right"] for row in rows)
    seconds = [row["cpu_s"] for row in rows]
    text += (
        f"\n{right} of {len(rows)} right, {false} false claims; median {median(seconds):.0f} s, "
        f"longest {max(seconds):.0f} s.\n"
    )
    versions = ", ".join(" ".join(item) for item in result["versions"].items())
    return text + f"\n{result['cores']} cores, busy with other work, {versions}\n"
