"""What a platform that runs containers asks, over real HTTP: whether the process answers, and can work."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from sqlalchemy import text

from blnk_api.desk.desk import open_desk
from blnk_api.web import probes
from tests.support.importer import BOTH_DATABASES, Importer, wait_until
from tests.support.web import get

FOREIGN = "10.1.2.3.example:8501"
"""A name that is not this server's: a platform invents the address that it probes."""


def answered(host: str, path: str) -> tuple[int, str]:
    answer = get(f"{host}{path}", Host=FOREIGN)
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.status_code, answer.text


@pytest.mark.parametrize("importer", BOTH_DATABASES, indirect=True)
def test_a_working_desk_says_so_and_nothing_else(host: str, importer: Importer) -> None:
    assert answered(host, "/healthz") == (200, "ok\n")
    assert answered(host, "/readyz") == (200, "ok\n")
    assert requests.head(f"{host}/readyz", timeout=120).status_code == 200
    assert get(f"{host}/", Host=FOREIGN).status_code == 403
    assert requests.post(f"{host}/healthz", headers={"Host": FOREIGN}, timeout=120).status_code == 403


@pytest.mark.parametrize("importer", BOTH_DATABASES, indirect=True)
@pytest.mark.parametrize("version", ["9999", "0001"])
def test_a_database_of_another_version_is_not_ready(host: str, importer: Importer, version: str) -> None:
    assert answered(host, "/readyz") == (200, "ok\n")
    with importer.store.write() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = :to"), {"to": version})
    assert answered(host, "/readyz") == (503, "schema\n")
    assert answered(host, "/healthz") == (200, "ok\n")


def test_settings_that_cannot_be_read_are_not_ready(host: str, importer: Importer) -> None:
    (importer.data_dir / "secrets.toml").write_text("access_token = blnk_at_secret")
    assert answered(host, "/readyz") == (503, "settings\n")
    assert answered(host, "/healthz") == (200, "ok\n")


def test_an_unavailable_database_is_not_ready(
    host: str, importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLNK_DATABASE_URL", "postgresql://desk:hidden@127.0.0.1:1/desk")
    assert answered(host, "/readyz") == (503, "database\n")
    assert answered(host, "/healthz") == (200, "ok\n")


def test_a_hanging_database_takes_one_thread_however_often_it_is_probed(
    host: str, importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, answers = [], threading.Event()

    def hangs() -> object:
        begun.append(os.getpid())
        answers.wait()
        return open_desk()

    monkeypatch.setattr(probes, "open_desk", hangs)
    monkeypatch.setattr(probes, "_MOST_SECONDS", 0.05)
    with ThreadPoolExecutor(8) as askers:
        found = list(askers.map(lambda _: answered(host, "/readyz"), range(8)))
    assert (found, len(begun)) == ([(503, "database\n")] * 8, 1)
    answers.set()
    monkeypatch.setattr(probes, "_MOST_SECONDS", 180)
    wait_until(lambda: answered(host, "/readyz") == (200, "ok\n"), lambda: "it never becomes ready")


def test_a_request_has_an_id_which_a_proxy_may_choose(host: str, importer: Importer) -> None:
    assert (
        get(f"{host}/healthz", **{"X-Request-ID": "from-a-proxy.1"}).headers["X-Request-ID"]
        == "from-a-proxy.1"
    )
    made = {
        get(f"{host}/", **{"X-Request-ID": said}).headers["X-Request-ID"] for said in ("", "a b", "x" * 65)
    }
    assert len(made) == 3
    assert all(one.isalnum() for one in made)
