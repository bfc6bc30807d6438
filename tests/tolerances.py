"""One table of tolerances by floating-point type: largest relative errors that tests accept."""

TOLERANCES = {
    "float32": {
        "structure_factor": 5e-6,  # of the largest |F|, small indices
        "route": 5e-6,  # two routes to the same number
        "invariance": 2e-5,  # the same crystal written otherwise
    },
    "float64": {
        "structure_factor": 1e-12,
        "route": 1e-11,
        "invariance": 1e-11,
        "gradient": 1e-6,  # against central differences
    },
}
