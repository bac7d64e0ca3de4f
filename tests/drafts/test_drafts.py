"""Drafts: one balance from the form, a file as it came, and what it takes to hand them over."""

import hashlib
import io
from pathlib import Path
from typing import Any

import orjson
import pytest

from blnk_api.drafts import drafts, form_request
from blnk_api.drafts.drafts import NotConfirmed
from blnk_api.files import xlsx_writer
from blnk_api.lookup import refs
from blnk_api.models import BalanceRequest
from blnk_api.reports import results
from blnk_api.reports.results import Variant
from blnk_api.store import import_acts, import_changes, imports
from blnk_api.store.people import people
from blnk_api.store.states import ImportState, RowState, Stage
from blnk_api.store.transitions import move
from tests.support.actors import actor
from tests.support.importer import BOTH_DATABASES, LEDGER, Importer, requests_for
from tests.support.json_object import JsonObject
from tests.support.practice import PracticeBlnk

USD = BalanceRequest(ledger_id=LEDGER, currency="USD", meta_data={"customer": "1001"})


def ask(importer: Importer, request: BalanceRequest = USD, **facts: Any) -> str:
    id = imports.new_id()
    form_request.make_draft(
        importer.store, id=id, connection=importer.connection, who=actor(), request=request, **facts
    )
    return id


def confirm(importer: Importer, id: str, *, version: int = 1, typed: str | None = None) -> None:
    drafts.confirm(importer.store, importer.settings, id=id, who=actor(), version=version, typed=typed)


def make_it_production(importer: Importer) -> None:
    secrets = importer.data_dir / "secrets.toml"
    secrets.write_text(secrets.read_text().replace('"sandbox"', '"production"'))


def test_asking_twice_with_one_id_asks_once(importer: Importer) -> None:
    id = ask(importer)
    again = form_request.make_draft(
        importer.store, id=id, connection=importer.connection, who=actor(), request=USD
    )
    assert not again
    [row] = importer.rows(importer.find(id))
    assert row.state is RowState.READY
    assert orjson.loads(row.body or b"")["meta_data"] == {
        "customer": "1001",
        "import_ref": row.ref,
        "import_id": id,
    }


def test_nothing_is_sent_before_it_is_confirmed(importer: Importer) -> None:
    id = ask(importer)
    assert importer.find(id).state is ImportState.DRAFT
    confirm(importer, id)
    assert importer.find(id).state is ImportState.QUEUED


def test_confirming_twice_starts_one_import(importer: Importer) -> None:
    id = ask(importer)
    confirm(importer, id)
    confirm(importer, id)
    assert importer.events(importer.find(id)).count("confirmed") == 1


def test_a_balance_requested_again_on_purpose_is_another_one_and_by_accident_is_not(
    importer: Importer,
) -> None:
    first, by_accident, on_purpose = ask(importer), ask(importer), ask(importer, again=True)
    [one], [same], [other] = (importer.rows(importer.find(id)) for id in (first, by_accident, on_purpose))
    assert one.ref == same.ref
    assert other.ref not in (None, one.ref)
    assert refs.parse_ref(other.ref or "")


def test_a_request_is_shown_without_our_own_metadata(importer: Importer) -> None:
    [row] = importer.rows(importer.find(ask(importer)))
    assert form_request.request_of(row) == USD


def test_the_optional_fields_are_sent(importer: Importer, practice_blnk: PracticeBlnk) -> None:
    request = form_request.balance_request(
        ledger_id="general_ledger_id", currency="USD", indicator=" @Fees ", allocation_strategy="fifo"
    )
    importer.start()
    id = ask(importer, request)
    confirm(importer, id)
    importer.wait_for(importer.find(id), ImportState.DONE)
    [made] = practice_blnk.balances()
    assert made["indicator"] == "@Fees"
    assert made.get("allocation_strategy", "FIFO") == "FIFO"


def test_an_uploaded_file_is_kept_to_the_byte_and_only_once(importer: Importer) -> None:
    data = b"ledger_id,currency\r\n" + b"x" * 3_000_000
    id = imports.new_id()

    def upload() -> bool:
        return drafts.upload(
            importer.store,
            importer.settings,
            id=id,
            connection=importer.connection,
            who=actor(),
            file_name="../../márch.csv",
            data=io.BytesIO(data),
        )

    assert upload()
    assert not upload()
    import_ = importer.find(id)
    assert (import_.stage, import_.file_name) == (Stage.UPLOADED, "../../márch.csv")
    assert import_.file_sha256 == hashlib.sha256(data).hexdigest()
    assert import_.file_path is not None
    kept = importer.data_dir / "uploads" / import_.file_path
    assert kept.read_bytes() == data
    assert importer.data_dir / "uploads" in kept.resolve().parents
    assert [one.stat().st_mode & 0o077 for one in (importer.data_dir / "uploads").iterdir()] == [0]


def test_a_draft_that_changed_since_it_was_shown_is_not_sent(importer: Importer) -> None:
    draft = importer.draft(requests_for(3))
    with importer.store.write() as tx:
        import_changes.set_facts(tx, draft.number, version=2)
    with pytest.raises(NotConfirmed, match="changed since"):
        confirm(importer, draft.id, version=1)
    assert importer.find(draft.id).state is ImportState.DRAFT


def test_a_draft_that_is_still_being_checked_is_not_sent(importer: Importer) -> None:
    draft = importer.draft(requests_for(3))
    with importer.store.write() as tx:
        import_changes.set_facts(tx, draft.number, stage=Stage.LOOKING)
    with pytest.raises(NotConfirmed):
        confirm(importer, draft.id)
    assert importer.find(draft.id).state is ImportState.DRAFT


@pytest.mark.parametrize("typed", [None, "", "13", "1200", "twelve"])
def test_in_production_a_file_is_not_sent_without_the_count(importer: Importer, typed: str | None) -> None:
    make_it_production(importer)
    draft = importer.draft(requests_for(12))
    with pytest.raises(NotConfirmed, match="Type the number of balances, 12,"):
        confirm(importer, draft.id, typed=typed)
    assert importer.find(draft.id).state is ImportState.DRAFT


@pytest.mark.parametrize("typed", ["1200", "1,200", "1.200", "1 200", " 1200 "])
def test_the_count_may_be_typed_as_people_write_it(importer: Importer, typed: str) -> None:
    make_it_production(importer)
    draft = importer.draft(requests_for(1200))
    confirm(importer, draft.id, typed=typed)
    assert importer.find(draft.id).state is ImportState.QUEUED


def test_an_import_whose_connection_now_means_another_instance_is_not_sent(importer: Importer) -> None:
    draft = importer.draft(requests_for(1))
    make_it_production(importer)
    with pytest.raises(NotConfirmed, match="No connection"):
        confirm(importer, draft.id)
    assert importer.find(draft.id).state is ImportState.DRAFT


def test_drafts_that_wait_for_a_person_are_not_read_repeatedly(importer: Importer) -> None:
    """Old ones pile up, and the sender asks five times a second."""
    made = {stage: importer.draft(requests_for(1, currency=stage.upper())) for stage in Stage}
    discarded = importer.draft(requests_for(2))
    with importer.store.write() as tx:
        for stage, draft in made.items():
            import_changes.set_facts(tx, draft.number, stage=stage)
        import_changes.set_facts(tx, discarded.number, stage=Stage.CHECKING)
        assert import_acts.cancel(tx, discarded.number, who=actor())
        at_work = [one.stage for one in imports.being_checked(tx)]
        left = imports.drafts_among(tx, [made[Stage.CHECKING].id, discarded.id])
    assert sorted(filter(None, at_work)) == [Stage.CHECKING, Stage.LOOKING, Stage.UPLOADED]
    assert left == {made[Stage.CHECKING].id}


def test_a_draft_without_anything_to_create_is_not_sent(importer: Importer) -> None:
    draft = importer.draft(requests_for(1))
    [row] = importer.rows(draft)
    with importer.store.write() as tx:
        move(tx, [row.id], from_=RowState.READY, to=RowState.LEFT_OUT)
    with pytest.raises(NotConfirmed, match="nothing to create"):
        confirm(importer, draft.id)


def test_a_name_is_kept_for_its_browser_and_can_be_changed(importer: Importer) -> None:
    with importer.store.write() as tx:
        people.set_name(tx, "browser-1", "  Ada   Okafor ")
        people.set_name(tx, "browser-2", "Bruno")
        people.set_name(tx, "browser-2", "Bruno Keller")
    with importer.store.read() as tx:
        names = [people.name_of(tx, f"browser-{n}") for n in (1, 2, 3)]
    assert names == ["Ada Okafor", "Bruno Keller", None]


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "a\u202eb"])
def test_an_unreadable_name_is_not_kept(importer: Importer, name: str) -> None:
    with importer.store.write() as tx, pytest.raises(ValueError, match="Enter"):
        people.set_name(tx, "browser-1", name)


@pytest.mark.parametrize("importer", BOTH_DATABASES, indirect=True)
def test_a_workbook_is_checked_sent_and_returned_wherever_its_file_is_kept(
    importer: Importer, tmp_path: Path
) -> None:
    book = xlsx_writer.made(
        tmp_path,
        lambda book: book.add_table(
            "Customers", ["ledger_id", "currency", "customer"], [[LEDGER, "USD", "1"], [LEDGER, "NGN", "2"]]
        ),
    )
    id = imports.new_id()
    with book:
        content = book.read()
    about: JsonObject = {"connection": importer.connection, "who": actor(), "file_name": "book.xlsx"}
    drafts.upload(importer.store, importer.settings, id=id, data=io.BytesIO(content), **about)
    with importer.files.open(f"uploads/{id}/file") as kept:
        assert kept.read() == content
    importer.start()
    done = importer.finish(importer.wait_until_checked(importer.find(id)))
    assert importer.counts(done) == {RowState.CREATED: 2}
    with results.workbook(importer.store, done, Variant.ALL, importer.settings.scratch_dir) as given_back:
        content = given_back.read()
    again = imports.new_id()
    drafts.upload(importer.store, importer.settings, id=again, data=io.BytesIO(content), **about)
    assert importer.counts(importer.wait_until_checked(importer.find(again))) == {RowState.EXISTS: 2}
