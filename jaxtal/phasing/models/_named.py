"""The models by name."""

from collections.abc import Callable

from ._aperiodic import decagonal_model, homometric_model, icosahedral_model, modulated_model
from ._crystals import laves_model, naphthalene_model, quartz_model
from ._model import Model

_MODELS: dict[str, Callable[[], Model]] = {
    "icosahedral": icosahedral_model,
    "decagonal": decagonal_model,
    "modulated": modulated_model,
    "2d": homometric_model,
    "3d": naphthalene_model,
    "naphthalene": naphthalene_model,
    "quartz": quartz_model,
    "laves": laves_model,
}


def model_names() -> tuple[str, ...]:
    """Names that `model` knows."""
    return tuple(_MODELS)


def model(name: str) -> Model:
    """A model with known phases, with its default parameters.

    Args:
        name: "icosahedral", "decagonal", "modulated", "2d", "3d" or one of the other
            `model_names`.

    Raises:
        ValueError: an unknown name.
    """
    try:
        build = _MODELS[name.strip().lower()]
    except KeyError:
        raise ValueError(f"expected a model among {', '.join(_MODELS)}, got {name!r}") from None
    return build()
