"""The audit trail for admins and auditors: its newest events, and all of it with its links."""

from collections.abc import Iterator
from datetime import UTC, datetime

import orjson

from blnk_api.access.actors import Actor
from blnk_api.access.acts import Act
from blnk_api.store import Store
from blnk_api.store.trail import reading
from blnk_api.store.trail.reading import TrailEntry, Wanted
from blnk_api.wording.whole_desk import about_trail


def newest(store: Store, who: Actor, wanted: Wanted, *, limit: int) -> list[TrailEntry]:
    """Events, newest first. Raises NotAllowed."""
    who.require(Act.SEE_TRAIL, None)
    with store.read() as tx:
        return reading.newest(tx, wanted, limit=limit)


def downloaded(store: Store, who: Actor, wanted: Wanted) -> Iterator[TrailEntry]:
    """The desk's own events first, then import by import, each in order. Raises NotAllowed."""
    who.require(Act.SEE_TRAIL, None)
    return reading.all_entries(store, wanted)


def lines(store: Store, wanted: Wanted) -> Iterator[bytes]:
    """All events as JSON lines. The text of cells is not included: it can be purged, and the trail cannot."""
    for one in reading.all_entries(store, wanted):
        yield orjson.dumps(_line(one)) + b"\n"


def _line(one: TrailEntry) -> dict[str, object]:
    line: dict[str, object] = {
        "import": one.import_id,
        "n": one.n,
        "at": f"{datetime.fromtimestamp(one.at, UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
        "who": one.who.name,
        "kind": one.who.kind,
        "email": one.who.email or None,
        "identity": [one.who.issuer, one.who.subject] if one.who.subject else None,
        "what": one.what,
    }
    if one.edits is not None:
        return line | {"count": one.edits, "link": one.link}
    rest = {"said": about_trail.event(one), "row": one.row, "detail": _detail(one), "link": one.link}
    return line | rest


def _detail(one: TrailEntry) -> object:
    """Parsed, if it is JSON."""
    if not one.detail.startswith("{"):
        return one.detail
    detail: object = orjson.loads(one.detail)
    return detail
