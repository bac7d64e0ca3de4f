"""What expected.json says about each sample, and whether the outcome of a file matches it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tests.support.json_object import JsonObject

SAMPLES = Path(__file__).parents[1] / "samples"
EXPECTED: list[JsonObject] = json.loads((SAMPLES / "expected.json").read_text("utf-8"))
ENVIRONMENT: JsonObject = json.loads((SAMPLES / "environment.json").read_text("utf-8"))


class Told(NamedTuple):
    """A problem as a verdict describes it."""

    row: int
    column: str
    severity: str


@dataclass
class Outcome:
    """The outcome of one file, by whichever way it was imported."""

    error: str | None = None
    shape: Mapping[str, object] = field(default_factory=dict)
    rows: int = 0
    invalid: int = 0
    requests: dict[int, JsonObject] = field(default_factory=dict)
    problems: Sequence[Told] = ()


def assert_meets(outcome: Outcome, expected: JsonObject) -> None:
    if expected["verdict"] == "file_error":
        assert outcome.error
        assert outcome.error.endswith((".", "?"))
        assert not outcome.rows
        assert not outcome.requests
    else:
        assert outcome.error is None
        _assert_shape(outcome.shape, expected)
        _assert_rows(outcome, expected)


def _assert_shape(shape: Mapping[str, object], expected: JsonObject) -> None:
    assert shape["encoding"] == expected["encoding"]
    assert shape["delimiter"] == expected["delimiter"]
    assert shape["header_row"] == expected["header_row"]
    assert shape["sheet"] == expected.get("sheet", shape["sheet"])


def _assert_rows(outcome: Outcome, expected: JsonObject) -> None:
    assert outcome.rows == expected["rows"]
    assert expected["invalid_min"] <= outcome.invalid <= expected["invalid_max"]
    if not expected.get("advisory"):
        assert outcome.invalid == expected["invalid"]
    for must in expected["must_send"]:
        assert outcome.requests[must["row"]] == must["body"]
    sent = json.dumps(list(outcome.requests.values()), ensure_ascii=False)
    for text in expected.get("never_send_text", []):
        assert text not in sent
        assert json.dumps(text)[1:-1] not in sent
    if "must_create" in expected:
        assert outcome.rows - outcome.invalid == expected["must_create"]

    told = {entry["row"] for entry in expected["problems"]}
    assert {p.row for p in outcome.problems if p.row} <= told
    for problem in expected["problems"]:
        allowed = {problem["severity"], *problem.get("may_be", ())}
        found = [p for p in outcome.problems if p.row == problem["row"]]
        if problem.get("advisory"):
            assert {p.severity for p in found} & allowed or "none" in allowed, problem
        else:
            assert any((p.column, p.severity) == (problem["column"], problem["severity"]) for p in found), (
                problem
            )
    if expected["warned"] is not None:
        assert len({p.row for p in outcome.problems} & outcome.requests.keys()) == expected["warned"]
