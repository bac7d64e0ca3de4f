"""The steps of a draft: which are open, which are done, and where to begin. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from blnk_api.store.imports import Import
from blnk_api.store.states import BEING_CHECKED, RowState, Stage


class Step(StrEnum):
    """In order. The values are used in addresses."""

    FILE = "file"
    COLUMNS = "columns"
    FIX = "fix"
    CONFIRM = "confirm"


ORDER = tuple(Step)


@dataclass(frozen=True)
class StepState:
    step: Step
    is_open: bool
    """Whether it has something to show."""
    is_done: bool
    count: int = 0
    """How many things in it wait for a person."""


def steps_of(import_: Import) -> list[StepState]:
    """All four, in order."""
    is_read = import_.shape is not None and import_.stage is not Stage.UNREADABLE
    is_mapped = import_.mapping is not None and is_read
    invalid = import_.counts.get(RowState.INVALID, 0)
    rows = has_rows(import_)
    return [
        StepState(Step.FILE, is_read or import_.stage is Stage.UNREADABLE, is_read),
        StepState(Step.COLUMNS, is_mapped, is_mapped and import_.stage is not Stage.MATCHING),
        StepState(Step.FIX, rows, rows and not invalid, invalid if rows else 0),
        StepState(Step.CONFIRM, rows, False),
    ]


def has_rows(import_: Import) -> bool:
    """Whether its rows were checked, possibly except those that were changed since."""
    return import_.stage is Stage.CHECKED or (import_.look_again is not None and is_being_checked(import_))


def is_being_checked(import_: Import) -> bool:
    return import_.stage in BEING_CHECKED


def first_step(import_: Import) -> Step:
    """Where a person should begin: at an open decision, or at the end if there is none."""
    if import_.stage is Stage.MATCHING:
        return Step.COLUMNS
    if not has_rows(import_):
        return Step.FILE
    asks = import_.counts.get(RowState.INVALID, 0) or import_.totals.looks_like or import_.totals.has_balance
    return Step.FIX if asks or not import_.counts.get(RowState.READY, 0) else Step.CONFIRM


def shown_step(import_: Import, step: str | None) -> Step:
    """The step in the address, if it can be shown. It stays during a check, whatever is missing."""
    if step in ORDER:
        state = steps_of(import_)[ORDER.index(Step(step))]
        if state.is_open or is_being_checked(import_):
            return state.step
    return first_step(import_)


def next_step(import_: Import, now: Step) -> StepState | None:
    """The following step, or None at the end."""
    at = ORDER.index(now) + 1
    return steps_of(import_)[at] if at < len(ORDER) else None
