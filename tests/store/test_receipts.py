"""A receipt is written once for each ending and never changed; its sum is that of the results kept."""

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from blnk_api.access.actors import SENDER
from blnk_api.desk.desk import open_desk
from blnk_api.facts.file_shape import FileShape
from blnk_api.facts.totals import Totals
from blnk_api.reports import receipt_html
from blnk_api.reports.receipts import write_owed
from blnk_api.reports.results import Variant
from blnk_api.review import actions
from blnk_api.store import Store, import_acts, import_changes, imports, transitions
from blnk_api.store.events import EventKind, Particulars, note
from blnk_api.store.imports import Import
from blnk_api.store.kept_files.in_folder import FolderFiles
from blnk_api.store.people import edits, notes, receipt_records
from blnk_api.store.states import ImportState, RowState
from blnk_api.web import receipt_routes, routes
from blnk_api.wording.phrases import zone
from blnk_api.worker.housekeeping import Housekeeping
from tests.support.actors import actor
from tests.support.command_line import Commands
from tests.support.importer import BOTH_DATABASES, LEDGER, Importer, requests_for, wait_until
from tests.support.json_object import JsonObject
from tests.support.postgres import Postgres
from tests.support.practice import PracticeBlnk
from tests.support.store import claim, created, ids_of, record, result, running, set_columns

EVIL = "<script>alert(1)</script> ![x](http://evil.example/x.png) **bold**"


def get(host: str, import_: Import, n: int, what: str = "", zone: str | None = None) -> requests.Response:
    url = receipt_routes.receipt_url(open_desk().links, import_.id, n)
    return requests.get(f"{host}{url}{what}", params={"zone": zone} if zone else None, timeout=120)


def numbers(store: Store, import_: Import) -> list[int]:
    with store.read() as tx:
        return [one.n for one in receipt_records.headings(tx, import_.number)]


def told(store: Store, import_: Import, n: int = 1) -> JsonObject:
    with store.read() as tx:
        found = receipt_records.find(tx, import_.number, n)
    assert found is not None
    return found.contents


def wait_for_receipt(importer: Importer, import_: Import, n: int = 1) -> JsonObject:
    wait_until(
        lambda: n in numbers(importer.store, import_),
        lambda: f"no receipt {n}: {importer.find(import_.id)}, {importer.events(import_)}",
    )
    return told(importer.store, import_, n)


def over(store: Store, n: int = 2) -> Import:
    """A finished import in the store alone, all of whose rows were created."""
    made = running(store, n)
    claimed = claim(store, made)
    record(store, made, *(created(claimed, row, f"bln_{row}") for row in claimed.tries))
    with store.write() as tx:
        for to in (ImportState.VERIFYING, ImportState.DONE):
            from_ = imports.by_number(tx, made.number).state
            assert transitions.move_import(tx, made.number, from_=[from_], to=to, finished_at=1_700_000_000.0)
        note(tx, made.number, who=SENDER, what=EventKind.VERIFIED)
    with store.read() as tx:
        return imports.by_number(tx, made.number)


def test_a_finished_import_has_a_receipt_automatically(importer: Importer, host: str) -> None:
    done = importer.import_file(f"ledger_id,currency,customer\n{LEDGER},NGN,1\n{LEDGER},USD,2\n")
    said = wait_for_receipt(importer, done)
    assert said["file"]["name"] == "customers.csv"
    assert said["file"]["sha256"] == done.file_sha256
    assert said["import"]["confirmed"]["by"] == "Ada (not verified)"
    assert said["instance"]["environment"] == "sandbox"
    assert said["statuses"] == {"Created": 2}
    assert [(one["ledger"], one["currency"], one["balances"]) for one in said["totals"]] == [
        ("Customer wallets", "NGN", {"Created": 1}),
        ("Customer wallets", "USD", {"Created": 1}),
    ]
    assert said["verification"]["created"] == {"expected": 2, "found": 2, "missing": []}
    assert [one["use"] for one in said["mapping"]["columns"]] == ["ledger", "currency", "metadata"]
    assert get(host, done, 1, ".json").json() == said
    assert said["trail"]["events"] >= 2
    page = get(host, done, 1).text
    assert "Everything that happened to this import until this receipt is linked by SHA-256" in page
    assert said["trail"]["head"] in page
    assert importer.events(done)[-1] == "receipt"


def test_the_hash_on_a_receipt_is_that_of_its_results_and_stays_so(importer: Importer, host: str) -> None:
    done = importer.run(requests_for(3))
    first = wait_for_receipt(importer, done)
    before = get(host, done, 1, ".csv")
    assert hashlib.sha256(before.content).hexdigest() == first["results"]["sha256"]
    assert len(before.content) == first["results"]["bytes"]
    assert before.content.count(b"Created") == 3
    assert "receipt%201%20-%20test" in before.headers["Content-Disposition"]
    with importer.store.write() as tx:
        one = ids_of(importer.store, done)[0]
        transitions.move(tx, [one], from_=RowState.CREATED, to=RowState.UNKNOWN, waits_for_person=True)
        note(tx, done.number, who=actor(), what=EventKind.ASKED_TO_LOOK_AGAIN)
    second = wait_for_receipt(importer, done, 2)
    assert get(host, done, 1, ".csv").content == before.content
    assert get(host, done, 1, ".json").json() == first
    assert second["results"]["sha256"] != first["results"]["sha256"]
    assert hashlib.sha256(get(host, done, 2, ".csv").content).hexdigest() == second["results"]["sha256"]


def test_only_a_later_decision_or_verification_writes_the_next_one(importer: Importer) -> None:
    done = importer.run(requests_for(2))
    wait_for_receipt(importer, done)
    actions.verify_again(importer.store, done, who=actor())
    importer.wait_for(done, ImportState.DONE)
    wait_for_receipt(importer, done, 2)
    with importer.store.write() as tx:
        notes.add_to_import(tx, done, "Checked with the bank.", who=actor())
    said = wait_for_receipt(importer, done, 3)
    assert [(one["text"], one["by"]) for one in said["notes"]] == [
        ("Checked with the bank.", "Ada (not verified)")
    ]
    importer.stop()
    assert write_owed(importer.store, importer.files, done.number) is None
    assert numbers(importer.store, done) == [1, 2, 3]


def test_results_that_did_not_change_are_kept_once(importer: Importer) -> None:
    done = importer.run(requests_for(2))
    wait_for_receipt(importer, done)
    with importer.store.write() as tx:
        notes.add_to_import(tx, done, "Fine.", who=actor())
    wait_for_receipt(importer, done, 2)
    importer.stop()
    with importer.store.read() as tx:
        first, second = (receipt_records.find(tx, done.number, n) for n in (1, 2))
    assert first is not None
    assert second is not None
    assert first.results_path == second.results_path
    kept = [path for path in (importer.data_dir / "receipts").rglob("*") if path.is_file()]
    assert kept == [importer.data_dir / "receipts" / first.results_path]


def test_processes_that_write_at_the_same_moment_write_one(store: Store, tmp_path: Path) -> None:
    done = over(store)
    begin = threading.Barrier(4)

    def write(at: int) -> int | None:
        mine = Store(store.url.render_as_string(hide_password=False))
        begin.wait()
        try:
            return write_owed(mine, FolderFiles(tmp_path), done.number)
        finally:
            mine.close()

    with ThreadPoolExecutor() as pool:
        made = list(pool.map(write, range(4)))
    assert sorted(made, key=str) == [1, None, None, None]
    assert numbers(store, done) == [1]
    assert len([path for path in (tmp_path / "receipts").rglob("*.csv")]) == 1


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_a_receipt_and_someone_who_fixes_a_row_do_not_wait_for_each_other(
    store: Store, postgres: Postgres, tmp_path: Path
) -> None:
    """On SQLite one of them waits until the other is through."""
    done = over(store)
    database = store.url.render_as_string(hide_password=False)
    row = ids_of(store, done)[:1]
    with store.write() as tx:  # from here on, both states are counted
        transitions.move(tx, row, from_=RowState.CREATED, to=RowState.UNKNOWN)
        transitions.move(tx, row, from_=RowState.UNKNOWN, to=RowState.CREATED)
    with ThreadPoolExecutor(1) as pool, store.write() as tx:
        transitions.move(tx, row, from_=RowState.CREATED, to=RowState.UNKNOWN)
        receipt = pool.submit(write_owed, store, FolderFiles(tmp_path), done.number)
        wait_until(
            lambda: receipt.done() or postgres.sessions(database, that="wait_event_type = 'Lock'"),
            lambda: "the receipt is neither written nor waited for",
        )
        edits.add(tx, done.number, [(2, 0, "old", "new")], who=actor())
    assert receipt.result() is None
    assert numbers(store, done) == []


def test_what_happens_while_a_receipt_is_written_is_not_missed(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = over(store)
    add = receipt_records.add

    def somebody_was_faster(tx: Any, import_: int, **facts: Any) -> int | None:
        monkeypatch.setattr(receipt_records, "add", add)
        note(tx, import_, who=actor(), what=EventKind.SAID_WHICH_BALANCE)
        return add(tx, import_, **facts)

    monkeypatch.setattr(receipt_records, "add", somebody_was_faster)
    assert write_owed(store, FolderFiles(tmp_path), done.number) is None
    assert write_owed(store, FolderFiles(tmp_path), done.number) == 1
    assert any(one["what"] == "Linked a balance to its row." for one in told(store, done)["happened"])


def test_nothing_is_written_for_an_unfinished_import(store: Store, tmp_path: Path) -> None:
    going_on = running(store, 1)
    never_sent = running(store, 2)
    with store.write() as tx:
        assert import_acts.cancel(tx, never_sent.number, who=actor())
    for one in (going_on, never_sent):
        assert write_owed(store, FolderFiles(tmp_path), one.number) is None


def test_a_canceled_import_has_one_once_its_rows_are_final(store: Store, tmp_path: Path) -> None:
    made = running(store, 3)
    first, second, _ = ids_of(store, made)
    claimed = claim(store, made, [first, second])
    with store.write() as tx:
        assert import_acts.cancel(tx, made.number, who=actor())
    assert write_owed(store, FolderFiles(tmp_path), made.number) is None, "rows are on their way"
    record(store, made, created(claimed, first, "bln_1"), result(claimed, second, RowState.UNKNOWN))
    assert write_owed(store, FolderFiles(tmp_path), made.number) is None, "a row is being looked up"
    with store.write() as tx:
        transitions.move(tx, [second], from_=RowState.UNKNOWN, to=RowState.CREATED, balance_id="bln_2")
    assert write_owed(store, FolderFiles(tmp_path), made.number) == 1
    said = told(store, made)
    assert said["statuses"] == {"Not sent": 1, "Created": 2}
    assert said["verification"] == {
        "verified": False,
        "why": "The import was canceled, so the created balances were not compared with Blnk.",
    }


def test_rows_that_nobody_looks_up_anymore_are_not_waited_for_forever(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = running(store, 1)
    claimed = claim(store, made)
    [row] = claimed.tries
    record(store, made, result(claimed, row, RowState.UNKNOWN))
    with store.write() as tx:
        assert import_acts.cancel(tx, made.number, who=actor())
    monkeypatch.setattr(receipt_records, "LOOKED_UP_SECONDS", 0.0)
    assert write_owed(store, FolderFiles(tmp_path), made.number) == 1
    assert told(store, made)["statuses"] == {"Checking in Blnk": 1}


def test_without_permission_to_read_the_receipt_says_not_verified(
    importer: Importer, practice_blnk: PracticeBlnk
) -> None:
    importer.connect(token=practice_blnk.new_token(["proxy:write"]))
    done = importer.run(requests_for(1))
    found = wait_for_receipt(importer, done)["verification"]
    assert found["verified"] is False
    assert found["why"]


def test_rows_that_existed_are_listed_apart_from_those_that_were_created(importer: Importer) -> None:
    importer.run(requests_for(2))
    done = importer.run(requests_for(3))
    said = wait_for_receipt(importer, done)
    assert said["statuses"] == {"Created": 1, "Already exists": 2}
    held = {row.label: row.balance_id for row in importer.rows(done) if row.state is RowState.EXISTS}
    assert {one["row"]: one["balance_id"] for one in said["existing"]["rows"]} == held
    assert said["verification"]["created"]["expected"] == 1
    assert said["verification"]["existing"] == {"expected": 2, "found": 2, "missing": []}


def test_missing_balances_are_listed_with_their_ids(importer: Importer, practice_blnk: PracticeBlnk) -> None:
    done = importer.run(requests_for(2))
    wait_for_receipt(importer, done)
    ids = [row.balance_id for row in importer.rows(done)]
    practice_blnk.reset()
    actions.verify_again(importer.store, done, who=actor())
    importer.wait_for(done, ImportState.DONE)
    found = wait_for_receipt(importer, done, 2)["verification"]
    assert found["created"]["found"] == 0
    assert [one["ids"] for one in found["created"]["missing"]] == [[id] for id in ids]


def test_a_second_balance_that_a_late_answer_named_is_listed(store: Store, tmp_path: Path) -> None:
    done = over(store)
    with store.write() as tx:
        note(
            tx,
            done.number,
            who=SENDER,
            what=EventKind.SECOND_BALANCE,
            row=ids_of(store, done)[0],
            detail=Particulars(balance_ids=("bln_1", "bln_late")),
        )
    write_owed(store, FolderFiles(tmp_path), done.number)
    said = told(store, done)
    assert said["findings"][0].startswith("Row 2 has two balances in Blnk: bln_1 and bln_late.")
    page = receipt_html.document(said, zone("UTC"), None, json_link="j", results_link=None)
    assert "Row 2 has two balances in Blnk: bln_1 and bln_late." in page


def test_changed_cells_and_skipped_rows_are_listed_with_who_did_it(store: Store, tmp_path: Path) -> None:
    done = over(store)
    with store.write() as tx:
        shape = FileShape(kind="csv", header_row=1, headers=["ledger_id", "currency"])
        import_changes.set_facts(tx, done.number, shape=shape)
        edits.add(tx, done.number, [(2, 1, "KSH", "KES"), (3, None, "", "left out")], who=actor())
    write_owed(store, FolderFiles(tmp_path), done.number)
    [change] = told(store, done)["changes"]
    assert (change["row"], change["column"], change["old"], change["new"], change["by"]) == (
        2,
        "currency",
        "KSH",
        "KES",
        "Ada (not verified)",
    )


def test_nothing_that_others_typed_can_run_in_the_document(importer: Importer, host: str) -> None:
    done = importer.run(requests_for(1))
    importer.stop()
    with importer.store.write() as tx:
        totals = Totals(ledger_names={LEDGER: EVIL})
        import_changes.set_facts(tx, done.number, file_name=f"{EVIL}.csv", totals=totals)
        notes.add_to_import(tx, done, EVIL, who=actor(EVIL))
        edits.add(tx, done.number, [(2, 0, EVIL, EVIL)], who=actor(EVIL))
    n = write_owed(importer.store, importer.files, done.number)
    assert n is not None
    answer = get(host, done, n)
    assert "<script" not in answer.text
    assert "<img" not in answer.text
    assert answer.text.count("&lt;script&gt;alert(1)") >= 4
    policy = answer.headers["Content-Security-Policy"]
    assert policy == receipt_html.CONTENT_SECURITY_POLICY
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert get(host, done, n, ".json").headers["Content-Type"] == "application/json"


def test_times_are_shown_in_utc_and_in_the_readers_zone(store: Store, tmp_path: Path) -> None:
    done = over(store)
    write_owed(store, FolderFiles(tmp_path), done.number)
    page = receipt_html.document(
        told(store, done), zone("Africa/Nairobi"), "Africa/Nairobi", json_link="j", results_link=None
    )
    assert "14 Nov 2023, 22:13:20 UTC (15 Nov 01:13:20 Africa/Nairobi)" in page
    assert "14 Nov 2023, 22:13:20 UTC<" in receipt_html.document(
        told(store, done), zone("UTC"), None, json_link="j", results_link=None
    )


def test_a_link_to_a_receipt_opens_only_that_receipt(importer: Importer, host: str) -> None:
    done = importer.run(requests_for(1))
    wait_for_receipt(importer, done)
    url = receipt_routes.receipt_url(open_desk().links, done.id, 1)
    assert get(host, done, 1).status_code == 200
    assert get(host, done, 2).status_code == 404
    assert requests.get(f"{host}{url[:-4]}AAAA", timeout=120).status_code == 403
    download = routes.download_url(open_desk().links, done.id, Variant.ALL)
    token = download.rsplit("/", 1)[1]
    assert requests.get(f"{host}/receipt/{token}", timeout=120).status_code == 403
    assert requests.get(f"{host}/download/{url.rsplit('/', 1)[1]}", timeout=120).status_code == 403


@pytest.mark.parametrize("importer", BOTH_DATABASES, indirect=True)
def test_earlier_imports_get_theirs_when_the_sender_runs_again(importer: Importer) -> None:
    ended = over(importer.store)
    closing = Housekeeping(importer.store)
    closing.tend_now(importer.settings)
    assert numbers(importer.store, ended) == [1]
    with importer.store.write() as tx:
        notes.add_to_import(tx, ended, "Later.", who=actor())
    closing.tend_now(importer.settings)
    assert [one["text"] for one in told(importer.store, ended, 2)["notes"]] == ["Later."]


def test_a_receipt_that_cannot_be_written_does_not_block_others(
    importer: Importer,
) -> None:
    odd, fine = over(importer.store), over(importer.store, 1)
    with importer.store.write() as tx:
        set_columns(tx, odd, totals='{"ledger_names": "not names"}')
    Housekeeping(importer.store).tend_now(importer.settings)
    assert numbers(importer.store, odd) == []
    assert numbers(importer.store, fine) == [1]


def test_a_full_disk_leaves_no_partial_file_and_the_receipt_follows_later(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = over(store)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space"):
            write_owed(store, FolderFiles(tmp_path), done.number)
    assert [path for path in tmp_path.rglob("*") if path.suffix == ".csv"] == []
    assert write_owed(store, FolderFiles(tmp_path), done.number) == 1


def test_an_import_by_the_command_line_has_its_receipt_at_once(
    practice_blnk: PracticeBlnk, importer: Importer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commands = Commands(importer, tmp_path, capsys)
    assert commands.call("import", commands.file(3), "--yes", "--connection", "here").code == 0
    with importer.store.read() as tx:
        [import_] = imports.newest(tx)
        latest = receipt_records.latest(tx, import_.number)
    assert latest is not None
    kept = importer.data_dir / "receipts" / latest.results_path
    assert hashlib.sha256(kept.read_bytes()).hexdigest() == latest.results_sha256
