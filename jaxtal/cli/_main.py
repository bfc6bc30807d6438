"""Entry point: arguments to commands, errors to one line and an exit code."""

import io
import os
import signal
import sys
from collections.abc import Sequence

import jax

from ._arguments import parse
from ._compile_cache import use_compile_cache
from ._errors import BadInputError
from ._interrupts import heard_interrupts

INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: arguments without the program's name, default those of the process.

    Returns:
        Exit code: 0 done, 1 not converged, 2 bad input, 130 interrupted.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Names of files may be bytes that no encoding has; on stderr this is the default.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        arguments = parse(argv)
        use_compile_cache()
        double = getattr(arguments, "dtype", "float32") == "float64"
        with heard_interrupts(), jax.enable_x64(double):
            code = arguments.run(arguments)
        sys.stdout.flush()
        return code
    except SystemExit as stop:  # argparse: --help, --version, wrong arguments
        return stop.code if isinstance(stop.code, int) else 2
    except BrokenPipeError:
        # The reader (`| head`) has gone: nothing is left to say, also not while shutting down.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except (BadInputError, ValueError, OSError, jax.errors.JaxRuntimeError) as error:
        return _say(str(error) or type(error).__name__)
    except MemoryError:
        return _say(
            "out of memory: use a smaller --q-max, --n-max, --l-max, --starts, --mesh or section"
        )
    except KeyboardInterrupt:
        print("jaxtal: interrupted", file=sys.stderr, flush=True)
        if argv is None:
            # A process of its own leaves at once: XLA may crash when torn down while it compiles.
            os._exit(INTERRUPTED)
        return INTERRUPTED


def _say(message: str) -> int:
    """One line on stderr, whatever the message looks like."""
    print("jaxtal: error: " + " ".join(message.split()), file=sys.stderr)
    return 2
