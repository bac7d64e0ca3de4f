"""Faults that Practice can be told to have: what its caller meets, and what it holds afterwards."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
import requests

from tests.support.json_object import JsonObject
from tests.support.practice import PracticeBlnk

REQUEST = {"ledger_id": "general_ledger_id", "currency": "USD"}
PATIENCE_SECONDS = 120.0


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PracticeBlnk]:
    with PracticeBlnk(tmp_path_factory.mktemp("faults")) as blnk:
        yield blnk


@pytest.fixture
def blnk(process: PracticeBlnk) -> PracticeBlnk:
    process.reset()
    return process


def create(blnk: PracticeBlnk, ref: str = "a", timeout: float = PATIENCE_SECONDS) -> requests.Response:
    return requests.post(
        f"{blnk.url}/proxy/balances?instance_id={blnk.instance_id}",
        json={**REQUEST, "meta_data": {"import_ref": ref}},
        headers={"Authorization": f"Bearer {blnk.token}"},
        timeout=timeout,
    )


def find(blnk: PracticeBlnk, *refs: str) -> list[str]:
    condition = {"field": "meta_data.import_ref", "operator": "in", "values": list(refs)}
    found = blnk.cloud("POST", "balances/filter", {"filters": [condition]}).json()["data"]
    return sorted(row["meta_data"]["import_ref"] for row in found)


def eventually(is_so: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


@pytest.mark.parametrize(("kind", "held"), [("drop_before_commit", []), ("drop_after_commit", ["a"])])
def test_a_dropped_connection_returns_no_answer(blnk: PracticeBlnk, kind: str, held: list[str]) -> None:
    blnk.order_fault(kind, times=1)
    with pytest.raises(requests.ConnectionError):
        create(blnk)
    assert blnk.refs() == held
    assert create(blnk, "b").status_code == 201


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408, 409])
@pytest.mark.parametrize(("kind", "held"), [("status_before_commit", []), ("status_after_commit", ["a"])])
def test_a_failing_status_does_not_decide_about_the_balance(
    blnk: PracticeBlnk, kind: str, held: list[str], status: int
) -> None:
    blnk.order_fault(kind, status=status, times=1)
    assert create(blnk).status_code == status
    assert blnk.refs() == held


@pytest.mark.parametrize(("answer", "content_type"), [("json", "application/json"), ("html", "text/html")])
def test_a_failing_status_comes_with_json_or_html(blnk: PracticeBlnk, answer: str, content_type: str) -> None:
    blnk.order_fault("status_after_commit", status=502, answer=answer)
    assert create(blnk).headers["content-type"].startswith(content_type)


@pytest.mark.parametrize("retry_after", [None, "2", "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_a_rate_limit_creates_nothing_and_may_say_how_long_to_wait(
    blnk: PracticeBlnk, retry_after: str | None
) -> None:
    blnk.order_fault("rate_limited", retry_after=retry_after, times=1)
    answer = create(blnk)
    assert (answer.status_code, answer.headers.get("Retry-After")) == (429, retry_after)
    assert blnk.refs() == []


def test_a_truncated_answer_is_an_incomplete_201_and_the_balance_exists(blnk: PracticeBlnk) -> None:
    blnk.order_fault("truncated_201", times=1)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        create(blnk)
    assert blnk.refs() == ["a"]


def test_a_page_of_html_with_status_200_created_nothing(blnk: PracticeBlnk) -> None:
    blnk.order_fault("html_200", times=1)
    answer = create(blnk)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert blnk.refs() == []


def test_an_answer_with_another_rows_ref_hides_a_correct_balance(blnk: PracticeBlnk) -> None:
    create(blnk, "a")
    blnk.order_fault("wrong_ref_201", times=1)
    answer = create(blnk, "b")
    assert answer.status_code == 201
    assert answer.json()["meta_data"]["import_ref"] == "a"
    assert blnk.refs() == ["a", "b"]
    assert answer.json()["balance_id"] == blnk.balances()[1]["balance_id"]


def test_an_answer_with_another_rows_ref_invents_a_balance(blnk: PracticeBlnk) -> None:
    blnk.order_fault("wrong_ref_201", times=1)
    assert create(blnk, "a").json()["meta_data"]["import_ref"] not in ("", "a")


def test_a_late_commit_appears_after_its_connection_was_dropped(blnk: PracticeBlnk) -> None:
    blnk.order_fault("commit_late", seconds=0.8, answer="drop", times=1)
    with pytest.raises(requests.ConnectionError):
        create(blnk, "late")
    create(blnk, "sooner")
    assert eventually(lambda: blnk.refs() == ["late", "sooner"])
    sooner, late = blnk.balances()
    assert late["meta_data"]["import_ref"] == "late"
    assert late["created_at"] < sooner["created_at"]
    assert late["committed_at"] > sooner["committed_at"]


def test_a_late_commit_appears_while_its_caller_hangs_and_gives_up(blnk: PracticeBlnk) -> None:
    blnk.order_fault("commit_late", seconds=0.8, times=1)
    with pytest.raises(requests.ReadTimeout):
        create(blnk, timeout=0.1)
    assert eventually(lambda: blnk.refs() == ["a"])
    (late,) = blnk.balances()
    # Both are of the wall clock, which may be set back a little meanwhile.
    assert datetime.fromisoformat(late["committed_at"]) - datetime.fromisoformat(
        late["created_at"]
    ) >= timedelta(seconds=0.7)


def test_a_reset_takes_back_late_commits_that_are_under_way(blnk: PracticeBlnk) -> None:
    blnk.order_fault("commit_late", seconds=0.2, answer="drop", times=1)
    with pytest.raises(requests.ConnectionError):
        create(blnk, "late")
    blnk.reset()
    blnk.order_fault("latency", seconds=0.4, times=1)
    create(blnk, "later still")
    assert blnk.refs() == ["later still"]


def test_latency_delays_the_answer_and_not_the_balance(blnk: PracticeBlnk) -> None:
    blnk.order_fault("latency", seconds=2, times=1)
    began = time.monotonic()
    answered: list[float] = []

    def call() -> None:
        create(blnk)
        answered.append(time.monotonic())

    caller = threading.Thread(target=call)
    caller.start()
    assert eventually(lambda: blnk.refs() == ["a"])
    assert answered == []
    caller.join()
    assert answered[0] - began > 1.99


def test_lagging_reads_show_a_balance_only_when_it_is_old_enough(blnk: PracticeBlnk) -> None:
    blnk.order_fault("lagging_reads", seconds=600)
    began = time.monotonic()
    made = create(blnk).json()
    assert find(blnk, "a") == []
    assert blnk.cloud("GET", f"data/balances/{made['balance_id']}").status_code == 404
    assert blnk.cloud("GET", "data/balances").json() == {"data": [], "total": 0}
    assert blnk.refs() == ["a"]
    blnk.clear_faults()
    blnk.order_fault("lagging_reads", seconds=0.9)
    assert eventually(lambda: find(blnk, "a") == ["a"])
    assert time.monotonic() - began > 0.9


def test_a_short_filter_leaves_out_some_of_what_it_found(blnk: PracticeBlnk) -> None:
    refs = [f"r{at:02}" for at in range(20)]
    for ref in refs:
        blnk.create_balance(**REQUEST, meta_data={"import_ref": ref})
    blnk.order_fault("short_filter", times=2, seed=1)
    for _ in range(2):
        assert set(find(blnk, *refs)) < set(refs)
    assert find(blnk, *refs) == refs


def test_a_short_filter_that_found_one_row_answers_none(blnk: PracticeBlnk) -> None:
    create(blnk)
    blnk.order_fault("short_filter", times=1)
    assert find(blnk, "a") == []


def test_a_full_stop_answers_nobody_and_then_everybody(blnk: PracticeBlnk) -> None:
    began = time.monotonic()
    blnk.order_fault("full_stop", seconds=0.9)
    with pytest.raises(requests.ReadTimeout):
        create(blnk, "gave up", timeout=0.1)
    assert find(blnk, "gave up") == []
    assert time.monotonic() - began > 0.9
    assert create(blnk, "after").status_code == 201
    assert blnk.refs() == ["after"]


def test_clearing_the_faults_ends_a_full_stop(blnk: PracticeBlnk) -> None:
    blnk.order_fault("full_stop", seconds=60)
    caller = threading.Thread(target=create, args=(blnk,))
    caller.start()
    assert eventually(lambda: blnk.requests()["total"] == 1)
    blnk.clear_faults()
    caller.join(PATIENCE_SECONDS)
    assert blnk.refs() == ["a"]


def test_revoked_credentials_are_rejected_for_everything(blnk: PracticeBlnk) -> None:
    client = blnk.oauth_client()
    blnk.order_fault("revoke", skip=1)
    assert create(blnk, "before").status_code == 201
    assert create(blnk, "after").status_code == 401
    assert blnk.cloud("GET", "data/ledgers").status_code == 401
    refreshed = requests.post(
        f"{blnk.url}/oauth/token",
        data={"grant_type": "refresh_token", "refresh_token": client["refresh_token"]},
        auth=(client["client_id"], client["client_secret"]),
        timeout=PATIENCE_SECONDS,
    )
    assert (refreshed.status_code, refreshed.json()) == (400, {"error": "invalid_grant"})
    assert blnk.refs() == ["before"]


def test_forbidden_is_a_403_and_creates_nothing(blnk: PracticeBlnk) -> None:
    blnk.order_fault("forbid")
    assert create(blnk).status_code == 403
    assert blnk.cloud("GET", "data/ledgers").status_code == 200
    assert blnk.refs() == []


def test_a_hanging_request_is_never_answered_and_creates_nothing(blnk: PracticeBlnk) -> None:
    blnk.order_fault("hang", times=1)
    with pytest.raises(requests.ReadTimeout):
        create(blnk, timeout=0.1)
    assert eventually(lambda: blnk.requests()["by_status"] == {"dropped": 1})
    assert blnk.refs() == []


def test_a_fault_lets_some_pass_and_then_applies_as_often_as_configured(blnk: PracticeBlnk) -> None:
    blnk.order_fault("status_before_commit", status=503, skip=2, times=3)
    statuses = [create(blnk).status_code for _ in range(7)]
    assert statuses == [201, 201, 503, 503, 503, 201, 201]
    assert [each["fired"] for each in blnk.faults()] == [3]


def test_a_random_fault_applies_about_as_often_as_configured_and_repeatably(blnk: PracticeBlnk) -> None:
    def statuses() -> list[int]:
        blnk.clear_faults()
        blnk.order_fault("status_before_commit", percent=30, seed=7)
        return [create(blnk).status_code for _ in range(60)]

    first = statuses()
    assert 6 <= first.count(500) <= 30
    assert statuses() == first


def test_a_fault_applies_only_to_its_own_requests(blnk: PracticeBlnk) -> None:
    blnk.order_fault("status_before_commit", status=503, on="read")
    assert create(blnk).status_code == 201
    assert blnk.cloud("GET", "data/ledgers").status_code == 503
    assert blnk.cloud("POST", "balances/filter", {"filters": []}).status_code == 503
    blnk.clear_faults()
    blnk.order_fault("status_before_commit", status=503, on="filter")
    assert blnk.cloud("GET", "data/ledgers").status_code == 200
    assert blnk.cloud("POST", "balances/filter", {"filters": []}).status_code == 503
    blnk.clear_faults()
    blnk.order_fault("status_before_commit", status=503, on="any")
    assert create(blnk).status_code == blnk.cloud("GET", "data/ledgers").status_code == 503


def test_the_answer_to_a_refresh_can_be_lost_after_the_token_was_rotated(blnk: PracticeBlnk) -> None:
    client = blnk.oauth_client()
    ask: JsonObject = {
        "url": f"{blnk.url}/oauth/token",
        "data": {"grant_type": "refresh_token", "refresh_token": client["refresh_token"]},
        "auth": (client["client_id"], client["client_secret"]),
        "timeout": PATIENCE_SECONDS,
    }
    blnk.order_fault("drop_after_commit", on="token", times=1)
    with pytest.raises(requests.ConnectionError):
        requests.post(**ask)
    assert requests.post(**ask).json() == {"error": "invalid_grant"}


def test_faults_apply_to_core_itself_too(blnk: PracticeBlnk) -> None:
    blnk.order_fault("rate_limited", retry_after="1", times=1)
    answer = requests.post(
        f"{blnk.core_url}/balances",
        json=REQUEST,
        headers={"X-Blnk-Key": blnk.core_key},
        timeout=PATIENCE_SECONDS,
    )
    assert answer.status_code == 429
    assert answer.json()["error_detail"]["code"] == "GEN_RATE_LIMITED"


def test_several_faults_share_the_requests_between_them(blnk: PracticeBlnk) -> None:
    blnk.order_fault("latency", seconds=0.05)
    blnk.order_fault("status_after_commit", status=502, times=1)
    blnk.order_fault("rate_limited", times=1)
    statuses = [create(blnk, ref).status_code for ref in "abc"]
    assert statuses == [502, 429, 201]
    assert blnk.refs() == ["a", "c"]
    assert all(each["seconds"] > 0.04 for each in blnk.requests()["recent"])


@pytest.mark.parametrize(
    "order",
    [
        {"kind": "made_up"},
        {"kind": "latency"},
        {"kind": "latency", "seconds": "soon"},
        {"kind": "status_before_commit", "status": 418},
        {"kind": "hang", "on": "weekends"},
        {"kind": "hang", "colour": "red"},
    ],
)
def test_a_senseless_fault_is_rejected(blnk: PracticeBlnk, order: JsonObject) -> None:
    answer = requests.post(
        f"{blnk.url}/_practice/faults",
        json=order,
        headers={"X-Practice-Door": blnk.practice.door_key},
        timeout=PATIENCE_SECONDS,
    )
    assert answer.status_code == 400
    assert blnk.faults() == []


def test_an_incomplete_request_is_not_served(blnk: PracticeBlnk) -> None:
    body = b'{"ledger_id":"general_ledger_id","currency":"USD"}'
    head = (
        f"POST /proxy/balances?instance_id={blnk.instance_id} HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: Bearer {blnk.token}\r\nContent-Length: {len(body) + 1}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", blnk.practice.port)) as line:
        line.sendall(head.encode() + body)
    assert create(blnk).status_code == 201
    assert blnk.refs() == ["a"]
    assert len(blnk.balances()) == 1
