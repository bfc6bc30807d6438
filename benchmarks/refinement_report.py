"""The section of `README.md` on refinement, from `results/refinement.json`."""

TEXT = """
## One cycle of full-matrix least squares (`refinement.py`)

Beside `smtbx` (cctbx-base {cctbx}) and `edref` {edref}, in processes of their own, on the same
intensities. CPU seconds of one cycle (the cores had other work); jaxtal's spreads over the cores,
the others' run on one. jaxtal's in single precision, as cycles are until the fit stands, and in
double, as the last one is. Measured sets: the published atoms without hydrogen, anisotropic,
a = 0.1; differences of the converged parameters in standard uncertainties, and ratios of these
(least, median, largest).

| set | reflections, parameters | jaxtal, both | smtbx | R1 | largest difference | s.u. ratio |
|---|---|---|---|---|---|---|
"""

SIZES = """
Model crystals in P 21/c, random C, N, O with tensors. Peak: resident memory of the process, with
interpreter and libraries.

| atoms | reflections, parameters | jaxtal, both | smtbx | edref | peak (MB) |
|---|---|---|---|---|---|
"""


def refinement_text(results: dict) -> str:
    """The tables of both sections."""
    text = TEXT.format(cctbx="2025.11", edref="3.7.3")
    for name, row in results.get("sets", {}).items():
        found, own = row["agreement"], row["own"]
        ratio = ", ".join(f"{v:.4f}" for v in found["su_ratio"])
        largest = max(found["xyz_in_su"], found["u_in_su"])
        text += (
            f"| {name} | {row['reflections']}, {own['parameters']} | {_cycle(own)} | "
            f"{row['smtbx_cpu']:.3f} | {row['r1']:.4f}, {row['smtbx_r1']:.4f} | {largest:.4f} | "
            f"{ratio} |\n"
        )
    text += SIZES
    for atoms, row in results.get("sizes", {}).items():
        own, other = row["own"], row.get("edref", {}).get("cycle")
        smtbx = f"{row['smtbx_cpu']:.2f}" if "smtbx_cpu" in row else "-"
        text += (
            f"| {atoms} | {row['reflections']}, {own['parameters']} | {_cycle(own)} | {smtbx} | "
            f"{'-' if other is None else f'{other:.2f}'} | {row['peak_mb']:.0f} |\n"
        )
    return text


def _cycle(own: dict) -> str:
    """CPU seconds in both precisions."""
    double = f", {own['double']:.3f}" if "double" in own else ""
    return f"{own['cpu']:.3f}{double}"
