"""Only those who ask for PyTorch get it."""

import subprocess
import sys

CODE = """if True:
    import sys
    import jaxtal
    print("torch" in sys.modules)
    sys.modules["torch"] = None  # as if it were not installed
    try:
        import jaxtal.torch
    except ModuleNotFoundError as error:
        print(error)
"""


def test_import():
    command = [sys.executable, "-c", CODE]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "False",
        "jaxtal.torch needs PyTorch: pip install 'jaxtal[torch]'",
    ]
