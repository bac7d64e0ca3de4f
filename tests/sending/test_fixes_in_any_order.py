"""Whatever order rows are sent, fixed, discarded and looked up in: no row has a second balance unnamed."""

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import orjson
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from blnk_api.lookup import existing
from blnk_api.models import Balance
from blnk_api.sending import late_lookups
from blnk_api.sending.in_doubt import ownership
from blnk_api.store import Store, events, import_acts, import_changes, imports, rows, tables, transitions
from blnk_api.store.checking import checked_rows
from blnk_api.store.checking.checked_rows import NewRow
from blnk_api.store.events import EventKind
from blnk_api.store.imports import Import
from blnk_api.store.rows import StoredRow
from blnk_api.store.sending import late_records, rows_in_doubt, superseded
from blnk_api.store.sending.attempts import Result
from blnk_api.store.sending.ready_rows import ready_among
from blnk_api.store.states import ImportState, RowState, Stage
from tests.support.actors import actor
from tests.support.examples import most
from tests.support.store import INSTANCE, claim, created, record, result, running

T = TypeVar("T")

RECORDS = 1
ACTS = ("send", "resolve", "carry out", "late answer", "fix", "discard", "confirm", "resend", "look late")


class World:
    """One store and one Blnk, in which a test does things a step at a time."""

    def __init__(self, path: Path) -> None:
        self.store = Store(f"sqlite:///{path}")
        self.held: list[Balance] = []
        self.pending: list[Balance] = []
        self.answers: list[tuple[int, Result]] = []
        self.now = 1e10
        self.needless: list[str] = []
        """Refs whose balances were there when a fix of their row was sent."""
        self.asked = 0
        running(self.store, RECORDS)

    # as AsyncStore and Looker, without their threads and their network
    async def read(self, ask: Callable[..., T], *args: object, **kwargs: object) -> T:
        with self.store.read() as tx:
            return ask(tx, *args, **kwargs)

    async def write(self, act: Callable[..., T], *args: object, **kwargs: object) -> T:
        with self.store.write() as tx:
            return act(tx, *args, **kwargs)

    async def find_together(self, refs: Iterable[str], **_: Any) -> dict[str, list[Balance]]:
        found: dict[str, list[Balance]] = {}
        for one in self.held:
            if one.import_ref is not None and one.import_ref in refs:
                found.setdefault(str(one.import_ref), []).append(one)
        return found

    def imports(self, *, drafts: bool) -> list[Import]:
        with self.store.read() as tx:
            found = imports.newest(tx)
        return [one for one in reversed(found) if (one.state is ImportState.DRAFT) is drafts]

    def rows(self, *states: RowState, drafts: bool = False) -> list[tuple[Import, StoredRow]]:
        with self.store.read() as tx:
            return [
                (one, row)
                for one in self.imports(drafts=drafts)
                for row in rows.page(tx, one.number)
                if row.state in states and (drafts or one.state is not ImportState.CANCELLED)
            ]

    def do(self, act: str, k: int) -> None:
        offered: dict[str, Sequence[object]] = {
            "send": self.rows(RowState.READY),
            "resolve": self.rows(RowState.UNKNOWN),
            "carry out": self.pending,
            "late answer": self.answers,
            "fix": self.rows(RowState.INVALID, RowState.REFUSED),
            "discard": self.imports(drafts=True),
            "confirm": self.imports(drafts=True),
            "resend": self.rows(RowState.REFUSED),
            "look late": [None],
        }
        at = ACTS.index(act)  # what cannot be done at this moment gives way to what can
        act = next(one for one in (*ACTS[at:], *ACTS[:at]) if offered[one])
        pick = offered[act]
        getattr(self, f"_{act.replace(' ', '_')}")(pick[k % len(pick)], k)

    def _send(self, chosen: tuple[Import, StoredRow], k: int) -> None:
        import_, row = chosen
        with self.store.read() as tx:
            ready = ready_among(tx, [row.id])
        asyncio.run(existing.settle(self, self, import_, ready))  # type: ignore[arg-type]
        with self.store.read() as tx:
            olds = superseded.old_refs(tx, import_.number, [row.id]).get(row.id, [])
        made_before = {(one.import_ref, one.meta_data["import_id"]) for one in self.held}
        claimed = claim(self.store, import_, [row.id])
        if not claimed.tries:
            return
        self.needless += [old.ref for old in olds if (old.ref, old.import_id) in made_before]
        body = orjson.loads(row.body or b"{}")
        self.asked += 1
        made = Balance(balance_id=f"bln_{self.asked}", created_at="2026-01-01T00:00:00Z", **body)
        answer = created(claimed, row.id, made.balance_id)
        match k % 5:
            case 0:
                self.held.append(made)
                record(self.store, import_, answer)
            case 1:
                record(self.store, import_, result(claimed, row.id, RowState.REFUSED, status=400))
            case 2:
                record(self.store, import_, result(claimed, row.id, RowState.UNKNOWN))
            case 3:
                self.held.append(made)
                self.answers.append((import_.number, answer))
                record(self.store, import_, result(claimed, row.id, RowState.UNKNOWN))
            case 4:
                self.pending.append(made)
                self.answers.append((import_.number, answer))
                record(self.store, import_, result(claimed, row.id, RowState.UNKNOWN))

    def _resolve(self, chosen: tuple[Import, StoredRow], k: int) -> None:
        import_, row = chosen
        with self.store.write() as tx:
            mine = [one for one in rows_in_doubt.unknown_rows(tx, [import_.number]) if one.id == row.id]
            if not mine:
                return
            asked = mine[0]
            found = [one for one in self.held if one.import_ref == row.ref]
            if found:
                ownership.were_found(tx, import_.id, [asked], {asked.ref: found})
            else:  # called absent, or rejected after the same failure again and again
                rows_in_doubt.was_absent(tx, asked, same_server_errors=0 if k % 2 else 3)

    def _carry_out(self, made: Balance, k: int) -> None:
        self.pending.remove(made)
        self.held.append(made)

    def _late_answer(self, one: tuple[int, Result], k: int) -> None:
        number, answer = one
        if answer.balance_id in {made.balance_id for made in self.held}:
            self.answers.remove(one)
            with self.store.read() as tx:
                import_ = imports.by_number(tx, number)
            record(self.store, import_, answer)

    def _fix(self, chosen: tuple[Import, StoredRow], k: int) -> None:
        source, row = chosen
        with self.store.write() as tx:
            id = imports.new_id()
            import_changes.create(
                tx, id, kind="file", instance=INSTANCE, connection="here", who=actor(),
                fixes=source.number, stage=Stage.CHECKED,
            )  # fmt: skip
            draft = imports.find(tx, id)
            assert draft is not None
            superseded.supersede(tx, [row.id], by=draft.number)
            same = k % 2 and row.ref is not None
            ref = row.ref if same else f"v1-{'a' * 26}-{self._next()}"
            new = NewRow(row.number, row.part, RowState.READY, row.cells, body=_body(row, ref, id), ref=ref)
            checked_rows.insert_rows(tx, draft.number, draft.instance_number, [new])

    def _discard(self, draft: Import, k: int) -> None:
        with self.store.write() as tx:
            import_acts.cancel(tx, draft.number, who=actor())

    def _confirm(self, draft: Import, k: int) -> None:
        with self.store.write() as tx:
            import_changes.set_facts(tx, draft.number, stage=Stage.CHECKED)
            now = imports.by_number(tx, draft.number)
            sources = superseded.sources(tx, draft.number)
            created_late = [one for one in sources if one.state is RowState.CREATED]
            if created_late:  # its check would have found the row created
                for one in rows.page(tx, draft.number, states=[RowState.READY]):
                    transitions.move(
                        tx, [one.id], from_=RowState.READY, to=RowState.EXISTS,
                        balance_id=created_late[0].balance_id,
                    )  # fmt: skip
            assert import_acts.confirm(tx, now, who=actor(), version=now.version)
            transitions.move_import(tx, now.number, from_=[ImportState.QUEUED], to=ImportState.RUNNING)

    def _resend(self, chosen: tuple[Import, StoredRow], k: int) -> None:
        import_, row = chosen
        ref = f"v1-{'b' * 26}-{self._next()}"
        with self.store.write() as tx:
            transitions.move(
                tx, [row.id], from_=RowState.REFUSED, to=RowState.READY,
                ref=ref, body=_body(row, ref, import_.id),
            )  # fmt: skip

    def _look_late(self, _: None, k: int) -> None:
        self.now += 100_000.0
        with self.store.write() as tx:
            due = late_records.due(tx, 1, self.now, limit=1_000)
            for number in {one.import_ for one in due}:
                mine = [one for one in due if one.import_ == number]
                held = {one.ref: [each for each in self.held if each.import_ref == one.ref] for one in mine}
                late_lookups.settle_late(tx, number, mine, held, at=self.now, settle_seconds=1.0)

    def _next(self) -> int:
        self.asked += 1
        return self.asked

    def end(self) -> None:
        """Everything underway is completed, and the day passes."""
        for made in list(self.pending):
            self._carry_out(made, 0)
        for one in list(self.answers):
            self._late_answer(one, 0)
        for chosen in self.rows(RowState.UNKNOWN):
            self._resolve(chosen, 0)
        for _ in range(4):
            self._look_late(None, 0)

    def second_balances_unnamed(self) -> list[str]:
        with self.store.read() as tx:
            told = [
                id
                for one in imports.newest(tx)
                for event in events.of_kinds(tx, one.number, [EventKind.SECOND_BALANCE, EventKind.MADE_LATE])
                for id in event.detail.ids
            ]
            known = set(tx.execute(select(tables.rows.c.balance_id)).scalars())
        wrong = []
        for customer in range(RECORDS):
            ids = [one.balance_id for one in self.held if one.meta_data["customer"] == str(customer)]
            if len(ids) > 1 and not set(ids) <= {*told}:
                wrong.append(f"customer {customer} has {ids}, of which {told} are named")
            wrong += [f"{id} is nobody's" for id in ids if id not in known and id not in told]
        return wrong


def _body(row: StoredRow, ref: str | None, import_id: str) -> bytes:
    asked = orjson.loads(row.body or b"{}")
    asked["meta_data"] |= {"import_ref": ref, "import_id": import_id}
    return orjson.dumps(asked)


@settings(
    max_examples=most(60), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@example(acts=[("send", 4), ("resolve", 1), ("fix", 0), ("confirm", 0), ("carry out", 0), ("send", 0)])
@example(acts=[("send", 4), ("resolve", 1), ("fix", 0), ("confirm", 0), ("send", 0), ("carry out", 0)])
@example(  # its balance is answered late, after it was called rejected; and it is sent again
    acts=[("send", 4), ("resolve", 1), ("carry out", 0), ("late answer", 0), ("resend", 0), ("send", 0)]
)
@given(acts=st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 9)), min_size=8, max_size=24))
def test_no_row_has_a_second_balance_without_naming_it(
    acts: list[tuple[str, int]], empty_store: Path
) -> None:
    folder = Path(tempfile.mkdtemp())
    shutil.copy(empty_store, folder / "journal.db")
    world = World(folder / "journal.db")
    try:
        for act, k in acts:
            world.do(act, k)
        world.end()
        assert world.second_balances_unnamed() == []
        assert world.needless == []
    finally:
        world.store.close()
        shutil.rmtree(folder)
