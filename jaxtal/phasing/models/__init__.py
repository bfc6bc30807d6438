"""Structures with known phases, to try and to measure phasing with; re-exported by the room."""
