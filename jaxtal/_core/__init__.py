"""Private helpers shared by every room: guards, safe arithmetic, static sizes.

Nothing here knows any crystallography.
"""

from ._atomic import replacing as replacing
from ._atomic import write_bytes as write_bytes
from ._atomic import write_text as write_text
from ._clock import CompileClock as CompileClock
from ._device import as_array as as_array
from ._device import computing_dtype as computing_dtype
from ._device import device_array as device_array
from ._guard import check_finite as check_finite
from ._guard import host_array as host_array
from ._safe import safe_divide as safe_divide
from ._safe import safe_norm as safe_norm
from ._safe import safe_sqrt as safe_sqrt
from ._sizes import bucket as bucket
from ._sizes import count as count
from ._specification import AbstractSpecification as AbstractSpecification
from ._specification import check_same_specification as check_same_specification
from ._specification import specification_from_json as specification_from_json
from ._spglib import call_spglib as call_spglib
