"""jaxtal in PyTorch: arrays through DLPack, gradients through `torch.autograd` (extra `torch`).

Not imported by `import jaxtal`; needs PyTorch:

    to_jax, to_torch    tensors and arrays in the same memory, on a CPU or an NVIDIA GPU
    torch_function      a JAX function of arrays as a differentiable PyTorch function of tensors
    DescriptorLoss      torch.nn.Module: mismatch of descriptors, one loss for each crystal
    MetricLoss          torch.nn.Module: squared distance in a `CrystalMetric`
    PowderLoss          torch.nn.Module: dissimilarity of powder patterns
    pad_ragged          atoms one crystal after another (PyTorch Geometric) to padded arrays

    import jaxtal as jxt
    from jaxtal.torch import DescriptorLoss, torch_function

    plan = jxt.descriptors.RepresentPlan.for_crystals(descriptor, crystals, margin=1.5)  # host
    loss = DescriptorLoss(plan)
    targets = loss.represent(lattice0, frac0, species, mask)              # once
    value = loss(lattice, frac, species, mask, target=targets)            # (B,)
    value.mean().backward()                                               # into the model

    f = torch_function(lambda x, plan: ...)                               # anything else in JAX

Compiled programs are chosen by shapes: pad atoms to a fixed number (`pad_to`) and drop the last,
smaller batch. First derivatives only. Both libraries want the memory of a GPU: set the environment
variable XLA_PYTHON_CLIENT_PREALLOCATE=false before JAX is imported.
"""

from ._convert import to_jax as to_jax
from ._convert import to_torch as to_torch
from ._descriptor_loss import DescriptorLoss as DescriptorLoss
from ._descriptor_loss import Spectra as Spectra
from ._function import torch_function as torch_function
from ._metric_loss import MetricLoss as MetricLoss
from ._metric_loss import Vectors as Vectors
from ._powder_loss import PowderLoss as PowderLoss
from ._ragged import pad_ragged as pad_ragged
