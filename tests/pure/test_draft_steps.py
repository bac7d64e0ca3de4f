"""The steps of a draft: where a person lands, what can be opened, and what stays while rows are checked."""

from dataclasses import replace
from typing import Any

import pytest

from blnk_api.drafts.guide import steps
from blnk_api.drafts.guide.steps import Step
from blnk_api.facts.file_shape import FileShape, ReadOptions
from blnk_api.facts.mapping import Mapping
from blnk_api.facts.totals import Accepted, Totals
from blnk_api.settings import Instance
from blnk_api.store.imports import Import, JsonColumns
from blnk_api.store.states import ImportState, RowState, Stage
from tests.support.actors import actor

SHAPE = FileShape(kind="csv", header_row=1, headers=["ledger", "currency"])


def draft(
    stage: Stage,
    counts: dict[RowState, int] | None = None,
    *,
    is_read: bool = True,
    totals: Totals | None = None,
    **facts: Any,
) -> Import:
    json = JsonColumns(
        options=ReadOptions().stored(),
        shape=SHAPE.stored() if is_read else None,
        mapping=Mapping(columns=()).stored() if is_read else None,
        totals=(totals or Totals()).stored(),
        findings=None,
        accepted=Accepted().stored(),
    )
    made = Import(
        number=1,
        id="imp_1",
        kind="file",
        instance=Instance("https://blnk.example", "i", "sandbox"),
        instance_number=1,
        connection="here",
        file_name="march.csv",
        file_path=None,
        file_sha256=None,
        who=actor(),
        created_at=0.0,
        state=ImportState.DRAFT,
        stage=stage,
        stage_progress=0,
        problem=None,
        version=1,
        confirmed_by=None,
        confirmed_at=None,
        paused_by=None,
        paused_reason=None,
        created_from=None,
        ramp=0,
        has_sent=False,
        finished_at=None,
        look_again=None,
        purged_at=None,
        counts=counts or {},
        json=json,
    )
    return replace(made, **facts)


def opened(import_: Import) -> list[str]:
    return [one.step.value for one in steps.steps_of(import_) if one.is_open]


def done(import_: Import) -> list[str]:
    return [one.step.value for one in steps.steps_of(import_) if one.is_done]


GOOD = draft(Stage.CHECKED, {RowState.READY: 3})
SOME_INVALID = draft(Stage.CHECKED, {RowState.READY: 3, RowState.INVALID: 2})


def test_a_file_that_needs_no_choice_lands_on_confirm_with_the_steps_before_it_done() -> None:
    assert steps.first_step(GOOD) is Step.CONFIRM
    assert done(GOOD) == ["file", "columns", "fix"]


def test_a_file_with_invalid_rows_lands_on_fix_which_counts_them() -> None:
    assert steps.first_step(SOME_INVALID) is Step.FIX
    assert [one.count for one in steps.steps_of(SOME_INVALID)] == [0, 0, 2, 0]
    assert done(SOME_INVALID) == ["file", "columns"]


@pytest.mark.parametrize("totals", [Totals(looks_like=1), Totals(has_balance=1)])
def test_rows_that_only_a_person_can_decide_are_shown_before_confirm(totals: Totals) -> None:
    assert steps.first_step(draft(Stage.CHECKED, {RowState.READY: 3}, totals=totals)) is Step.FIX


def test_a_file_with_nothing_left_to_create_does_not_land_on_confirm() -> None:
    assert steps.first_step(draft(Stage.CHECKED, {RowState.EXISTS: 3})) is Step.FIX


def test_a_person_lands_on_columns_that_cannot_be_guessed_and_no_later_step_opens() -> None:
    unmapped = draft(Stage.MATCHING)
    assert steps.shown_step(unmapped, None) is Step.COLUMNS
    assert steps.shown_step(unmapped, "confirm") is Step.COLUMNS
    assert opened(unmapped) == ["file", "columns"]
    assert done(unmapped) == ["file"]


def test_a_file_that_cannot_be_read_has_the_first_step_alone() -> None:
    unreadable = draft(Stage.UNREADABLE, is_read=False)
    assert opened(unreadable) == ["file"]
    assert done(unreadable) == []
    assert steps.shown_step(unreadable, "fix") is Step.FILE


@pytest.mark.parametrize("asked", list(Step))
def test_the_step_of_a_link_opens(asked: Step) -> None:
    assert steps.shown_step(SOME_INVALID, asked.value) is asked


@pytest.mark.parametrize("asked", ["", "nothing", None])
def test_a_link_without_a_valid_step_opens_where_a_person_begins(asked: str | None) -> None:
    assert steps.shown_step(SOME_INVALID, asked) is Step.FIX


def test_while_a_change_is_checked_the_step_stays_and_all_can_be_opened() -> None:
    changed = draft(Stage.CHECKING, {RowState.READY: 3}, look_again=[])
    assert steps.shown_step(changed, "fix") is Step.FIX
    assert opened(changed) == ["file", "columns", "fix", "confirm"]


def test_while_other_columns_are_checked_the_step_stays_and_confirm_cannot_be_opened() -> None:
    mapped = draft(Stage.CHECKING)
    assert steps.shown_step(mapped, "confirm") is Step.CONFIRM
    assert opened(mapped) == ["file", "columns"]


def test_the_next_step_is_the_one_after_and_there_is_none_after_confirm() -> None:
    following = steps.next_step(SOME_INVALID, Step.COLUMNS)
    assert following is not None
    assert following.step is Step.FIX
    assert steps.next_step(SOME_INVALID, Step.CONFIRM) is None
