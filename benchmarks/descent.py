"""Which loss can be descended: perturbed crystals sent back by its gradient alone.

    python benchmarks/descent.py [LOSS ...] [--crystals N]

In the manner of Segal et al., who find losses of powder patterns too rough to descend: ten
prototypes in their primitive cells, all atoms free (P1), each perturbed 50 times: atoms moved by an
RMS of 0.1, 0.2, 0.4, 0.6 or 0.8 A in random directions, with a random symmetric strain of a
Frobenius norm of a tenth of that over 1 A. From there Adam (150 steps, first 0.05 A, falling to
zero as a cosine) walks downhill on displacements and strain, all alike for every loss, each with
the perfect crystal as its target. A start has come back if it superposes on the crystal (RMSD below
0.05 A over origin, cell choice and hand, cell within 1 %).

    PowerSpectrumLoss              n_max = l_max = 8, q_max = 6 1/A, 61 bins
    MetricLoss                     its defaults, with a weight of 1 on the density
    PowderLoss, FWHM w, l          Cu K-alpha, 10 to 70 degrees; lines of full width w degrees,
                                   compared after a triangle of half base l

Every loss is one compiled program for all crystals (padded to 12 atoms), which walks with the 50
starts of one crystal at a time. Results go to `results/descent.json` after every crystal; what is
there is not run again.

References:
    N. Segal et al., OpenReview A21WF9M1Um (2025).
"""

import argparse
import functools
import importlib.metadata
import json
import os
import time
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import report
import spglib

import jaxtal as jxt
from jaxtal.crystal import Crystal, CrystalArrays, host_crystal, match_crystals
from jaxtal.losses import MetricLoss, PowderLoss, PowerSpectrumLoss

RESULTS = Path(__file__).parent / "results" / "descent.json"
NAMES = (
    *("rutile", "anatase", "alpha-quartz", "cristobalite", "wurtzite"),
    *("perovskite", "corundum", "pyrite", "calcite", "fluorite"),
)
ROOM, STEPS, FIRST = 12, 150, 0.05
SIZES, REPEATS = (0.1, 0.2, 0.4, 0.6, 0.8), 10
RMSD, CELL = 0.05, 0.01
#: Angstrom that a strain of 1 counts as in the walk.
ARM = 3.0
WIDTHS = ((0.2, 0.1), (1.0, 2.0), (6.0, 10.0), (0.2, 2.0), (3.0, 4.0))


def losses(crystals):
    """Name -> what makes a loss that has room for the crystals."""
    described = {"n_max": 8, "l_max": 8, "q_max": 6.0, "n_bins": 61}
    stretched = {"max_stretch": 1.4, "outgrown": "far off"}
    found = {
        "PowerSpectrumLoss": lambda: PowerSpectrumLoss(crystals, **described, **stretched),
        "MetricLoss": lambda: MetricLoss(crystals, density=1.0, **stretched),
    }
    powder = {"wavelength": "CuKa", "limits": (10, 70), "n_points": 601, "mixing": 0.0}
    for fwhm, width in WIDTHS:
        lines = {**powder, "fwhm": fwhm, "width": width, **stretched}
        found[f"PowderLoss, FWHM {fwhm:g}, l {width:g}"] = functools.partial(
            PowderLoss, crystals, **lines
        )
    return found


def primitive(name):
    """Matrix, fractional coordinates and atomic numbers of a prototype's primitive cell."""
    atoms = host_crystal(jxt.prototype(name))
    cell = (atoms.matrix, atoms.frac_coords, atoms.atomic_numbers)
    return spglib.standardize_cell(cell, to_primitive=True, no_idealize=True)


def perturbed(cell, size, rng):
    matrix, frac, z = cell
    strain = rng.standard_normal((3, 3))
    strain = strain + strain.T
    strain *= 0.1 * size / np.linalg.norm(strain)
    moved = rng.standard_normal(frac.shape)
    moved *= size / np.sqrt(np.mean(np.sum(moved**2, axis=1)))
    return matrix @ (np.eye(3) + strain), frac + moved @ np.linalg.inv(matrix), z


def padded(cells):
    """Crystals as arrays of one shape."""
    matrix, frac, z, mask = [], [], [], []
    for m, x, numbers in cells:
        rest = ROOM - len(numbers)
        matrix.append(m)
        frac.append(np.pad(x, ((0, rest), (0, 0))))
        z.append(np.pad(numbers, (0, rest)))
        mask.append(np.arange(ROOM) < len(numbers))
    return CrystalArrays(
        jnp.asarray(np.array(matrix), jnp.float32),
        jnp.asarray(np.array(frac), jnp.float32),
        jnp.asarray(np.array(z), jnp.int32),
        jnp.asarray(np.array(mask)),
    )


@eqx.filter_jit
def walk(loss, start, target):
    """Cells and coordinates after the walk, and the losses at both ends."""

    def crystals(variables):
        strain, moved = variables
        strain = (strain + jnp.swapaxes(strain, 1, 2)) / (2 * ARM)
        matrix = start.matrix @ (jnp.eye(3) + strain)
        frac = start.frac_coords + moved @ jnp.linalg.inv(start.matrix)
        return CrystalArrays(matrix, frac, start.species, start.mask)

    def total(variables):
        values, _ = loss(crystals(variables), target)
        return jnp.sum(values), values

    def step(carry, i):
        variables, mean, square = carry
        (_, values), slope = jax.value_and_grad(total, has_aux=True)(variables)
        slope = jax.tree.map(lambda g: jnp.where(jnp.isfinite(g), g, 0.0), slope)
        mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, mean, slope)
        square = jax.tree.map(lambda s, g: 0.99 * s + 0.01 * g * g, square, slope)
        rate = FIRST * 0.5 * (1 + jnp.cos(jnp.pi * i / STEPS))
        first, second = 1 - 0.9 ** (i + 1), 1 - 0.99 ** (i + 1)
        variables = jax.tree.map(
            lambda v, m, s: v - rate * (m / first) / (jnp.sqrt(s / second) + 1e-12),
            *(variables, mean, square),
        )
        return (variables, mean, square), values

    nothing = jnp.zeros_like(start.matrix), jnp.zeros_like(start.frac_coords)
    begin = (nothing, nothing, nothing)
    (variables, _, _), history = jax.lax.scan(step, begin, jnp.arange(STEPS, dtype=jnp.float32))
    end = crystals(variables)
    return end.matrix, end.frac_coords, history[0], total(variables)[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("losses", nargs="*", help="default all")
    parser.add_argument("--crystals", type=int, default=len(NAMES), help="only the first ones")
    options = parser.parse_args()
    cells = [primitive(name) for name in NAMES]
    crystals = [Crystal.from_arrays(*cell) for cell in cells]
    result = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"rows": {}}
    for name, make in losses(crystals).items():
        row = result["rows"].get(name, {"starts": [], "cpu_s": 0.0})
        done, wanted = {start[0] for start in row["starts"]}, set(NAMES[: options.crystals])
        if (options.losses and name not in options.losses) or wanted <= done:
            continue
        begin, loss = time.process_time(), make()
        for i, cell in enumerate(cells):
            if NAMES[i] in done or NAMES[i] not in wanted:
                continue
            row["starts"] += walked(loss, NAMES[i], cell, crystals[i], i)
            row["cpu_s"] += time.process_time() - begin
            begin = time.process_time()
            result["rows"][name], result["cores"] = row, os.cpu_count()
            result["versions"] = {p: importlib.metadata.version(p) for p in ("jax", "jaxtal")}
            RESULTS.write_text(json.dumps(result) + "\n")
        back = [start[2] for start in row["starts"]]
        print(f"{name}: {np.mean(back):.1%} come back, {row['cpu_s']:.0f} s of CPU", flush=True)
    report.write()


def walked(loss, name, cell, crystal, seed):
    """Name, size, whether it is back, and losses at both ends, of each perturbed copy."""
    rng = np.random.default_rng([20261130, seed])
    starts = [(size, perturbed(cell, size, rng)) for size in SIZES for _ in range(REPEATS)]
    target = loss.represent(padded([cell] * len(starts)))
    ends = walk(loss, padded([start for _, start in starts]), target)
    ends, back, z = [np.asarray(x, float) for x in ends], [], cell[2]
    for (size, _), matrix, frac, first, last in zip(starts, *ends, strict=True):
        there = False
        # A loss that has not fallen belongs to a crystal that has not come back.
        if np.isfinite(last) and last < 0.1 * first:
            try:
                found = match_crystals(crystal, Crystal.from_arrays(matrix, frac[: len(z)], z))
                there = found is not None and found.rmsd < RMSD and found.cell_error < CELL
            except ValueError:  # atoms on top of each other
                there = False
        back.append([name, size, bool(there), float(first), float(last)])
    return back


if __name__ == "__main__":
    main()
