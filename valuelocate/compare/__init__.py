"""Comparing: edits against their controls, and methods against each other."""

from valuelocate.compare.settings import CompareSettings

__all__ = ["CompareSettings"]
