"""A name is not an identity: whatever people call themselves, it is shown as a name that nobody verified."""

import shutil
import sqlite3
from pathlib import Path

import orjson
import pytest
from sqlalchemy import select

from blnk_api.access.actors import SENDER, ActorKind, NotAllowed
from blnk_api.facts.mapping import Mapping
from blnk_api.reports import receipts
from blnk_api.store import Store, events, import_acts, imports, tables
from blnk_api.store.people import edits, notes, people, saved_mappings
from blnk_api.store.search import import_search
from blnk_api.store.search.import_search import Search
from blnk_api.store.sending import stops
from blnk_api.store.states import ImportState, PausedBy
from blnk_api.wording import phrases
from tests.support.actors import actor, signed_in
from tests.support.importer import Importer, requests_for
from tests.support.store import INSTANCE, draft

KEPT = Path(__file__).parents[1] / "journals" / "0004.db"
TYPED = (
    "the sender",
    "The Sender",
    "the check",
    "Balance Desk",
    "Balance\u00a0Desk",
    "system",
    "\uff22alance \uff24esk",  # full-width B and D
    "B\u0430lance Desk",  # a Cyrillic a
    "Balance Desk (verified)",
)


@pytest.mark.parametrize("name", TYPED)
def test_no_typed_name_is_the_apps_own(importer: Importer, name: str) -> None:
    draft = importer.draft(requests_for(2))
    with importer.store.write() as tx:
        people.set_name(tx, "browser", name)
        kept = people.name_of(tx, "browser")
        assert kept is not None
        who = actor(kept)
        import_acts.confirm(tx, draft, who=who, version=draft.version)
        reason = f"{phrases.actor(who)} paused it."
        import_acts.pause(tx, draft.number, by=PausedBy.PERSON, who=who, reason=reason)
        import_acts.resume(tx, draft.number, who=who)
        told = events.of_import(tx, draft.number)
        mine = [one for one in told if one.what in ("confirmed", "paused", "resumed")]
    assert [one.who.kind for one in mine] == [ActorKind.NAME] * 3
    assert {phrases.actor(one.who) for one in mine} == {phrases.actor(who)}
    assert phrases.actor(who).endswith(" (not verified)")


@pytest.mark.parametrize("name", ["Balance\u200b Desk", "\u202eksed", "the\u2060sender", "\u00ad"])
def test_a_name_with_invisible_characters_is_rejected(importer: Importer, name: str) -> None:
    with importer.store.write() as tx, pytest.raises(ValueError, match="Enter a name"):
        people.set_name(tx, "browser", name)


def test_a_receipt_and_the_results_distinguish_a_person_from_the_app(importer: Importer) -> None:
    draft = importer.draft(requests_for(2))
    with importer.store.write() as tx:
        import_acts.confirm(tx, draft, who=actor("the sender"), version=draft.version)
    importer.start()
    done = importer.wait_for(draft, ImportState.DONE)
    receipts.write_owed(importer.store, importer.files, done.number)
    with importer.store.read() as tx:
        told = orjson.loads(tx.execute(select(tables.receipts.c.told)).scalar_one())
    by = {one["what"]: one["by"] for one in told["happened"]}
    assert by["Confirmed. Sending begins."] == "the sender (not verified)"
    assert by["Compared the created balances with Blnk."] == "Balance Desk"


def test_earlier_entries_are_the_apps_only_if_nobody_else_could_have_done_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal.db"
    shutil.copy(KEPT, path)
    old = [
        ("the sender", "verified", "{}"),
        ("the check", "unreadable", "{}"),
        ("the sender", "paused", '{"by":"breaker","reason":"x"}'),
        ("the sender", "paused", '{"by":"person","reason":"the sender paused it."}'),
        ("the sender", "confirmed", '{"version":1}'),
        ("the sender", "resumed", "{}"),
        ("Ada", "paused", '{"by":"person","reason":"Ada paused it."}'),
    ]
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM events")
        connection.executemany(
            "INSERT INTO events (import, at, who, what, detail) VALUES (1, 0, ?, ?, ?)", old
        )
    store = Store(f"sqlite:///{path}")
    store.migrate()
    with store.read() as tx:
        told = [phrases.actor(one.who) for one in events.of_import(tx, 1)]
    assert told[::-1] == [
        *["Balance Desk"] * 3,
        *["the sender (not verified)"] * 3,
        "Ada (not verified)",
    ]
    store.close()


def test_the_app_itself_is_called_balance_desk() -> None:
    assert phrases.actor(SENDER) == "Balance Desk"
    assert phrases.actor(actor()) == "Ada (not verified)"


def test_a_person_who_signed_in_is_recorded_with_their_identity_wherever_they_act(store: Store) -> None:
    grace = signed_in("Grace Hopper", "grace@acme.example")
    made = draft(store, 2)
    with store.write() as tx:
        assert import_acts.confirm(tx, made, who=grace, version=made.version)
        edits.add(tx, made.number, [(2, 0, "a", "b")], who=grace)
        notes.add_to_import(tx, made, "Why.", who=grace)
        stops.stop(tx, None, who=grace)
        saved_mappings.save(
            tx, fingerprint="0", name="C", mapping=Mapping(columns=()), who=grace, instance=INSTANCE
        )
    with store.read() as tx:
        found = imports.by_number(tx, made.number)
        recorded = [
            found.confirmed_by,
            edits.of_import(tx, made.number)[0].who,
            notes.of_import(tx, made.number)[0].who,
            stops.last(tx, limit=1)[0].who,
            saved_mappings.saved_for(tx, "0")[0].who,
            events.of_import(tx, made.number)[0].who,
        ]
        assert found.who == actor(), "who uploaded it had given a name alone"
        for search in (Search(who="grace@ACME"), Search(text="grace@ACME"), Search(text="hopper")):
            assert [one.number for one in import_search.search(tx, search)] == [made.number]
        assert import_search.search(tx, Search(text="id.example")) == [], "an identity is no name"
    assert recorded == [grace] * 6
    assert {phrases.actor(one) for one in recorded if one} == {"Grace Hopper (grace@acme.example)"}


@pytest.mark.parametrize("name", ["Balance Desk", "Grace Hopper (grace@acme.example)", "root (command line)"])
def test_no_name_that_is_typed_looks_like_one_that_was_verified(name: str) -> None:
    assert phrases.actor(actor(name)) == f"{name} (not verified)"
    assert phrases.actor(signed_in(name, "")) == f"{name} (signed in)"
    assert phrases.actor(signed_in("eve@evil.example", "eve@evil.example")) == "eve@evil.example"
    assert phrases.actor(signed_in("", "eve@evil.example")) == "eve@evil.example"


def test_an_earlier_act_is_no_permission(store: Store) -> None:
    made = draft(store, 1)
    with store.write() as tx:
        recorded = imports.by_number(tx, made.number).who
        with pytest.raises(NotAllowed):
            import_acts.confirm(tx, made, who=recorded, version=made.version)
    assert recorded == actor()


def test_a_receipt_names_a_person_by_name_and_verified_email(importer: Importer) -> None:
    made = importer.draft(requests_for(1))
    with importer.store.write() as tx:
        import_acts.confirm(tx, made, who=signed_in(), version=made.version)
    importer.start()
    done = importer.wait_for(made, ImportState.DONE)
    with importer.store.read() as tx:
        told = receipts.contents_of(tx, done)
    assert told["import"]["confirmed"]["by"] == "Grace (grace@acme.example)"
    assert told["import"]["uploaded"]["by"] == "Ada (not verified)"
