"""Powder patterns; re-exported by the room."""
