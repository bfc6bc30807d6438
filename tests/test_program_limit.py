"""Compiled programs are let go before a process has more maps than Linux allows."""

import jax
import jax.numpy as jnp
import pytest

from jaxtal._core import _program_limit, limit_programs


def begin_anew(monkeypatch):
    """As in a new process, whatever this one has let go before."""
    known = {"share": _program_limit._FIRST, "doors": _program_limit._BETWEEN, "compiled": 0.0}
    for name, value in known.items():
        monkeypatch.setattr(_program_limit._Limit, name, value)


@pytest.fixture
def maps(monkeypatch, tmp_path):
    """Tell how many maps there are, of 1600; count how often programs are let go."""
    freed = []
    monkeypatch.setattr(_program_limit, "_MAPS", tmp_path / "maps")
    monkeypatch.setattr(_program_limit, "_ALLOWED", tmp_path / "allowed")
    begin_anew(monkeypatch)
    monkeypatch.setattr(jax, "clear_caches", lambda: freed.append(1))
    (tmp_path / "allowed").write_text("1600\n")

    def after(number, compiles=True):
        (tmp_path / "maps").write_text("one\n" * number)
        if compiles:
            jax.jit(lambda x: x + number)(jnp.ones(1))
        limit_programs()
        return len(freed)

    after(0)
    return after


def test_only_too_many_are_let_go(maps):
    assert maps(200) == 0
    assert maps(201) == 1


def test_nothing_is_done_while_nothing_is_compiled(maps):
    assert maps(900, compiles=False) == 0


def test_a_process_that_needs_more_gets_more(maps):
    assert maps(300) == 1
    # Soon there again: twice as many, and so on up to a half.
    assert maps(300) == 1
    assert maps(401) == 1
    assert maps(801) == 2
    for _ in range(40):
        limit_programs()
    assert maps(700) == 2
    assert maps(801) == 3


def test_what_the_process_did_before_does_not_matter(maps, monkeypatch):
    monkeypatch.setattr(_program_limit._Limit, "share", _program_limit._LAST)
    assert maps(300) == 0
    begin_anew(monkeypatch)
    assert maps(300) == 1


def test_a_system_that_does_not_tell(maps, monkeypatch, tmp_path):
    monkeypatch.setattr(_program_limit, "_MAPS", tmp_path / "none")
    assert maps(900) == 0


@pytest.mark.skipif(not _program_limit._MAPS.exists(), reason="no maps to count")
def test_programs_are_maps_and_go(monkeypatch, tmp_path):
    def count():
        return _program_limit._MAPS.read_bytes().count(b"\n")

    begin_anew(monkeypatch)
    before = count()
    keep = [jax.jit(lambda x, i=i: jnp.sin(x) @ x * i) for i in range(20)]
    for i, one in enumerate(keep):
        one(jnp.ones((i + 2, i + 2)))
    most = count()
    assert most > before + 20
    (tmp_path / "allowed").write_text("8\n")
    monkeypatch.setattr(_program_limit, "_ALLOWED", tmp_path / "allowed")
    limit_programs()
    assert count() < most - 20
    assert float(keep[0](jnp.ones((2, 2))).sum()) == 0
