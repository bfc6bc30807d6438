"""The package as a user imports it."""

import importlib.metadata
import json
import os
import subprocess
import sys

import pytest

import jaxtal as jxt


def test_version():
    assert jxt.__version__ == importlib.metadata.version("jaxtal")


def test_names_a_user_starts_with():
    for name in (
        *("Crystal", "WyckoffCrystal", "Lattice", "SpaceGroup", "Superspace", "prototype"),
        *("describe", "distance", "use_compilation_cache", "preset"),
        *("Descriptor", "PowerSpectrum", "RadialDistribution"),
    ):
        assert callable(getattr(jxt, name))
    assert callable(jxt.io.read)
    assert callable(jxt.reconstruct.from_descriptor)
    assert callable(jxt.plot.power_spectrum)


#: What is imported when it is used.
HEAVY = (
    *("matplotlib", "ase", "scipy", "spglib", "periodictable", "tqdm", "torch"),
    *("pydantic", "cyclopts", "pandas", "sympy"),
)


def in_a_new_process(code: str):
    """What the last line of a program prints, which must be JSON; nothing on stderr."""
    # A platform that does not exist: whoever asked for a device would be told so.
    environment = {**os.environ, "JAX_PLATFORMS": "nowhere"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stderr == ""
    return json.loads(done.stdout)


def test_import_loads_nothing_before_it_is_used():
    code = "import json, sys, jaxtal; print(json.dumps(list(sys.modules)))"
    loaded = set(in_a_new_process(code))
    assert loaded.isdisjoint({*HEAVY, "jax", "numpy", "gemmi"})


def test_rooms_have_no_side_effects_and_load_nothing_heavy():
    """No device is looked for, no configuration changed; plots and file formats load on use."""
    code = """if True:
        import json, sys, jax
        before = dict(jax.config.values)
        import jaxtal
        for name in dir(jaxtal):
            if name != "cli":
                getattr(jaxtal, name)
        print(json.dumps([list(sys.modules), dict(jax.config.values) == before]))
    """
    loaded, unchanged = in_a_new_process(code)
    assert "jaxtal.plot" in loaded
    assert set(loaded).isdisjoint(HEAVY)
    assert unchanged


def test_names_are_listed_and_wrong_ones_refused():
    assert {"Crystal", "describe", "io", "phasing"} <= set(dir(jxt))
    assert set(vars(jxt)["__all__"]) <= set(dir(jxt))
    with pytest.raises(AttributeError, match="Cristal"):
        getattr(jxt, "Cristal")  # noqa: B009


def test_compiled_programs_are_kept(tmp_path):
    program = """
import sys, time, pathlib, jax, jaxtal as jxt
assert str(jxt.use_compilation_cache(sys.argv[1])) == sys.argv[1]
assert str(jxt.use_compilation_cache("other")) == sys.argv[1]
jax.jit(lambda x: x + 1)(1.0)
print(len(list(pathlib.Path(sys.argv[1]).iterdir())))
"""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("JAX_")}
    command = [sys.executable, "-c", program, str(tmp_path / "kept")]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert int(done.stdout) > 0
