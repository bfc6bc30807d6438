"""x"""
from ._measurements import Measurements as Measurements
from ._model import Model as Model
from ._refine import refine as refine
from ._complete import complete_model as complete_model
