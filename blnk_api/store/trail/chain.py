"""Links what a transaction recorded to earlier records: one chain for each import, one for the desk.

This is done at the end of the transaction, so that a chain's head is locked only for the moment of the
commit, and after everything else that the transaction locks. Heads are locked in order. So writers neither
wait for each other while they work nor deadlock.
"""

from collections import defaultdict
from typing import NamedTuple

from sqlalchemy import Connection, insert, select, update

from blnk_api.store.inserts import insert_or
from blnk_api.store.tables import imports, trail, trail_heads
from blnk_api.store.trail import hashes

DESK = 0
"""The chain of events that belong to no import. Every other chain has its import's number."""


class Entry(NamedTuple):
    """An event by its id, or edits by their batch, with its digest."""

    event: int | None
    edits: str | None
    digest: str


class Head(NamedTuple):
    """The number of entries in a chain, and its newest link."""

    n: int
    link: str


class Unlinked:
    """What a transaction has recorded so far, by chain."""

    def __init__(self) -> None:
        self.entries: dict[int, list[Entry]] = defaultdict(list)


OPTION = "unlinked"
"""The connection option in which `Store.write` keeps it."""


def add(tx: Connection, chain: int, entry: Entry) -> None:
    """Call it for each new record, in `Store.write` and outside any savepoint: a rolled-back savepoint would
    leave a link to nothing."""
    unlinked: Unlinked | None = tx.get_execution_options().get(OPTION)
    if unlinked is None or tx.in_nested_transaction():
        raise RuntimeError("what happened is written down in Store.write, and outside savepoints")
    unlinked.entries[chain].append(entry)


def seal(tx: Connection, unlinked: Unlinked) -> None:
    """Links everything. The transaction must lock nothing else afterwards."""
    for chain, entries in sorted(unlinked.entries.items()):
        n, last = _held_head(tx, chain)
        links: list[dict[str, object]] = []
        for entry in entries:
            n += 1
            last = hashes.link(last, n, entry.digest)
            links.append({"chain": chain, "n": n, "event": entry.event, "edits": entry.edits, "link": last})
        tx.execute(insert(trail), links)
        tx.execute(update(trail_heads).where(trail_heads.c.chain == chain).values(n=n, link=last))
    unlinked.entries.clear()


def head(tx: Connection, chain: int, *, hold: bool = False) -> Head | None:
    """The head of a chain, or None before its first entry. `hold`: locks it until the transaction ends."""
    query = select(trail_heads.c.n, trail_heads.c.link).where(trail_heads.c.chain == chain)
    found = tx.execute(query.with_for_update() if hold else query).first()
    return None if found is None else Head(*found)


def origin_of(tx: Connection, chain: int) -> str:
    if chain == DESK:
        return hashes.origin("desk")
    return hashes.origin(tx.execute(select(imports.c.id).where(imports.c.number == chain)).scalar_one())


def _held_head(tx: Connection, chain: int) -> Head:
    found = head(tx, chain, hold=True)
    if found is None:
        first = {"chain": chain, "n": 0, "link": origin_of(tx, chain)}
        tx.execute(insert_or(tx, trail_heads).values(first).on_conflict_do_nothing())
        found = head(tx, chain, hold=True)
        assert found is not None
    return found
