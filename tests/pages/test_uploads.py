"""Uploads have limits in memory, on the disk, in number and in time. What is refused leaves nothing."""

import asyncio
import io
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Browser

from blnk_api import settings
from blnk_api.drafts import drafts
from blnk_api.drafts.drafts import UploadRejected
from blnk_api.errors import SettingsProblem
from blnk_api.settings import Settings
from blnk_api.store import events, import_acts, imports
from blnk_api.store.events import EventKind, note
from blnk_api.store.imports import Import
from blnk_api.store.search import old_drafts
from blnk_api.store.states import ImportState, Stage
from blnk_api.store.transitions import move_import
from blnk_api.web.upload_limits import UploadLimits
from blnk_api.worker.expire_drafts import expire
from tests.support import browser as browsing
from tests.support.actors import actor
from tests.support.app import App
from tests.support.browser import open_import
from tests.support.importer import BOTH_DATABASES, LEDGER, Importer
from tests.support.json_object import JsonObject
from tests.support.practice import PracticeBlnk

FILE = f"ledger_id,currency\n{LEDGER},USD\n".encode()
DAY = 86_400.0


class Server:
    """Keeps what is uploaded to it for ever, as Streamlit does for as long as a session lasts."""

    def __init__(self) -> None:
        self.kept: dict[str, int] = {}

    def held(self, session: str) -> tuple[int, int]:
        return self.kept.get(session, 0), sum(self.kept.values())

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        size, more = 0, True
        while more:
            message = await receive()
            size, more = size + len(message.get("body", b"")), message.get("more_body", False)
        session = scope["path"].split("/")[-2]
        self.kept[session] = self.kept.get(session, 0) + size
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def put(limited: UploadLimits, session: str, pieces: AsyncIterator[bytes], said: int | None) -> int:
    """The status that an upload is answered with; `said` is its size, if it is declared in advance."""
    answers: list[JsonObject] = []

    async def receive() -> JsonObject:
        piece = await anext(pieces, None)
        return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

    async def send(message: Any) -> None:
        answers.append(message)

    headers = [] if said is None else [(b"content-length", str(said).encode())]
    path = f"/_stcore/upload_file/{session}/file"
    await limited({"type": "http", "method": "PUT", "path": path, "headers": headers}, receive, send)
    status: int = answers[0]["status"]
    return status


async def in_pieces(size: int) -> AsyncIterator[bytes]:
    for _ in range(size):
        yield b"x"


def put_all(*uploads: tuple[str, int], is_said: bool) -> tuple[list[int], Server]:
    """The answers to uploads one after the other, each a session and a number of bytes."""
    server = Server()
    limited = UploadLimits(server, server.held, most_session_bytes=100, most_bytes=250)

    async def run() -> list[int]:
        return [await put(limited, one, in_pieces(size), size if is_said else None) for one, size in uploads]

    return asyncio.run(run()), server


@pytest.mark.parametrize("is_said", [True, False])
def test_a_session_has_a_limit_for_uploads(is_said: bool) -> None:
    answers, server = put_all(("a", 60), ("a", 41), ("a", 40), is_said=is_said)
    assert answers == [204, 413, 204]
    assert server.kept == {"a": 100}


@pytest.mark.parametrize("is_said", [True, False])
def test_all_sessions_together_have_a_limit_for_uploads(is_said: bool) -> None:
    answers, _ = put_all(("a", 90), ("b", 90), ("c", 90), ("c", 70), is_said=is_said)
    assert answers == [204, 204, 413, 204]


def test_an_upload_that_is_still_on_its_way_counts() -> None:
    server = Server()
    limited = UploadLimits(server, server.held, most_session_bytes=100, most_bytes=250)

    async def run() -> list[int]:
        came, goes_on = asyncio.Event(), asyncio.Event()

        async def slow() -> AsyncIterator[bytes]:
            yield b"x" * 60
            came.set()
            await goes_on.wait()
            yield b"x" * 10

        first = asyncio.create_task(put(limited, "a", slow(), None))
        await came.wait()
        second = await put(limited, "a", in_pieces(50), None)
        goes_on.set()
        return [await first, second, await put(limited, "a", in_pieces(30), None)]

    assert asyncio.run(run()) == [204, 413, 204]


def test_the_app_accepts_no_more_than_a_session_may_hold(app: App, browser: Browser) -> None:
    page = open_import(browser, app.url)
    with page.expect_request(lambda one: one.method == "PUT" and "/upload_file/" in one.url) as sent:
        browsing.upload(page, "one.csv", FILE)
    answers = page.evaluate(
        """async ([url, token]) => {
            const answers = [];
            for (const at of [1, 2]) {
                const form = new FormData();
                form.append("file", new Blob([new Uint8Array(80_000_000)]), "large.csv");
                const headers = token ? {"X-Xsrftoken": token} : {};
                const answer = await fetch(url + at, {method: "PUT", body: form, headers});
                answers.push(answer.status);
            }
            return answers;
        }""",
        [sent.value.url, sent.value.headers.get("x-xsrftoken", "")],
    )
    assert answers == [204, 413]


def upload(importer: Importer, limits: Settings, data: bytes = FILE) -> str:
    id = imports.new_id()
    drafts.upload(
        importer.store,
        limits,
        id=id,
        connection=importer.connection,
        who=actor(),
        file_name="balances.csv",
        data=io.BytesIO(data),
    )
    return id


def test_a_file_that_leaves_no_room_for_the_database_is_rejected_and_leaves_nothing(
    importer: Importer,
) -> None:
    limits = replace(importer.settings, disk_reserve_bytes=10**18)
    with pytest.raises(UploadRejected, match=r"nearly full\. The file was not kept"):
        upload(importer, limits)
    assert not (importer.data_dir / "uploads").exists()
    with importer.store.read() as tx:
        assert old_drafts.open_drafts(tx) == 0


def test_the_number_of_open_drafts_is_limited(importer: Importer) -> None:
    limits = replace(importer.settings, most_drafts=2)
    first = upload(importer, limits)
    upload(importer, limits)
    with pytest.raises(UploadRejected, match=r"2 files are open as drafts.*nothing was sent.*Discard"):
        upload(importer, limits)
    with importer.store.write() as tx:
        import_acts.cancel(tx, importer.find(first).number, who=actor())
    upload(importer, limits)
    assert len(list((importer.data_dir / "uploads").iterdir())) == 3


def has_file(importer: Importer, import_: Import) -> bool:
    return importer.files.size(f"uploads/{import_.id}/file") is not None


@pytest.mark.parametrize("importer", BOTH_DATABASES, indirect=True)
def test_a_draft_is_discarded_after_its_days_only_if_nobody_touches_it(
    importer: Importer,
) -> None:
    left, touched = (importer.find(upload(importer, importer.settings)) for _ in range(2))
    limits = replace(importer.settings, drafts_after_days=7)
    expire(importer.store, limits, now=time.time() + 6 * DAY)
    assert importer.find(left.id).state is ImportState.DRAFT
    with importer.store.write() as tx:
        note(tx, touched.number, who=actor(), what=EventKind.MATCHED_COLUMNS)
    with importer.store.read() as tx:
        touched_at = events.of_import(tx, touched.number)[0].at
    expire(importer.store, limits, now=touched_at + 7 * DAY)
    assert importer.find(left.id).state is ImportState.CANCELLED
    assert importer.events(left)[-2:] == ["cancelled", "expired"]
    assert not has_file(importer, left)
    assert importer.find(touched.id).state is ImportState.DRAFT
    assert has_file(importer, touched)


def test_a_file_that_cannot_be_read_does_not_stay_among_drafts(importer: Importer) -> None:
    unreadable = importer.upload("ledger,currency\n")
    assert unreadable.stage is Stage.UNREADABLE
    draft = importer.upload(FILE.decode())
    importer.stop()
    expire(importer.store, importer.settings, now=time.time() + 0.9 * DAY)
    assert importer.find(unreadable.id).state is ImportState.DRAFT
    expire(importer.store, importer.settings, now=time.time() + 1.1 * DAY)
    assert importer.find(unreadable.id).state is ImportState.CANCELLED
    assert not has_file(importer, unreadable)
    assert importer.find(draft.id).state is ImportState.DRAFT


@pytest.mark.parametrize("importer", BOTH_DATABASES, indirect=True)
def test_a_canceled_import_loses_its_file_after_its_days_and_a_finished_one_keeps_it(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    done = importer.import_file(FILE.decode())
    importer.stop()
    cancelled = importer.find(upload(importer, importer.settings))
    with importer.store.write() as tx:
        import_acts.cancel(tx, cancelled.number, who=actor())
    limits = replace(importer.settings, drafts_after_days=7)
    expire(importer.store, limits, now=time.time() + 6 * DAY)
    assert has_file(importer, cancelled)
    expire(importer.store, limits, now=time.time() + 8 * DAY)
    assert not has_file(importer, cancelled)
    assert has_file(importer, done)
    assert importer.find(done.id).state is ImportState.DONE
    assert len(practice_blnk.refs()) == 1


@pytest.mark.parametrize("importer", ["postgres"], indirect=True)
def test_an_upload_that_was_cut_off_before_its_draft_is_gone_after_a_day(importer: Importer) -> None:
    draft = importer.find(upload(importer, importer.settings))
    importer.files.put("uploads/imp_of_nobody/file", [FILE])
    expire(importer.store, importer.settings, now=time.time() + 0.9 * DAY)
    assert sorted(importer.files.folders("uploads")) == sorted([draft.id, "imp_of_nobody"])
    expire(importer.store, importer.settings, now=time.time() + 1.1 * DAY)
    assert list(importer.files.folders("uploads")) == [draft.id]


@pytest.mark.parametrize("name", ["BLNK_DRAFTS_AFTER_DAYS", "BLNK_MOST_DRAFTS", "BLNK_DISK_RESERVE_MB"])
@pytest.mark.parametrize("value", ["-1", "x", "1.5", "9" * 20])
def test_a_limit_that_is_not_a_number_is_named(
    importer: Importer, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsProblem, match=f"{name} should be a whole number"):
        settings.load()


def test_a_draft_that_is_confirmed_at_that_moment_keeps_its_file(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = importer.find(upload(importer, importer.settings))
    untouched = old_drafts.untouched_drafts

    def confirmed_right_after(tx: Any, before: float, **which: Any) -> list[int]:
        found = untouched(tx, before, **which)
        if found:
            with importer.store.write() as other:
                move_import(other, draft.number, from_=[ImportState.DRAFT], to=ImportState.QUEUED)
        return found

    monkeypatch.setattr(old_drafts, "untouched_drafts", confirmed_right_after)
    expire(importer.store, importer.settings, now=time.time() + 31 * DAY)
    assert importer.find(draft.id).state is ImportState.QUEUED
    assert has_file(importer, draft)
