"""The models by name."""

import inspect
from collections.abc import Callable
from typing import Any

from ._aperiodic import decagonal_model, homometric_model, icosahedral_model, modulated_model
from ._crystals import laves_model, naphthalene_model, quartz_model
from ._model import Model

_MODELS: dict[str, Callable[..., Model]] = {
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
    """List the names that `model` knows."""
    return tuple(_MODELS)


def model(name: str, **parameters: Any) -> Model:
    """Compute a structure with known phases, to try and to measure phasing with.

        model("icosahedral", q_max=(6.5, 1.5)), model("quartz", d_min=1.2, noise=0.05)

    Args:
        name: "icosahedral", "decagonal", "modulated", "2d", "3d" or one of the other
            `model_names`.
        parameters: limits of the data in 1/angstrom (`q_max`; physical and internal for
            quasicrystals) or angstrom (`d_min`, three-dimensional crystals), `i_min` (weakest
            intensity relative to the strongest), `noise` and `seed`, `b_iso` (A^2); each model has
            its own defaults.

    Raises:
        ValueError: an unknown name, or a parameter that the model does not have.
    """
    try:
        build = _MODELS[name.strip().lower()]
    except KeyError:
        raise ValueError(f"expected a model among {', '.join(_MODELS)}, got {name!r}") from None
    known = inspect.signature(build).parameters
    options = set(known)
    if any(one.kind is inspect.Parameter.VAR_KEYWORD for one in known.values()):
        options |= {"i_min", "noise", "seed"}
    unknown = set(parameters) - options
    if unknown:
        raise ValueError(
            f"{name}: expected parameters among {', '.join(sorted(options - {'measurement'}))}, "
            f"got {', '.join(sorted(unknown))}"
        )
    return build(**parameters)
