"""Descriptors."""
from ._descriptor import *
