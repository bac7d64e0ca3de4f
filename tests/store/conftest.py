"""Fixtures that several of these files use."""

from tests.support.web import host

__all__ = ["host"]
