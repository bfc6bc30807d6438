"""Losses of crystals against what is wanted of them, for training loops.

Every loss plans on the host when it is made, with settings by keyword or a specification given, and
is used in one way:

    loss = MetricLoss(crystals, density=1.0, max_stretch=1.5)     # crystals that must fit
    targets = loss.represent(batch)                               # once for a data set
    values, fits = loss(batch, targets[rows])                     # (B,), (B,): jit, grad, vmap

    PowerSpectrumLoss   |P - P0|^2 / |P0|^2 and the same of the radial distribution
    MetricLoss          |v - v0|^2 of the vectors of a `CrystalMetric`
    PowderLoss          1 - similarity of powder patterns, calculated or measured

`outgrown` is "ignore", "far off" or "raise": what becomes of crystals that do not fit the plan. The
gradient is found beside the value, `chunk` crystals at a time (as many as the device likes, unless
stated). `AbstractLoss` says all that they have in common and how a new one is made;
`pattern_similarity` and `xrd_loss` compare powder
patterns that are at hand; `measured_similarity` compares a crystal with a measured pattern, whose
background it takes off. `jaxtal.torch.Loss(loss)` is the same in PyTorch.
"""

from ._abstract_loss import AbstractLoss as AbstractLoss
from ._measured_similarity import measured_similarity as measured_similarity
from ._metric_loss import MetricLoss as MetricLoss
from ._pattern_similarity import pattern_similarity as pattern_similarity
from ._pattern_similarity import xrd_loss as xrd_loss
from ._powder_loss import PowderLoss as PowderLoss
from ._power_spectrum_loss import PowerSpectrumLoss as PowerSpectrumLoss
