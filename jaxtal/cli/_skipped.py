"""Files that a command skips, and what it says about them."""

import contextlib
import sys
import warnings
from collections.abc import Iterator, Sequence

#: Files that are warned of one by one; the rest is counted.
_WARNED = 20


def explained(path: str, reason: str) -> str:
    """What is wrong with a file; the path is said once."""
    return reason if reason.startswith(f"{path}:") else f"{path}: {reason}"


def warn_of_skipped(skipped: Sequence[tuple[str, str]]) -> None:
    """Say on stderr what was skipped, and why.

    Args:
        skipped: path and reason of each.
    """
    for path, reason in skipped[:_WARNED]:
        print(f"jaxtal: skipped {' '.join(explained(path, reason).split())}", file=sys.stderr)
    if len(skipped) > _WARNED:
        more = len(skipped) - _WARNED
        print(f"jaxtal: skipped {more} more; --json lists them all", file=sys.stderr)


def warn_in_one_line(
    message: Warning | str, category: type[Warning], *_: object, **__: object
) -> None:
    """One line on stderr, without the place in the program; a `warnings.showwarning`.

    What is deprecated is between two packages, and not the user's to mend.
    """
    if not issubclass(category, DeprecationWarning | PendingDeprecationWarning):
        print(f"jaxtal: warning: {' '.join(str(message).split())}", file=sys.stderr)


@contextlib.contextmanager
def one_line_warnings(quiet: bool = False) -> Iterator[None]:
    """Show what is dubious about a file in one line on stderr each, or not at all."""
    with warnings.catch_warnings():
        if quiet:
            warnings.simplefilter("ignore", UserWarning)
        warnings.showwarning = warn_in_one_line
        yield
