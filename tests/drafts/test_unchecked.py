"""If rows could not be compared with Blnk, a person accepts that before they are created in production."""

import json

import pytest

from blnk_api.drafts import drafts
from blnk_api.drafts.drafts import NotConfirmed
from blnk_api.store import events
from blnk_api.store.imports import Import
from blnk_api.store.states import ImportState
from tests.support.actors import actor
from tests.support.command_line import Commands
from tests.support.drafts import customers, table
from tests.support.importer import Importer, wait_until
from tests.support.pages import link, press, run, said, visit
from tests.support.practice import PracticeBlnk


def unreadable_production(importer: Importer, blnk: PracticeBlnk) -> None:
    importer.connect(token=blnk.new_token(["proxy:write"]), environment="production")


def confirm(importer: Importer, draft: Import, *, accept: bool) -> None:
    drafts.confirm(
        importer.store,
        importer.settings,
        id=draft.id,
        who=actor(),
        version=draft.version,
        typed="3",
        accept_unchecked=accept,
    )


def test_in_production_the_count_alone_creates_nothing_that_could_not_be_compared(
    importer: Importer, practice_blnk: PracticeBlnk
) -> None:
    unreadable_production(importer, practice_blnk)
    draft = importer.upload(table(customers(3)))
    with pytest.raises(NotConfirmed, match=r"checks could not be made.*no read permission.*Nothing was sent"):
        confirm(importer, draft, accept=False)
    assert importer.find(draft.id).state is ImportState.DRAFT
    confirm(importer, draft, accept=True)
    assert importer.find(draft.id).state is not ImportState.DRAFT
    with importer.store.read() as tx:
        (event,) = [one for one in events.of_import(tx, draft.number) if one.what == "confirmed"]
    assert "no read permission" in event.detail.unchecked[0]


def test_an_unanswered_comparison_is_reported_and_has_to_be_accepted_too(
    importer: Importer, practice_blnk: PracticeBlnk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that comes before it is answered: what exists is known."""
    monkeypatch.setenv("BLNK_WAIT_CHECK_ANSWERS", "0.1")
    monkeypatch.setenv("BLNK_WAIT_READ_AGAIN", "0.01")
    importer.connect(environment="production")
    importer.import_file(table(customers(1)))
    practice_blnk.forget_requests()
    importer.upload(table([*customers(1), *customers(3, first=7)]))
    asked = practice_blnk.requests()["by_kind"]["filter"]
    practice_blnk.order_fault("status_before_commit", status=500, on="filter", skip=asked - 1)
    draft = importer.upload(table([*customers(1), *customers(3, first=7)]))
    practice_blnk.clear_faults()
    assert (draft.totals.balances, draft.totals.existing) == (3, 1)
    assert draft.totals.not_checked[0].startswith("Not all rows were compared with balances created earlier")
    with pytest.raises(NotConfirmed, match="Not all rows were compared"):
        confirm(importer, draft, accept=False)


def test_a_command_requires_an_option_and_reports_it_to_programs(
    importer: Importer, practice_blnk: PracticeBlnk, commands: Commands
) -> None:
    unreadable_production(importer, practice_blnk)
    file = commands.file(3)
    told = json.loads(commands.call("import", file, "--dry-run", "--json").out)
    assert "no read permission" in told["not_checked"][0]
    assert (told["new"], told["looks_like"], told["has_balance"]) == (3, 0, 0)
    refused = commands.call("import", file, "--yes", "--count", "3")
    assert refused.code == 2
    assert "--accept-unchecked" in refused.err
    assert "no read permission" in refused.out
    assert practice_blnk.balances() == []
    assert commands.call("import", file, "--yes", "--count", "3", "--accept-unchecked").code == 0
    assert len(practice_blnk.balances()) == 3


def test_on_the_page_it_is_a_checkbox_beside_the_count(
    importer: Importer, practice_blnk: PracticeBlnk
) -> None:
    unreadable_production(importer, practice_blnk)
    draft = importer.upload(table(customers(3)))
    at = visit("import_file.py", **link(draft))
    at.text_input(key=f"typed-{draft.id}-{draft.version}").set_value("3")
    at.text_input(key="your-name").set_value("Ada")
    run(at)
    press(at, "Create 3 balances")
    assert "checks could not be made" in said(at)
    assert importer.find(draft.id).state is ImportState.DRAFT
    (tick,) = at.checkbox
    assert tick.label == "Create 3 balances without these checks"
    tick.check()
    press(at, "Create 3 balances")
    wait_until(lambda: importer.find(draft.id).state is not ImportState.DRAFT, lambda: "it was not confirmed")
