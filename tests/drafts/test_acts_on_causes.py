"""What a person does about a cause changes all of its rows, and can be taken back: by another edit."""

import pytest

from blnk_api.drafts.edits import by_cause, editing, file_choices, undo
from blnk_api.drafts.edits.editing import Edit, NotRepairable
from blnk_api.drafts.guide.causes import Cause, causes_of
from blnk_api.store import rows
from blnk_api.store.imports import Import
from blnk_api.store.people import edits
from blnk_api.store.states import RowState, Stage
from tests.support.actors import actor
from tests.support.importer import BOTH_DATABASES, LEDGER, Importer, wait_until

LINES = [
    f"{LEDGER},USD,,1",
    f"{LEDGER},USD,a@nobody.example,2",
    f"{LEDGER},EURR,b@nobody.example,3",
    f"{LEDGER},PTS,,4",
    f"{LEDGER},QQS,,5",
]


@pytest.fixture
def draft(importer: Importer) -> Import:
    return importer.upload("\n".join(["ledger_id,currency,identity_id,customer", *LINES]))


def cause(importer: Importer, draft: Import, kind: str) -> Cause:
    found = causes_of(importer.find(draft.id).totals.problems)
    return next(one for one in found if one.kind == kind)


def cells(importer: Importer, draft: Import, column: int) -> list[str]:
    """As they stand when all is checked."""
    wait_until(
        lambda: importer.find(draft.id).stage is Stage.CHECKED, lambda: str(importer.find(draft.id).stage)
    )
    return [row.cells[column] for row in importer.rows(draft)]


def acts(importer: Importer, draft: Import) -> list[undo.EditAct]:
    with importer.store.read() as tx:
        return undo.acts(edits.of_import(tx, draft.number))


EMAILS = ["", "a@nobody.example", "b@nobody.example", "", ""]


def test_unknown_customers_are_cleared_at_once_and_undo_restores_them(
    importer: Importer, draft: Import
) -> None:
    unknown = cause(importer, draft, "unknown_identity")
    assert by_cause.put(importer.store, draft.id, unknown, "", who=actor()) == 2
    assert cells(importer, draft, 2) == [""] * 5
    assert importer.states(draft)[:2] == [RowState.READY, RowState.READY]
    [act] = acts(importer, draft)
    assert (len(act.edits), act.who.name, act.can_be_undone) == (2, "Ada", True)
    assert undo.undo(importer.store, draft.id, act.at, who=actor("Ben")) == 2
    assert cells(importer, draft, 2) == EMAILS
    assert [(one.who.name, one.can_be_undone) for one in acts(importer, draft)] == [
        ("Ben", True),
        ("Ada", False),
    ]
    with importer.store.read() as tx:
        assert len(edits.of_import(tx, draft.number)) == 4, "nothing of the history is deleted"


def test_what_was_changed_again_since_then_stays_and_the_rest_is_restored(
    importer: Importer, draft: Import
) -> None:
    by_cause.put(importer.store, draft.id, cause(importer, draft, "unknown_identity"), "", who=actor())
    [act] = acts(importer, draft)
    editing.edit(importer.store, draft.id, [Edit(3, 2, "c@nobody.example")], who=actor("Ben"))
    assert undo.undo(importer.store, draft.id, act.at, who=actor()) == 1
    assert cells(importer, draft, 2) == ["", "c@nobody.example", "b@nobody.example", "", ""]


def test_an_act_that_no_longer_has_an_effect_cannot_be_undone_again(
    importer: Importer, draft: Import
) -> None:
    by_cause.put(importer.store, draft.id, cause(importer, draft, "unknown_identity"), "", who=actor())
    [act] = acts(importer, draft)
    undo.undo(importer.store, draft.id, act.at, who=actor())
    with pytest.raises(NotRepairable, match="nothing left to undo"):
        undo.undo(importer.store, draft.id, act.at, who=actor())


def test_what_was_done_undone_and_redone_is_undone_once(importer: Importer, draft: Import) -> None:
    by_cause.put(importer.store, draft.id, cause(importer, draft, "unknown_identity"), "", who=actor())
    [first] = acts(importer, draft)
    undo.undo(importer.store, draft.id, first.at, who=actor())
    editing.edit(importer.store, draft.id, [Edit(3, 2, ""), Edit(4, 2, "")], who=actor())
    assert [one.can_be_undone for one in acts(importer, draft)] == [True, False, False]
    with pytest.raises(NotRepairable, match="nothing left to undo"):
        undo.undo(importer.store, draft.id, first.at, who=actor())
    assert cells(importer, draft, 2) == [""] * 5


def test_suggestions_are_applied_where_there_are_any(importer: Importer, draft: Import) -> None:
    assert by_cause.put_suggested(
        importer.store, draft.id, cause(importer, draft, "unknown_currency"), who=actor()
    )
    found = cells(importer, draft, 1)
    assert found[2] == "EUR"
    assert found[3] == "PTS"


def test_rows_of_a_cause_are_skipped_and_included_again(importer: Importer, draft: Import) -> None:
    unknown = cause(importer, draft, "unknown_identity")
    assert by_cause.skip(importer.store, draft.id, unknown, who=actor()) == 2
    cells(importer, draft, 0)
    assert importer.states(draft)[1:3] == [RowState.LEFT_OUT] * 2
    [act] = acts(importer, draft)
    assert undo.undo(importer.store, draft.id, act.at, who=actor()) == 2
    cells(importer, draft, 0)
    assert importer.states(draft)[1:3] == [RowState.INVALID] * 2


@pytest.mark.parametrize("key", [False, True], ids=["each its own balance", "the same balance"])
def test_of_identical_rows_the_first_stays_when_the_others_are_skipped(importer: Importer, key: bool) -> None:
    lines = [f"{LEDGER},USD,{name},k{name}" for name in ("one", "two", "one", "three", "two", *"45678901")]
    draft = importer.upload(
        "\n".join([f"ledger_id,currency,customer,{'reference' if key else 'note'}", *lines])
    )
    same = cause(importer, draft, "duplicate_reference" if key else "twin_row")
    assert by_cause.skip(importer.store, draft.id, same, who=actor()) == 2
    cells(importer, draft, 0)
    first, skipped = RowState.READY, RowState.LEFT_OUT
    assert importer.states(draft) == [first, first, skipped, first, skipped, *[first] * 8]
    [act] = acts(importer, draft)
    assert undo.undo(importer.store, draft.id, act.at, who=actor()) == 2


def test_a_kept_code_can_be_withdrawn(importer: Importer, draft: Import) -> None:
    file_choices.accept_currency(importer.store, draft.id, "PTS", who=actor())
    cells(importer, draft, 0)
    assert importer.states(draft)[3] is RowState.READY
    undo.withdraw_currency(importer.store, draft.id, "PTS", who=actor())
    cells(importer, draft, 0)
    assert importer.states(draft)[3] is RowState.INVALID
    assert importer.events(draft)[-2:] == ["accepted currency", "withdrew currency"]


@pytest.mark.parametrize("importer", BOTH_DATABASES, indirect=True)
def test_rows_with_warnings_are_found_among_all(importer: Importer) -> None:
    lines = [f"{LEDGER},USD,1", f"{LEDGER},EUR,warning", f"{LEDGER},USD,1"]
    draft = importer.upload("\n".join(["ledger_id,currency,customer", *lines]))
    with importer.store.read() as tx:
        found = rows.page(tx, draft.number, severity="warning")
    assert [row.number for row in found] == [4], "the row that is the same as one above it"
