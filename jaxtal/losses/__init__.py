"""Losses of the crystals of a batch, for training loops."""

from ._descriptor_loss import descriptor_loss as descriptor_loss
from ._represent_loss import fingerprint_loss as fingerprint_loss
from ._represent_loss import represent_loss as represent_loss
