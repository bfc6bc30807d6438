"""Crystals in CIF; re-exported by the room."""
