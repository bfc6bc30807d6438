"""The package as a user imports it."""

import importlib.metadata
import json
import os
import subprocess
import sys

import jaxtal as jxt


def test_version():
    assert jxt.__version__ == importlib.metadata.version("jaxtal")


def test_names_a_user_starts_with():
    for name in (
        *("Crystal", "WyckoffCrystal", "Lattice", "SpaceGroup", "FormFactors", "prototype"),
        *("describe", "distance", "relative_distance", "rdf_distance", "preset"),
        *("Descriptor", "PowerSpectrum", "RadialDistribution", "PairDistribution"),
    ):
        assert callable(getattr(jxt, name))
    assert callable(jxt.io.read)
    assert callable(jxt.reconstruct.from_descriptor)
    assert callable(jxt.plot.power_spectrum)


def test_import_has_no_side_effects_and_loads_nothing_heavy():
    """No device is looked for, no configuration changed; plots and file formats load on use."""
    code = """if True:
        import json, sys, jax
        before = dict(jax.config.values)
        import jaxtal
        heavy = ("matplotlib", "ase.io", "periodictable", "pandas", "sympy")
        loaded = [name for name in heavy if name in sys.modules]
        print(json.dumps([loaded, dict(jax.config.values) == before]))
    """
    # A platform that does not exist: whoever asked for a device would be told so.
    environment = {**os.environ, "JAX_PLATFORMS": "nowhere"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert json.loads(done.stdout) == [[], True]
    assert done.stderr == ""
