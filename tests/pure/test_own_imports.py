"""What waits for a person on the first page: their own imports, and no one else's."""

from dataclasses import replace

from blnk_api.drafts.guide import own_imports
from blnk_api.store.imports import Import
from blnk_api.store.states import ImportState, RowState, Stage
from tests.pure.test_draft_steps import draft
from tests.support.actors import actor

A_DRAFT = draft(Stage.CHECKED)


def titles(*newest: Import, who: str = "Ada") -> list[list[str]]:
    found = own_imports.of(newest, actor(who), needs=lambda one: bool(one.counts.get(RowState.INVALID)))
    return [[one.file_name for one in those] for those in (found.drafts, found.running, found.needing)]


def made(name: str, state: ImportState, *, who: str = "Ada", invalid: int = 0, kind: str = "file") -> Import:
    counts = {RowState.INVALID: invalid}
    return replace(A_DRAFT, file_name=name, state=state, who=actor(who), counts=counts, kind=kind)


def test_drafts_running_imports_and_those_with_rows_to_decide_are_listed_apart() -> None:
    assert titles(
        made("c", ImportState.DRAFT, invalid=2),
        made("b", ImportState.RUNNING),
        made("a", ImportState.DONE, invalid=1),
        made("z", ImportState.DONE),
        made("y", ImportState.PAUSED),
    ) == [["c"], ["b", "y"], ["a"]]


def test_an_import_of_others_becomes_ones_own_by_confirming_it() -> None:
    others = made("theirs", ImportState.RUNNING, who="Adam")
    assert titles(others) == [[], [], []]
    assert titles(replace(others, confirmed_by=actor())) == [[], ["theirs"], []]


def test_a_canceled_import_and_an_unsent_form_need_nobody() -> None:
    assert titles(
        made("cancelled", ImportState.CANCELLED, invalid=1), made("form", ImportState.DRAFT, kind="form")
    ) == [[], [], []]
