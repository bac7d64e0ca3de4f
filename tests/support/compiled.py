"""Statements that SQLAlchemy compiled once, for all stores of a test process.

An engine keeps what it compiled, and nearly each test has a store, hence an engine, of its own. Compiling
took a sixth of the processor time of a short import.
"""

from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.interfaces import CompiledCacheType


class _ForAnyEngine(dict[Any, Any]):
    """SQLAlchemy's keys begin with the dialect, of which each engine has one of its own."""

    def get(self, key: Any, default: Any = None, /) -> Any:
        return super().get(key[1:], default)

    def __setitem__(self, key: Any, compiled: Any, /) -> None:
        super().__setitem__(key[1:], compiled)


_COMPILED: dict[str, CompiledCacheType] = {"sqlite": _ForAnyEngine(), "postgresql": _ForAnyEngine()}


def compile_once() -> None:
    """Whoever opens a store from now on, the product's own code among them."""
    if not event.contains(Engine, "engine_connect", _share):
        event.listen(Engine, "engine_connect", _share)


def _share(connection: Connection) -> None:
    connection.execution_options(compiled_cache=_COMPILED[connection.dialect.name])
