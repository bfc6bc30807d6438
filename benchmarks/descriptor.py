"""Time per structure of the descriptor against pyxtal's RECP and DScribe's SOAP.

    pip install ".[bench]" && python benchmarks/descriptor.py

One process, one machine, warm, `block_until_ready`, compile time apart. The crystal is alpha-quartz
as a rattled 2 x 2 x 2 cell, 72 atoms; q_max = 10 1/A, n_max = l_max = 10. Peers that are not
installed are left out. The result goes to `results/descriptor.json` and from there to `README.md`.
"""

import importlib.metadata
import json
import os
import platform
import time
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import report
from ase import Atoms

from jaxtal.crystal import Crystal
from jaxtal.descriptors import Descriptor, preset

HERE = Path(__file__).parent
CRYSTALS = HERE.parent / "tests" / "reference" / "crystals.json"


def timed(function, repeats=30):
    """First call, median and best of the others, in milliseconds."""
    begin = time.perf_counter()
    function()
    first = time.perf_counter() - begin
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        function()
        times.append(time.perf_counter() - begin)
    return {
        "first_ms": 1e3 * first,
        "median_ms": 1e3 * np.median(times),
        "best_ms": 1e3 * min(times),
    }


def ours(crystal, descriptor):
    """Value, and value with the gradient in cell and coordinates."""
    plan = descriptor.plan(crystal, max_stretch=1.0)
    wanted = plan(crystal)

    @eqx.filter_jit
    def value(parameters, crystal, plan):
        moved = eqx.tree_at(lambda c: (c.lattice.matrix, c.frac_coords), crystal, parameters)
        found = plan(moved)
        return jnp.sum(found.power_spectrum * wanted.power_spectrum) + jnp.sum(found.rdf)

    spectrum = descriptor.spectrum.plan(crystal, max_stretch=1.0)
    both = eqx.filter_jit(lambda p, c, plan: jax.value_and_grad(value)(p, c, plan))
    parameters = (crystal.lattice.matrix, crystal.frac_coords)
    flops = value.lower(parameters, crystal, plan).compile().compiled.cost_analysis()
    return {
        "spectrum": timed(lambda: jax.block_until_ready(spectrum(crystal))),
        "value": timed(lambda: jax.block_until_ready(value(parameters, crystal, plan))),
        "value_and_grad": timed(lambda: jax.block_until_ready(both(parameters, crystal, plan))),
        "reflections": int(np.sum(np.asarray(plan.reflections.multiplicity) > 0)),
        "mflop": flops.get("flops", float("nan")) / 1e6 if flops else None,
    }


def main():
    entries = {e["name"]: e for e in json.loads(CRYSTALS.read_text())}
    entry = entries["alpha-quartz-rattled"]
    crystal = Crystal.from_arrays(
        entry["matrix"], entry["frac"], entry["numbers"], dtype=jnp.float32
    )
    atoms = Atoms(
        numbers=entry["numbers"], scaled_positions=entry["frac"], cell=entry["matrix"], pbc=True
    )
    rows = {"jaxtal": ours(crystal, Descriptor())}
    recp = preset("recp")
    recp_plan = recp.plan(crystal)
    rows["jaxtal, preset recp"] = {
        "value": timed(lambda: jax.block_until_ready(recp_plan(crystal)))
    }
    versions = {"jax": jax.__version__, "jaxtal": importlib.metadata.version("jaxtal")}
    try:
        from pyxtal import reciprocal

        peer = reciprocal.RECP(dmax=10.0, nmax=10, lmax=10, rbasis="bessel")
        rows["pyxtal RECP"] = {"value": timed(lambda: peer.compute(atoms), 10)}
        versions |= {n: importlib.metadata.version(n) for n in ("pyxtal", "torch", "e3nn")}
    except ImportError as error:
        print("pyxtal RECP left out:", error)
    try:
        from dscribe.descriptors import SOAP

        soap = SOAP(
            species=["Si", "O"], r_cut=6.0, n_max=8, l_max=6, periodic=True, average="inner"
        )
        rows["DScribe SOAP"] = {"value": timed(lambda: soap.create(atoms), 10)}
        versions["dscribe"] = importlib.metadata.version("dscribe")
    except ImportError as error:
        print("DScribe SOAP left out:", error)
    result = {
        "rows": rows,
        "versions": versions,
        "cores": os.cpu_count(),
        "device": jax.devices()[0].device_kind,
        "machine": platform.machine(),
        "dtype": "float32",
    }
    out = HERE / "results" / "descriptor.json"
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(result, indent=1) + "\n")
    report.write()


if __name__ == "__main__":
    main()
