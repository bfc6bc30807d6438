"""Periodic fields: sampling grids of the unit cell in any dimension."""

from ._grid import Grid as Grid
