"""The command `jaxtal`: describe, compare, find, reconstruct and phase crystals from a terminal.

Periodic fields are converted and checked, too.

    jaxtal list
    jaxtal describe quartz.cif coesite.cif -o silica.npz
    jaxtal compare alpha-quartz beta-quartz
    jaxtal fingerprints folder -o kept --shard 3/16
    jaxtal dedup folder --json
    jaxtal search quartz.cif folder -k 5
    jaxtal data data.hkl --cell 7.1 8.2 9.3 90 105 90 -o data.png
    jaxtal solve data.hkl --composition "C11 H10 O2 S" -o out
    jaxtal reconstruct alpha-quartz --starts 64 --seed 0 -o result
    jaxtal phase --demo icosahedral
    jaxtal phase --example icosahedral > job.toml && jaxtal phase job.toml -o phased
    jaxtal fields convert w.bf w.rf
    jaxtal fields check w.rf --group I_a_-3_d

Crystals are files (CIF, and what ASE reads) or built-in names; what is to be phased is described
by a job file. Output is for people; with `--json`
it is exactly one JSON object on stdout, and everything else goes to stderr.

Exit codes: 0 done, 1 not converged or not symmetric, 2 bad input (one line on stderr),
130 interrupted. Ctrl-C is answered at once; what was found is finished and written, and a second
one quits. Files are written whole or not at all.

`--devices N` deals crystals or starts to N devices; a CPU is made N of them. `jaxtal phase
--distributed` is one of several processes that `srun` or `mpirun` have started.

Compiled programs are kept in the user's cache folder (`XDG_CACHE_HOME`, default `~/.cache`),
unless JAX is told otherwise (`JAX_COMPILATION_CACHE_DIR`).
"""

import os
from collections.abc import Sequence

from ._interrupts import INTERRUPTED, deaf_to_interrupts, heard_interrupts, say


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: arguments without the program's name, default those of the process.

    Returns:
        Exit code: 0 done, 1 not converged, 2 bad input, 130 interrupted.
    """
    with heard_interrupts():
        try:
            # Imports take a second, in which Ctrl-C shall leave no traceback either.
            from ._main import run_arguments

            code = run_arguments(argv)
            if argv is None:
                deaf_to_interrupts()
            return code
        except KeyboardInterrupt:
            pass
        say("jaxtal: interrupted")
    if argv is None:
        # A process of its own leaves at once: XLA may crash when torn down while it compiles.
        os._exit(INTERRUPTED)
    return INTERRUPTED
