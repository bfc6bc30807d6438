"""Apply a function of one crystal, with its plan, to crystals of any kind.

apply_plan(one, plan, given)    compiled; one crystal, a batch or a list, in chunks of a batch
planned_crystals(given)         what a plan is made for, as lists of host atoms
map_crystals(one, tree, chunk)  a function over the first axis, `chunk` at a time

With `mesh=` a batch is dealt to several devices by `jax.shard_map`; nothing is sent between them,
neither for values nor for gradients, if it is a multiple of their number (outside of `jit` it is
made one). Mean and sum over a batch are the caller's, who then needs one reduction.
"""

from ._apply_plan import Program as Program
from ._apply_plan import apply_plan as apply_plan
from ._apply_plan import as_program as as_program
from ._apply_plan import atoms_on_host as atoms_on_host
from ._apply_plan import planned_crystals as planned_crystals
from ._apply_plan import refuse_traced as refuse_traced
from ._apply_plan import stacked_on_device as stacked_on_device
from ._apply_plan import widened as widened
from ._map_crystals import Chunk as Chunk
from ._map_crystals import map_crystals as map_crystals
