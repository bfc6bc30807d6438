"""The table of `claims.py`, for `report.py`."""

from solving_report import clopper_pearson

HEAD = """
## Claims against the truth (`claims.py`)

What the package says is found, solved, converged or the same, judged by what did not make the
claim: known phases and atoms, superposition on the crystal that the data were made of, or
pymatgen's StructureMatcher (lengths to 2 %, sites to 0.02 (V / N)^(1/3)). Bounds for the share of
false claims: one-sided, 95 %, Clopper and Pearson; over claims as if they were independent, and
over cases (crystals, sets of data), of which one is false if any of its claims is. Rows are of the
results of other benchmarks, each at the commit at which it ran; phases of models and pairs of
crystals are run here.

| claim | cases | tried | claims | false | bound | cases with a claim, with a false one | bound |
|---|---|---|---|---|---|---|---|
"""


def claims_text(result: dict) -> str:
    text = HEAD
    everything = [count for counts in result.values() for count in counts]
    for title, counts in [*result.items(), ("all", everything)]:
        tried, claims, false = (sum(count[i] for count in counts) for i in (1, 2, 3))
        cases = {count[0] for count in counts}
        claimed = {count[0] for count in counts if count[2]}
        wrong = {count[0] for count in counts if count[3]}
        text += (
            f"| {title} | {len(cases)} | {tried} | {claims} | {false} | "
            f"{_percent(false, claims)} | {len(claimed)}, {len(wrong)} | "
            f"{_percent(len(wrong), len(claimed))} |\n"
        )
    named = [
        f"{name} ({title}: {count})"
        for title, counts in result.items()
        for name, _, _, count in counts
        if count
    ]
    return text + f"\nFalse claims: {'; '.join(named) or 'none'}.\n"


def _percent(found: int, tried: int) -> str:
    return f"{100 * clopper_pearson(found, tried):.2g} %" if tried else "-"
