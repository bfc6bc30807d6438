"""Private helpers without JAX: checks, sizes, files, spglib. `symmetry` uses this half alone."""

from ._atomic import naming as naming
from ._atomic import replacing as replacing
from ._atomic import replacing_set as replacing_set
from ._atomic import write_bytes as write_bytes
from ._atomic import write_text as write_text
from ._containers import Held as Held
from ._containers import read_container as read_container
from ._containers import write_container as write_container
from ._finite import check_finite as check_finite
from ._gunzip import gunzip as gunzip
from ._sizes import bucket as bucket
from ._sizes import count as count
from ._sizes import next_smooth as next_smooth
from ._sizes import smooth_sizes as smooth_sizes
from ._spglib import call_spglib as call_spglib
from ._warn import warn_caller as warn_caller
