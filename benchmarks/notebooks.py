"""Every notebook executed from top to bottom in a process of its own, with nothing compiled before.

    pip install ".[test]" && python benchmarks/notebooks.py [--store] [NAME ...]

Times are CPU seconds of the kernel with all its threads, and wall seconds beside them; they go to
`results/notebooks.json`. With `--store` the outputs are written into the notebooks, which is how
those in the repository are made: by default without measured data (`JAXTAL_DATA`), as everybody
has them. `tests/test_notebooks.py` runs them through `execute` as well, and looks at their numbers.
"""

import argparse
import base64
import io
import json
import os
import pathlib
import resource
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
FOLDER = HERE.parent / "notebooks"

#: What a reader's environment does not have, or would give other numbers.
UNSET = (
    *("XLA_FLAGS", "JAX_COMPILATION_CACHE_DIR", "JAX_ENABLE_X64", "JAX_PLATFORMS"),
    *("JAXTAL_DATA", "JAXTAL_STARTS", "JAXTAL_FULL", "JAXTAL_SIZE"),
)


def execute(path, folder, **environment):
    """Run all cells in a new kernel of this interpreter and return the notebook with its outputs.

    Args:
        path: the notebook, which is left as it is.
        folder: an empty one: the kernel's working folder and settings.
        environment: variables set for the kernel, on top of what the process has less `UNSET`.

    Raises:
        RuntimeError: another interpreter ran it.
    """
    import nbclient
    import nbformat
    from ipykernel.kernelspec import write_kernel_spec

    # A kernel of this very interpreter, whatever else is installed for the user.
    write_kernel_spec(str(folder / "kernels" / "python3"))
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    notebook.cells.append(nbformat.v4.new_code_cell("import sys; sys.executable"))
    variables = {name: value for name, value in os.environ.items() if name not in UNSET}
    variables |= {
        "JUPYTER_PATH": str(folder),
        "IPYTHONDIR": str(folder / "ipython"),
        "MPLCONFIGDIR": str(folder / "matplotlib"),
        **environment,
    }
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(variables)
    try:
        nbclient.NotebookClient(
            notebook,
            timeout=3000,
            kernel_name="python3",
            record_timing=False,
            resources={"metadata": {"path": str(folder)}},
        ).execute()
    finally:
        os.environ.clear()
        os.environ.update(before)
    interpreter = notebook.cells.pop().outputs[0]["data"]["text/plain"]
    if interpreter != repr(sys.executable):
        raise RuntimeError(f"expected {sys.executable!r} as the kernel's, got {interpreter}")
    return notebook


def smaller(png):
    """A picture with a palette of 256 colours: a third of the bytes, and the same to the eye.

    240 of them are those of median cut, which keeps gradients smooth; 16 are for what it misses,
    such as the colours of a few atoms.
    """
    import numpy as np
    from PIL import Image

    picture, flat = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB"), Image.Dither.NONE
    most = picture.quantize(240, dither=flat)
    there, wanted = np.asarray(most.convert("RGB")).astype(int), np.asarray(picture)
    missed = np.abs(there - wanted).max(axis=2) > 20
    numbers, colours = np.array(most), most.getpalette()[: 3 * 240]
    if missed.any():
        rare = Image.fromarray(wanted[missed][None]).quantize(16, dither=flat)
        numbers[missed] = 240 + np.asarray(rare)[0]
        colours += [0] * (3 * 240 - len(colours)) + rare.getpalette()[: 3 * 16]
    few = Image.fromarray(numbers)
    few.putpalette(colours)
    out = io.BytesIO()
    few.save(out, "PNG", optimize=True)
    return base64.b64encode(out.getvalue()).decode()


def tidy(notebook):
    """Streams in one piece, small pictures, no figure's repr, no version of the interpreter."""
    for cell in notebook.cells:
        cell.metadata = {}
        merged = []
        for output in cell.get("outputs", []):
            if output.output_type == "stream" and merged and merged[-1].get("name") == output.name:
                merged[-1].text += output.text
            else:
                merged.append(output)
            if "image/png" in output.get("data", {}):
                output.data["image/png"] = smaller(output.data["image/png"])
                output.data.pop("text/plain", None)
                output.metadata = {}
        if cell.cell_type == "code":
            cell.outputs = merged
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="of notebooks; default all")
    parser.add_argument("--store", action="store_true", help="keep the outputs in the notebooks")
    parser.add_argument("--data", metavar="DIR", help="JAXTAL_DATA of the kernels")
    chosen = parser.parse_args()
    kept = HERE / "results" / "notebooks.json"
    for name in chosen.names or sorted(path.stem for path in FOLDER.glob("*.ipynb")):
        path = FOLDER / f"{name}.ipynb"
        given = {} if chosen.data is None else {"JAXTAL_DATA": chosen.data}
        with tempfile.TemporaryDirectory() as folder:
            used = resource.getrusage(resource.RUSAGE_CHILDREN)
            begun = time.perf_counter()
            notebook = execute(path, pathlib.Path(folder), **given)
            wall = time.perf_counter() - begun
            now = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
        label = name if chosen.data is None else f"{name}, measured data"
        measured = json.loads(kept.read_text()) if kept.exists() else {}
        measured[label] = {"cpu": cpu, "wall": wall}
        print(f"{label}: {cpu:.0f} s of CPU, {wall:.0f} s", flush=True)
        kept.write_text(json.dumps(dict(sorted(measured.items())), indent=1) + "\n")
        if chosen.store:
            import nbformat

            tidy(notebook)
            nbformat.validate(notebook)
            nbformat.write(notebook, path)
    from report import write

    write()


if __name__ == "__main__":
    main()
