"""One statement for many rows, at a third of SQLAlchemy's cost: it is compiled once, and the driver gets
plain values. Only for the sender's writes and for thousands of rows."""

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

from sqlalchemy import CTE, Column, ColumnElement, Connection, Dialect, Executable, Insert, bindparam, values
from sqlalchemy.sql.compiler import SQLCompiler

_MOST_ROWS = 512
_SIZES = (*range(1, 9), *range(12, 33, 4), *range(48, 129, 16), *range(160, 257, 32), *range(320, 513, 64))
"""How many rows a statement may have. Only a few sizes, because preparing a statement of a new size costs a
driver as much as running it."""


def given(name: str, /, **columns: ColumnElement[object]) -> CTE:
    """A table of the values passed to `run_at_once`, for a statement that selects from it. Each column has
    the type of a column of the database."""
    return (
        values(*(Column(key, like.type) for key, like in columns.items()), name=name)
        .data([tuple(bindparam(key, type_=like.type) for key, like in columns.items())])
        .cte(name)
    )


def run_at_once(tx: Connection, statement: Executable, values: Sequence[Sequence[object]]) -> list[Any]:
    """Runs one statement for many rows and returns its result in no particular order. SQLite then blocks no
    other thread while it works; row by row it would ask for the interpreter after each.

    `statement` must be a module constant: an INSERT, or one that selects from `given`. Each of `values` has
    that table's columns in order. Constants besides the VALUES are written out, not bound. `given` may be
    filled up with rows of NULLs, so the statement must leave out those without a key.
    """
    returned: list[Any] = []  # rows with the statement's columns
    before, row, after = _parts(statement, tx.dialect)
    may_fill_up = not isinstance(statement, Insert) or statement.select is not None
    at = 0
    while at < len(values):
        size = _size(len(values) - at, may_fill_up=may_fill_up)
        some = values[at : at + size]
        at += size
        columns = list(zip(*some, strict=True))
        is_null = tuple(column[0] is None and column.count(None) == len(some) for column in columns)
        kept = [column for column, empty in zip(columns, is_null, strict=True) if not empty]
        bound = [*chain.from_iterable(zip(*kept, strict=True)), *([None] * len(kept) * (size - len(some)))]
        sql = f"{before}{', '.join([_with_nulls(row, is_null)] * size)}{after}"
        done = tx.exec_driver_sql(sql, tuple(bound))
        if done.returns_rows:
            returned += done.fetchall()
    return returned


def _size(left: int, *, may_fill_up: bool) -> int:
    if left >= _MOST_ROWS:
        return _MOST_ROWS
    return next(one for one in _SIZES if one >= left) if may_fill_up else 1 << (left.bit_length() - 1)


_PLACE = re.compile(r"\?|%s")


@lru_cache
def _with_nulls(row: str, is_null: tuple[bool, ...]) -> str:
    """Columns without any value are written into the statement: it costs SQLite's driver more to be given
    None than to be given a text."""
    nulls = iter(is_null)
    return _PLACE.sub(lambda place: "NULL" if next(nulls) else place[0], row)


_NAMED = re.compile(r"%\((\w+)\)s(?!::)")
_NAMED_AND_CAST = re.compile(r"%\(\w+\)s")
_ROW = re.compile(r"(?<=VALUES )(\([^()]*\))")


@lru_cache
def _parts(statement: Any, dialect: Dialect) -> tuple[str, str, str]:
    """Compiles a statement for this driver: the text before a row of its VALUES, the row, and the text
    after. Postgres learns the type of each column: it cannot tell if no row has a value there."""
    compiled = statement.compile(dialect=dialect)
    assert isinstance(compiled, SQLCompiler)
    binds = compiled.binds
    typed = _NAMED.sub(lambda name: f"%s::{binds[name[1]].type.compile(dialect)}", compiled.string)
    before, row, after = _ROW.split(_NAMED_AND_CAST.sub("%s", typed), maxsplit=1)
    assert row.count("?") + row.count("%s") == len(compiled.params), "a constant is bound"
    return before, row, after
