"""What measured rows say before any structure: symmetry, completeness, statistics, twins."""
