"""Imports that a sender works on, and what Blnk and the store must contain afterwards."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

from blnk_api.models import BalanceRequest
from blnk_api.store import transitions
from blnk_api.store.imports import Import
from blnk_api.store.rows import StoredRow
from blnk_api.store.sending import attempts, claims
from blnk_api.store.sending.attempts import Result
from blnk_api.store.states import ImportState, Outcome, RowState
from tests.support.importer import Importer, requests_for, wait_until
from tests.support.json_object import JsonObject
from tests.support.practice import PracticeBlnk


def assert_each_once(blnk: PracticeBlnk, importer: Importer, import_: Import) -> None:
    """Every row of the import is a balance in Blnk, and Blnk contains nothing else."""
    rows = importer.rows(import_)
    assert [row.state for row in rows] == [RowState.CREATED] * len(rows)
    assert blnk.refs() == sorted(row.ref or "" for row in rows)
    assert {one["balance_id"] for one in blnk.balances()} == {row.balance_id for row in rows}


def asked(blnk: PracticeBlnk, *kinds: str) -> list[JsonObject]:
    """The requests of these kinds, in the order in which they arrived."""
    return [one for one in blnk.requests()["recent"] if one["kind"] in kinds]


def begin_in_own_process(importer: Importer, *, rows: int, created: int = 20) -> Import:
    """An import that is being sent by a process of its own."""
    draft = importer.draft(requests_for(rows))
    importer.confirm(draft)
    importer.start_process()
    importer.wait_for_count(draft, RowState.CREATED, created)
    return draft


def create_count(blnk: PracticeBlnk) -> int:
    return int(blnk.requests()["by_kind"].get("create", 0))


def create_count_at_rest(blnk: PracticeBlnk) -> int:
    """How many POSTs arrived, once no more arrive for a while. For a sender that is frozen."""
    port = urlsplit(blnk.url).port or 80
    seen: list[int] = []

    def is_quiet() -> bool:
        # What the system has for Practice and Practice has not read yet: it may be short of processor time.
        if unread_bytes(port):
            seen.clear()
        seen.append(create_count(blnk))
        return len(seen) > 40 and len(set(seen[-40:])) == 1

    wait_until(is_quiet, lambda: "rows go on arriving")
    return seen[-1]


def unread_bytes(port: int) -> int:
    """How much has arrived at this local port and was not read yet, where the system tells."""
    told = Path("/proc/net/tcp")
    lines = told.read_text().splitlines()[1:] if told.exists() else []
    columns = [line.split() for line in lines]
    return sum(int(one[4].split(":")[1], 16) for one in columns if int(one[1].split(":")[1], 16) == port)


def needing_someone(importer: Importer, blnk: PracticeBlnk, *, lost: str) -> tuple[Import, StoredRow]:
    """Two sent rows. One needs a person: its answer was lost, and these credentials may not read."""
    importer.connect(token=blnk.new_token(["proxy:write"]))
    blnk.order_fault(lost, times=1)
    done = importer.run(requests_for(2))
    importer.stop()
    row = importer.rows(done)[0]
    assert row.state is RowState.UNKNOWN
    assert row.waits_for_person
    return done, row


def done_but_for(importer: Importer, requests: Sequence[BalanceRequest]) -> tuple[Import, list[StoredRow]]:
    """The same in the store alone: nothing was sent, and each of these rows needs a person."""
    draft = importer.draft(requests)
    importer.confirm(draft)
    with importer.store.write() as tx:
        assert transitions.move_import(tx, draft.number, from_=[ImportState.QUEUED], to=ImportState.RUNNING)
        claimed = claims.claim(tx, draft.number, {row.id: 0 for row in importer.rows(draft)})
        lost = [
            Result(id, n, claimed.token, RowState.UNKNOWN, Outcome.UNKNOWN, waits_for_person=True)
            for id, n in claimed.tries.items()
        ]
        attempts.record(tx, draft.number, lost)
        for from_, to in pairwise((ImportState.RUNNING, ImportState.VERIFYING, ImportState.DONE)):
            assert transitions.move_import(tx, draft.number, from_=[from_], to=to)
    return importer.find(draft.id), importer.rows(draft)
