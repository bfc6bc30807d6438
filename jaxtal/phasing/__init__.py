"""Dual-space phasing in any dimension: from measured moduli to a density.

A cycle makes a density from amplitudes, changes it (flips what is low), takes the amplitudes of
the result, and gives them their measured moduli back:

    transform = Transform.build(orbits, grid)            # host tables: orbits <-> slots of a grid
    state = begin(observed, algorithm, key)              # random phases
    state, cycle = step(transform, observed, algorithm, state)

`scan_cycles` runs many as one program (`jax.vmap` over starts on an accelerator), `host_cycles`
runs them from Python where that is faster. Symmetry is exact and imposed through the tables:
every orbit is one complex unknown, or one real unknown where symmetry leaves a sign.

`phase` is the whole road: a recipe of stages (search on small folded grids, finish on an
alias-free one), several starts, and a verdict from independent evidence (`Start.converged`): what
is found without the group. `Phasing.families`, `witnesses`, `twin` and `setting` say what it is.

With `mesh=` the starts are dealt to several devices, which run one program and exchange nothing;
the phases are those of one device. Several processes, on as many machines, share a run by a mesh of
all their devices. Each makes its own starts, and at the end of each round of restarts they tell
each other, so that all of them return one verdict over all starts, that of a lone process:

    jax.distributed.initialize()                         # under srun or mpirun
    mesh = jax.sharding.Mesh(numpy.array(jax.devices()), ("starts",))
    phased = phase(reflections, starts=512, mesh=mesh)   # in every process

From a terminal, on two nodes of four GPUs, one process for each (JAX gives a process of Slurm the
GPU of its number on the node, all of which it must see; `JAX_LOCAL_DEVICE_IDS=0,1,2,3` gives one
process them all), the first of which writes the results:

    srun -K -N2 --ntasks-per-node=4 --gpus-per-node=4 jaxtal phase job.toml --distributed

Who is stopped, by Ctrl-C or a `Control`, stops the others at the end of their round; `-K` ends them
all where one fails.

    algorithm                   what happens to the density
    `SweepDown`                 lowest p flipped about its threshold, p sinks
    `ChargeFlipping`            sign changed below a threshold; clip, weak reflections
    `RandomisedMedian`          sign changed below the median, new phases by chance
    `LowDensityElimination`     negative dropped, low damped
    `RelaxedReflections`        RRR / difference map

Subclass `AbstractAlgorithm` to add one; its docstring has an example.

`index_settings` tries every exchange of axes on a list indexed by another program.

`fit_window` finds a window for a reflection list, whose `factors` are those of a problem;
`delta_shape` measures any. `model("icosahedral")` and the other `model_names()` are
structures with known phases F, to try and to measure with: `Model.reflections`, `Model.falloff`.
"""

from ._agreement import Equivalences as Equivalences
from ._algorithm import AbstractAlgorithm as AbstractAlgorithm
from ._algorithm import Observed as Observed
from ._algorithm import replace_moduli as replace_moduli
from ._charge_flipping import ChargeFlipping as ChargeFlipping
from ._charge_flipping import LowDensityElimination as LowDensityElimination
from ._charge_flipping import RandomisedMedian as RandomisedMedian
from ._charge_flipping import SweepDown as SweepDown
from ._control import Control as Control
from ._delta_function import delta_shape as delta_shape
from ._figures_of_merit import extrema_ratio as extrema_ratio
from ._fit_window import fit_window as fit_window
from ._index_settings import index_settings as index_settings
from ._loop import begin as begin
from ._loop import host_cycles as host_cycles
from ._loop import scan_cycles as scan_cycles
from ._loop import step as step
from ._observers import deciles as deciles
from ._observers import extrema as extrema
from ._observers import phase_change as phase_change
from ._observers import r_factor as r_factor
from ._phase import phase as phase
from ._problem import PhasingProblem as PhasingProblem
from ._recipe import Recipe as Recipe
from ._recipe import Stage as Stage
from ._recipe import recipe as recipe
from ._relaxed_reflections import RelaxedReflections as RelaxedReflections
from ._result import Phasing as Phasing
from ._threshold import quantile as quantile
from ._transform import Transform as Transform
from .models._model import Model as Model
from .models._named import model as model
from .models._named import model_names as model_names
