"""Every sample file meets its verdict: read, matched and checked as a person would have it done for them."""

from pathlib import Path

import pytest

from blnk_api import files
from blnk_api.drafts import mapping, mapping_problems
from blnk_api.drafts.checking import CheckedRow, Checker, Known, wanted
from blnk_api.facts.file_shape import FileShape
from blnk_api.facts.mapping import Mapping
from tests.support.json_object import JsonObject
from tests.support.verdicts import ENVIRONMENT, EXPECTED, SAMPLES, Outcome, Told, assert_meets


def checked(path: Path, name: str, expected: JsonObject) -> Outcome:
    """What reading, matching and checking alone make of a file."""
    try:
        shape = files.detect(path, name)
        columns = mapping.guess(shape)
        wrong = [p for p in mapping_problems.problems(columns, shape) if p.severity == "error"]
        if wrong:
            return Outcome(error=" ".join(p.message for p in wrong))
        return _rows(path, shape, columns, expected)
    except files.FileProblem as problem:
        return Outcome(error=problem.message)


def _rows(path: Path, shape: FileShape, columns: Mapping, expected: JsonObject) -> Outcome:
    ledgers = ENVIRONMENT["ledgers"] | expected.get("environment_overlay", {}).get("ledgers", {})
    asked = wanted(files.records(path, shape), columns)
    assert asked.records == expected["rows"]
    known = Known(ledgers=ledgers, identities=ENVIRONMENT["identities"])
    checker = Checker(shape, columns, known, ENVIRONMENT["custom_assets"])
    rows: list[CheckedRow] = []
    for record in files.records(path, shape):
        rows += checker.check(record)
    late = checker.finish()
    spoiled = {(p.row, p.part) for p in late if p.severity == "error"}
    sent = {
        row.number: {**row.request}
        for row in rows
        if row.request is not None and (row.number, row.part) not in spoiled
    }
    problems = [*(p for row in rows for p in row.problems), *late]
    return Outcome(
        shape=shape.model_dump(),
        rows=len(rows),
        invalid=len(rows) - len(sent),
        requests=sent,
        problems=[Told(p.row, p.column, p.severity) for p in problems],
    )


@pytest.mark.parametrize("expected", EXPECTED, ids=[entry["file"] for entry in EXPECTED])
def test_a_sample_meets_its_verdict(expected: JsonObject) -> None:
    for name in [expected["file"], *expected.get("also_upload_as", [])]:
        assert_meets(checked(SAMPLES / expected["file"], name, expected), expected)
