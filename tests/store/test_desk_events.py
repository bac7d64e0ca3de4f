"""What belongs to no import is in the trail too: sign-ins and their ends, stops, and changes of settings."""

from pathlib import Path

import pytest

from blnk_api import settings
from blnk_api.access.actors import Actor, ActorKind
from blnk_api.store import Store, instance_numbers
from blnk_api.store.people import sessions
from blnk_api.store.people.sessions import EndedHow, Identity, Lasts
from blnk_api.store.sending import copied_store, stops
from blnk_api.store.trail import reading
from blnk_api.store.trail.reading import TrailEntry, Wanted
from blnk_api.store.trail.verify import verify
from blnk_api.wording import phrases
from blnk_api.wording.whole_desk import about_trail
from blnk_api.worker import settings_seen
from tests.support.actors import actor, signed_in
from tests.support.store import INSTANCE, draft

ADA = Identity("https://id.example", "ada", name="Ada", email="ada@acme.example", email_verified=True)
LASTS = Lasts(longest=3600, idle=3600)

SECRETS = """
[connections.main]
access_token = "blnk-secret-token"
instance_id = "ins_1"
requests_per_minute = {cap}
notify = ["json://secret:password@hooks.example"]

[sign_in]
url = "http://localhost:8501"
[sign_in.providers.acme]
issuer = "https://id.example"
client_id = "balance-desk"
client_secret = "provider-secret"

[roles]
preparer = ["group:finance"]
admin = ["{admin}"]
"""


def told(store: Store) -> list[str]:
    """Who and what, oldest first."""
    assert verify(store).breaks == ()
    return [f"{phrases.actor(one.who)}: {about_trail.event(one)}" for one in entries(store)]


def entries(store: Store, wanted: Wanted = Wanted()) -> list[TrailEntry]:  # noqa: B008
    with store.read() as tx:
        return reading.newest(tx, wanted, limit=100)[::-1]


def test_sign_ins_and_ends_of_sessions(store: Store) -> None:
    for cookie in ("1", "2", "3", "4"):
        with store.write() as tx:
            sessions.begin(tx, cookie, "acme", ADA)
    with store.read() as tx:
        first, second, third, _ = (sessions.find(tx, cookie, LASTS) for cookie in ("1", "2", "3", "4"))
    assert first
    assert second
    assert third
    with store.write() as tx:
        assert sessions.end(tx, first.id, EndedHow.SIGNED_OUT)
        assert not sessions.end(tx, first.id, EndedHow.SIGNED_OUT)
        assert sessions.end(tx, second.id, EndedHow.REPLACED)
        assert sessions.end(tx, third.id, EndedHow.BY_ADMIN, by=signed_in())
        copied_store.stop_all(tx, who=Actor.machine("root"), reason="Restored.", about_tokens="")
    assert told(store)[4:] == [
        "Ada (ada@acme.example): Signed out.",
        "Ada (ada@acme.example): Signed in again in the same browser: the earlier session ended.",
        "Grace (grace@acme.example): Ended the session of ada@acme.example.",
        "root (command line): Stopped all sending. Restored.",
        "root (command line): Ended all sessions, because a backup was restored or the desk was copied.",
    ]
    assert told(store)[:4] == ["Ada (ada@acme.example): Signed in with acme."] * 4


def test_stops_of_all_and_of_one_instance(store: Store) -> None:
    with store.write() as tx:
        number = instance_numbers.number_for(tx, INSTANCE)
        assert stops.stop(tx, None, who=actor())
        assert stops.start(tx, None, who=actor())
        assert stops.stop(tx, number, who=actor())
        assert not stops.stop(tx, number, who=actor())
        assert stops.start(tx, number, who=actor())
    where = "https://blnk.example, instance ins_1"
    assert told(store) == [
        "Ada (not verified): Stopped all sending.",
        "Ada (not verified): Started all sending.",
        f"Ada (not verified): Stopped sending to {where}.",
        f"Ada (not verified): Started sending to {where}.",
    ]


def test_a_change_of_settings_is_an_event_without_any_secret(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = tmp_path / "secrets.toml"
    monkeypatch.setenv("BLNK_SECRETS_FILE", str(secrets))
    monkeypatch.setenv("BLNK_DATA_DIR", str(tmp_path / "data"))
    for cap, admin in ((600, "cto@acme.example"), (600, "cto@acme.example"), (900, "eve@acme.example")):
        secrets.write_text(SECRETS.format(cap=cap, admin=admin))
        secrets.chmod(0o600)
        with store.write() as tx:
            settings_seen.note_change(tx, settings_seen.summary(settings.load()))
    assert told(store) == [
        "Balance Desk: Read the settings for the first time.",
        "Balance Desk: Settings changed: connections.main.requests_per_minute, roles.admin.",
    ]
    *_, last = entries(store)
    assert "eve@acme.example" in last.detail
    assert "https://id.example" in last.detail
    assert "secret" not in last.detail


def test_events_are_found_by_time_and_person(store: Store) -> None:
    made = draft(store, 1)
    with store.write() as tx:
        sessions.begin(tx, "1", "acme", ADA)
    uploaded, signed = entries(store)
    assert (uploaded.import_id, uploaded.who.kind, signed.import_id) == (made.id, ActorKind.NAME, None)
    assert entries(store, Wanted(since=signed.at)) == [signed]
    assert entries(store, Wanted(before=signed.at)) == [uploaded]
    assert entries(store, Wanted(person="ACME.example")) == [signed]
    assert entries(store, Wanted(person="ada")) == [uploaded, signed]
    assert entries(store, Wanted(person="%")) == []
    with store.read() as tx:
        assert reading.newest(tx, Wanted(), limit=1) == [signed]
    assert [one.what for one in reading.all_entries(store, Wanted(person="ada"))] == ["signed in", "uploaded"]
