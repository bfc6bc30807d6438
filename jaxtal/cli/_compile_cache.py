"""Compiled programs kept between runs, so that the second one starts at once."""

import hashlib
import os
import pathlib
import platform

import jax


def use_compile_cache() -> None:
    """Point JAX's persistent cache at the user's cache folder, unless it has one already."""
    if getattr(jax.config, "jax_compilation_cache_dir", None) is not None:
        return
    root = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    folder = pathlib.Path(root) / "jaxtal" / f"xla-{_processor()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return
    if os.access(folder, os.W_OK):
        jax.config.update("jax_compilation_cache_dir", str(folder))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)


def _processor() -> str:
    """Tells processors apart: a home folder may be shared, compiled programs can't be."""
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        features = next((s for s in lines if s.lower().startswith(("flags", "features"))), "")
    except OSError:
        features = platform.processor()
    words = " ".join(sorted(features.split()))
    return hashlib.sha256(f"{platform.machine()} {words}".encode()).hexdigest()[:12]
