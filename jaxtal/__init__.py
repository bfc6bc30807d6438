"""GPU-accelerated, differentiable crystallography in JAX."""
