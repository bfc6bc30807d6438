#!/usr/bin/env bash
# gemmi 0.7.5: on a full disk a CIF document is lost without an error; a map is or is not, by its size.
#
# Guess before the run: all three writers raise, as Python's own files do when they are closed.
# Seen: MTZ raises, and so does a map of 16 x 16 x 16 points; a map of 6 x 6 x 6, which fits into a
# buffer that is written out when the file is closed, and a CIF document of 100 kB return as if they
# had been written. Whoever deposits or refines from such a file has none, or half of one.
# Writing the text (`document.as_string()`) with Python's `open` raises.
# Seen output: mtz raised, map 16 raised, map 6 silent, cif silent, text raised
set -euo pipefail
[[ -e /dev/full ]] || { echo "needs Linux's /dev/full" >&2; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "gemmi==0.7.5" "numpy==2.4.6"
cat >"$folder/run.py" <<'PYTHON'
import gemmi
import numpy as np


def outcome(write):
    try:
        write()
    except (OSError, RuntimeError):
        return "raised"
    return "silent"


def map_of(points):
    values = np.random.default_rng(0).random((points,) * 3).astype(np.float32)
    cell, group = gemmi.UnitCell(5, 5, 5, 90, 90, 90), gemmi.SpaceGroup("P 1")
    written = gemmi.Ccp4Map()
    written.grid = gemmi.FloatGrid(values, cell, group)
    written.update_ccp4_header()
    return written


mtz = gemmi.Mtz(with_base=True)
mtz.spacegroup = gemmi.SpaceGroup("P 1")
mtz.set_cell_for_all(gemmi.UnitCell(5, 5, 5, 90, 90, 90))
mtz.add_dataset("x")
mtz.add_column("F", "F")
mtz.set_data(np.ones((1000, 4), np.float32))
document = gemmi.cif.Document()
document.add_new_block("a").set_pair("_audit_creation_method", "y" * 100_000)


def text():
    with open("/dev/full", "w") as file:
        file.write(document.as_string())


found = {
    "mtz": outcome(lambda: mtz.write_to_file("/dev/full")),
    "map 16": outcome(lambda: map_of(16).write_ccp4_map("/dev/full")),
    "map 6": outcome(lambda: map_of(6).write_ccp4_map("/dev/full")),
    "cif": outcome(lambda: document.write_file("/dev/full")),
    "text": outcome(text),
}
print(", ".join(f"{name} {how}" for name, how in found.items()))
expected = {"mtz": "raised", "map 16": "raised", "map 6": "silent", "cif": "silent", "text": "raised"}
assert found == expected, found
PYTHON
"$folder/venv/bin/python" "$folder/run.py"
