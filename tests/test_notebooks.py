"""The notebook runs from top to bottom, and its numbers are what its text says."""

import json
import pathlib
import sys

import jax
import pytest

NOTEBOOK = pathlib.Path(__file__).parent.parent / "notebooks" / "crystals_in_reciprocal_space.ipynb"

# Warnings of the machinery that runs notebooks, not of this library.
pytestmark = [
    pytest.mark.filterwarnings(
        f"ignore::{kind}:(nbclient|nbformat|jupyter_client|jupyter_core|ipykernel|zmq|tornado).*"
    )
    for kind in ("DeprecationWarning", "FutureWarning", "ResourceWarning")
]


def printed(notebook) -> dict:
    """The dictionary that the last cell prints."""
    return json.loads("".join(o["text"] for o in notebook.cells[-1].outputs))


def check(results: dict) -> None:
    """The claims of the text."""
    assert results["gram_condition"]["OrthonormalBasis"] < 1 + 1e-9
    assert results["gram_condition"]["PaperBesselBasis"] > 1e12
    assert set(results["table2_max_relative_deviation"]) == {"default", "recp"}
    for deviation in results["table2_max_relative_deviation"].values():
        assert deviation < 2e-5
    drift = results["noise"]
    for kind in ("default", "recp"):
        for level in ("0.02", "0.05"):
            # Noise in the cell: P drifts several times less. In the positions: as much.
            P, G = (drift[f"cell {level} {kind} {what}"] for what in "PG")
            assert 0 < 4 * P < G
            P, G = (drift[f"positions {level} {kind} {what}"] for what in "PG")
            assert 0.8 < P / G < 1.3
    for ratios in results["noise_to_h_diamond"].values():
        assert ratios["P"] < min(ratio for part, ratio in ratios.items() if part.startswith("G"))
    cases = results["reconstruction"]
    assert len(cases) == 5
    for name, case in cases.items():
        assert case["success"], name
        assert case["rmsd"] < 0.01, name
        assert case["cell_error"] < 1e-3, name
        assert case["converged"] >= (3 if "random" in name else 7), name


def test_stored_outputs():
    import nbformat

    assert NOTEBOOK.stat().st_size < 800_000
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell.outputs]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 8
    assert all(output.get("name") != "stderr" for output in outputs)
    assert all(output.output_type != "error" for output in outputs)
    check(printed(notebook))


def test_notebook_runs(tmp_path, monkeypatch):
    import nbclient
    import nbformat
    from ipykernel.kernelspec import write_kernel_spec

    # A kernel of this very interpreter, whatever else is installed for the user.
    write_kernel_spec(str(tmp_path / "kernels" / "python3"))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("MPLCONFIGDIR", str(tmp_path / "matplotlib"))
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    # The kernel shares the tests' store of compiled programs.
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(jax.config.jax_compilation_cache_dir))
    monkeypatch.setenv("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.3")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    notebook.cells.append(nbformat.v4.new_code_cell("import sys; sys.executable"))
    client = nbclient.NotebookClient(
        notebook,
        timeout=1200,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
    )
    client.execute()
    interpreter = notebook.cells.pop().outputs[0]["data"]["text/plain"]
    assert interpreter == repr(sys.executable)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    # JAX's own log lines go to the kernel's stderr stream, Python warnings too.
    warned = [o["text"] for o in outputs if o.get("name") == "stderr" and "Warning" in o["text"]]
    assert warned == []
    check(printed(notebook))
