"""Several devices and several processes give the numbers of one, and exchange nothing."""

import json
import os
import pathlib
import socket
import subprocess
import sys

import jax
import numpy as np
import pytest
from short_phasing import short_phasing, short_problem

from jaxtal._core import fill_rows, map_rows, mesh_of

HERE = pathlib.Path(__file__).parent


def environment() -> dict[str, str]:
    """That of the tests, with their cache of compiled programs."""
    folder = jax.config.values["jax_compilation_cache_dir"]
    return {
        **os.environ,
        "JAX_COMPILATION_CACHE_DIR": folder,
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "PYTHONPATH": os.pathsep.join([str(HERE.parent), str(HERE)]),
        "PYTHONWARNINGS": "",
    }


def started(name: str, *arguments: str) -> subprocess.Popen:
    words = [sys.executable, str(HERE / name), *arguments]
    return subprocess.Popen(
        words, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finished(process: subprocess.Popen) -> None:
    try:
        _, errors = process.communicate(timeout=1200)
    finally:
        process.kill()
    assert process.returncode == 0, errors


def free_address() -> str:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{one.getsockname()[1]}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> pathlib.Path:
    return tmp_path_factory.mktemp("devices")


@pytest.fixture(scope="module")
def report(folder) -> dict:
    return reported(folder)


def reported(folder: pathlib.Path, *rest: str) -> dict:
    finished(started("eight_devices.py", str(folder), *rest))
    return json.loads((folder / "report.json").read_text())


class TestEightDevices:
    def test_equal(self, report):
        assert report["phase"] == 0  # to the bit
        assert report["verdicts"][0] == report["verdicts"][1]
        # Without devices, that of few crystals is computed in NumPy.
        assert report["metric"] < 1e-5

    def test_nothing_is_sent(self, report):
        for name in ("sent", "sent by fingerprints", "sent by phasing"):
            assert report[name] == [], name

    def test_every_device_has_its_rows(self, report):
        assert report["dealt"] == 8

    def test_programs_are_made_once(self, report):
        assert report["plan again"] == 0
        assert report["metric again"] == 0
        assert report["phase again"] == 0

    def test_command_makes_devices_of_a_cpu(self, report):
        assert report["devices"] == 8
        assert report["commands"] == [0, 0, 2]
        assert report["describe"] < 1e-4  # float32 against NumPy


@pytest.mark.slow
def test_eight_devices_at_length(tmp_path):
    found = reported(tmp_path, "long")
    assert found["meshes"] == [0, 0]
    # XLA may order the operations of programs of different lengths differently.
    assert found["plan"] < 1e-6
    assert found["loss"] < 1e-5
    assert found["sent by gradients"] == []
    assert found["records"][0] == 0
    assert found["records"][1] > 9


def two_processes(folder: pathlib.Path, *rest: str) -> list[dict[str, np.ndarray]]:
    address, files = free_address(), [folder / f"process-{i}.npz" for i in range(2)]
    both = [started("short_phasing.py", address, str(i), str(files[i]), *rest) for i in range(2)]
    for process in both:
        finished(process)
    return [dict(np.load(file)) for file in files]


@pytest.mark.slow
def test_two_processes_are_one(tmp_path):
    first, second = two_processes(tmp_path)
    lone = short_phasing(short_problem())
    np.testing.assert_array_equal(first["f"], lone.f)
    np.testing.assert_array_equal(first["f"], second["f"])
    for process, index in ((first, 0), (second, 1)):
        assert process["converged"].tolist() == [start.converged for start in lone.starts]
        assert set(process["made"] % 2) == {index}


@pytest.mark.slow
def test_one_process_stops_both_and_they_go_on(tmp_path):
    whole, _ = two_processes(tmp_path)
    kept = str(tmp_path / "kept.npz")
    first, second = two_processes(tmp_path, kept, "stop")
    assert first["interrupted"]
    assert second["interrupted"]
    np.testing.assert_array_equal(first["f"], second["f"])
    # What the first has finished in this round is there, and nothing of the second.
    assert np.all(np.any(first["f"][::2] != 0, axis=1))
    assert not np.any(first["f"][1::2])
    assert (tmp_path / "kept.npz.1-of-2").exists()
    for found in two_processes(tmp_path, kept):
        assert not found["interrupted"]
        np.testing.assert_array_equal(found["f"], whole["f"])
        np.testing.assert_array_equal(found["converged"], whole["converged"])
    assert len(found["made"]) < len(whole["made"]) * 4


class TestMesh:
    def test_what_a_mesh_is_made_of(self):
        assert mesh_of(None) is None
        mesh = mesh_of(1)
        assert mesh_of(mesh) is mesh
        assert mesh_of(jax.devices()[:1]).size == 1

    @pytest.mark.parametrize(
        ("given", "words"),
        [
            (0, "expected an integer of at least 1, got 0"),
            (1000, "expected at most .* got 1000"),
            ("two", "expected an integer of at least 1, got 'two'"),
            ([], "expected devices of JAX"),
            ([1, 2], "expected devices of JAX"),
        ],
    )
    def test_bad_ones(self, given, words):
        with pytest.raises(ValueError, match=f"--devices: {words}"):
            mesh_of(given, "--devices")

    def test_a_device_twice(self):
        with pytest.raises(ValueError, match="each device once"):
            mesh_of([jax.devices()[0]] * 2)

    def test_rows_are_filled_up(self):
        rows = {"x": np.arange(6).reshape(3, 2)}
        np.testing.assert_array_equal(fill_rows(rows, 4)["x"][3], [4, 5])
        assert fill_rows(rows, 3) is rows
        with pytest.raises(ValueError, match="at least one row"):
            fill_rows({"x": np.zeros((0, 2))}, 2)

    def test_without_a_mesh_a_program_is_itself(self):
        assert map_rows(lambda shared, rows: (shared, rows), "a", "b", None) == ("a", "b")
