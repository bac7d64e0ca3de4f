"""Files of the kinds that users of other tools report: each row is sent correctly, or reported.

`samples-2/expected/NAME.json` says of each file: `sent`, the body of each row that may be sent, and no other
row is; `told`, what must be said of which row (0 is the whole file), by a piece of the sentence; `shape`,
how it is to be read, as far as that is told; `error`, a piece of the sentence where nothing can be used;
`currency` and `accepted`, what a person chose for all rows.
"""

import json
from pathlib import Path

import pytest

from blnk_api import files as reading
from blnk_api.drafts import mapping, mapping_problems
from blnk_api.drafts.checking import Checker, Known, wanted
from blnk_api.facts.mapping import ForAllRows
from blnk_api.facts.problems import Problem
from tests.support.json_object import JsonObject

SAMPLES = Path(__file__).parents[1] / "samples-2"
EXPECTED = sorted((SAMPLES / "expected").glob("*.json"))
ENVIRONMENT: JsonObject = json.loads((SAMPLES / "environment.json").read_text("utf-8"))


def read(path: Path, expected: JsonObject) -> tuple[JsonObject, JsonObject, list[Problem]]:
    """The shape, what would be sent by row, and everything that is reported."""
    shape = reading.detect(path, path.name)
    columns = mapping.guess(shape)
    if "currency" in expected:
        for_all = ForAllRows(currencies=(expected["currency"],))
        columns = columns.model_copy(update={"for_all_rows": for_all})
    problems = mapping_problems.problems(columns, shape)
    wanted(reading.records(path, shape), columns)
    known = Known(
        ledgers=ENVIRONMENT["ledgers"],
        identities=ENVIRONMENT["identities"],
        identity_names={"ada.okafor@example.com": ["idt_00000001-0000-4000-8000-000000000001"]},
    )
    checker = Checker(shape, columns, known, (), expected.get("accepted", ()))
    sent = {}
    for record in reading.records(path, shape):
        for row in checker.check(record):
            problems += row.problems
            if row.request is not None:
                sent[f"{row.number}·{row.part}" if row.part else str(row.number)] = row.request
    late = checker.finish()
    for one in late:
        if one.severity == "error":
            sent.pop(f"{one.row}·{one.part}" if one.part else str(one.row), None)
    return shape.model_dump(), sent, problems + late


@pytest.mark.parametrize("path", EXPECTED, ids=[path.stem for path in EXPECTED])
def test_a_file_of_a_reported_kind_is_read_correctly_or_reported(path: Path) -> None:
    expected = json.loads(path.read_text("utf-8"))
    file = SAMPLES / path.stem
    if "error" in expected:
        with pytest.raises(reading.FileProblem) as caught:
            read(file, expected)
        assert expected["error"] in caught.value.message
        return
    shape, sent, problems = read(file, expected)
    assert sent == expected["sent"]
    assert {key: shape[key] for key in expected.get("shape", {})} == expected.get("shape", {})
    for must in expected["told"]:
        found = [one for one in problems if one.row == must["row"] and must["says"] in one.message]
        assert [one.severity for one in found] == [must["severity"]], (must, problems)
    untold = {one.row for one in problems if one.severity != "note"} - {
        must["row"] for must in expected["told"]
    }
    assert not untold, problems


def test_every_file_has_its_expectation() -> None:
    files = {path.name for path in SAMPLES.iterdir() if path.is_file()} - {
        "environment.json",
        "README.md",
        ".gitattributes",
    }
    assert files == {path.stem for path in EXPECTED}
