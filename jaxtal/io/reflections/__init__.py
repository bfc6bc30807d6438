"""Lists of reflections in text, CIF and SHELX files; re-exported by the room."""
