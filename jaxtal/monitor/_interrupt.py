"""Ctrl-C, from another thread."""

import _thread
import signal
import threading


def interrupt() -> None:
    """Do in the main thread what Ctrl-C does, where the run is."""
    main = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and main is not None:
        signal.pthread_kill(main, signal.SIGINT)
    else:
        _thread.interrupt_main()
