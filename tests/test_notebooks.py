"""The notebooks run from top to bottom, and their numbers are what their texts say."""

import ast
import importlib
import itertools
import pathlib
import re
import types

import jax
import numpy as np
import pytest

import jaxtal

ROOT = pathlib.Path(__file__).parent.parent
FOLDER = ROOT / "notebooks"

# Warnings of the machinery that runs notebooks, not of this library.
pytestmark = [
    pytest.mark.filterwarnings(
        f"ignore::{kind}:(nbclient|nbformat|jupyter_client|jupyter_core|ipykernel|zmq|tornado).*"
    )
    for kind in ("DeprecationWarning", "FutureWarning", "ResourceWarning")
]


def kept(notebook) -> dict:
    """The dictionary that the last cell keeps, under a type that no viewer shows."""
    (output,) = notebook.cells[-1].outputs
    return output["data"]["application/vnd.jaxtal+json"]


def by_number(results: dict) -> list:
    """Values in the order of their keys, which are numbers: notebooks are stored sorted by text."""
    return [value for _, value in sorted(results.items(), key=lambda item: float(item[0]))]


def check_representation(results: dict) -> None:
    """The claims of the notebook on representation and matching."""
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
    check_matching(results)
    assert results["refused"] == ["zeolite", "phosphate", "contradiction", "alloy"]
    assert results["atoms"] == {"water": 2, "diamond, Z stated": 8, "diamond, Z left out": 16}
    # Polytypes: nearer to each other than the threshold, and with the stacking not.
    assert results["polytypes"]["0"] < 0.1 < 0.2 < results["polytypes"]["1"]


def check_reconstruction(results: dict) -> None:
    """The claims of the notebook on reconstruction."""
    cases = results["reconstruction"]
    assert len(cases) == 5
    for name, case in cases.items():
        assert case["success"], name
        assert case["rmsd"] < 0.01, name
        assert case["cell_error"] < 1e-3, name
        assert case["converged"] >= (3 if "random" in name else 7), name
    # Success, the right crystal, the right group; of three crystals, known less and less.
    assert len(results["three"]) == 9
    for name, said in results["three"].items():
        assert said == [True, True, True], name
    # Honest about many parameters: success falls with their number.
    shares = {free: good / starts for free, good, starts in results["random_starts"].values()}
    assert min(share for free, share in shares.items() if free <= 4) > 0.7
    assert shares[max(shares)] < 0.5
    assert results["fit"]["R2"] > 0.95
    given, some, more = np.array(results["wished"])[:, 3]
    assert more < some < given
    assert more < given / 2
    assert results["homometric"] < 1e-4
    assert not results["one start"]
    assert not results["wrong sites"]
    assert results["inexact"] == [[False, True], [True, True]]


def check_phasing(results: dict) -> None:
    """The claims of the notebook on phasing, for the model and for the measured data."""
    flatness = results["flatness"]
    assert flatness["no window"] < flatness["ball windows"] < flatness["fitted window"]
    assert results["distinct_points"] == [[64, 15], [65, 65]]
    reflections, points, mesh = results["grid_2d"]
    assert reflections < points < mesh
    filling = {kind: np.median(values) for kind, values in results["filling"].items()}
    assert filling["published"] < filling["cyclic"] < filling["search_grid"] < 0.373
    assert results["filling_of_perfect_packing"] < 0.373
    success = results["success"]
    if results["case"] == "Cd-Yb":
        assert results["orbits"] == [1380, 3698]
        assert results["reflections"] == 522866
        assert success["solved"] >= 0.8 * success["starts"]
        assert success["verified"] >= 0.8 * success["starts"]
        assert 20 <= success["median"] <= 30
    else:
        assert results["reflections"] == 71660
        assert success["verified"] <= success["solved"] < success["starts"]
        assert all(agreement > 0.9 for agreement in results["truth_of_solved"])
    right = {gain: counts[0] for gain, counts in results["own_algorithm"].items()}
    assert min(right["1.0"], right["0.8"], right["0.5"]) >= 5
    assert right["0.0"] == 0
    # Nothing is claimed but the structure, or a start that is on the way to it.
    assert all(least is None or least > 0.6 for *_, least in results["own_algorithm"].values())
    assert results["refused"] == ["reverse"]
    assert "exchanged" in results["exchanged"][0]
    assert [row[:2] for row in results["one number"][:2]] == [
        ["Laves phase", "right"],
        ["Laves phase", "wrong"],
    ]


def check_fields(results: dict) -> None:
    """The claims of the notebook on periodic fields; PSCF's gyroid is on 32 nodes an edge."""
    assert results["one star"]["laplacian"] < 1e-12
    assert results["one star"]["file"] < 1e-12
    assert results["refused"] == [
        *("mesh", "cell", "angle in degrees", "another group"),
        *("cell 0 0 0", "a node that is no number", "copies that differ"),
    ]
    full = results["full"]
    assert set(results["phases"]) >= {"lamellae", "cylinders", "spheres", "gyroid"}
    for name, phase in results["phases"].items():
        same_mesh = full or name != "gyroid"
        assert abs(phase["F - PSCF"]) < (1e-8 if same_mesh else 2e-6), name
        assert abs(phase["a - PSCF"]) < (3e-6 if same_mesh else 5e-5), name
        assert phase["F - homogeneous"] < -0.01, name
    assert results["largest |phi_A + phi_B - 1|"] < 1e-9
    assert max(results["asymmetry"].values()) < 1e-14
    oblique = results["oblique"]
    assert oblique["length error"] < 1e-7
    assert oblique["angle error"] < 1e-5
    assert abs(oblique["F error"]) < 1e-8
    stress = results["stress"]
    assert abs(stress["F - PSCF"]) < (1e-8 if full else 2e-4)
    assert abs(stress["autodiff"] + 0.0371636) < (1e-7 if full else 1e-4)
    assert stress["relative error"] < 1e-8
    assert stress["relative error in the fields"] < 1e-7
    assert max(results["orbits - mesh"][what] for what in ("F", "slopes", "stress")) < 1e-12
    errors = by_number(results["gyroid: error of F with the mesh"])
    assert len(errors) == (6 if full else 3)
    assert errors[0] < 1e-3
    assert all(later < earlier for earlier, later in itertools.pairwise(errors))
    steps = by_number(results["cylinders: error of F and a with the step"])
    assert all(
        later < earlier / 5
        for before, after in itertools.pairwise(steps)
        for earlier, later in zip(before, after, strict=True)
    )
    gaps = by_number(results["Simpson"])
    assert all(later < earlier / 5 for earlier, later in itertools.pairwise(gaps))
    assert ("O70" in results) == full
    if full:
        assert abs(results["O70"]["F - PSCF"]) < 2e-8
        assert np.abs(results["O70"]["cell - PSCF"]).max() < 5e-6
    order = [name for name, _ in itertools.groupby(by_number(results["stable"]))]
    assert order == ["spheres", "cylinders", "gyroid", "lamellae"]


def check_matching(results: dict) -> None:
    """The claims of the sections on matching."""
    assert results["disguise"] < 1e-4
    for found, asked in results["found"].values():
        assert found == asked == 44
    assert results["closest_pair"] > 0.3
    blind = {
        "quartz, disguised": set(),
        "homometric chains": {"distances", "PDD"},
        "left and right quartz": {"hand"},
        "diamond, 3 % longer": {"density", "P", "G(d)", "PDD"},
        "diamond as silicon": {"composition", "P", "G(d)"},
        "rutile and anatase": {"spectrum", "density", "distances", "P", "G(d)", "PDD"},
    }
    assert set(results["sees"]) == set(blind)
    for pair, seen_by in blind.items():
        gaps = results["sees"][pair]
        assert {kind for kind, gap in gaps.items() if gap > 0.05} == seen_by, pair
        assert all(gap < 2e-3 for kind, gap in gaps.items() if kind not in seen_by), pair
    assert min(results["spearman"].values()) > 0.99
    counts = {(size, threshold): groups for size, threshold, groups, _ in results["groups"]}
    assert counts[0.01, 0.1] == counts[0.02, 0.1] == 22
    assert all(mixed == 0 for *_, mixed in results["groups"])


def check_training(results: dict) -> None:
    """The claims of the notebook on losses in training."""
    # Turns of the slope along a stretch of the cell: none but the crystal itself, many.
    assert results["rough"]["MetricLoss"] == [1, 1]
    assert results["rough"]["PowderLoss"][1] > 5
    assert results["traces"] == 2
    assert results["steps"] >= 200
    alone, term = (results["training"][n] for n in ("flow alone", "with the term on samples"))
    for _, last, distance, valid in (alone, term):
        assert 0.3 < last[0] < 1.0
        assert np.isfinite(distance)
        assert valid > 0.6
    # The term is on samples: their descriptors come nearer, and no fewer of them are valid.
    assert term[1][1] < 0.9 * alone[1][1]
    assert term[3] > alone[3] - 0.02
    ignored, far = results["outgrown"]["ignore"], results["outgrown"]["far off"]
    assert far[0][:4] == sorted(far[0][:4])
    assert ignored[0][-1] == 0 < far[0][-1] < far[0][3]
    assert ignored[1][-1] == far[1][-1] == 0
    assert results["finite"] == [True, True, True]


def check_gpu(results: dict) -> None:
    """The claims of the notebook for GPUs, which takes its small sizes on a CPU."""
    assert results["kind"] == "cpu"
    assert max(results["differences"]) < 1e-5
    assert results["gradient finite"]
    assert results["found"]
    assert results["phased"]


def check_solving(results: dict) -> None:
    """The claims of the notebook on solving crystals, for the model crystal."""
    assert results["laue"] == "2/m"
    assert results["families"] == [4]
    assert results["agreement"] > 0.85
    assert results["group"] == "P 1 21/c 1"
    assert results["solved"]
    assert results["r1"] < 0.04
    assert 0.95 < results["gof"] < 1.05
    assert results["hydrogens"] == 11
    assert results["rmsd"] < 0.005
    assert 0.5 < results["rmsd"] / results["uncertainty"] < 2
    assert results["refused"] == ["wide.hkl", "domains.hkl", "satellites.cif"]
    assert not results["claimed without structure"]
    assert not results["claimed at 1.6 A"]
    assert results["R1 with carbon alone"] > 1.5 * results["R1 with elements"]
    right, atoms = results["told apart"]
    assert right == atoms == 19


# Name, number of pictures, claims.
NOTEBOOKS = [
    ("representation_and_matching", 10, check_representation),
    ("reconstruction", 4, check_reconstruction),
    ("training", 2, check_training),
    ("phasing", 8, check_phasing),
    ("solving", 3, check_solving),
    ("periodic_fields", 7, check_fields),
    ("gpu", 1, check_gpu),
]


def test_every_notebook_is_here():
    assert {path.stem for path in FOLDER.glob("*.ipynb")} == {name for name, *_ in NOTEBOOKS}


@pytest.mark.parametrize(("name", "pictures", "check"), NOTEBOOKS)
def test_stored_outputs(name, pictures, check):
    import nbformat

    path = FOLDER / f"{name}.ipynb"
    assert path.stat().st_size < 1_200_000
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell.outputs]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == pictures
    assert all(output.get("name") != "stderr" for output in outputs)
    assert all(output.output_type != "error" for output in outputs)
    # A reader sees no dumps of numbers, no bars and no folders of somebody's machine.
    shown = [output.get("text", "") for output in outputs]
    shown += ["".join(output.get("data", {}).get("text/markdown", "")) for output in outputs]
    assert not any(text.startswith("{") for text in shown)
    assert not any(re.search(r"%\||/tmp/|/home/|/root/|/work/|/Users/", text) for text in shown)
    # What is needed comes first, what can go wrong last.
    assert "%pip install" in code[0].source
    assert "find_spec" in code[0].source
    sections = [
        line
        for cell in notebook.cells
        if cell.cell_type == "markdown"
        for line in cell.source.split("\n")
        if re.match(r"## \d", line)
    ]
    assert [line.split(".")[0] for line in sections] == [
        f"## {i + 1}" for i in range(len(sections))
    ]
    assert sections[-1].endswith("What can go wrong")
    check(kept(notebook))


@pytest.mark.parametrize("name", [name for name, *_ in NOTEBOOKS])
def test_names_are_there(name):
    """What a notebook takes from the library: to run them all takes long."""
    import nbformat

    cells = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4).cells
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    tree, rooms = ast.parse(re.sub(r"^( *)%.*$", r"\1pass", code, flags=re.MULTILINE)), {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            rooms |= {alias.asname: jaxtal for alias in node.names if alias.name == "jaxtal"}
        elif isinstance(node, ast.ImportFrom) and node.module.startswith("jaxtal"):
            for alias in node.names:
                found = getattr(importlib.import_module(node.module), alias.name)
                if isinstance(found, types.ModuleType):
                    rooms[alias.name] = found
    assert rooms or "from jaxtal" in code
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            room = rooms.get(node.value.id)
            assert room is None or hasattr(room, node.attr), f"{node.value.id}.{node.attr}"


# Minutes each, compiled as users have it. What they show is tested at small size in
# tests/reconstruct, tests/phasing, tests/fields, tests/descriptors and tests/search.
@pytest.mark.slow
@pytest.mark.parametrize(("name", "check"), [(name, check) for name, _, check in NOTEBOOKS])
def test_notebook_runs(name, check, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    from notebooks import execute

    # Compiled as users have it, on the small data and sizes that everybody has (`UNSET`). The
    # kernel shares the tests' store of compiled programs.
    notebook = execute(
        FOLDER / f"{name}.ipynb",
        tmp_path,
        JAX_PLATFORMS="cpu",
        JAX_COMPILATION_CACHE_DIR=jax.config.values["jax_compilation_cache_dir"],
        JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS="0.3",
    )
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    # JAX's own log lines go to the kernel's stderr stream, Python warnings too.
    warned = [o["text"] for o in outputs if o.get("name") == "stderr" and "Warning" in o["text"]]
    assert warned == []
    check(kept(notebook))
