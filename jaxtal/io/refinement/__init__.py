"""Refined crystals as files: CIF with uncertainties, SHELX's .res, the difference density."""
