"""Compiled programs kept between runs, so that the second one starts at once."""

import hashlib
import os
import pathlib
import platform

import jax


def use_compilation_cache(folder: str | os.PathLike[str] | None = None) -> pathlib.Path | None:
    """Keep compiled programs in a folder, also for later runs; the command line always does.

    Every program is kept, the quick ones too: a run has dozens of them. JAX's own settings
    (`JAX_COMPILATION_CACHE_DIR`) come first. Call it before anything is compiled.

    Args:
        folder: default one for this kind of processor in the user's cache folder.

    Returns:
        The folder in use, or None if it cannot be written to: then nothing is kept.
    """
    chosen = getattr(jax.config, "jax_compilation_cache_dir", None)
    if chosen is not None:
        return pathlib.Path(chosen)
    if folder is None:
        root = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
        folder = pathlib.Path(root) / "jaxtal" / f"xla-{_processor()}"
    path = pathlib.Path(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    if not os.access(path, os.W_OK):
        return None
    jax.config.update("jax_compilation_cache_dir", str(path))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    return path


def _processor() -> str:
    """Tells processors apart: a home folder may be shared, compiled programs can't be."""
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        features = next((s for s in lines if s.lower().startswith(("flags", "features"))), "")
    except OSError:
        features = platform.processor()
    words = " ".join(sorted(features.split()))
    return hashlib.sha256(f"{platform.machine()} {words}".encode()).hexdigest()[:12]
