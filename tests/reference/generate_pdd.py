"""Write `pdd.json`: AMD and PDD of stored crystals by the package average-minimum-distance.

    pip install "average-minimum-distance==1.6.1"
    python tests/reference/generate_pdd.py

For each crystal of at most 30 atoms in `crystals.json`: `weights` and `rows` of PDD(k = 20), rows
closer than 1e-4 A collapsed, in lexicographic order; `amd`; and `emd`, the earth mover's distances
of all pairs in the order of `names` (package default: rows compared by their largest difference).
Left out is the strongly sheared cell, in which version 1.6.1 misses nearest neighbours.
"""

import json
import pathlib

import amd
import numpy as np

HERE = pathlib.Path(__file__).parent
K = 20


def main() -> None:
    entries = json.loads((HERE / "crystals.json").read_text())
    names, stored, tables = [], {}, []
    for entry in entries:
        matrix, frac = np.array(entry["matrix"]), np.array(entry["frac"])
        if len(frac) > 30 or entry["name"] == "diamond-sheared":
            continue
        points = amd.PeriodicSet((frac % 1.0) @ matrix, matrix)
        table = amd.PDD(points, K, lexsort=True, collapse=True, collapse_tol=1e-4)
        names.append(entry["name"])
        tables.append(table)
        stored[entry["name"]] = {
            "weights": np.round(table[:, 0], 12).tolist(),
            "rows": np.round(table[:, 1:], 9).tolist(),
            "amd": np.round(amd.AMD(points, K), 9).tolist(),
        }
    emd = [[float(np.round(amd.EMD(p, q), 9)) for q in tables] for p in tables]
    result = {"package": f"average-minimum-distance {amd.__version__}", "k": K, "names": names}
    result |= {"crystals": stored, "emd": emd}
    (HERE / "pdd.json").write_text(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
