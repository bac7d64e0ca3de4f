"""A file that costs too much ends as one sentence, is not tried again, and keeps nobody else waiting."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from blnk_api import settings as settings_module
from blnk_api.access.actors import Actor, ActorKind
from blnk_api.common import watched_process
from blnk_api.common.warm_process import WarmProcess
from blnk_api.common.watched_process import Limits, ProcessWatch
from blnk_api.drafts import check_process, drafts
from blnk_api.files import FileProblem, reading_process
from blnk_api.store import Store, events, import_acts, imports
from blnk_api.store.events import EventKind
from blnk_api.store.states import Stage
from tests.support import costly_workbooks
from tests.support.actors import actor
from tests.support.app import App
from tests.support.command_line import Commands
from tests.support.importer import LEDGER, Importer, wait_until

GOOD = f"ledger_id,currency\n{LEDGER},NGN\n"
NOTHING_AT_ALL = Limits(resident_bytes=1, cpu_seconds=60, wall_seconds=60)
FORKED = """
import os
first = os.getpid()
if os.fork():
    input()
while os.getppid() == first: """
"""The process itself does nothing: what it forked works as long as it lives."""
MEMORY = (
    "Reading this file takes more than 1 GB of memory, so it was stopped. Nothing was sent. Save your table "
    "as CSV, or split it, then import the new file."
)


@pytest.mark.parametrize(
    ("does", "limits", "told"),
    [
        ("x = bytearray(b'1' * 90_000_000); input()", Limits(60_000_000, 60, 600), "memory"),
        ("while True: pass", Limits(1_000_000_000, 0.2, 600), "far longer"),
        ("input()", Limits(1_000_000_000, 60, 0.1), "far longer"),
        (f"{FORKED}x = bytearray(b'1' * 90_000_000)", Limits(60_000_000, 60, 600), "memory"),
        (f"{FORKED}pass", Limits(1_000_000_000, 0.2, 600), "far longer"),
    ],
)
def test_a_process_is_known_to_use_too_much(does: str, limits: Limits, told: str) -> None:
    with subprocess.Popen([sys.executable, "-c", does], stdin=subprocess.PIPE) as process:
        try:
            watch = ProcessWatch(process.pid, limits)
            assert told in wait_until(watch.exceeded, lambda: "nothing is said of it")
        finally:
            process.kill()


def test_a_process_that_keeps_its_limits_or_has_ended_is_left_alone() -> None:
    limits = Limits(500_000_000, 60, 600)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        watch = ProcessWatch(process.pid, limits)
        assert watch.exceeded() is None
    assert watch.exceeded() is None


def test_a_file_that_takes_too_much_is_rejected_with_a_sentence_and_not_read_again(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watched_process, "for_file", lambda *_, **__: NOTHING_AT_ALL)
    draft = importer.upload(GOOD)
    assert (draft.stage, draft.problem) == (Stage.UNREADABLE, MEMORY)
    assert importer.events(draft).count("unreadable") == 1
    with importer.store.read() as tx:
        (ended,) = events.of_kinds(tx, draft.number, [EventKind.UNREADABLE])
    assert ended.who == Actor(ActorKind.SYSTEM, "the check"), "and nobody of that name"
    with importer.store.read() as tx:
        assert imports.being_checked(tx) == []
    assert importer.rows(draft) == []


def test_a_file_that_crashes_its_reader_is_tried_once_more_and_then_rejected(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = importer.data_dir / "begun"
    monkeypatch.setenv("CHECKS_BEGUN", str(begun))
    monkeypatch.setattr(check_process, "_checks", WarmProcess("tests.support.check_that_dies"))
    draft = importer.upload(GOOD)
    assert draft.stage is Stage.UNREADABLE
    assert (draft.problem or "").startswith("Reading this file failed. Nothing was sent.")
    assert begun.read_text() == "xx"


def test_two_slow_files_do_not_delay_a_third(importer: Importer, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = [imports.new_id(), imports.new_id()]
    monkeypatch.setenv("CHECKS_WITHOUT_END", " ".join(slow))
    monkeypatch.setattr(check_process, "_checks", WarmProcess("tests.support.check_without_end"))
    monkeypatch.setattr(check_process, "_YOUNG_SECONDS", 0.2)
    for id in slow:
        importer.upload_alone(GOOD, name="file.csv", id=id)
    draft = importer.upload(GOOD)
    assert draft.stage is Stage.CHECKED
    assert [importer.find(id).stage for id in slow] == [Stage.UPLOADED, Stage.UPLOADED]


def test_while_two_long_files_are_read_the_server_answers_and_a_third_is_checked(
    app: App, tmp_path: Path
) -> None:
    settings = settings_module.load({"BLNK_DATA_DIR": str(app.data_dir)})
    store = Store(settings.database_url)
    content = costly_workbooks.many_rows()
    long, short = costly_workbooks.write(tmp_path / "long.xlsx", content), tmp_path / "short.csv"
    short.write_text("ledger_id,currency\ngeneral_ledger_id,NGN\n")

    def upload_to_app(path: Path) -> str:
        id = imports.new_id()
        with path.open("rb") as data:
            drafts.upload(
                store,
                settings,
                id=id,
                connection=settings.connections[settings_module.PRACTICE],
                who=actor(),
                file_name=path.name,
                data=data,
            )
        return id

    def stage(id: str) -> Stage | None:
        with store.read() as tx:
            found = imports.find(tx, id)
        assert found is not None
        return found.stage

    def are_being_read() -> bool:
        return {stage(id) for id in slow} == {Stage.CHECKING}

    slow = [upload_to_app(long), upload_to_app(long)]
    try:
        wait_until(are_being_read, app.log)
        assert [app.is_healthy() for _ in range(50)] == [True] * 50
        assert are_being_read(), "fifty answers, one after the other, come before either file's end"
        third = upload_to_app(short)
        wait_until(lambda: stage(third) is Stage.CHECKED, app.log)
        assert are_being_read()
    finally:
        for id in slow:
            with store.write() as tx:
                found = imports.find(tx, id)
                assert found is not None
                import_acts.cancel(tx, found.number, who=actor())
        store.close()


def test_a_file_is_read_in_another_process_as_in_this_one(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text(f"{GOOD}{LEDGER}\n")
    with reading_process.opened(path, "file.csv") as (shape, records):
        found = list(records)
    assert (shape.headers, shape.samples) == (["ledger_id", "currency"], found)
    assert [one.number for one in found] == [2, 3]
    assert [flaw.kind for flaw in found[1].problems] == ["ragged_row"]
    assert reading_process.detect(path, "file.csv") == shape
    with pytest.raises(FileNotFoundError):
        reading_process.detect(tmp_path / "nowhere.csv", "nowhere.csv")
    path.write_text("")
    with pytest.raises(FileProblem, match="empty"):
        reading_process.detect(path, "file.csv")


def test_a_command_says_in_a_sentence_that_a_file_takes_too_much(
    importer: Importer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    commands = Commands(importer, tmp_path, capsys)
    monkeypatch.setattr(watched_process, "for_file", lambda *_, **__: NOTHING_AT_ALL)
    ended = commands.call("import", commands.file(1), "--dry-run")
    assert (ended.code, ended.err.strip()) == (2, MEMORY)


@pytest.mark.parametrize("make", costly_workbooks.BOOKS, ids=[one.__name__ for one in costly_workbooks.BOOKS])
def test_an_expensive_small_workbook_is_read_or_rejected_with_the_reason(
    tmp_path: Path, make: costly_workbooks.Make
) -> None:
    path = costly_workbooks.write(tmp_path / "book.xlsx", make())
    with suppress_what_is_wrong_with_it(), reading_process.opened(path, "book.xlsx") as (_, records):
        assert all(sum(map(len, record.cells)) <= 8_000_000 for record in records)


@contextmanager
def suppress_what_is_wrong_with_it() -> Iterator[None]:
    """Not that it was stopped from outside: budgets come first."""
    try:
        yield
    except FileProblem as problem:
        if problem.kind not in ("too_big", "damaged", "empty_above", "too_many_sheets"):
            raise
