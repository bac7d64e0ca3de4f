"""Every sample file meets its verdict: read, matched and checked as a person would have it done for them."""

import json
from pathlib import Path
from typing import Any

import pytest

from blnk_api.imports import mapping, reading
from blnk_api.imports.checking import CheckedRow, Checker, Known, Problem, wanted

SAMPLES = Path(__file__).parent / "samples"
EXPECTED: list[dict[str, Any]] = json.loads((SAMPLES / "expected.json").read_text("utf-8"))
ENVIRONMENT: dict[str, Any] = json.loads((SAMPLES / "environment.json").read_text("utf-8"))


class Result:
    """What came of one file."""

    def __init__(self, path: Path, name: str, expected: dict[str, Any]) -> None:
        self.error: str | None = None
        self.shape: reading.FileShape | None = None
        self.rows: list[CheckedRow] = []
        self.problems: list[Problem] = []
        try:
            self._read(path, name, expected)
        except reading.FileProblem as problem:
            self.error = problem.message

    def _read(self, path: Path, name: str, expected: dict[str, Any]) -> None:
        shape = self.shape = reading.detect(path, name)
        columns = mapping.guess(shape)
        wrong = [p for p in mapping.problems(columns, shape) if p.severity == "error"]
        if wrong:
            self.error = " ".join(p.message for p in wrong)
            return
        ledgers = ENVIRONMENT["ledgers"] | expected.get("environment_overlay", {}).get("ledgers", {})
        asked = wanted(reading.records(path, shape), columns)
        assert asked.records == expected["rows"]
        known = Known(
            ledgers=ledgers,
            identities=ENVIRONMENT["identities"],
        )
        checker = Checker(shape, columns, known, ENVIRONMENT["custom_assets"])
        for record in reading.records(path, shape):
            self.rows += checker.check(record)
        late = checker.finish()
        self.problems = [p for row in self.rows for p in row.problems] + late
        spoiled = {(p.row, p.part) for p in late if p.severity == "error"}
        self.rows = [
            row._replace(request=None) if (row.number, row.part) in spoiled else row for row in self.rows
        ]

    @property
    def requests(self) -> dict[int, dict[str, Any]]:
        return {row.number: row.request for row in self.rows if row.request is not None}


@pytest.mark.parametrize("expected", EXPECTED, ids=[entry["file"] for entry in EXPECTED])
def test_a_sample_meets_its_verdict(expected: dict[str, Any]) -> None:
    names = [expected["file"], *expected.get("also_upload_as", [])]
    for name in names:
        result = Result(SAMPLES / expected["file"], name, expected)
        if expected["verdict"] == "file_error":
            assert result.error
            assert result.error.endswith((".", "?"))
            assert not result.rows
        else:
            assert result.error is None
            assert_shape(result.shape, expected)
            assert_rows(result, expected)


def assert_shape(shape: reading.FileShape | None, expected: dict[str, Any]) -> None:
    assert shape is not None
    assert shape.encoding == expected["encoding"]
    assert shape.delimiter == expected["delimiter"]
    assert shape.header_row == expected["header_row"]
    assert shape.sheet == expected.get("sheet", shape.sheet)


def assert_rows(result: Result, expected: dict[str, Any]) -> None:
    invalid = [row for row in result.rows if row.request is None]
    assert len(result.rows) == expected["rows"]
    assert expected["invalid_min"] <= len(invalid) <= expected["invalid_max"]
    if not expected.get("advisory"):
        assert len(invalid) == expected["invalid"]
    for must in expected["must_send"]:
        assert result.requests[must["row"]] == must["body"]
    sent = json.dumps(list(result.requests.values()), ensure_ascii=False)
    for text in expected.get("never_send_text", []):
        assert text not in sent
        assert json.dumps(text)[1:-1] not in sent
    if "must_create" in expected:
        assert len(result.rows) - len(invalid) == expected["must_create"]

    told = {entry["row"] for entry in expected["problems"]}
    assert {p.row for p in result.problems if p.row} <= told
    for problem in expected["problems"]:
        allowed = {problem["severity"], *problem.get("may_be", ())}
        found = [p for p in result.problems if p.row == problem["row"]]
        if problem.get("advisory"):
            assert {str(p.severity) for p in found} & allowed or "none" in allowed, problem
        else:
            assert any((p.column, p.severity) == (problem["column"], problem["severity"]) for p in found), (
                problem
            )
    if expected["warned"] is not None:
        assert len({p.row for p in result.problems} & result.requests.keys()) == expected["warned"]
