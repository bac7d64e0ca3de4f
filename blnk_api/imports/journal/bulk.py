"""One statement over many rows, at a third of SQLAlchemy's cost: it is compiled once and the driver gets
plain values. For the sender's writes and for a million rows of a file; nowhere else."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any

from sqlalchemy import CTE, Column, ColumnElement, Connection, Dialect, Executable, bindparam, values
from sqlalchemy.sql.compiler import SQLCompiler

_ROWS_PER_STATEMENT = 500


def run_many(tx: Connection, statement: Executable, values: Sequence[dict[str, Any]]) -> None:
    """Row after row. `statement` must be a module's constant, with a named bindparam for each key of
    `values`, which are used up: the statement's own constants are written into them."""
    if not values:
        return
    compiled, constants = _compile(statement, tx.dialect)
    for one in values:
        one.update(constants)
    if compiled.positiontup:
        pick = itemgetter(*compiled.positiontup)
        tx.exec_driver_sql(compiled.string, [pick(one) for one in values])
    else:
        tx.exec_driver_sql(compiled.string, values)


@lru_cache
def _compile(statement: Any, dialect: Dialect) -> tuple[SQLCompiler, dict[str, Any]]:
    """The statement for this driver, and the values that stand in it for every row."""
    compiled = statement.compile(dialect=dialect)
    assert isinstance(compiled, SQLCompiler)
    return compiled, {name: value for name, value in compiled.params.items() if value is not None}


def given(name: str, **columns: ColumnElement[Any]) -> CTE:
    """A table of what `run_at_once` is given, for an UPDATE that takes its values from it: its columns by the
    keys of the values, each of the type of a column of the journal."""
    return (
        values(*(Column(key, like.type) for key, like in columns.items()), name=name)
        .data([tuple(bindparam(key, type_=like.type) for key, like in columns.items())])
        .cte(name)
    )


def run_at_once(tx: Connection, statement: Executable, values: Sequence[dict[str, Any]]) -> list[Any]:
    """Many rows in one statement, and what it returned, in no order. SQLite then holds no other thread up
    while it works; row by row it asks for the interpreter again after each.

    `statement` must be a module's constant: an INSERT, or an UPDATE from `given`. Constants beside the VALUES
    are written out, not bound.
    """
    returned: list[Any] = []
    parts = _parts(statement, tx.dialect)
    for start in range(0, len(values), _ROWS_PER_STATEMENT):
        some = values[start : start + _ROWS_PER_STATEMENT]
        sql = f"{parts.before}{', '.join([parts.row] * len(some))}{parts.after}"
        done = tx.exec_driver_sql(sql, tuple(chain.from_iterable(map(parts.pick, some))))
        if done.returns_rows:
            returned += done.fetchall()
    return returned


@dataclass(frozen=True)
class _Parts:
    """Of a statement: one row of its VALUES, what stands around it, and a row's values in their order."""

    before: str
    row: str
    after: str
    pick: Callable[[dict[str, Any]], Sequence[Any]]


_NAMED = re.compile(r"%\((\w+)\)s")
_ROW = re.compile(r"(?<=VALUES )\([^()]*\)")


@lru_cache
def _parts(statement: Any, dialect: Dialect) -> _Parts:
    compiled = statement.compile(dialect=dialect)
    assert isinstance(compiled, SQLCompiler)
    names = compiled.positiontup or _NAMED.findall(compiled.string)
    before, row, after = re.split(rf"({_ROW.pattern})", _NAMED.sub("%s", compiled.string), maxsplit=1)
    assert row.count("?") + row.count("%s") == len(names), "a constant is bound"
    pick = itemgetter(*names) if len(names) > 1 else lambda one: (one[names[0]],)
    return _Parts(before, row, after, pick)
