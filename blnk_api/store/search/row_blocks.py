"""The condition by which rows are found by their refs: SQLite indexes them within blocks of a file.

Postgres does not: until it has analyzed a new import, it would rather read all of it than look for each ref
in each block.
"""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, Select, and_, func, select, true

from blnk_api.store.tables import imports, rows
from blnk_api.store.tables.imports_and_rows import BLOCK, ROWS_PER_BLOCK

_LAST = select(func.max(rows.c.number)).where(rows.c.import_ == imports.c.number).scalar_subquery()


def of_imports(tx: Connection, numbers: Sequence[int]) -> ColumnElement[bool]:
    """The rows of the imports with these numbers, for a query by refs."""
    return and_(rows.c.import_.in_(numbers), any_block(tx, numbers))


def any_block(tx: Connection, numbers: Sequence[int] | Select[tuple[int]]) -> ColumnElement[bool]:
    """True for all rows of these imports. Without it, SQLite would read each of them in a query by refs."""
    if tx.dialect.name != "sqlite":
        return true()
    longest = select(func.max(_LAST)).where(imports.c.number.in_(numbers))
    return BLOCK.in_(range((tx.execute(longest).scalar() or 0) // ROWS_PER_BLOCK + 1))
