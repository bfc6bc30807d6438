"""Bars tell what is waited for."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxtal._core import progress_bar


def test_a_bar_says_when_it_waits_for_the_compiler(monkeypatch):
    told = []
    with progress_bar(True, "start", 2) as bar:
        monkeypatch.setattr(bar, "set_postfix_str", told.append)
        x = jnp.asarray(np.ones(3, np.float32))
        told.clear()
        jax.jit(lambda x: x * 2 + 1)(x).block_until_ready()
        bar.update()
    words = "compiling (first run only)"
    assert told == [words, ""]
    jax.jit(lambda x: x * 3 + 1)(x).block_until_ready()
    assert told == [words, ""]


def test_no_bar_is_shown_unless_wanted(capsys):
    with progress_bar(False, "start", 2) as bar:
        bar.update()
    assert not capsys.readouterr().err
