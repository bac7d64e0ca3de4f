"""A row opens to all that is known of it, by its link too, and offers only what fits how it stands."""

import pytest
from streamlit.testing.v1 import AppTest

from blnk_api.desk.desk import open_desk
from blnk_api.facts.file_shape import FileShape
from blnk_api.facts.findings import Findings, RowFinding
from blnk_api.facts.mapping import ColumnUse, Mapping, Use
from blnk_api.reports.receipts import write_owed
from blnk_api.store import import_acts, import_changes
from blnk_api.store.events import EventKind, note
from blnk_api.store.imports import Import
from blnk_api.store.people import notes, receipt_records
from blnk_api.store.rows import StoredRow
from blnk_api.store.search import row_history
from blnk_api.store.states import ImportState, RowState
from blnk_api.store.transitions import move, move_import
from blnk_api.web import receipt_routes
from tests.support.actors import actor
from tests.support.importer import LEDGER, Importer, requests_for
from tests.support.pages import details, link, press, run, said, visit
from tests.support.practice import PracticeBlnk
from tests.support.sending import done_but_for, needing_someone

MARKED = "![x](http://evil.example/x.png) <b>*a*</b> :red[b]"


def opened(import_: Import, label: str) -> AppTest:
    return visit("imports.py", **link(import_), row=label)


def table(at: AppTest, column: str) -> list[str]:
    """A column of the page's first table that has it."""
    found = next(one.value for one in at.dataframe if column in one.value)
    return [str(value) for value in found[column]]


def named(at: AppTest, who: str = "Ada") -> AppTest:
    at.text_input(key="your-name").set_value(who)
    return at


def test_a_row_shows_what_was_sent_and_what_blnk_answered(importer: Importer) -> None:
    done = importer.run(requests_for(2))
    [row, _] = importer.rows(done)
    at = opened(done, "2")
    assert at.title[0].value == "Row 2"
    assert row.balance_id in [one.value for one in at.code]
    assert LEDGER in table(at, "Value")
    assert "Metadata: customer" in table(at, "Field")
    assert table(at, "Outcome") == ["Created"]
    assert table(at, "Status") == ["201"]
    assert table(at, "Blnk's answer") == [row.balance_id]
    assert f"import={done.id}&row=2" in at.code[-1].value


def test_each_attempt_is_on_the_row_with_its_answer(importer: Importer, practice_blnk: PracticeBlnk) -> None:
    practice_blnk.order_fault("rate_limited", times=1)
    done = importer.run(requests_for(1))
    at = opened(done, "2")
    assert table(at, "Outcome") == ["Not carried out", "Created"]
    assert table(at, "Attempt") == ["1", "2"]


def test_a_link_to_no_row_says_so(importer: Importer) -> None:
    done = importer.run(requests_for(1))
    for label in ("99", "nonsense", "2·EUR"):
        assert "This import has no such row." in said(opened(done, label))
    at = press(opened(done, "99"), "All rows of test\\.csv")
    assert at.title[0].value == "test\\.csv"


def test_a_line_that_creates_several_balances_asks_which(importer: Importer) -> None:
    done = importer.import_file(f"ledger_id,currency\n{LEDGER},NGN;USD\n")
    at = opened(done, "2")
    assert [one.label for one in at.button if one.label.startswith("2·")] == [
        "2·NGN: ✓ Created",
        "2·USD: ✓ Created",
    ]
    assert press(at, "2·USD: ✓ Created").title[0].value == "Row 2·USD"


def test_a_row_number_typed_above_the_table_opens_the_row(importer: Importer) -> None:
    done = importer.run(requests_for(3))
    at = visit("imports.py", **link(done))
    at.text_input(key=f"open-row-{done.id}").set_value("3")
    assert run(at).title[0].value == "Row 3"
    assert at.query_params["row"] in ("3", ["3"])


def test_a_row_that_needs_someone_explains_itself(importer: Importer, practice_blnk: PracticeBlnk) -> None:
    done, row = needing_someone(importer, practice_blnk, lost="drop_after_commit")
    at = opened(done, row.label)
    told = said(at)
    assert "Sent on " in told
    assert "Blnk's answer: The connection to Blnk was lost" in told
    assert "Result of checking Blnk: These credentials have no read permission" in told
    assert "A second balance is possible" in told
    assert {"Check Blnk again", "Link this balance", "Send again"} <= {one.label for one in at.button}


def test_sending_again_requires_a_typed_word(importer: Importer, practice_blnk: PracticeBlnk) -> None:
    done, row = needing_someone(importer, practice_blnk, lost="drop_before_commit")
    at = named(opened(done, row.label))
    for typed in ("", "yes", "again"):
        at.text_input(key=f"sure-{row.id}").set_value(typed)
        assert "Nothing was sent." in said(press(at, "Send again"))
    assert importer.rows(done)[0].state is RowState.UNKNOWN
    at.text_input(key=f"sure-{row.id}").set_value(" Send  again ")
    press(at, "Send again")
    assert importer.rows(done)[0].state is RowState.READY
    assert importer.events(done)[-1] == "asked to send again"


def test_a_row_of_a_canceled_import_is_looked_up_and_never_sent(importer: Importer) -> None:
    done, [row] = done_but_for(importer, requests_for(1))
    with importer.store.write() as tx:
        assert move_import(tx, done.number, from_=[ImportState.DONE], to=ImportState.RUNNING)
        assert import_acts.cancel(tx, done.number, who=actor())
    at = opened(done, row.label)
    assert "Check Blnk again" in [one.label for one in at.button]
    assert "Send again" not in [one.label for one in at.button]


def refused(importer: Importer) -> tuple[Import, StoredRow]:
    draft = importer.upload(f"ledger_id,currency,customer\n{LEDGER},NGN,1\n{LEDGER},NGN,2\n")
    importer.spoil(draft, number=3)
    done = importer.finish(draft)
    return done, importer.rows(done)[1]


def test_a_rejected_row_is_fixed_in_place(importer: Importer, practice_blnk: PracticeBlnk) -> None:
    done, row = refused(importer)
    at = named(opened(done, "3"))
    at.text_input(key=f"cell-{row.id}-1").set_value("NGM")
    assert "NGM" in said(press(at, "Send fixed row"))
    assert importer.rows(done)[1].state is RowState.REFUSED
    at.text_input(key=f"cell-{row.id}-1").set_value("USD")
    press(at, "Send fixed row")
    importer.wait_for(done, ImportState.DONE)
    assert importer.states(done) == [RowState.CREATED] * 2
    assert sorted(one["currency"] for one in practice_blnk.balances()) == ["NGN", "USD"]
    told = said(opened(done, "3"))
    assert "currency: changed from “NGN” to “USD”" in told
    assert "Fixed the rejected row 3" in told


def test_a_row_that_existed_is_created_once_more_when_the_count_is_typed(
    importer: Importer, practice_blnk: PracticeBlnk
) -> None:
    importer.run(requests_for(1))
    done = importer.run(requests_for(1))
    [row] = importer.rows(done)
    at = named(opened(done, "2"))
    at.text_input(key=f"again-count-{row.id}").set_value("2")
    assert "Type the number of rows, 1" in said(press(at, "Create again anyway"))
    assert len(practice_blnk.balances()) == 1
    at.text_input(key=f"again-count-{row.id}").set_value("1")
    press(at, "Create again anyway")
    importer.wait_for(done, ImportState.DONE)
    assert len(practice_blnk.balances()) == 2


def test_all_rows_that_existed_are_created_again_by_their_number(
    importer: Importer, practice_blnk: PracticeBlnk
) -> None:
    importer.run(requests_for(3))
    done = importer.run(requests_for(3))
    at = named(visit("imports.py", **link(done)))
    at.text_input(key=f"again-count-{done.id}").set_value("3")
    press(at, "Create again anyway")
    importer.wait_for(done, ImportState.DONE)
    assert len(practice_blnk.balances()) == 6


def test_findings_about_a_row_are_shown_on_it_with_what_to_do(importer: Importer) -> None:
    done = importer.run(requests_for(1))
    [row] = importer.rows(done)
    twins = [RowFinding(row=2, ids=[row.balance_id or "", "bln_other"])]
    with importer.store.write() as tx:
        import_changes.set_facts(tx, done.number, findings=Findings(checked=True, clean=False, twins=twins))
    told = said(opened(done, "2"))
    assert f"This row has 2 balances in Blnk: {row.balance_id} and bln_other." in told
    assert "add a note to the other" in told


def test_a_click_is_not_lost_if_the_receipt_is_written_at_that_moment(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = visit("imports.py", **link(importer.run(requests_for(1))))
    is_owed = iter([True, False])
    monkeypatch.setattr(receipt_records, "is_owed", lambda *_: next(is_owed, False))
    assert "Enter the note first." in said(press(at, "Add note"))


@pytest.mark.parametrize("label", [None, "2"], ids=["import", "balance"])
def test_a_note_is_signed_and_shown(importer: Importer, label: str | None) -> None:
    done = importer.run(requests_for(1))
    at = visit("imports.py", **link(done)) if label is None else opened(done, label)
    press(at, "Add note")
    assert "Enter the note first." in said(at)
    field = next(one for one in at.text_area if one.label == "New note")
    field.set_value(MARKED)
    name = next(one for one in at.text_input if (one.key or "").startswith("note-name"))
    name.set_value("Grace")
    press(at, "Add note")
    with importer.store.read() as tx:
        [kept] = notes.of_import(tx, done.number)
    assert (kept.text, kept.who.name) == (MARKED, "Grace")
    assert MARKED in [one.value for one in at.text]
    assert next(one for one in at.text_area if one.label == "New note").value == ""
    press(at, "Add note")
    with importer.store.read() as tx:
        assert len(notes.of_import(tx, done.number)) == 1


def test_a_finished_import_links_to_its_receipts(importer: Importer) -> None:
    done = importer.run(requests_for(1))
    importer.stop()
    write_owed(importer.store, importer.files, done.number)
    with importer.store.write() as tx:
        note(tx, done.number, who=actor(), what=EventKind.ASKED_TO_LOOK_AGAIN)
    assert "The next receipt is being written." in said(visit("imports.py", **link(done)))
    write_owed(importer.store, importer.files, done.number)
    at = visit("imports.py", **link(done))
    with importer.store.read() as tx:
        newest = receipt_records.headings(tx, done.number)[-1]
    shown = [one for one in at.get("link_button") if one.proto.label.startswith("Receipt")]
    assert [one.proto.label for one in shown] == [f"Receipt {newest.n}"]
    start = receipt_routes.receipt_url(open_desk().links, done.id, newest.n).split(".")[0]
    assert shown[0].proto.url.startswith(start)
    assert "Receipt 1" in said(at)


def test_a_purge_is_shown_and_nothing_is_offered_that_needs_the_purged_data(importer: Importer) -> None:
    done, row = refused(importer)
    importer.stop()
    with importer.store.write() as tx:
        tx.exec_driver_sql("UPDATE rows SET cells = NULL, body = NULL, message = NULL")
        import_changes.set_facts(tx, done.number, purged_at=1_700_000_000.0)
    assert "were deleted on 14 Nov 2023" in said(visit("imports.py", **link(done)))
    at = opened(done, row.label)
    assert "was deleted on 14 Nov 2023" in said(at)
    assert "Send fixed row" not in [one.label for one in at.button]


def test_what_others_typed_is_shown_to_the_letter_on_a_row(importer: Importer) -> None:
    done, [row] = done_but_for(importer, requests_for(1))
    with importer.store.write() as tx:
        import_changes.set_facts(tx, done.number, file_name=f"{MARKED}.csv")
        move(tx, [row.id], from_=RowState.UNKNOWN, to=RowState.REFUSED, message=MARKED)
        headers = [MARKED, "currency"]
        columns = [ColumnUse(position=at, header=name, use=Use.METADATA) for at, name in enumerate(headers)]
        shape = FileShape(kind="csv", header_row=1, headers=headers)
        import_changes.set_facts(tx, done.number, shape=shape, mapping=Mapping(columns=tuple(columns)))
    at = opened(done, row.label)
    kinds = (at.title, at.markdown, at.caption, at.warning, at.info, at.button, at.text_input)
    shown = "\n".join(str(getattr(one, "label", "")) + str(one.value) for kind in kinds for one in kind)
    assert "evil" in shown
    for marked in ("![x]", "<b>", ":red["):
        assert marked not in shown


def test_a_row_has_what_support_needs_of_each_answer_under_details(
    importer: Importer, practice_blnk: PracticeBlnk
) -> None:
    practice_blnk.order_fault("rate_limited", times=1)
    done = importer.run(requests_for(1))
    with importer.store.read() as tx:
        busy, created = row_history.attempts_of(tx, importer.rows(done)[0].id)

    told = details(opened(done, "2"))

    assert f"HTTP status 429 · Request ID {busy.request_id}" in told
    assert f"HTTP status 201 · Request ID {created.request_id}" in told
