#!/usr/bin/env bash
# grok-phase-solver 0.13.4: `load_hkl_shelx` splits the rows of a SHELX HKLF 4 file at spaces, though
# they have fixed columns (3I4, 2F8.2, I4), and says nothing where two of them touch.
#
# Guess before the run: columns are read by their places, or a row of fewer than six words is refused.
# Seen: `   0   0   499999.00   50.00   1`, which is (0 0 4) with I = 99999.00 and sigma = 50, SHELX's
# scale of the strongest reflection, becomes (0 0 499999) with I = 50 and sigma = 1, the batch number.
# The strongest reflections of a file scaled to fill its columns change places so, and the spacing of
# the data becomes 0.00 angstrom.
# Seen output: the indices, intensities and sigmas of the three rows
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "grok-phase-solver==0.13.4"
cat >"$folder/data.hkl" <<'HKL'
   1   0   0  100.00    1.00   1
   0   0   499999.00   50.00   1
   1   1   1 -100.00    1.00   1
   0   0   0    0.00    0.00   0
HKL
cat >"$folder/run.py" <<'PYTHON'
import sys

import numpy as np
from grok_phase_solver.io.hkl import load_hkl_shelx

table = load_hkl_shelx(sys.argv[1], np.array([5.0, 6.0, 7.0, 90.0, 90.0, 90.0]))
print(table.hkl.tolist(), table.I_meas.tolist(), table.sigI.tolist())
assert table.hkl.tolist() == [[1, 0, 0], [0, 0, 499999], [1, 1, 1]]
assert table.I_meas.tolist() == [100.0, 50.0, -100.0]
assert table.sigI.tolist() == [1.0, 1.0, 1.0]
PYTHON
"$folder/venv/bin/python" "$folder/run.py" "$folder/data.hkl"
