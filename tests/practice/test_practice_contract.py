"""Practice answers what a real Core answered: each recorded exchange, replayed, for both versions.

Compared are status, content type, field names, JSON types and, once ids and times are set aside, all values
too. Of Postgres' error details only Code and Constraint count. Rows that stood in the recorded Core but were
not made by a recorded exchange can differ in whether they have metadata.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from blnk_api.practice.contents import Store
from tests.support.json_object import JsonObject
from tests.support.practice import PracticeBlnk

CONTRACT = Path(__file__).parents[1] / "contract"
RECORDED: dict[str, list[JsonObject]] = {
    version: json.loads((CONTRACT / f"core-{version}.json").read_text())["exchanges"]
    for version in ("0.15.2", "0.15.3")
}
NAMES = [(version, each["name"]) for version, exchanges in RECORDED.items() for each in exchanges]

ID = re.compile(r"(?:ldg|idt|bln|api_key)_[0-9a-f]{8}-[0-9a-f-]{27}")
TIME = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z")
STAGED = {
    "filter with limit over 100": [
        b'{"ledger_id": "%s", "currency": "USD"}',
        b'{"ledger_id": "%s", "currency": "USD", "meta_data": {"n": 12345678901234567890, "f": 0.1}}',
        b'{"ledger_id": "%s", "currency": "USD", "meta_data": {"a": "\\ud800"}}',
    ]
}
"""Balances that the recorder made beside its exchanges just before this one; its answer shows them."""
Played = dict[tuple[str, str], tuple[object, object]]
CUT = re.compile(r"…\((\d+) bytes\)$")


class Replay:
    """Plays exchanges one after the other, with our ids in place of those that were recorded."""

    def __init__(self, blnk: PracticeBlnk) -> None:
        self._blnk = blnk
        self._ours: dict[str, str] = {}
        self._reader_key = ""

    def play(self, exchange: JsonObject) -> tuple[object, object]:
        """What was recorded, in our ids, and what Practice answers."""
        asked = exchange["request"]
        for body in STAGED.get(exchange["name"], ()):
            self._stage(body)
        answer = requests.request(
            asked["method"],
            self._blnk.core_url + self.in_our_ids(asked["path"]),
            data=self._body(asked),
            headers=self._key(exchange["name"]),
            timeout=120,
        )
        recorded = exchange["response"]
        is_json = recorded["content_type"].startswith("application/json")
        theirs: Any = None if is_json and recorded["body"] == "null" else recorded["body"]
        ours: Any = answer.json() if is_json else answer.text
        self._learn(theirs, ours)
        if exchange["name"] in STAGED:
            for their_row, our_row in zip(theirs, ours, strict=False):
                self._learn(their_row, our_row)
        if exchange["name"] == "make a key that may only read":
            self._reader_key = ours["key"]
            ours["key"] = theirs["key"]
        return (
            [recorded["status"], recorded["content_type"], self._plain(self.in_our_ids(theirs))],
            [answer.status_code, answer.headers["content-type"], self._plain(_cut_to(theirs, ours))],
        )

    def in_our_ids(self, value: Any) -> Any:
        text = json.dumps(value)
        return json.loads(ID.sub(lambda found: self._ours.get(found[0], found[0]), text))

    def _stage(self, body: bytes) -> None:
        ledger_id = next(ours for theirs, ours in self._ours.items() if theirs.startswith("ldg_"))
        answer = requests.post(
            f"{self._blnk.core_url}/balances",
            data=body % ledger_id.encode(),
            headers={"X-Blnk-Key": self._blnk.core_key},
            timeout=120,
        )
        assert answer.status_code == 201

    def _body(self, asked: JsonObject) -> bytes | None:
        if "json" in asked:
            return json.dumps(self.in_our_ids(asked["json"])).encode()
        raw = asked.get("raw")
        if raw is not None and (cut := CUT.search(raw)):
            raw = raw[: cut.start()].ljust(int(cut[1]) - 3, "x") + '"}}'
        return None if raw is None else str(raw).encode()

    def _key(self, name: str) -> dict[str, str]:
        if name == "no key":
            return {}
        keys = {"a wrong key": "wrong", "a key without write scope": self._reader_key}
        return {"X-Blnk-Key": keys.get(name, self._blnk.core_key)}

    def _learn(self, theirs: Any, ours: Any) -> None:
        if isinstance(theirs, dict) and isinstance(ours, dict):
            for name in theirs.keys() & ours.keys():
                self._learn(theirs[name], ours[name])
        elif isinstance(theirs, str) and isinstance(ours, str) and ID.fullmatch(theirs):
            self._ours.setdefault(theirs, ours)

    def _plain(self, value: Any) -> Any:
        """Times, rows of unknown make and Postgres' chatter brought to one form."""
        match value:
            case dict():
                plain = {name: self._plain(held) for name, held in value.items()}
                if isinstance(plain.get("details"), dict):
                    plain["details"] = {key: plain["details"].get(key) for key in ("Code", "Constraint")}
                return plain
            case list():
                return [self._row(row) for row in value]
            case str():
                return TIME.sub("(time)", value)
            case _:
                return value

    def _row(self, row: Any) -> Any:
        known = self._ours.values()
        ids = ("balance_id", "identity_id", "ledger_id")
        own = next((row[key] for key in ids if row.get(key)), None) if isinstance(row, dict) else None
        if own is None or own in known:
            return self._plain(row)
        return {name: "(any)" if name == "meta_data" else type(held).__name__ for name, held in row.items()}


def _cut_to(theirs: Any, ours: Any) -> Any:
    """Recorded lists hold the first rows only."""
    return ours[: len(theirs)] if isinstance(theirs, list) and isinstance(ours, list) else ours


@pytest.fixture(scope="module")
def replays(tmp_path_factory: pytest.TempPathFactory) -> Played:
    played = {}
    for version, exchanges in RECORDED.items():
        with PracticeBlnk(tmp_path_factory.mktemp("contract"), core=version) as blnk:
            replay = Replay(blnk)
            for exchange in exchanges:
                played[version, exchange["name"]] = replay.play(exchange)
    return played


@pytest.fixture(scope="module")
def blnk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PracticeBlnk]:
    with PracticeBlnk(tmp_path_factory.mktemp("core")) as blnk:
        yield blnk


def core_filter(blnk: PracticeBlnk, **body: Any) -> Any:
    url, headers = f"{blnk.core_url}/balances/filter", {"X-Blnk-Key": blnk.core_key}
    answer = requests.post(url, json={"filters": [], **body}, headers=headers, timeout=120)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize(("version", "name"), NAMES)
def test_answers_as_the_recorded_core(replays: Played, version: str, name: str) -> None:
    theirs, ours = replays[version, name]
    assert ours == theirs


def unmarshal(what: str, field: str, into: str) -> str:
    return f"json: cannot unmarshal {what} into Go struct field CreateBalance.{field} of type {into}"


MALFORMED = [
    ('"precision": "100"', unmarshal("string", "precision", "float64")),
    ('"precision": true', unmarshal("bool", "precision", "float64")),
    ('"precision": [100]', unmarshal("array", "precision", "float64")),
    ('"Precision": {}', unmarshal("object", "precision", "float64")),
    ('"precision": 1e400', unmarshal("number 1e400", "precision", "float64")),
    ('"ledger_id": 1', unmarshal("number", "ledger_id", "string")),
    ('"ledger_id": 1e400', unmarshal("number", "ledger_id", "string")),
    ('"identity_id": false', unmarshal("bool", "identity_id", "string")),
    ('"currency": ["USD"]', unmarshal("array", "currency", "string")),
    ('"indicator": {}', unmarshal("object", "indicator", "string")),
    ('"allocation_strategy": 1', unmarshal("number", "allocation_strategy", "string")),
    ('"track_fund_lineage": "true"', unmarshal("string", "track_fund_lineage", "bool")),
    ('"track_fund_lineage": 1', unmarshal("number", "track_fund_lineage", "bool")),
    ('"meta_data": "text"', unmarshal("string", "meta_data", "map[string]interface {}")),
    ('"meta_data": {"a": [{"b": -1e999}]}', unmarshal("number -1e999", "meta_data", "float64")),
    ('"currency": 840, "ledger_id": 1', unmarshal("number", "currency", "string")),
    ('"precision": "100", "meta_data": []', unmarshal("string", "precision", "float64")),
]
"""As Go reads a body into Core's struct: the first field that does not fit decides, in the body's order."""


@pytest.mark.parametrize(("fields", "message"), MALFORMED)
def test_a_value_of_a_wrong_type_is_malformed(blnk: PracticeBlnk, fields: str, message: str) -> None:
    blnk.reset()
    needed = {"ledger_id": "general_ledger_id", "currency": "USD"}
    given = [f'"{name}": "{value}"' for name, value in needed.items() if f'"{name}"' not in fields]
    answer = create(blnk, "{" + ", ".join([*given, fields]) + "}")
    assert answer.status_code == 400
    assert answer.json() == {
        "error": message,
        "error_detail": {"code": "GEN_MALFORMED_REQUEST", "message": message},
    }
    assert blnk.balances() == []


@pytest.mark.parametrize(
    "fields",
    [
        '"precision": 100',
        '"precision": -0.5',
        '"precision": null, "identity_id": null, "track_fund_lineage": null, "meta_data": null',
        '"unknown": {"of": "any type"}',
        '"meta_data": {"large": 123456789012345678901234567890}',
    ],
)
def test_what_core_accepts_is_accepted(blnk: PracticeBlnk, fields: str) -> None:
    answer = create(blnk, f'{{"ledger_id": "general_ledger_id", "currency": "USD", {fields}}} and more')
    assert answer.status_code == 201
    assert "precision" not in answer.json()


def test_an_indicator_is_trimmed(blnk: PracticeBlnk) -> None:
    blnk.reset()
    made = [
        create(blnk, f'{{"ledger_id": "general_ledger_id", "currency": "USD", "indicator": "{indicator}"}}')
        for indicator in (" @cash\\t", "  ", "@ca sh")
    ]
    assert [(one.status_code, one.json().get("indicator")) for one in made] == [
        (201, "@cash"),
        (201, None),
        (400, None),
    ]


NUL_IN_TEXT = ("22021", 'invalid byte sequence for encoding "UTF8": 0x00')
NUL_IN_METADATA = ("22P05", "unsupported Unicode escape sequence")


@pytest.mark.parametrize(
    ("path", "fields", "told"),
    [
        ("balances", '"currency": "U\\u0000D"', NUL_IN_TEXT),
        ("balances", '"ledger_id": "ldg\\u0000"', NUL_IN_TEXT),
        ("balances", '"meta_data": {"a": "b\\u0000"}', NUL_IN_METADATA),
        ("balances", '"meta_data": {"a": [{"\\u0000": 1}]}', NUL_IN_METADATA),
        ("balances", '"meta_data": {"a": "\\u0000"}, "currency": "\\u0000"', NUL_IN_TEXT),
        ("ledgers", '"name": "a\\u0000"', NUL_IN_TEXT),
        ("ledgers", '"name": "a\\u0000", "meta_data": {"a": "\\u0000"}', NUL_IN_METADATA),
        ("identities", '"first_name": "a\\u0000"', NUL_IN_TEXT),
        ("identities", '"meta_data": {"a": "\\u0000"}', NUL_IN_METADATA),
    ],
)
def test_a_nul_is_rejected_by_postgres_with_its_position(
    blnk: PracticeBlnk, path: str, fields: str, told: tuple[str, str]
) -> None:
    body = f'{{"ledger_id": "general_ledger_id", "currency": "USD", "name": "a", {fields}}}'
    answer = create(blnk, body, path)
    assert answer.status_code == 500
    error = answer.json()["error_detail"]
    assert (error["code"], error["message"]) == ("GEN_INTERNAL", "Database error occurred")
    assert (error["details"]["Code"], error["details"]["Message"]) == told


def create(blnk: PracticeBlnk, body: str, path: str = "balances") -> requests.Response:
    url, headers = f"{blnk.core_url}/{path}", {"X-Blnk-Key": blnk.core_key}
    return requests.post(url, data=body.encode(), headers=headers, timeout=120)


@pytest.mark.parametrize(("limit", "rows"), [(101, 20), (1000, 20), (0, 20), (-1, 20), (100, 25), (7, 7)])
def test_a_page_over_100_answers_20(blnk: PracticeBlnk, limit: int, rows: int) -> None:
    blnk.reset()
    for _ in range(25):
        blnk.create_balance(ledger_id="general_ledger_id", currency="USD")
    assert len(core_filter(blnk, limit=limit)) == rows
    counted = core_filter(blnk, limit=limit, offset=5, include_count=True)
    assert (len(counted["data"]), counted["total_count"]) == (min(rows, 20), 25)


def test_filters_do_not_tell_whether_lineage_is_tracked(blnk: PracticeBlnk) -> None:
    """Core selects neither lineage nor strategy for a filter: false, and absent."""
    blnk.reset()
    identity_id = blnk.create_identity(first_name="Ada")
    made = blnk.create_balance(
        ledger_id="general_ledger_id", currency="USD", identity_id=identity_id, track_fund_lineage=True
    )
    assert made["track_fund_lineage"] is True
    (found,) = core_filter(blnk)
    assert found["track_fund_lineage"] is False
    assert "allocation_strategy" not in found


def test_created_at_increases_whatever_the_clock_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path / "practice.sqlite")
    clock = iter([5_000_000_000, 5_000_000_100, 4_000_000_000, 5_000_001_000, 6_000_000_000])
    monkeypatch.setattr("time.time_ns", lambda: next(clock))
    told_us = [store.now_ns() // 1000 for _ in range(5)]
    store.close()
    assert told_us == sorted(set(told_us))
    assert told_us[-1] == 6_000_000
