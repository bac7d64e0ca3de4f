"""Whether a plan has room for an import is said before anything is sent, on the page and by the command."""

from collections.abc import Sized

import pytest

from blnk_api.client import BlnkClient
from blnk_api.store.imports import Import
from tests.support.command_line import Commands
from tests.support.drafts import customers, table
from tests.support.importer import Importer
from tests.support.pages import link, said, visit
from tests.support.practice import PracticeBlnk


def confirmation(importer: Importer, draft: Import) -> str:
    return said(visit("import_file.py", **link(draft), step="confirm"))


@pytest.fixture
def draft(importer: Importer) -> Import:
    importer.start()
    return importer.upload(table(customers(3)))


def held(importer: Importer) -> int:
    """All that Practice holds, which is what a plan counts, from its lists."""
    with BlnkClient(importer.connection) as client:
        parts: tuple[Sized, ...] = (client.list_ledgers(), client.list_identities(), importer.blnk.balances())
    assert max(map(len, parts)) < 100, "the first page is all of it"
    return sum(map(len, parts))


def test_confirm_says_how_much_of_the_plan_is_left(importer: Importer, draft: Import) -> None:
    assert "your plan includes" not in confirmation(importer, draft)
    importer.connect(records_included=200_000)
    told = confirmation(importer, draft)
    assert "This import adds 3 records." in told
    assert f"holds {held(importer):,} of the 200,000 that your plan includes." in told
    assert "too many" not in told


def test_confirm_says_how_many_rows_the_plan_has_no_room_for(importer: Importer, draft: Import) -> None:
    importer.connect(records_included=held(importer) + 1)
    assert "That is 2 too many" in confirmation(importer, draft)


def test_a_blnk_that_cannot_be_counted_delays_nobody(
    importer: Importer, practice_blnk: PracticeBlnk, draft: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLNK_WAIT_READ_AGAIN", "0.01")
    importer.connect(records_included=10)
    practice_blnk.order_fault("status_before_commit", status=500, on="read")
    assert "the room in your plan is unknown" in confirmation(importer, draft)


def test_the_command_says_it_too(importer: Importer, practice_blnk: PracticeBlnk, commands: Commands) -> None:
    importer.connect(records_included=held(importer) + 1)
    told = commands.call("import", commands.file(3), "--yes", "--count", "3")
    assert "That is 2 too many" in told.out
    assert len(practice_blnk.balances()) == 3, "it is told, and decides nothing"
