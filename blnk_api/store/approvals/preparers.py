"""Who took part in preparing an import, and so may not approve it: whoever uploaded, requested or changed
it."""

from collections.abc import Iterable, Iterator

from sqlalchemy import Connection, select

from blnk_api.access.actors import Actor, ActorKind
from blnk_api.store import events, imports
from blnk_api.store.approvals.requests import Request
from blnk_api.store.events import EventKind
from blnk_api.store.imports import Import
from blnk_api.store.people import edits, sessions
from blnk_api.store.tables import imports as imports_table

_CHANGES = (
    EventKind.UPLOADED,
    EventKind.ASKED_FOR,
    EventKind.READ_OTHERWISE,
    EventKind.MATCHED_COLUMNS,
    EventKind.ACCEPTED_CURRENCY,
    EventKind.WITHDREW_CURRENCY,
    EventKind.ACCEPTED,
    EventKind.REPAIRED,
    EventKind.LEFT_OUT,
    EventKind.TAKEN_IN,
    EventKind.SKIPPED_HIDDEN_ROWS,
    EventKind.INCLUDED_HIDDEN_ROWS,
    EventKind.ASKED_FOR_AGAIN,
    EventKind.REPAIRED_AND_SENT_AGAIN,
    EventKind.FIXING,
    EventKind.TOOK_OVER,
    EventKind.ASKED_FOR_APPROVAL,
    EventKind.CONFIRMED,
)
"""Events that affect which balances are created. An undo leaves its own events, so nobody's part is
forgotten."""


def preparers(tx: Connection, import_: Import, request: Request) -> Iterator[Actor]:
    """Everyone who took part in it, including what it fixes and imports whose edits it took over."""
    yield request.asked_by
    seen: set[int] = set()
    left = [import_.number]
    while left:
        one = imports.by_number(tx, left.pop())
        if one.number in seen:
            continue
        seen.add(one.number)
        yield one.who
        yield from (edit.who for edit in edits.of_import(tx, one.number))
        for event in events.of_kinds(tx, one.number, _CHANGES):
            yield event.who
            if event.what == EventKind.TOOK_OVER and event.detail.label:
                other = imports_table.c.id == event.detail.label
                left += tx.execute(select(imports_table.c.number).where(other)).scalars()
        if one.fixes is not None:
            left.append(one.fixes)


def had_a_hand(tx: Connection, import_: Import, request: Request, who: Actor) -> bool:
    return is_one_of(tx, who, preparers(tx, import_, request))


def is_one_of(tx: Connection, who: Actor, others: Iterable[Actor]) -> bool:
    """Whether someone is one of these people, possibly with another account.

    One person may use two providers with the same address. It need not be verified: some providers verify
    none, and this only prevents people from approving what they prepared. An unverified name, from before
    people signed in, counts as the person with that name.
    """
    known = set(others)
    if any(who.is_same_as(other) for other in known):
        return True
    addresses = sessions.addresses(tx, [who, *known])
    mine = addresses.get((who.issuer, who.subject), set()) | _folded(who.email)
    for other in known:
        if other.kind is ActorKind.NAME and _folded(other.name) & (mine | _folded(who.name)):
            return True
        if mine & (addresses.get((other.issuer, other.subject), set()) | _folded(other.email)):
            return True
    return False


def _folded(text: str) -> set[str]:
    return {sessions.folded(text)} if text else set()
