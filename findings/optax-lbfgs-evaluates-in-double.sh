#!/usr/bin/env bash
# optax 0.2.8 with JAX 0.10.2: with 64-bit mode on, L-BFGS evaluates a float32 objective in float64.
#
# Guess before the run: parameters in float32 keep the whole step in float32, as they do with Adam.
# Seen: the state of `optax.lbfgs` holds float64 scalars (memory weights, errors of the line
# search), the step length comes out in float64, and the objective is evaluated once more at
# float64 parameters inside the line search. The result is cast back to float32, so nothing shows but
# the time: doubles run at 1/2 of the rate on CPUs, at 1/32 or 1/64 on most GPUs.
# Seen output, the last line: lbfgs: 3 float64 leaves in the state, cosines: 1 in float64, 2 in float32
#
# A way round: `with jax.enable_x64(False)` around `init` and `update`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "jax==0.10.2" "jaxlib==0.10.2" "optax==0.2.8" "numpy==2.4.6"
cat >"$folder/run.py" <<'PYTHON'
import re

import jax
import jax.numpy as jnp
import optax

jax.config.update("jax_enable_x64", True)


def objective(x):
    return jnp.sum((x - 1) ** 2 * jnp.cos(x))


def look(name, optimiser, search):
    def step(x, state):
        if search:
            value, slope = optax.value_and_grad_from_state(objective)(x, state=state)
            more = {"value": value, "grad": slope, "value_fn": objective}
        else:
            slope, more = jax.grad(objective)(x), {}
        update, state = optimiser.update(slope, state, x, **more)
        return optax.apply_updates(x, update), state

    x = jnp.full(5, 0.3, jnp.float32)
    state = optimiser.init(x)
    wide = sum(leaf.dtype == jnp.float64 for leaf in jax.tree.leaves(state))
    text = jax.jit(step).lower(x, state).as_text()
    assert jax.jit(step)(x, state)[0].dtype == jnp.float32
    counts = [len(re.findall(rf"stablehlo\.cosine.*x{kind}", text)) for kind in ("f64", "f32")]
    print(f"{name}: {wide} float64 leaves in the state, cosines: "
          f"{counts[0]} in float64, {counts[1]} in float32")
    return wide, *counts


assert look("adam", optax.adam(1e-2), False) == (0, 0, 1)
assert look("lbfgs", optax.lbfgs(), True) == (3, 1, 2)
PYTHON
"$folder/venv/bin/python" "$folder/run.py"
