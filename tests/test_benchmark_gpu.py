"""The benchmark for GPUs runs anywhere: at small size on the CPU, and its table from any result."""

import json
import pathlib
import sys

import pytest

BENCHMARKS = pathlib.Path(__file__).parent.parent / "benchmarks"


@pytest.fixture
def benchmark(monkeypatch):
    if not BENCHMARKS.is_dir():
        pytest.skip("the benchmarks are not part of this distribution")
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    for name in ("gpu", "report", "generative_report"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    import gpu

    monkeypatch.setattr(gpu, "gpus", lambda: [])
    return gpu


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_rows_at_small_size(every, benchmark, tmp_path, monkeypatch, capsys):
    """Every row takes a process of its own; by default two of them are enough."""
    if not every:
        some = benchmark.all_rows(small=True)[::8]
        assert len(some) > 1
        monkeypatch.setattr(benchmark, "all_rows", lambda small: some)
    output = tmp_path / "gpu.json"
    benchmark.main(["--small", "--minutes", "20", "--output", str(output)])
    found = json.loads(output.read_text())
    assert found["gpu"] is None
    assert "NOT MEASURED ON A GPU" in capsys.readouterr().out
    assert set(found["rows"]) == {row.name for row in benchmark.all_rows(small=True)}
    for name, row in found["rows"].items():
        assert "error" not in row["cpu"], (name, row["cpu"])
        assert row["cpu"]["per_s"] > 0
        assert row["cpu"].get("gflop", 1.0) > 0
    assert benchmark.report.gpu_text(found) == benchmark.report.gpu_text(None)
    assert "Not measured on a GPU" in benchmark.report.gpu_text(None)


def test_a_failing_row_and_the_end_of_time(benchmark, tmp_path, monkeypatch, capsys):
    def broken(kind):
        raise RuntimeError("out of memory\nand a long story")

    def make(kind):
        return lambda x: 2 * x, (benchmark.jnp.ones(8),), 1

    rows = [
        benchmark.Row("broken", "things", 1, broken),
        benchmark.Row("good", "things", 3, make),
    ]
    monkeypatch.setattr(benchmark, "all_rows", lambda small: rows)
    output = tmp_path / "gpu.json"
    found = benchmark.run(1, True, output)
    assert found["rows"]["broken"]["cpu"]["error"] == "RuntimeError: out of memory"
    assert found["rows"]["good"]["cpu"]["per_s"] > 0
    assert json.loads(output.read_text()) == found
    assert "broken" in capsys.readouterr().out

    late = benchmark.run(0, True, output)
    assert late["left_out"] == ["broken, cpu", "good, cpu"]


def test_a_table_with_a_gpu(benchmark, monkeypatch):
    def make(kind):
        return lambda x: 2 * x, (benchmark.jnp.ones(8),), 1

    monkeypatch.setattr(benchmark, "gpus", lambda: benchmark.jax.devices("cpu"))
    monkeypatch.setattr(
        benchmark, "all_rows", lambda small: [benchmark.Row("good", "things", 3, make)]
    )
    found = benchmark.run(1, True, None)
    assert set(found["rows"]["good"]) == {"unit", "count", "gpu", "cpu"}
    found["rows"]["broken"] = {"unit": "things", "gpu": {"error": "RuntimeError: no memory"}}
    found["rows"]["late"] = {"unit": "things"}
    table = benchmark.report.gpu_text(found)
    assert "| good: things | " in table
    assert "| broken: things | RuntimeError: no memory |  |  |  |  |  |" in table
    assert "| late: things |  |  |  |  |  |  |" in table
    assert all(line.count("|") == 8 for line in table.splitlines() if line.startswith("|"))
