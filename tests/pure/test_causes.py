"""Problems by cause: one decision for many rows, and only acts that make sense."""

import pytest

from blnk_api.currencies import Severity
from blnk_api.drafts.guide.causes import Act, acts_of, causes_of
from blnk_api.facts.mapping import ColumnUse, Mapping, Use
from blnk_api.facts.totals import ProblemSummary
from blnk_api.wording import about_causes

MAPPING = Mapping(
    columns=(
        ColumnUse(position=0, header="ledger", use=Use.LEDGER),
        ColumnUse(position=1, header="currency", use=Use.CURRENCY),
        ColumnUse(position=2, header="email", use=Use.IDENTITY),
        ColumnUse(position=3, header="note", use=Use.METADATA, name="note"),
    )
)


def problem(
    kind: str,
    value: str | None,
    *rows: str,
    at: int | None = 0,
    severity: Severity = "error",
    repair: str | None = None,
) -> ProblemSummary:
    return ProblemSummary(
        kind=kind,
        severity=severity,
        column="" if at is None else MAPPING.columns[at].header,
        position=at,
        value=value,
        message=f"{value} is wrong.",
        repair=repair,
        rows=rows,
        count=len(rows),
    )


UNKNOWN_CUSTOMERS = [problem("unknown_identity", f"p{n}@x.example", str(n), at=2) for n in range(2, 44)]


def acts(*problems: ProblemSummary) -> list[str]:
    [cause] = causes_of(problems)
    return [act.name for act in acts_of(cause, MAPPING)]


def test_forty_two_unknown_customers_are_one_cause() -> None:
    [cause] = causes_of(UNKNOWN_CUSTOMERS)
    assert cause.rows == 42
    assert cause.labels[:3] == ["2", "3", "4"]
    told = about_causes.title(
        cause.kind, cause.groups[0].message, values=cause.values, groups=len(cause.groups), rows=cause.rows
    )
    assert told == "42 email addresses do not belong to a known identity."


def test_a_customer_can_be_left_empty_kept_as_metadata_or_its_rows_skipped() -> None:
    assert acts(*UNKNOWN_CUSTOMERS) == ["REPLACE", "CLEAR", "AS_METADATA", "SKIP"]


def test_causes_differ_by_kind_and_column_and_errors_come_first() -> None:
    found = causes_of(
        [
            problem("twin_row", "row 3", "2", "3", "4", at=None, severity="warning"),
            problem("unknown_currency", "NNG", "5", at=1),
            problem("unknown_ledger", "Savngs", "6", "7"),
            problem("unknown_ledger", "Walets", "8"),
            problem("not_checked", "", "0", at=None, severity="warning"),
        ]
    )
    assert [(one.kind, one.rows, len(one.groups)) for one in found] == [
        ("unknown_ledger", 3, 2),
        ("unknown_currency", 1, 1),
        ("twin_row", 3, 1),
    ]
    assert len({one.key for one in found}) == 3


def test_the_most_frequent_value_comes_first() -> None:
    [cause] = causes_of([problem("unknown_ledger", "a", "2"), problem("unknown_ledger", "b", "3", "4")])
    assert cause.values == ["b", "a"]
    assert cause.labels == ["2", "3", "4"]


def test_rows_of_one_record_that_makes_several_balances_are_in_file_order() -> None:
    [cause] = causes_of([problem("twin_row", "row 9", "10·USD", "9·EUR", "100", at=None, severity="warning")])
    assert cause.labels == ["9·EUR", "10·USD", "100"]


def test_the_most_likely_value_is_offered_first() -> None:
    assert acts(problem("unknown_ledger", "Savngs", "2", repair="Savings")) == [
        "SUGGESTED",
        "REPLACE",
        "SKIP",
    ]


def test_an_unknown_code_can_be_kept_and_an_empty_cell_cannot() -> None:
    assert acts(problem("unknown_currency", "PTS", "2", at=1)) == ["REPLACE", "KEEP_CURRENCY", "SKIP"]
    assert acts(problem("missing_currency", "", "2", at=1)) == ["REPLACE", "SKIP"]


def test_of_rows_that_are_the_same_the_first_is_never_skipped_with_the_others() -> None:
    assert acts(problem("twin_row", "row 3", "2", "3", at=None, severity="warning")) == ["SKIP_REPEATS"]
    assert acts(problem("duplicate_reference", "k", "2", "3", at=3)) == ["SKIP_REPEATS"]


def test_a_cell_that_may_hide_rows_is_not_overwritten() -> None:
    assert acts(problem("bad_quotes", "a", "2", at=3)) == ["SKIP"]


def test_a_row_with_too_few_cells_is_completed_and_one_with_too_many_is_not() -> None:
    assert acts(problem("ragged_row", "", "2", at=None, repair="")) == ["ADD_MISSING", "SKIP"]
    assert acts(problem("ragged_row", "", "2", at=None)) == ["SKIP"]


def test_a_warning_whose_cell_can_be_tidied_offers_that_and_no_other_value() -> None:
    assert acts(problem("control_character", "a", "2", at=3, severity="warning", repair="b")) == [
        *("SUGGESTED", "SKIP")
    ]


def test_a_note_asks_for_nothing_and_hidden_rows_can_be_skipped() -> None:
    assert acts(problem("whitespace_trimmed", " a", "2", at=3, severity="note")) == []
    assert acts(problem("hidden_row", None, "2", at=None, severity="note")) == [Act.SKIP_HIDDEN.name]


@pytest.mark.parametrize(
    ("kind", "rows", "told"),
    [
        ("missing_currency", 1, "1 row has no currency."),
        ("missing_currency", 1_200, "1,200 rows have no currency."),
        ("ragged_row", 1, "x"),
        ("ragged_row", 5, "5 rows have more or fewer cells than the file has columns."),
        ("twin_row", 3, "3 rows are the same as another row. Each creates its own balance."),
    ],
)
def test_a_cause_that_has_no_values_counts_its_rows(kind: str, rows: int, told: str) -> None:
    assert about_causes.title(kind, "x", values=[""], groups=1, rows=rows) == told


def test_a_kind_without_a_sentence_for_many_rows_gives_an_example() -> None:
    told = about_causes.title("cut_digits", "1E+9 looks cut.", values=["a", "b"], groups=2, rows=2)
    assert told == "2 rows with this problem, for example: 1E+9 looks cut."


def test_a_button_that_applies_all_suggestions_says_what_it_applies() -> None:
    assert about_causes.suggestions([("Savngs", "Savings"), ("NNG", "NGN")]) == (
        "“Savngs” becomes Savings; “NNG” becomes NGN."
    )
    told = about_causes.suggestions([(f"a{at}", "b") for at in range(10)])
    assert told.endswith("“a7” becomes b; and 2 more.")
