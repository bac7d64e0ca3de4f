"""Gives the check of a fix its rows from the store, instead of from a file."""

from collections.abc import Iterator, Sequence

import orjson
from sqlalchemy import Connection, select

from blnk_api.drafts.checking import Checker
from blnk_api.drafts.fixes.fix_checker import FixChecker
from blnk_api.drafts.fixes.source_rows import SourceRows
from blnk_api.facts.mapping import Mapping, Use
from blnk_api.store import Store
from blnk_api.store.imports import Import
from blnk_api.store.sending import fix_families, superseded
from blnk_api.store.tables import rows

_PAGE_ROWS = 5_000


def records(store: Store, import_: Import, mapping: Mapping) -> SourceRows:
    """The rows that the draft fixes, as records."""
    with store.read() as tx:
        return SourceRows(superseded.sources(tx, import_.number), mapping)


def checker(store: Store, import_: Import, plain: Checker, mapping: Mapping) -> FixChecker:
    """A checker that compares them with the rows of their file that are not fixed here."""
    with store.read() as tx:
        sources = superseded.sources(tx, import_.number)
        others = [one for one in fix_families.family(tx, import_.number) if one != import_.number]
    if (key := mapping.column(Use.REFERENCE)) is not None and import_.fixes is not None:
        here = {row.number for row in sources}
        plain.know_keys(_keys(store, import_.fixes, key.position, except_of=here))

    def taken(refs: Sequence[str]) -> set[str]:
        with store.read() as tx:
            return fix_families.refs_of(tx, others, refs)

    return FixChecker(plain, sources, taken)


def _keys(store: Store, number: int, position: int, *, except_of: set[int]) -> Iterator[tuple[str, int]]:
    """The keys of an import's rows in file order, each with the row's number."""
    after = 0
    while True:
        with store.read() as tx:
            part = _cells(tx, number, after)
        if not part:
            return
        after = part[-1][0]
        for _, record, cells in part:
            listed = orjson.loads(cells) if cells and record not in except_of else []
            if position < len(listed) and (key := listed[position].strip()):
                yield key, record


def _cells(tx: Connection, number: int, after: int) -> list[tuple[int, int, str | None]]:
    query = select(rows.c.id, rows.c.number, rows.c.cells).where(rows.c.import_ == number, rows.c.id > after)
    return [
        (id, record, cells) for id, record, cells in tx.execute(query.order_by(rows.c.id).limit(_PAGE_ROWS))
    ]
