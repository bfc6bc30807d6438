"""Private helpers shared by every room: guards, safe arithmetic, static sizes.

`host` is the half without JAX; the modules beside it are the half with it. Nothing here knows any
crystallography.
"""

from ._clock import CompileClock as CompileClock
from ._cofactors import cofactors as cofactors
from ._cofactors import determinant as determinant
from ._cofactors import inverse as inverse
from ._compilation_cache import use_compilation_cache as use_compilation_cache
from ._device import as_array as as_array
from ._device import computing_dtype as computing_dtype
from ._device import concrete as concrete
from ._device import device_array as device_array
from ._lll import lll as lll
from ._mesh import Devices as Devices
from ._mesh import copied as copied
from ._mesh import dealt as dealt
from ._mesh import fill_rows as fill_rows
from ._mesh import map_rows as map_rows
from ._mesh import mesh_of as mesh_of
from ._mesh import on_mesh as on_mesh
from ._namespace import MANY_THREADS as MANY_THREADS
from ._namespace import ONE_THREAD as ONE_THREAD
from ._namespace import AnyArray as AnyArray
from ._namespace import matmul as matmul
from ._namespace import namespace as namespace
from ._namespace import on_host as on_host
from ._on_cores import as_here as as_here
from ._on_cores import on_cores as on_cores
from ._program_limit import limit_programs as limit_programs
from ._progress import progress_bar as progress_bar
from ._quick_to_compile import quick_to_compile as quick_to_compile
from ._rows import take_rows as take_rows
from ._safe import safe_divide as safe_divide
from ._safe import safe_norm as safe_norm
from ._safe import safe_sqrt as safe_sqrt
from ._specification import AbstractSpecification as AbstractSpecification
from ._specification import check_same_specification as check_same_specification
from ._specification import specification_from_json as specification_from_json
from ._threads import cores as cores
from ._threads import few_threads as few_threads
from ._tracers import host_array as host_array
from .host import Held as Held
from .host import bucket as bucket
from .host import call_spglib as call_spglib
from .host import check_finite as check_finite
from .host import count as count
from .host import gunzip as gunzip
from .host import naming as naming
from .host import next_smooth as next_smooth
from .host import read_container as read_container
from .host import replacing as replacing
from .host import replacing_set as replacing_set
from .host import smooth_sizes as smooth_sizes
from .host import warn_caller as warn_caller
from .host import write_bytes as write_bytes
from .host import write_container as write_container
from .host import write_text as write_text
