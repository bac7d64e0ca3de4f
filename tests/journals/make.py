"""Makes a small SQLite journal with something in every table, as this version writes it.

    python -m tests.journals.make tests/journals/0001.db

Run it once for each new migration, before the next one is written; tests/test_migrations.py opens them all.
"""

import sys
from pathlib import Path

from blnk_api.imports.journal import Journal, imports, moves, people, senders, sending, unknown
from blnk_api.imports.journal.states import ImportState, PausedBy, RowState
from tests.journalling import INSTANCE, claim, created, draft, found_absent, ids_of, record, result, running


def make(path: Path) -> None:
    """Two imports: one under way with a row in every state, one draft."""
    journal = Journal(f"sqlite:///{path}")
    journal.migrate()
    made = running(journal, 9)
    left_out, invalid, exists, *sent = ids_of(journal, made)
    claimed = claim(journal, made, sent[:5])
    done, refused, lost, absent, _in_flight = claimed.tries
    with journal.write() as tx:
        moves.move(tx, [left_out], from_=RowState.READY, to=RowState.LEFT_OUT)
        moves.move(tx, [invalid], from_=RowState.READY, to=RowState.INVALID, message="no such ledger")
        moves.move(tx, [exists], from_=RowState.READY, to=RowState.EXISTS, balance_id="bln_0")
    record(journal, made, result(claimed, absent, RowState.UNKNOWN, status=504, server_error=504))
    found_absent(journal, made)
    record(
        journal,
        made,
        created(claimed, done, "bln_1"),
        result(claimed, refused, RowState.REFUSED, status=400, message="Invalid ledger ID"),
        result(claimed, lost, RowState.UNKNOWN, message="The connection broke."),
    )
    with journal.write() as tx:
        unknown.wait_for_person(tx, [lost], message="Find out.")
        sending.remember_first(tx, made.number, "2026-01-02T03:04:05.678901Z")
        imports.set_facts(tx, made.number, ramp=2, totals={"records": 9}, findings={"clean": True})
        imports.pause(tx, made.number, by=PausedBy.BREAKER, who="the sender", reason="Blnk is not well.")
        senders.register(tx, token="t", owner="an app")
        senders.remember_learned(
            tx,
            made.instance_number,
            per_minute=600.0,
            not_before=1.5,
            breaker={"circuit": "open", "reason": "?"},
        )
        people.set_name(tx, "browser", "Ada")
    draft(journal, 1)
    with journal.engine.connect() as connection:
        # One file, without a log beside it.
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("VACUUM")
        connection.exec_driver_sql("PRAGMA journal_mode=DELETE")
    with journal.read() as tx:
        assert imports.by_number(tx, made.number).state is ImportState.PAUSED
        assert imports.by_number(tx, made.number).instance == INSTANCE
    journal.close()


if __name__ == "__main__":
    make(Path(sys.argv[1]))
