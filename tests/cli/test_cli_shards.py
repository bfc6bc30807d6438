"""`jaxtal fingerprints`: shards and their union; several processes under Slurm."""

import json
import os
import subprocess
import sys

import jax
import numpy as np
import pytest

import jaxtal as jxt
from jaxtal.search import Collection


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "some"
    place.mkdir()
    atoms = jxt.prototype("diamond").to_ase()
    for number in range(4):
        atoms.set_cell(atoms.cell * 1.1, scale_atoms=True)
        atoms.write(place / f"POSCAR-{number}", format="vasp")
    (place / "broken.cif").write_text("data_nothing\n")
    return place


def test_shards_and_merge(run, folder, tmp_path):
    assert run("fingerprints", "some", "-o", "whole").code == 0
    for number in (1, 2):
        found = run("fingerprints", "some", "-o", "out", "--shard", f"{number}/2", "--json")
        assert found.code == 0
        assert found.json["shard"] == [number, 2]
    early = run("fingerprints", "some", "-o", "out", "--shard", "1/3", "--quiet")
    assert early.code == 0
    mixed = run("fingerprints", "some", "-o", "out", "--merge")
    assert mixed.code == 2
    assert "some of 2 and some of 3" in mixed.err
    for file in (tmp_path / "out" / "shard-1-of-3").iterdir():
        file.unlink()
    (tmp_path / "out" / "shard-1-of-3").rmdir()
    merged = run("fingerprints", "some", "-o", "out", "--merge", "--json")
    assert merged.json["crystals"] == 4
    assert merged.json["merged"]
    assert [skipped["file"] for skipped in merged.json["skipped"]] == ["some/broken.cif"]
    one, other = (Collection.open(tmp_path / name) for name in ("whole", "out"))
    assert one.names == other.names
    np.testing.assert_array_equal(one.vectors, other.vectors)
    # Crystals of one arrangement, whatever their volume.
    assert run("dedup", "some", "--cache", "out", "--json").json["groups"] != []


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--shard", "3/2"), "--shard: expected I/N with I from 1 to N, such as 3/16, got 3/2"),
        (("--shard", "0/2"), "got 0/2"),
        (("--shard", "half"), "got half"),
        (("--merge", "--shard", "1/2"), "--merge: expected neither --shard nor --devices"),
        (("--merge",), "expected the shards of one run, got none"),
        (("--devices", "1000"), "--devices: expected at most"),
        (("--devices", "0"), "expected an integer >= 1"),
    ],
)
def test_bad_input(run, folder, words, expected):
    result = run("fingerprints", "some", "-o", "out", *words)
    assert result.code == 2
    assert expected in result.err
    assert result.err.count("\n") == 1
    assert not (folder.parent / "out").exists()


def test_alone_there_is_nobody_to_join(run):
    result = run("phase", "--demo", "2d", "--distributed")
    assert result.code == 2
    assert "--distributed: expected to be one of several processes" in result.err


@pytest.mark.slow
def test_slurm(tmp_path):
    """Two tasks of `srun`, as far as their environment goes."""
    words = [sys.executable, "-m", "jaxtal", "phase", "--demo", "2d", "--starts", "5", "--json"]
    every = {**os.environ, "JAX_COMPILATION_CACHE_DIR": str(tmp_path / "cache")}
    every |= {"JAX_PLATFORMS": "cpu", "PYTHONWARNINGS": ""}
    lone = subprocess.run(
        [*words, "-o", "lone", "--quiet"], env=every, cwd=tmp_path, capture_output=True, check=True
    )
    job = {"SLURM_JOB_ID": str(os.getpid()), "SLURM_STEP_NODELIST": "127.0.0.1"}
    tasks = [
        subprocess.Popen(
            [*words, "-o", "both", "--distributed", "--devices", "2"],
            env={**every, **job, "SLURM_NTASKS": "2", "SLURM_PROCID": i, "SLURM_LOCALID": i},
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for i in ("0", "1")
    ]
    said = [task.communicate(timeout=900) for task in tasks]
    assert [task.returncode for task in tasks] == [0, 0], said
    # One JSON object, of the first.
    assert said[0][0].count(b"\n") == 1
    assert said[1][0] == b""
    one, other = (jax.tree.map(str, _starts(text)) for text in (lone.stdout, said[0][0]))
    assert one == other
    with (
        np.load(tmp_path / "lone" / "phases.npz") as a,
        np.load(tmp_path / "both" / "phases.npz") as b,
    ):
        numbers = [name for name in a.files if a[name].dtype.kind in "fci"]  # text has seconds
        assert numbers
        for name in numbers:
            np.testing.assert_array_equal(a[name], b[name])


def _starts(text: bytes) -> list[tuple]:
    starts = json.loads(text)["starts"]
    return [(s["converged"], s["ratio"], s["agreement"], s["r_factor"]) for s in starts]
