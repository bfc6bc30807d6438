"""`python -m jaxtal` is the command `jaxtal`."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
