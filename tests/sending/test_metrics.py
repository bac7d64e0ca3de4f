"""What Prometheus reads of a sender at work, over HTTP and with Prometheus' own parser."""

import re
import socket

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from blnk_api.settings import Settings
from blnk_api.store import Store
from blnk_api.store.states import RowState
from blnk_api.worker.metrics import Metrics
from tests.support import papers
from tests.support.importer import BOTH_DATABASES, LEDGER, Importer, requests_for, wait_until
from tests.support.practice import PracticeBlnk
from tests.support.tls_proxy import free_port

Figures = dict[tuple[str, frozenset[str]], float]


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> int:
    """Set for the sender before it starts."""
    port = free_port()
    monkeypatch.setenv("BLNK_METRICS", str(port))
    return port


def told(port: int) -> str:
    answer = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=120)
    assert answer.status_code == 200
    return answer.text


def figures(port: int) -> Figures:
    return {
        (one.name, frozenset(one.labels.values())): one.value
        for family in text_string_to_metric_families(told(port))
        for one in family.samples
    }


def of(port: int, name: str, *labels: str) -> float | None:
    return figures(port).get((name, frozenset(labels)))


@pytest.mark.parametrize("importer", BOTH_DATABASES, indirect=True)
def test_what_a_sender_did_and_what_waits_is_measured(port: int, importer: Importer) -> None:
    draft = importer.draft(requests_for(8))
    importer.spoil(draft, number=5)
    importer.confirm(draft)
    importer.start()
    importer.wait_for(draft, "done")  # type: ignore[arg-type]
    found = figures(port)

    def one(name: str, *labels: str) -> float:
        return found[name, frozenset(("here", *labels))]

    assert one("blnk_posts_total", "created") == 7
    assert one("blnk_posts_total", "rejected") == 1
    assert one("blnk_post_seconds_count") == 8
    assert one("blnk_rows", "done", "created") == 7
    assert one("blnk_rows", "done", "rejected") == 1
    assert one("blnk_imports", "done") == 1
    assert one("blnk_breaker_open") == one("blnk_oldest_in_doubt_seconds") == one("blnk_sending_stopped") == 0
    assert one("blnk_pace_cap_per_minute") == 600_000
    assert found["blnk_store_up", frozenset()] == 1
    wait_until(lambda: of(port, "blnk_senders") == 1, lambda: told(port))
    assert (
        0
        <= found["blnk_sender_heartbeat_age_seconds", frozenset()]
        <= found["blnk_sender_age_seconds", frozenset()]
    )
    text = told(port)
    named = set(re.findall(r"`(blnk_\w+)`", papers.section("docs/operating.md", "## Metrics")))
    families = [one for one in text_string_to_metric_families(text) if one.name.startswith("blnk_")]
    assert named == {one.name + ("_total" if one.type == "counter" else "") for one in families}
    assert not [
        secret for secret in (LEDGER, "ldg_", "Ada", "test.csv", importer.blnk.token) if secret in text
    ]


def test_the_age_of_a_row_in_doubt_is_measured(
    port: int, importer: Importer, practice_blnk: PracticeBlnk
) -> None:
    importer.settle(600)
    practice_blnk.order_fault("drop_after_commit", times=1)
    draft = importer.draft(requests_for(1))
    importer.confirm(draft)
    importer.start()
    importer.wait_for_count(draft, RowState.UNKNOWN, 1)
    first = wait_until(lambda: of(port, "blnk_oldest_in_doubt_seconds", "here"), lambda: told(port))
    wait_until(lambda: (of(port, "blnk_oldest_in_doubt_seconds", "here") or 0) > first, lambda: told(port))
    assert of(port, "blnk_posts_total", "here", "in_doubt") == 1
    assert of(port, "blnk_rows_need_you", "here") == 0


def test_a_notification_that_cannot_be_delivered_is_owed(port: int, importer: Importer) -> None:
    importer.connect(notify=["json://127.0.0.1:9"])
    importer.run(requests_for(1))
    wait_until(lambda: of(port, "blnk_notices_owed") == 1, lambda: told(port))


def test_an_unavailable_database_is_a_metric_too(importer: Importer) -> None:
    port = free_port()
    away = Store("postgresql://desk:hidden@127.0.0.1:1/desk")
    settings: Settings = importer.settings
    metrics = Metrics(away, lambda: settings, lambda: [])
    metrics.serve("127.0.0.1", port)
    try:
        assert of(port, "blnk_store_up") == 0
        assert "hidden" not in told(port)
    finally:
        metrics.close()


def test_a_taken_port_stops_no_sending_and_is_used_once_it_is_free(
    port: int, importer: Importer, practice_blnk: PracticeBlnk
) -> None:
    with socket.create_server(("127.0.0.1", port)):
        importer.run(requests_for(2))
        assert len(practice_blnk.refs()) == 2

    def answers() -> bool:
        try:
            return of(port, "blnk_posts_total", "here", "created") == 2
        except requests.ConnectionError:
            return False

    wait_until(answers, lambda: "no figures")
