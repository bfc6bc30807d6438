"""Phased reflections and results of phasing; re-exported by the room."""
