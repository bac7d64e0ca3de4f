"""Makes a small SQLite store with something in every table, as this version writes it.

    python -m tests.journals.make tests/journals/0001.db

Run it once for each new migration, before the next one is written; tests/store/test_migrations.py opens
them all. It also writes what a new SQLite store begins with (blnk_api/store/migrations/new_sqlite.sql).
"""

import sys
import tempfile
from pathlib import Path

from sqlalchemy import insert, select

from blnk_api.access.actors import SENDER
from blnk_api.facts.findings import Findings
from blnk_api.facts.totals import Totals
from blnk_api.store import Store, import_acts, import_changes, imports, instance_numbers, tables, transitions
from blnk_api.store.migrations import new_sqlite
from blnk_api.store.people import desk_events, edits, notes, people
from blnk_api.store.people.desk_events import DeskEventKind
from blnk_api.store.sending import (
    attempts,
    copied_store,
    late_records,
    rows_in_doubt,
    senders,
    stops,
    superseded,
)
from blnk_api.store.states import ImportState, PausedBy, RowState
from tests.support.actors import actor, signed_in
from tests.support.json_object import JsonObject
from tests.support.store import (
    ELSEWHERE,
    INSTANCE,
    claim,
    created,
    draft,
    found_absent,
    ids_of,
    record,
    result,
    running,
)

_PLAIN: dict[str, JsonObject] = {
    "mappings": {
        **{"fingerprint": "0" * 32, "name": "Customers", "mapping": '{"columns": []}'},
        **{"who": "Ada", "at": 1_700_000_000.0},
    },
    "known_in_blnk": {"import_": 2, "at": 1_700_000_000.0, "known": "{}"},
    "sessions": {
        **{"key": "0" * 64, "provider": "acme", "issuer": "https://acme.example", "subject": "1"},
        **{"name": "Ada", "email": "ada@acme.example", "email_verified": True},
        **{"claims": '{"groups":[],"roles":[],"hosted_domain":"","groups_left_out":false}'},
        **{"begun_at": 1_700_000_000.0, "seen_at": 1_700_000_000.0},
    },
    "receipts": {
        **{"import_": 1, "n": 1, "at": 1_700_000_000.0, "told": '{"receipt": 1}'},
        **{"results_path": "imp_1/1.csv", "results_sha256": "0" * 64},
    },
    "notices": {
        **{"id": 1, "instance": 1, "import_": 1, "kind": "finished", "at": 1_700_000_000.0},
        **{"facts": '{"counts":{"CREATED":9}}', "next_at": 1_700_000_060.0},
    },
    "deliveries": {"notice": 1, "address": "0" * 32, "tries": 1, "next_at": 1_700_000_060.0},
    "kept_files": {"name": "uploads/imp_1/file", "content": "0" * 32, "bytes": 1, "at": 1_700_000_000.0},
    "kept_pieces": {"content": "0" * 32, "n": 0, "data": b"a"},
    "desk_keys": {"name": "links", "value": "0" * 64},
    "approvals": {
        **{"id": 1, "import_": 1, "asked_by": "Ada", "asked_by_kind": "person", "asked_at": 1_700_000_000.0},
        **{"asked_by_identity": '["https://acme.example","1"]', "rows": 9, "digest": "0" * 64},
        **{"approvers": 1, "days": 7, "state": "lapsed", "lapses_at": 1_700_604_800.0},
    },
    "approval_decisions": {
        **{"approval": 1, "person": '["https://acme.example","2"]', "who": "Grace", "who_kind": "person"},
        **{"who_identity": '["https://acme.example","2"]', "at": 1_700_000_060.0, "approves": True},
    },
    "leases": {
        **{
            "instance": 1,
            "token": "t",
            "seconds": 10.0,
            "since": 1_700_000_000.0,
            "beat_at": 1_700_000_000.0,
        },
    },
    "tokens": {
        **{"connection_key": "here", "descends_from": "0" * 64, "generation": 1},
        **{"sealed": b"sealed", "expires_at": 1_700_000_000.0},
    },
}
"""Rows that take more than a store to come about."""


def make(path: Path) -> None:
    """Two imports: one under way with a row in every state, one draft."""
    store = Store(f"sqlite:///{path}")
    store.migrate()
    made = running(store, 10)
    left_out, invalid, exists, *sent, fixed = ids_of(store, made)
    claimed = claim(store, made, sent[:5])
    done, refused, lost, absent, _in_flight = claimed.tries
    with store.write() as tx:
        transitions.move(tx, [left_out], from_=RowState.READY, to=RowState.LEFT_OUT)
        transitions.move(tx, [invalid], from_=RowState.READY, to=RowState.INVALID, message="no such ledger")
        transitions.move(tx, [fixed], from_=RowState.READY, to=RowState.INVALID, message="no such ledger")
        transitions.move(tx, [exists], from_=RowState.READY, to=RowState.EXISTS, balance_id="bln_0")
    record(store, made, result(claimed, absent, RowState.UNKNOWN, status=504, server_error=504))
    found_absent(store, made)
    record(
        store,
        made,
        created(claimed, done, "bln_1")._replace(request_id="0af7651916cd43dd"),
        result(claimed, refused, RowState.REFUSED, status=400, message="Invalid ledger ID"),
        result(claimed, lost, RowState.UNKNOWN, message="The connection broke."),
    )
    with store.write() as tx:
        rows_in_doubt.wait_for_person(tx, [lost], message="Find out.")
        late_records.owe_for_duplicates(tx, [done])
        attempts.remember_first(tx, made.number, "2026-01-02T03:04:05.678901Z")
        import_changes.set_facts(
            tx, made.number, ramp=2, totals=Totals(records=9), findings=Findings(clean=True)
        )
        notes.add_to_import(tx, made, "Asked Grace about row 4.", who=actor())
        notes.add_to_balance(tx, made.instance_number, "bln_1", "The old float.", who=signed_in())
        edits.add(tx, made.number, [(2, 1, "KSH", "KES"), (3, None, "", edits.LEFT_OUT)], who=actor())
        import_acts.pause(tx, made.number, by=PausedBy.BREAKER, who=SENDER, reason="Blnk is not well.")
        senders.register(tx, token="t", owner="an app")
        senders.beat(tx, token="t", serves=[1], reaches=[1, 2])
        senders.remember_learned(
            tx,
            made.instance_number,
            per_minute=600.0,
            not_before=1.5,
            breaker={"circuit": "open", "reason": "?"},
        )
        people.set_name(tx, "browser", "Ada")
        desk_events.note(tx, who=signed_in(), what=DeskEventKind.DOWNLOADED, detail="imports.csv")
        copied_store.settle(tx, who=SENDER, reason="", about_tokens="")
        stops.stop(tx, instance_numbers.number_for(tx, ELSEWHERE), who=actor())
    fix = draft(store, 1)
    with store.write() as tx:
        import_changes.set_facts(tx, fix.number, fixes=made.number)
        superseded.supersede(tx, [fixed], by=fix.number)
        for table, values in _PLAIN.items():
            tx.execute(insert(tables.metadata.tables[table]).values(**values))
    with store.engine.connect() as connection:
        # One file, without a log beside it.
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("VACUUM")
        connection.exec_driver_sql("PRAGMA journal_mode=DELETE")
    with store.read() as tx:
        for one in tables.metadata.sorted_tables:
            assert tx.execute(select(one).limit(1)).first() is not None, f"nothing in {one.name}"
        assert imports.by_number(tx, made.number).state is ImportState.PAUSED
        assert imports.by_number(tx, made.number).instance == INSTANCE
    store.close()


def schema_of_migrations() -> str:
    """What `new_sqlite.FILE` has to contain."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.db"
        store = Store(f"sqlite:///{path}")
        store._upgrade()
        store.close()
        return new_sqlite.dump(path)


if __name__ == "__main__":
    new_sqlite.FILE.write_text(schema_of_migrations(), "utf-8")
    make(Path(sys.argv[1]))
