"""What is kept with an import as JSON is read whatever version wrote it, and written so that any reads it."""

import orjson
import pytest

from blnk_api.facts import problems
from blnk_api.facts.file_shape import FileShape, ReadOptions
from blnk_api.facts.findings import Findings, RowFinding, Unexpected
from blnk_api.facts.mapping import ColumnUse, Mapping, Use
from blnk_api.facts.problems import Problem
from blnk_api.facts.stored import Stored
from blnk_api.facts.totals import Accepted, LedgerTotal, Totals
from blnk_api.store.events import Event, EventKind, Particulars
from blnk_api.wording import about_activity
from tests.support.actors import actor
from tests.support.json_object import JsonObject

KEPT: list[tuple[type[Stored], JsonObject]] = [
    (ReadOptions, {}),
    (ReadOptions, {"header_row": 0, "sheet": "Clients"}),
    (Accepted, {}),
    (Accepted, {"currencies": ["POINTS"]}),
    (Totals, {}),
    (Totals, {"records": 9}),
    (
        Totals,
        {
            "records": 2,
            "ledger_names": {"ldg_1": "Wallets"},
            "problems": [
                {
                    **{"kind": "ragged_row", "severity": "error", "column": "", "value": None},
                    **{"message": "Too few cells.", "sentence": "1 row: Too few cells.", "repair": ""},
                    **{"rows": ["12", "14·USD"], "count": 2},
                }
            ],
            "not_checked": ["No ledger."],
            "by_ledger": [{"ledger_id": "ldg_1", "name": "", "currency": "USD", "n": 1}],
        },
    ),
    (Findings, {"clean": True}),
    (
        Findings,
        {
            **{"checked": True, "at": 1_700_000_000.5, "expected": 3, "found": 2},
            "twins": [{"row": 2, "ids": ["bln_1", "bln_2"]}],
            "missing": [{"row": 3, "ids": ["bln_3"]}],
            "unexpected": [{"ref": None, "ids": ["bln_4"]}, {"ref": "v1-x-0", "row": 4, "ids": ["bln_5"]}],
            **{"why_not": None, "clean": False},
        },
    ),
    (
        Mapping,
        {
            "columns": [{"position": 0, "header": "Ccy", "use": "currency", "name": None}],
            "for_all_rows": {"ledger_id": "ldg_1", "currencies": []},
            "match_columns": None,
            "identity_key": None,
        },
    ),
]


@pytest.mark.parametrize(("kind", "kept"), KEPT)
def test_what_an_earlier_version_stored_is_written_again_unchanged(
    kind: type[Stored], kept: JsonObject
) -> None:
    assert orjson.loads(kind.model_validate_json(orjson.dumps(kept)).stored()) == kept


@pytest.mark.parametrize(("kind", "kept"), KEPT)
def test_what_a_later_version_adds_is_ignored(kind: type[Stored], kept: JsonObject) -> None:
    added = {**kept, "of_a_later_version": [1]}
    assert kind.model_validate(added) == kind.model_validate(kept)


def test_a_check_of_an_earlier_version_has_zero_for_what_it_did_not_count() -> None:
    totals = Totals.model_validate({"records": 3, "balances": 2, "invalid": 1})
    assert (totals.existing, totals.hidden_rows, totals.looks_like, totals.has_balance) == (0, 0, 0, 0)
    assert (totals.problems, totals.by_ledger, totals.not_checked) == ((), (), ())
    assert Totals().records is None


def test_a_comparison_counts_only_if_it_says_that_it_looked() -> None:
    assert not Findings.model_validate({"clean": True}).checked


def test_the_whole_shape_of_a_file_is_stored_and_of_options_what_was_chosen() -> None:
    shape = orjson.loads(FileShape(kind="csv", header_row=1, headers=["a"]).stored())
    assert (shape["delimiter"], shape["samples"], shape["rows_estimate"]) == (None, [], 0)
    assert ReadOptions(sheet="Clients", encoding=None).stored() == '{"sheet":"Clients"}'


def test_an_added_field_of_a_fact_is_stored_with_it() -> None:
    totals = Totals(records=1).model_copy(update={"existing": 0, "by_ledger": ()})
    assert orjson.loads(totals.stored()) == {"records": 1, "existing": 0, "by_ledger": []}
    found = Findings(checked=True).model_copy(update={"twins": [RowFinding(row=2, ids=["bln_1"])]})
    assert orjson.loads(found.stored()) == {"checked": True, "twins": [{"row": 2, "ids": ["bln_1"]}]}


def test_a_problem_is_stored_with_its_row_and_read_back() -> None:
    found = [Problem("bad_quotes", 12, "USD", "note", "a", "Quotes.", "warning", "b", 3)]
    kept = problems.to_json(found)
    assert kept is not None
    assert orjson.loads(kept) == [
        {
            **{"kind": "bad_quotes", "row": 12, "part": "USD", "column": "note", "value": "a"},
            **{"message": "Quotes.", "severity": "warning", "repair": "b", "position": 3},
        }
    ]
    assert problems.from_json(kept) == found
    assert (problems.to_json([]), problems.from_json(None)) == (None, [])


def test_a_problem_of_an_earlier_version_has_no_position() -> None:
    kept = {
        **{"kind": "bad_quotes", "row": 12, "part": "", "column": "note", "value": "a"},
        **{"message": "Quotes.", "severity": "warning", "repair": None},
    }
    assert problems.from_json(orjson.dumps([kept]).decode())[0].position is None


def test_the_first_column_of_a_use_counts() -> None:
    columns = [ColumnUse(position=at, header="x", use=Use.CURRENCY) for at in (1, 2)]
    found = Mapping(columns=tuple(columns)).column(Use.CURRENCY)
    assert found is not None
    assert found.position == 1
    assert Mapping(columns=()).column(Use.LEDGER) is None
    assert LedgerTotal(ledger_id="l", currency="USD", n=1).name == ""
    assert Unexpected(ids=["bln_1"]).row is None


def test_events_are_stored_under_the_words_that_they_always_had() -> None:
    assert sorted(EventKind) == sorted(
        [
            "uploaded",
            "asked for",
            "confirmed",
            "asked for approval",
            "approved",
            "sent back",
            "approval withdrawn",
            "approval lapsed",
            "approval void",
            "paused",
            "resumed",
            "cancelled",
            "verified",
            "interrupted",
            "sending stopped",
            "sending started",
            "unreadable",
            "read otherwise",
            "matched columns",
            "accepted currency",
            "withdrew currency",
            "accepted",
            "repaired",
            "left out",
            "taken in",
            "skipped hidden rows",
            "included hidden rows",
            "found",
            "absent",
            "late answer",
            "second balance",
            "made late",
            "looked up for the last time",
            "asked to look again",
            "said which balance it is",
            "asked to send again",
            "asked for again",
            "asked to verify again",
            "repaired and sent again",
            "fixing rows of another import",
            "rows are fixed in another import",
            "rows are no longer fixed elsewhere",
            "took over the fixes of an import",
            "noted",
            "downloaded",
            "receipt",
            "purged",
            "expired",
        ]
    )


@pytest.mark.parametrize("kind", EventKind)
def test_every_kind_of_event_has_a_sentence(kind: EventKind) -> None:
    said = about_activity.event(Event(1.0, actor(), kind, None, "{}"))
    assert said.endswith((".", ": "))
    assert said != f"{kind.capitalize()}." or kind in ("paused", "resumed")


def test_an_event_of_another_version_is_shown_as_it_is_stored() -> None:
    assert about_activity.event(Event(1.0, actor(), "of a later version", None, '{"x": 1}')) == (
        "Of a later version."
    )


def test_the_details_of_all_versions_are_read() -> None:
    one = Particulars.model_validate_json('{"balance_ids": [null, "bln_1"], "rows": ["2", "3·USD"]}')
    assert (one.ids, one.rows, one.by) == (["bln_1"], ("2", "3·USD"), None)
    assert Particulars.model_validate_json('{"rows": 3}').rows == 3
    assert Particulars(by="breaker", reason="").stored() == '{"by":"breaker","reason":""}'
