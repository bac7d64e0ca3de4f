"""Fixtures that several of these files use."""

from tests.support.verifying import five

__all__ = ["five"]
