"""Practice as Blnk Cloud: who is let in, what reads and filters find, and how tokens rotate.

What Core itself answers is in test_practice_contract.py.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from tests.support.json_object import JsonObject
from tests.support.practice import PracticeBlnk

REQUEST = {"ledger_id": "general_ledger_id", "currency": "USD"}


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PracticeBlnk]:
    with PracticeBlnk(tmp_path_factory.mktemp("cloud")) as blnk:
        yield blnk


@pytest.fixture
def blnk(process: PracticeBlnk) -> PracticeBlnk:
    process.reset()
    return process


def filtered(blnk: PracticeBlnk, *filters: JsonObject, **more: Any) -> Any:
    params = {name: more.pop(name) for name in ("page", "pageSize") if name in more}
    answer = blnk.cloud("POST", "balances/filter", {"filters": list(filters), **more}, **params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def refs_found(blnk: PracticeBlnk, *filters: JsonObject, **more: Any) -> list[str]:
    return [row["meta_data"]["import_ref"] for row in filtered(blnk, *filters, **more)["data"]]


def with_refs(blnk: PracticeBlnk, *refs: str) -> list[JsonObject]:
    return [blnk.create_balance(**REQUEST, meta_data={"import_ref": ref}) for ref in refs]


def test_a_balance_created_through_the_proxy_has_everything_that_was_requested(blnk: PracticeBlnk) -> None:
    ledger_id = blnk.create_ledger("Wallets")
    identity_id = blnk.create_identity(identity_type="individual", first_name="Ada")
    asked = {
        "ledger_id": ledger_id,
        "currency": "EUR",
        "identity_id": identity_id,
        "meta_data": {"import_ref": "a", "limit": "250"},
        "track_fund_lineage": True,
        "allocation_strategy": "LIFO",
    }
    answer = blnk.cloud("POST", "proxy/balances", asked)
    assert answer.status_code == 201
    assert {name: answer.json()[name] for name in asked} == asked
    assert [held["balance_id"] for held in blnk.balances()] == [answer.json()["balance_id"]]


def test_the_proxy_passes_cores_status_and_body_through(blnk: PracticeBlnk) -> None:
    for body in ({}, {"ledger_id": "ldg_none", "currency": "USD"}):
        direct = requests.post(
            f"{blnk.core_url}/balances", json=body, headers={"X-Blnk-Key": blnk.core_key}, timeout=120
        )
        passed = blnk.cloud("POST", "proxy/balances", body)
        assert (passed.status_code, passed.content) == (direct.status_code, direct.content)
        assert passed.status_code == 400


def test_the_same_request_again_makes_another_balance(blnk: PracticeBlnk) -> None:
    first, second = (blnk.cloud("POST", "proxy/balances", REQUEST).json() for _ in range(2))
    assert first["balance_id"] != second["balance_id"]
    assert len(blnk.balances()) == 2


@pytest.mark.parametrize("field", ["ledger_id", "currency", "identity_id", "value", "key"])
def test_a_nul_anywhere_is_an_error_of_core_and_nothing_is_created(blnk: PracticeBlnk, field: str) -> None:
    body: JsonObject = {**REQUEST, "meta_data": {"note": "plain"}}
    match field:
        case "value":
            body["meta_data"] = {"deep": [{"note": "a\0b"}]}
        case "key":
            body["meta_data"] = {"no\0te": "plain"}
        case _:
            body[field] = "a\0b"
    answer = blnk.cloud("POST", "proxy/balances", body)
    assert answer.status_code == 500
    assert answer.json()["error_detail"]["code"] == "GEN_INTERNAL"
    assert blnk.balances() == []


def test_a_currency_of_300_characters_is_accepted_and_metadata_as_a_list_is_not(blnk: PracticeBlnk) -> None:
    assert blnk.create_balance(**{**REQUEST, "currency": "X" * 300})["currency"] == "X" * 300
    answer = blnk.cloud("POST", "proxy/balances", {**REQUEST, "meta_data": ["a"]})
    assert answer.status_code == 400
    assert answer.json()["error_detail"]["code"] == "GEN_MALFORMED_REQUEST"


def test_created_at_only_grows_and_is_read_in_microseconds(blnk: PracticeBlnk) -> None:
    made = [blnk.create_balance(**REQUEST) for _ in range(50)]
    read = [blnk.cloud("GET", f"data/balances/{each['balance_id']}").json() for each in made]
    times = [each["created_at"] for each in read]
    assert all(re.fullmatch(r".+T\d\d:\d\d:\d\d(\.\d{1,6})?Z", each) for each in times)
    assert any(re.fullmatch(r".+\.\d{7,9}Z", each["created_at"]) for each in made)
    moments = [datetime.fromisoformat(each) for each in times]
    assert moments == sorted(set(moments))


@pytest.mark.parametrize(
    ("token", "status"),
    [("proxy:write", 201), ("*", 201), ("proxy:read", 403), ("data:read", 403), (None, 401)],
)
def test_creating_requires_a_valid_token_with_write_permission(
    blnk: PracticeBlnk, token: str | None, status: int
) -> None:
    bearer = blnk.new_token([token]) if token else "made-up"
    answer = blnk.cloud("POST", "proxy/balances", REQUEST, token=bearer)
    assert answer.status_code == status
    assert len(blnk.balances()) == (status == 201)
    if status != 201:
        assert answer.json()["error"]


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "data/ledgers", "data:read"),
        ("GET", "data/ledgers/general_ledger_id", "data:read"),
        ("POST", "ledger/filter", "data:read"),
        ("POST", "balances/filter", "data:read"),
        ("POST", "identities/filter", "data:read"),
        ("GET", "proxy/ledgers/general_ledger_id", "proxy:read"),
    ],
)
def test_reading_requires_its_own_scope(blnk: PracticeBlnk, method: str, path: str, scope: str) -> None:
    others = {"data:read", "proxy:read", "proxy:write"} - {scope}
    body: Any = {"filters": []} if method == "POST" else None
    assert blnk.cloud(method, path, body, token=blnk.new_token([scope])).status_code == 200
    assert blnk.cloud(method, path, body, token=blnk.new_token(sorted(others))).status_code == 403


def test_an_expired_token_is_rejected(blnk: PracticeBlnk) -> None:
    assert blnk.cloud("GET", "data/ledgers", token=blnk.new_token(["*"], expires_in=60)).status_code == 200
    assert blnk.cloud("GET", "data/ledgers", token=blnk.new_token(["*"], expires_in=0)).status_code == 401


def test_the_instance_must_be_named_correctly(blnk: PracticeBlnk) -> None:
    assert blnk.cloud("POST", "proxy/balances", REQUEST, instance_id=None).status_code == 400
    assert blnk.cloud("POST", "proxy/balances", REQUEST, instance_id="instance_other").status_code == 404
    assert blnk.balances() == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "nowhere"),
        ("POST", "ledgers/filter"),
        ("POST", "proxy/balances/filter"),
        ("POST", "proxy/api-keys"),
    ],
)
def test_paths_that_the_cloud_does_not_have_are_not_found(blnk: PracticeBlnk, method: str, path: str) -> None:
    answer = blnk.cloud(method, path, {"filters": []})
    assert answer.status_code == 404
    assert answer.json()["error"]


def test_ledgers_and_identities_of_the_seed_can_be_read(blnk: PracticeBlnk) -> None:
    ledgers = blnk.cloud("GET", "data/ledgers").json()
    assert {each["name"] for each in ledgers["data"]} == {
        "General Ledger",
        "Customer wallets",
        "Merchant settlement",
        "Savings",
    }
    assert ledgers["total"] == 4
    identities = blnk.cloud("GET", "data/identities", pageSize=100).json()["data"]
    assert len(identities) == 20
    assert all(each["email_address"].endswith("@example.com") for each in identities)
    assert {each["identity_type"] for each in identities} == {"individual", "organization"}


def test_lists_come_in_pages_newest_first(blnk: PracticeBlnk) -> None:
    made = [each["balance_id"] for each in with_refs(blnk, *"abcdefg")][::-1]
    pages = [blnk.cloud("GET", "data/balances", page=page, pageSize=3).json() for page in (1, 2, 3, 4)]
    assert [[row["balance_id"] for row in page["data"]] for page in pages] == [
        made[:3],
        made[3:6],
        made[6:],
        [],
    ]
    assert {page["total"] for page in pages} == {7}


@pytest.mark.parametrize("size", [101, 1000, 0, "many", None])
def test_a_page_of_more_than_100_answers_20(blnk: PracticeBlnk, size: Any) -> None:
    with_refs(blnk, *(f"r{at}" for at in range(25)))
    assert len(blnk.cloud("GET", "data/balances", pageSize=size).json()["data"]) == 20
    assert len(filtered(blnk, pageSize=size)["data"]) == 20


def test_a_page_of_100_answers_100(blnk: PracticeBlnk) -> None:
    with_refs(blnk, *(f"r{at}" for at in range(105)))
    found = filtered(blnk, {"field": "meta_data.import_ref", "operator": "isnotnull"}, pageSize=100)
    assert (len(found["data"]), found["total"]) == (100, 105)


def test_one_record_is_read_by_its_id_or_is_not_found(blnk: PracticeBlnk) -> None:
    balance_id = blnk.create_balance(**REQUEST)["balance_id"]
    assert blnk.cloud("GET", f"data/balances/{balance_id}").json()["balance_id"] == balance_id
    for path in ("balances/bln_none", "ledgers/ldg_none", "identities/idt_none"):
        answer = blnk.cloud("GET", f"data/{path}")
        assert answer.status_code == 404
        assert answer.json()["error"]


def test_the_data_api_filters_by_suffix(blnk: PracticeBlnk) -> None:
    with_refs(blnk, "a", "b", "c")
    listed = blnk.cloud(
        "GET", "data/balances", **{"meta_data.import_ref_in": "a,c", "currency_eq": "USD"}
    ).json()
    assert sorted(row["meta_data"]["import_ref"] for row in listed["data"]) == ["a", "c"]
    people = blnk.cloud("GET", "data/identities", email_address_ilike="ADA.%").json()["data"]
    assert [each["first_name"] for each in people] == ["Ada"]


def test_a_filter_answers_data_total_and_stats_and_an_empty_list_for_nothing(blnk: PracticeBlnk) -> None:
    with_refs(blnk, "a", "b")
    found = filtered(blnk, {"field": "meta_data.import_ref", "operator": "in", "values": ["b", "x"]})
    assert [row["meta_data"]["import_ref"] for row in found["data"]] == ["b"]
    assert (found["total"], found["stats"]) == (1, {})
    nothing = filtered(blnk, {"field": "meta_data.import_ref", "operator": "eq", "value": "x"})
    assert nothing == {"data": [], "total": 0, "stats": {}}
    ledgers = blnk.cloud("POST", "ledger/filter", {"filters": []}).json()
    assert ledgers.keys() == {"data", "total"}


KEY = "meta_data.import_ref"


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ({"field": KEY, "operator": "eq", "value": "b"}, "b"),
        ({"field": KEY, "operator": "ne", "value": "b"}, "ac"),
        ({"field": KEY, "operator": "in", "values": ["a", "c"]}, "ac"),
        ({"field": KEY, "operator": "in", "values": []}, "abc"),
        ({"field": KEY, "operator": "like", "value": "A%"}, ""),
        ({"field": KEY, "operator": "ilike", "value": "A%"}, "a"),
        ({"field": KEY, "operator": "like", "value": "_"}, "abc"),
        ({"field": "meta_data.size", "operator": "isnull"}, "c"),
        ({"field": "meta_data.size", "operator": "isnotnull"}, "ab"),
        ({"field": "meta_data.size", "operator": "gt", "value": 1}, "b"),
        ({"field": "meta_data.size", "operator": "between", "values": [1, 2]}, "ab"),
        ({"field": "meta_data.size", "operator": "eq", "value": 1}, "a"),
        ({"field": "meta_data.size", "operator": "eq", "value": "1"}, ""),
        ({"field": "meta_data.size", "operator": "in", "values": ["1"]}, "a"),
        ({"field": "meta_data.vip", "operator": "eq", "value": True}, "a"),
        ({"field": "meta_data.vip", "operator": "in", "values": ["true"]}, "a"),
        ({"field": "currency", "operator": "eq", "value": "USD"}, "abc"),
        ({"field": "identity_id", "operator": "isnull"}, "abc"),
        ({"field": "balance", "operator": "lte", "value": 0}, "abc"),
        ({"field": "balance_id", "operator": "gt", "value": "bln_"}, "abc"),
    ],
)
def test_filters_compare_as_core_does(blnk: PracticeBlnk, condition: JsonObject, found: str) -> None:
    blnk.create_balance(**REQUEST, meta_data={"import_ref": "a", "size": 1, "vip": True})
    blnk.create_balance(**REQUEST, meta_data={"import_ref": "b", "size": 2, "vip": False})
    blnk.create_balance(**REQUEST, meta_data={"import_ref": "c"})
    assert sorted(refs_found(blnk, condition)) == list(found)


def test_created_at_is_compared_without_its_zone(blnk: PracticeBlnk) -> None:
    (made,) = with_refs(blnk, "a")
    created = datetime.fromisoformat(
        blnk.cloud("GET", f"data/balances/{made['balance_id']}").json()["created_at"]
    )
    clock = created.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    for zone in ("", "Z", "+05:30", "-11"):
        assert refs_found(blnk, {"field": "created_at", "operator": "eq", "value": clock + zone}) == ["a"]
        assert refs_found(blnk, {"field": "created_at", "operator": "gt", "value": clock + zone}) == []


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        ({"field": "meta_data.a.b", "operator": "eq", "value": 1}, 400),
        ({"field": "meta_data.1a", "operator": "eq", "value": 1}, 400),
        ({"field": "colour", "operator": "eq", "value": 1}, 400),
        ({"field": "currency", "operator": "exists"}, 400),
        ({"field": "created_at", "operator": "gte", "value": "yesterday"}, 500),
        ({"field": KEY, "operator": "gt", "value": 1}, 500),
    ],
)
def test_an_impossible_filter_is_an_error(blnk: PracticeBlnk, condition: JsonObject, status: int) -> None:
    with_refs(blnk, "a")
    answer = blnk.cloud("POST", "balances/filter", {"filters": [condition]})
    assert answer.status_code == status
    assert answer.json()["error"]


def test_filters_sort_newest_first_by_default(blnk: PracticeBlnk) -> None:
    with_refs(blnk, "b", "a", "c")
    assert refs_found(blnk) == ["c", "a", "b"]
    assert refs_found(blnk, sort_by="created_at", sort_order="asc") == ["b", "a", "c"]
    assert refs_found(blnk, sort_by="made_up", sort_order="asc") == ["b", "a", "c"]
    blnk.set_cloud_sorts(False)
    assert refs_found(blnk, sort_by="created_at", sort_order="asc") == ["c", "a", "b"]


def refresh(
    blnk: PracticeBlnk, client: dict[str, str], token: str, secret: str | None = None
) -> requests.Response:
    return requests.post(
        f"{blnk.url}/oauth/token",
        data={"grant_type": "refresh_token", "refresh_token": token},
        auth=(client["client_id"], secret or client["client_secret"]),
        timeout=120,
    )


def test_a_refresh_token_is_valid_once_and_returns_its_successor(blnk: PracticeBlnk) -> None:
    client = blnk.oauth_client(["proxy:write"])
    first = refresh(blnk, client, client["refresh_token"]).json()
    assert (first["token_type"], first["expires_in"], first["scope"]) == ("Bearer", 3600, "proxy:write")
    assert blnk.cloud("POST", "proxy/balances", REQUEST, token=first["access_token"]).status_code == 201
    again = refresh(blnk, client, client["refresh_token"])
    assert (again.status_code, again.json()) == (400, {"error": "invalid_grant"})
    second = refresh(blnk, client, first["refresh_token"]).json()
    assert second["access_token"] != first["access_token"]
    assert blnk.cloud("POST", "proxy/balances", REQUEST, token=first["access_token"]).status_code == 201


def test_access_tokens_of_a_client_last_as_long_as_configured(blnk: PracticeBlnk) -> None:
    client = blnk.oauth_client(lifetime_seconds=-1)
    pair = refresh(blnk, client, client["refresh_token"]).json()
    assert blnk.cloud("GET", "data/ledgers", token=pair["access_token"]).status_code == 401


def test_a_token_is_given_only_to_the_client_that_knows_its_secret(blnk: PracticeBlnk) -> None:
    client = blnk.oauth_client()
    stranger = refresh(blnk, client, client["refresh_token"], secret="wrong")
    assert (stranger.status_code, stranger.json()) == (401, {"error": "invalid_client"})
    assert refresh(blnk, client, client["refresh_token"]).status_code == 200


def test_a_limit_rejects_what_is_over_it_and_says_how_long_to_wait(blnk: PracticeBlnk) -> None:
    blnk.set_limit(3)
    answers = [blnk.cloud("POST", "proxy/balances", REQUEST) for _ in range(5)]
    assert [each.status_code for each in answers] == [201, 201, 201, 429, 429]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
    assert len(blnk.balances()) == 3
    blnk.set_limit(None)
    assert blnk.cloud("POST", "proxy/balances", REQUEST).status_code == 201


def test_indicators_exist_in_the_newer_core_only(blnk: PracticeBlnk) -> None:
    with_indicator = {**REQUEST, "indicator": "@Cash"}
    assert blnk.cloud("POST", "proxy/balances", with_indicator).json()["indicator"] == "@Cash"
    assert blnk.cloud("POST", "proxy/balances", with_indicator).status_code == 409
    blnk.set_core("0.15.2")
    assert "indicator" not in blnk.cloud("POST", "proxy/balances", with_indicator).json()


def test_the_control_routes_need_their_key(blnk: PracticeBlnk) -> None:
    for key in ({}, {"X-Practice-Door": "wrong"}, {"Authorization": f"Bearer {blnk.token}"}):
        for verb in ("faults", "balances", "requests", "reset"):
            answer = requests.request(
                "POST" if verb == "reset" else "GET", f"{blnk.url}/_practice/{verb}", headers=key, timeout=120
            )
            assert answer.status_code == 403


def test_a_reset_returns_to_the_seed_with_the_same_keys(blnk: PracticeBlnk) -> None:
    before = blnk.cloud("GET", "data/ledgers").json()["total"]
    blnk.create_ledger("Short-lived")
    with_refs(blnk, "a")
    made_token = blnk.new_token(["*"])
    blnk.order_fault("hang")
    blnk.set_core("0.15.2")
    blnk.reset()
    assert (blnk.balances(), blnk.faults(), blnk.requests()["total"]) == ([], [], 0)
    assert blnk.cloud("GET", "data/ledgers").json()["total"] == before
    assert blnk.cloud("GET", "data/ledgers", token=made_token).status_code == 401
    assert (
        blnk.cloud("POST", "proxy/balances", {**REQUEST, "indicator": "@Cash"}).json()["indicator"] == "@Cash"
    )


def test_the_log_has_each_request_and_its_ref(blnk: PracticeBlnk) -> None:
    blnk.cloud("POST", "proxy/balances", {**REQUEST, "meta_data": {"import_ref": "a"}})
    filtered(blnk)
    blnk.cloud("GET", "data/ledgers")
    told = blnk.requests()
    assert told["by_kind"] == {"create": 1, "filter": 1, "get": 1}
    assert told["by_status"] == {"201": 1, "200": 2}
    assert [each["import_ref"] for each in told["recent"]] == ["a", None, None]
    arrivals = [each["arrived"] for each in told["recent"]]
    assert arrivals == sorted(arrivals)
    blnk.forget_requests()
    assert blnk.requests()["total"] == 0
