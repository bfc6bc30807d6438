from ._doors import CompositionMonitor as CompositionMonitor
from ._doors import PhasingMonitor as PhasingMonitor
from ._doors import ReconstructionMonitor as ReconstructionMonitor
from ._doors import SolutionMonitor as SolutionMonitor
