"""Periodic fields in the formats of PSCF; re-exported by the room."""
