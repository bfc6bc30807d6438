"""The command `jaxtal`: describe, compare, find, reconstruct and phase crystals from a terminal.

Periodic fields are converted and checked, too.

    jaxtal list
    jaxtal describe quartz.cif coesite.cif -o silica.npz
    jaxtal compare alpha-quartz beta-quartz
    jaxtal dedup folder --json
    jaxtal search quartz.cif folder -k 5
    jaxtal reconstruct alpha-quartz --starts 64 --seed 0 -o result
    jaxtal phase --demo icosahedral
    jaxtal phase --example icosahedral > job.toml && jaxtal phase job.toml -o phased
    jaxtal fields convert w.bf w.rf
    jaxtal fields check w.rf --group I_a_-3_d

Crystals are files (CIF, and what ASE reads) or built-in names; what is to be phased is described
by a job file. Output is for people; with `--json`
it is exactly one JSON object on stdout, and everything else goes to stderr.

Exit codes: 0 done, 1 not converged or not symmetric, 2 bad input (one line on stderr),
130 interrupted (what was finished is written). Files are written whole or not at all.

Compiled programs are kept in the user's cache folder (`XDG_CACHE_HOME`, default `~/.cache`),
unless JAX is told otherwise (`JAX_COMPILATION_CACHE_DIR`).
"""

from ._main import main as main
