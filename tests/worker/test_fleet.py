"""Workers on several machines share one desk: what one of them cannot finish, another does, and only once."""

import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from blnk_api.store.people import receipt_records
from blnk_api.store.states import ImportState, RowState, Stage
from tests.support.fleet import LEASE_SECONDS, at_work, holder, start_worker, wait_for_workers
from tests.support.importer import LEDGER, WAIT_SECONDS, Importer, requests_for, wait_until
from tests.support.postgres import Postgres
from tests.support.practice import PracticeBlnk
from tests.support.sending import assert_each_once
from tests.support.stalling_proxy import stalling

FILE = "ledger_id,currency,customer\n" + "".join(f"{LEDGER},NGN,{n}\n" for n in range(100))


@pytest.fixture
def importer(
    practice_blnk: PracticeBlnk, postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Importer]:
    """On Postgres, with leases that end sooner."""
    monkeypatch.setenv("BLNK_WAIT_LEASE", LEASE_SECONDS)
    url = postgres.new_database(like="migrated")
    with Importer(practice_blnk, tmp_path / "data", monkeypatch, database_url=url) as made:
        yield made


def process_of(importer: Importer, pid: int) -> subprocess.Popen[bytes]:
    (found,) = (one for one in importer.processes if one.pid == pid)
    return found


def test_a_file_is_checked_and_sent_once_although_one_of_two_workers_freezes(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    """Both start at once, on a database without a queue."""
    importer.connect(requests_per_minute=1200)
    start_worker(importer)
    start_worker(importer)
    wait_for_workers(importer, 2)
    draft = importer.upload_alone(FILE)
    importer.wait_until_checked(draft)
    importer.confirm(importer.find(draft.id))
    importer.wait_for_count(draft, RowState.CREATED, 20)

    first = holder(importer).pid
    process_of(importer, first).send_signal(signal.SIGSTOP)
    done = importer.wait_for(draft, ImportState.DONE)
    assert_each_once(practice_blnk, importer, done)
    assert len(practice_blnk.balances()) == 100

    process_of(importer, first).send_signal(signal.SIGCONT)
    wait_until(
        lambda: "which starts again." in (importer.data_dir / "worker.log").read_text(),
        lambda: "it does not notice that it was taken for dead",
    )
    wait_until(lambda: has_receipt(importer, done.number), lambda: "no receipt is written")
    wait_for_workers(importer, 2)
    assert_each_once(practice_blnk, importer, done)
    for worker in importer.processes:
        worker.send_signal(signal.SIGTERM)
    assert [worker.wait(180) for worker in importer.processes] == [0, 0]
    assert at_work(importer) == []


def has_receipt(importer: Importer, import_: int) -> bool:
    with importer.store.read() as tx:
        return receipt_records.latest(tx, import_) is not None


def test_a_later_worker_gets_its_share_during_an_import(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    second = f'''
[connections.there]
base_url = "{practice_blnk.url}"
instance_id = "another-instance"
environment = "sandbox"
access_token = "{practice_blnk.token}"
'''
    importer.connect(requests_per_minute=6000, more=second)
    start_worker(importer)
    wait_until(lambda: len(holder(importer).serves) == 2, lambda: "it does not send to both")
    draft = importer.draft(requests_for(150))
    importer.confirm(draft)
    importer.wait_for_count(draft, RowState.CREATED, 20)

    start_worker(importer)
    wait_until(
        lambda: [len(one.serves) for one in at_work(importer)] == [1, 1],
        lambda: f"not one for each: {at_work(importer)}",
    )

    assert_each_once(practice_blnk, importer, importer.wait_for(draft, ImportState.DONE))


def test_a_file_is_checked_by_another_worker_after_its_own_was_killed(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    first = start_worker(importer)
    wait_for_workers(importer, 1)
    practice_blnk.order_fault("latency", on="read", seconds=120)
    draft = importer.upload_alone(FILE)
    importer.wait_until_checked(draft, until=lambda one: one.stage is Stage.CHECKING)

    first.kill()
    first.wait()
    practice_blnk.clear_faults()
    start_worker(importer)
    checked = importer.wait_until_checked(draft)

    assert checked.stage is Stage.CHECKED
    assert importer.states(checked) == [RowState.READY] * 100


def test_a_worker_continues_after_its_database_was_restarted(
    practice_blnk: PracticeBlnk, importer: Importer, postgres: Postgres
) -> None:
    importer.connect(requests_per_minute=6000)
    worker = start_worker(importer)
    wait_for_workers(importer, 1)
    draft = importer.draft(requests_for(150))
    importer.confirm(draft)
    importer.wait_for_count(draft, RowState.CREATED, 20)

    postgres.stop()
    postgres.start()
    done = importer.wait_for(draft, ImportState.DONE)

    assert_each_once(practice_blnk, importer, done)
    wait_until(lambda: has_receipt(importer, done.number), lambda: "its queue does not go on")
    assert worker.poll() is None


@pytest.mark.parametrize("start", [start_worker, Importer.start_process], ids=["worker", "sender"])
def test_what_is_cut_off_from_the_database_ends_all_the_same_when_it_is_told_to(
    practice_blnk: PracticeBlnk,
    importer: Importer,
    postgres: Postgres,
    monkeypatch: pytest.MonkeyPatch,
    start: Callable[[Importer], subprocess.Popen[bytes]],
) -> None:
    """Nothing that it asks is answered, and nothing tells it so."""
    monkeypatch.setenv("BLNK_WAIT_END", "0.5")
    importer.connect(requests_per_minute=6000)
    draft = importer.draft(requests_for(300))
    direct = importer.database_url
    with stalling(postgres.port) as network:
        monkeypatch.setenv("BLNK_DATABASE_URL", direct.replace(f":{postgres.port}/", f":{network.port}/"))
        process = start(importer)
        monkeypatch.setenv("BLNK_DATABASE_URL", direct)
        importer.confirm(draft)
        importer.wait_for_count(draft, RowState.CREATED, 20)

        network.stall()
        process.send_signal(signal.SIGTERM)

        assert process.wait(WAIT_SECONDS) == 1
    assert "ends without it" in (importer.data_dir / "worker.log").read_text()
    start_worker(importer)
    assert_each_once(practice_blnk, importer, importer.wait_for(draft, ImportState.DONE))
