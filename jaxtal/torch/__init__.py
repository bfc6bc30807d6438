"""jaxtal in PyTorch: arrays through DLPack, gradients through `torch.autograd` (extra `torch`).

Not imported by `import jaxtal`; needs PyTorch:

    to_jax, to_torch    tensors and arrays in the same memory, on a CPU or an NVIDIA GPU
    torch_function      a JAX function of arrays as a differentiable PyTorch function of tensors
    Loss                torch.nn.Module: any loss of `jaxtal.losses`, one for each crystal
    pad_ragged          atoms one crystal after another (PyTorch Geometric) to padded arrays

    import jaxtal as jxt
    from jaxtal.torch import Loss, torch_function

    loss = Loss(jxt.losses.MetricLoss(crystals, max_stretch=1.5))                   # host
    targets = loss.represent(lattice0, frac_coords0, atomic_numbers, mask)          # once
    values = loss(lattice, frac_coords, atomic_numbers, mask, target=targets)       # (B,)
    values.mean().backward()                                                        # into the model

    f = torch_function(lambda x, plan: ...)                               # anything else in JAX

Compiled programs are chosen by shapes: pad atoms to a fixed number (`pad_to`) and drop the last,
smaller batch. First derivatives only. Both libraries want the memory of a GPU: set the environment
variable XLA_PYTHON_CLIENT_PREALLOCATE=false before JAX is imported.
"""

from ._convert import to_jax as to_jax
from ._convert import to_torch as to_torch
from ._function import torch_function as torch_function
from ._loss import Loss as Loss
from ._ragged import pad_ragged as pad_ragged
