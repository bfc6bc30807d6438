"""Crystals."""

from ._crystal import Crystal as Crystal
