"""A live page."""

from ._doors import PhasingMonitor as PhasingMonitor
