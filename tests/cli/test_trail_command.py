"""The command `trail`: everything that happened, a line each, and whether it was changed since."""

import re

import orjson

from blnk_api.reports.receipts import write_owed
from blnk_api.store.events import EventKind, note
from blnk_api.store.people import edits
from tests.support.actors import signed_in
from tests.support.command_line import Commands
from tests.support.importer import Importer, requests_for
from tests.support.trail import change


def test_every_event_is_a_line_with_its_link(importer: Importer, commands: Commands) -> None:
    draft = importer.draft(requests_for(2))
    with importer.store.write() as tx:
        edits.add(tx, draft.number, [(2, 1, "Grace Okafor", "Grace Okoro")], who=signed_in())
    commands.call("stop")
    told = commands.call("trail")
    desk, uploaded, edited = map(orjson.loads, told.out.splitlines())
    assert (told.code, told.err, "Okafor" in told.out) == (0, "", False)
    assert (desk["import"], desk["n"], desk["what"], desk["said"]) == (
        None,
        1,
        "sending stopped",
        "Stopped all sending.",
    )
    assert (desk["kind"], uploaded["kind"], uploaded["who"]) == ("machine", "name", "Ada")
    assert (uploaded["import"], uploaded["n"], uploaded["what"]) == (draft.id, 1, "uploaded")
    assert (edited["n"], edited["what"], edited["count"]) == (2, "edits", 1)
    assert (edited["email"], edited["identity"]) == ("grace@acme.example", ["https://id.example", "grace"])
    for one in (desk, uploaded, edited):
        assert re.fullmatch(r"[0-9a-f]{64}", one["link"])
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", one["at"])


def test_only_what_happened_since_a_day_is_printed(importer: Importer, commands: Commands) -> None:
    draft = importer.draft(requests_for(2))
    with importer.store.write() as tx:
        note(tx, draft.number, who=signed_in(), what=EventKind.NOTED)
    change(importer.store, "UPDATE events SET at = 1700000000.5 WHERE what = 'uploaded'")
    told = commands.call("trail", "--since", "2023-11-15")
    assert [orjson.loads(line)["what"] for line in told.out.splitlines()] == ["noted"]
    assert len(commands.call("trail", "--since", "2023-11-14T00:00").out.splitlines()) == 2
    assert len(commands.call("trail", "--since", "2023-11-14T22:13:21+00:00").out.splitlines()) == 1


def test_an_intact_trail_says_how_many_events_match(importer: Importer, commands: Commands) -> None:
    importer.draft(requests_for(2))
    importer.draft(requests_for(3))
    told = commands.call("trail", "--verify")
    assert (told.code, told.err) == (0, "")
    assert told.out == "The trail is intact: 2 events of 2 imports and of the desk match their links.\n"
    both = commands.call("trail", "--verify", "--since", "2020-01-01")
    assert (both.code, len(both.out.splitlines()), both.err) == (0, 2, told.out)


def test_the_first_event_that_does_not_match_is_named_with_its_own_exit_code(
    importer: Importer, commands: Commands
) -> None:
    draft = importer.draft(requests_for(2))
    with importer.store.write() as tx:
        note(tx, draft.number, who=signed_in(), what=EventKind.NOTED)
    change(importer.store, "UPDATE events SET at = 1700000000.5, who = 'Eve' WHERE what = 'noted'")
    told = commands.call("trail", "--verify")
    assert (told.code, told.out) == (6, "")
    assert told.err == (
        f"Event 2 of import {draft.id} (“noted”, 14 Nov 2023, 22:13:20 UTC) was changed after it was "
        "written.\n"
    )


def test_a_receipt_that_is_changed_is_named(importer: Importer, commands: Commands) -> None:
    done = importer.run(requests_for(1))
    importer.stop()
    write_owed(importer.store, importer.files, done.number)
    assert commands.call("trail", "--verify").code == 0
    change(importer.store, "UPDATE receipts SET told = replace(told, 'Ada', 'Eve') WHERE n = 1")
    told = commands.call("trail", "--verify")
    assert told.code == 6
    assert told.err.startswith(f"Receipt 1 of import {done.id} was changed after it was written: see event ")
