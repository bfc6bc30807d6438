"""Which warnings are errors in the tests: those of this library, not those between others."""

import warnings

import pytest


def warn(module: str, category: type[Warning]) -> None:
    """Warn from a line of a module of that name."""
    code = compile("warnings.warn('x', category)", f"{module}.py", "exec")
    exec(code, {"__name__": module, "warnings": warnings, "category": category})


DEPRECATIONS = (DeprecationWarning, PendingDeprecationWarning, FutureWarning)


@pytest.mark.parametrize("category", DEPRECATIONS)
@pytest.mark.parametrize("module", ["jaxtal", "jaxtal.io._cif", "test_cif", "conftest"])
def test_deprecations_in_our_lines_are_errors(module, category):
    with pytest.raises(category):
        warn(module, category)


@pytest.mark.parametrize("category", DEPRECATIONS)
@pytest.mark.parametrize("module", ["ase.atoms", "numpy.lib", "jaxtalk"])
def test_deprecations_in_lines_of_others_are_not(module, category):
    with warnings.catch_warnings(record=True) as caught:
        warn(module, category)
    assert [warning.category for warning in caught] == [category]


@pytest.mark.parametrize("category", [RuntimeWarning, UserWarning, ResourceWarning])
def test_what_is_provoked_is_an_error_wherever_it_comes_up(category):
    with pytest.raises(category):
        warn("scipy.optimize", category)
