"""Write `recp.npz`: pyxtal's `RECP` class evaluated on the crystals of `crystals.json`.

    pip install "jaxtal[bench]"          # pyxtal, torch and e3nn
    python tests/reference/generate_recp.py

The class rounds the reciprocal points and the intensities to float32 before it expands them. Two
sets are therefore stored: the class as it is (`*_float32`), and the same code in which the name
`torch.float32` stands for float64, so that a float64 comparison means something.

Arrays, the first axis being the crystals in the order of `names`:

==========================  ====================================================================
`bessel`, `chebyshev`,      raw P (n_max, l_max + 1), n_max = l_max = 10, d_max = 10, float64
`gto`
`bessel_float32`            as `bessel`, the class untouched
`bessel_normalised`         as `bessel` with `norm=True`
`default`                   RECP() with all its own defaults (Chebyshev, d_max 6, n_max = l_max = 4)
`rdf`, `default_rdf`        G(d), 99 and 59 bins
`points`, `default_points`  number of reciprocal points kept by the class
==========================  ====================================================================
"""

import json
import pathlib

import numpy as np
import pyxtal
import torch
from ase import Atoms
from pyxtal import reciprocal

HERE = pathlib.Path(__file__).parent


class DoubleTorch:
    """Stands for the module `torch`, with `float32` meaning float64."""

    float32 = torch.float64

    def __getattr__(self, name: str):
        return getattr(torch, name)


def spectrum(recp: reciprocal.RECP, atoms: Atoms, double: bool, norm: bool = False) -> np.ndarray:
    reciprocal.torch = DoubleTorch() if double else torch
    try:
        P, _ = recp.compute(atoms, norm=norm)
    finally:
        reciprocal.torch = torch
    return P.numpy().reshape(recp.nmax, recp.lmax + 1)


def main() -> None:
    torch.set_num_threads(1)
    entries = json.loads((HERE / "crystals.json").read_text())
    bases = {
        name: reciprocal.RECP(dmax=10.0, nmax=10, lmax=10, rbasis=name)
        for name in ("bessel", "chebyshev", "gto")
    }
    default = reciprocal.RECP()
    columns: dict[str, list] = {}

    def add(name: str, value) -> None:
        columns.setdefault(name, []).append(value)

    for entry in entries:
        atoms = Atoms(
            entry["numbers"], scaled_positions=entry["frac"], cell=entry["matrix"], pbc=True
        )
        for name, recp in bases.items():
            add(name, spectrum(recp, atoms, double=True))
        bessel = bases["bessel"]
        add("bessel_float32", spectrum(bessel, atoms, double=False))
        add("bessel_normalised", spectrum(bessel, atoms, double=True, norm=True))
        add("default", spectrum(default, atoms, double=True))
        for prefix, recp in (("", bessel), ("default_", default)):
            _, intensity, d = recp.build_reciprocal(atoms)
            add(prefix + "rdf", recp.compute_rdf(d, intensity))
            add(prefix + "points", len(d))
        print(f"{entry['name']:22s} {columns['points'][-1]:6d} points")

    np.savez_compressed(
        HERE / "recp.npz",
        names=np.array([entry["name"] for entry in entries]),
        versions=np.array([f"pyxtal {pyxtal.__version__}", f"torch {torch.__version__}"]),
        **{name: np.array(value) for name, value in columns.items()},
    )


if __name__ == "__main__":
    main()
