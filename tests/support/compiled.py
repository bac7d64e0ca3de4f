"""Statements that SQLAlchemy compiled once, for all stores of a test process.

An engine keeps what it compiled, and nearly each test has a store, hence an engine, of its own. Compiling
took a sixth of the processor time of a short import.
"""

from collections import UserDict

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.interfaces import Compiled

_Key = tuple[object, ...]


class _ForAnyEngine(UserDict[_Key, Compiled]):
    """SQLAlchemy's keys begin with the dialect, of which each engine has one of its own."""

    def __contains__(self, key: object) -> bool:
        return isinstance(key, tuple) and key[1:] in self.data

    def __getitem__(self, key: _Key) -> Compiled:
        return self.data[key[1:]]

    def __setitem__(self, key: _Key, compiled: Compiled) -> None:
        self.data[key[1:]] = compiled


_COMPILED = {"sqlite": _ForAnyEngine(), "postgresql": _ForAnyEngine()}


def compile_once() -> None:
    """Whoever opens a store from now on, the product's own code among them."""
    if not event.contains(Engine, "engine_connect", _share):
        event.listen(Engine, "engine_connect", _share)


def _share(connection: Connection) -> None:
    connection.execution_options(compiled_cache=_COMPILED[connection.dialect.name])
