"""Ctrl-C and closed pipes, as a shell makes them: processes of their own."""

import importlib.machinery
import importlib.util
import os
import re
import signal
import subprocess
import sys
import time
import types

import pytest

from jaxtal.cli._interrupts import heard_interrupts

# A process in the background of a shell is born deaf to Ctrl-C.
START = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
MAIN = "import sys; from jaxtal.cli import main; sys.exit(main())"


def started(code, *arguments, **kwargs):
    return subprocess.Popen(
        [sys.executable, "-c", START + code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **kwargs,
    )


def wait_for(process, pattern):
    text = ""
    while not re.search(pattern, text):
        line = process.stderr.readline()
        assert line, text
        text += line
    return text


# Nothing is raised, as if compiled code never came back to Python.
BUSY = """
import signal, sys, time
from jaxtal.cli._interrupts import heard_interrupts
with heard_interrupts():
    signal.signal(signal.SIGINT, lambda *_: None)
    print("busy", file=sys.stderr, flush=True)
    time.sleep(60)
"""


def test_the_first_ctrl_c_is_answered_and_the_second_one_quits():
    process = started(BUSY)
    wait_for(process, "busy")
    process.send_signal(signal.SIGINT)
    wait_for(process, "finishing; Ctrl-C again to quit")
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    try:
        process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 130


class Compiled(importlib.machinery.ExtensionFileLoader):
    """A compiled module that runs for a while in Python as it initialises itself."""

    def create_module(self, spec):
        os.kill(os.getpid(), signal.SIGINT)
        until = time.monotonic() + 0.2
        while time.monotonic() < until:
            pass
        return types.ModuleType(spec.name)

    def exec_module(self, module):
        pass


def test_an_interrupt_while_a_compiled_module_initialises_itself_waits():
    """It may end the process at an exception."""
    spec = importlib.machinery.ModuleSpec("compiled", Compiled("compiled", "compiled.so"))
    made = []

    def imports():
        with heard_interrupts():
            made.append(importlib.util.module_from_spec(spec))
            time.sleep(60)

    with pytest.raises(KeyboardInterrupt):
        imports()
    assert made


@pytest.mark.parametrize("delay", [0.1, 0.3, 0.4, 0.5, 0.7])
def test_ctrl_c_during_imports_leaves_no_traceback(tmp_path, delay):
    ready = "print('go', file=sys.stderr, flush=True); "
    code = MAIN.replace("sys.exit", ready + "sys.exit")
    process = started(code, "reconstruct", "diamond", "--quiet", cwd=tmp_path)
    wait_for(process, "go")
    time.sleep(delay)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert "Traceback" not in err
    if process.returncode == 130:  # it may have been quicker
        assert "interrupted" in err
    assert not out or process.returncode != 130


def test_a_reader_who_leaves_is_no_traceback(tmp_path):
    reading, writing = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-c", MAIN, "list"], stdout=writing, stderr=subprocess.PIPE, text=True
    )
    os.close(writing)
    os.close(reading)
    _, err = process.communicate(timeout=120)
    assert err == ""
    assert process.returncode == 128 + signal.SIGPIPE
