"""The section of `README.md` on the generative model, from `results/generative.json`."""

from statistics import mean, median, stdev

TEXT = """
## A loss on what a generative model predicts (`generative.py`)

A flow-matching network (equinox, {width} wide) learns cell and coordinates of the {crystals} AFLOW
prototypes of at most {atoms} atoms from their elements ({compositions} compositions), {steps} steps
of {batch} crystals. `flow`: the flow-matching loss alone; `flow, longer`: {longer:g} times as many
steps. The others add {weights[end points]:g} L / (1 + L) of the crystal that the network predicts
for t = 1 on the way from noise to a crystal (`on end points`), or, to the network of `flow`, which
is trained on for {after} steps, {weights[samples]:g} times that of crystals it makes from noise
itself, in eight steps (`on samples`); L is the relative mismatch in `PowerSpectrumLoss` or the
squared relative distance in `CrystalMetric`. Every crystal's elements are sampled {repeats} times
in {sampling} steps. Valid: no two atoms closer than half the sum of their covalent radii, volume
within a factor 2 ({valid:.0f} % of the data are). Matched: superposes on the crystal it should be,
RMSD below 0.3 (V/N)^(1/3), lengths within 30 %; close: below 0.1 (V/N)^(1/3) and cells within 10 %.
RMSD: median over the matched, in (V/N)^(1/3). Means over {seeds} seeds +- standard deviation; in
brackets, against `flow` of the same seed: the mean difference and on how many seeds it is larger.
Time: of the whole training, from the median step (the cores had other work). Form and weights of
the terms were chosen by looking at another seed.

"""

CONCLUSION = """
What the terms change: on end points nothing for the better. On samples they make valid crystals and
crystals of the right structure more frequent than the flow alone does, on every seed. Against the
flow trained for about the same time as they take, more samples are valid, on every seed; more are
matched in {more} of {pairs} comparisons (two terms, five seeds, two numbers of steps); and those
that match are less exact. They mend samples, they do not replace training.
"""

COLUMNS = (("valid", "valid"), ("matched", "matched"), ("close", "close"))


def generative_text(result):
    """The section as Markdown."""
    runs, settings = result["runs"], result["settings"]
    arms = list(dict.fromkeys(run["arm"] for run in runs))
    counts = list(runs[0]["judged"])
    steps = {run["arm"]: run["steps"] for run in runs}
    text = TEXT.format(
        **{**settings, "sampling": " or ".join(counts)},
        after=next((n for arm, n in steps.items() if "samples" in arm), 0),
        longer=steps.get("flow, longer", settings["steps"]) / settings["steps"],
        valid=100 * result["data"]["valid"],
        seeds=len({run["seed"] for run in runs}),
    )
    lines = ["| loss | steps of sampling | " + " | ".join(name for _, name in COLUMNS)]
    lines[0] += " | RMSD | time (s) |"
    lines.append("|---|---|" + "---|" * (len(COLUMNS) + 2))
    for arm in arms:
        for count in counts:
            cells = [_cell(runs, arm, count, key) for key, _ in COLUMNS]
            own = [run for run in runs if run["arm"] == arm]
            rmsd = mean(run["judged"][count]["rmsd"] for run in own)
            cells += [f"{rmsd:.3f}", f"{_seconds(runs, arm):.0f}"]
            lines.append(f"| {arm} | {count} | {' | '.join(cells)} |")
    return text + "\n".join(lines) + "\n" + _conclusion(runs, counts)


def _conclusion(runs, counts):
    judged = {(run["arm"], run["seed"]): run["judged"] for run in runs}
    pairs = [
        own[count]["matched"] > judged["flow, longer", seed][count]["matched"]
        for (arm, seed), own in judged.items()
        for count in counts
        if "samples" in arm and ("flow, longer", seed) in judged
    ]
    return CONCLUSION.format(more=sum(pairs), pairs=len(pairs)) if pairs else ""


def _seconds(runs, arm):
    """Time of training: that of `flow` too where its network was trained on."""
    own = [run for run in runs if run["arm"] == arm]
    step = median(run["step_ms"] for run in own if run["step_ms"] is not None)
    before = _seconds(runs, "flow") if "samples" in arm else 0.0
    return before + own[0]["steps"] * step / 1e3


def _cell(runs, arm, count, key):
    """Mean and spread of a rate, and how it compares with the same seeds without a term."""
    values = {r["seed"]: 100 * r["judged"][count][key] for r in runs if r["arm"] == arm}
    plain = {r["seed"]: 100 * r["judged"][count][key] for r in runs if r["arm"] == "flow"}
    spread = f" +- {stdev(values.values()):.1f}" if len(values) > 1 else ""
    text = f"{mean(values.values()):.1f}{spread} %"
    both = sorted(values.keys() & plain.keys())
    if arm == "flow" or not both:
        return text
    differences = [values[seed] - plain[seed] for seed in both]
    more = sum(d > 0 for d in differences)
    return text + f" ({mean(differences):+.1f}, {more} of {len(both)})"
