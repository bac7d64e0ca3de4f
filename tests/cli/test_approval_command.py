"""The command line in a connection that needs approval: it asks, says where, ends with 5, and follows."""

import pytest

from blnk_api.store.states import ImportState, PausedBy
from tests.support.approval import approve, require
from tests.support.command_line import Commands
from tests.support.importer import Importer, newest, requests_for
from tests.support.practice import PracticeBlnk


def test_a_file_waits_for_approval_and_is_sent_by_the_same_command_afterwards(
    practice_blnk: PracticeBlnk, importer: Importer, commands: Commands
) -> None:
    require(importer)
    command = ("import", commands.file(2), "--yes", "--progress", "none")
    ended = commands.call(*command)
    waiting = newest(importer)
    assert (ended.code, waiting.state) == (5, ImportState.WAITING)
    assert f"http://localhost:8501/imports?import={waiting.id}&connection=here" in ended.out
    assert "2 balances wait for approval." in ended.out
    for again in (command, ("resume", waiting.id)):
        assert commands.call(*again).code == 5
    assert practice_blnk.balances() == []
    approve(importer, waiting)
    ended = commands.run(*command)
    assert ended.code == 0, ended.err
    assert newest(importer).id == waiting.id
    assert len(practice_blnk.balances()) == 2


def test_resume_requests_approval_of_the_remaining_rows(importer: Importer, commands: Commands) -> None:
    draft = importer.draft(requests_for(1))
    importer.confirm(draft)
    require(importer)
    ended = commands.run("resume", draft.id)
    assert ended.code == 4, ended.err
    assert importer.find(draft.id).paused_by is PausedBy.APPROVAL
    ended = commands.call("resume", draft.id)
    assert (ended.code, importer.find(draft.id).state) == (5, ImportState.WAITING)


@pytest.mark.parametrize("act", ["pause", "verify"])
def test_what_waits_is_neither_paused_nor_verified(importer: Importer, commands: Commands, act: str) -> None:
    require(importer)
    commands.call("import", commands.file(1), "--yes", "--progress", "none")
    ended = commands.call(act, newest(importer).id)
    assert "waiting for approval" in ended.err
    assert newest(importer).state is ImportState.WAITING
