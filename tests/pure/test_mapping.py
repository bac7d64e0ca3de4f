"""Matching columns: guessed from what is there, changed by a person, kept for the next file."""

import pytest

from blnk_api.drafts import mapping, mapping_problems
from blnk_api.facts.file_shape import FileShape, Record
from blnk_api.facts.mapping import ColumnUse, ForAllRows, Mapping, Use

LEDGER = "ldg_11111111-1111-4111-8111-111111111111"
IDENTITY = "idt_aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"


def shape(headers: str | list[str], *rows: list[str]) -> FileShape:
    names = headers.split(",") if isinstance(headers, str) else headers
    samples = [Record(at, [*cells, *[""] * (len(names) - len(cells))]) for at, cells in enumerate(rows, 2)]
    return FileShape(kind="csv", header_row=1, headers=names, samples=samples)


def uses(headers: str | list[str], *rows: list[str]) -> list[Use]:
    return [column.use for column in mapping.guess(shape(headers, *rows)).columns]


def names(headers: list[str]) -> list[str | None]:
    return [column.name for column in mapping.guess(shape(headers)).columns]


def told(found: Mapping, of: FileShape) -> dict[str, str]:
    return {problem.kind: problem.severity for problem in mapping_problems.problems(found, of)}


@pytest.mark.parametrize(
    ("header", "use"),
    [
        ("ledger_id", Use.LEDGER),
        (" Ledger-ID ", Use.LEDGER),
        ("LEDGER NAME", Use.LEDGER),
        ("CCY", Use.CURRENCY),
        ("Währung", Use.CURRENCY),
        ("Currency code", Use.CURRENCY),
        ("Identity", Use.IDENTITY),
        ("indicator", Use.INDICATOR),
        ("Track fund lineage", Use.LINEAGE),
        ("Allocation Strategy", Use.ALLOCATION_STRATEGY),
        ("External ID", Use.REFERENCE),
        ("balance_id", Use.BALANCE_ID),
        ("import_ref", Use.IMPORT_REF),
        ("customer", Use.METADATA),
        ("status", Use.METADATA),
        ("", Use.IGNORE),
    ],
)
def test_a_header_is_understood_as_people_spell_it(header: str, use: Use) -> None:
    assert uses([header]) == [use]


def test_values_show_what_column_names_do_not() -> None:
    row = [LEDGER, "NGN", IDENTITY, "Ada"]
    assert uses("a,b,c,d", row, row) == [Use.LEDGER, Use.CURRENCY, Use.IDENTITY, Use.METADATA]
    assert uses("code,currency", ["NGN", "USD"]) == [Use.METADATA, Use.CURRENCY]


def test_ids_are_preferred_where_a_file_has_ids_and_names() -> None:
    found = mapping.guess(table := shape("ledger,ledger_name,currency", ["Wallets", LEDGER, "USD"]))
    assert [column.use for column in found.columns] == [Use.METADATA, Use.LEDGER, Use.CURRENCY]
    assert told(found, table) == {"second_column": "warning"}


def test_a_reference_is_used_as_a_key_only_if_it_mostly_differs() -> None:
    alike = [["March"], ["March"], ["March"]]
    assert uses("reference", ["a"], ["b"], ["a"]) == [Use.REFERENCE]
    assert uses("reference", *alike) == [Use.METADATA]
    found = mapping.guess(table := shape("ledger,currency,reference"))
    assert found.reference_column == "reference"
    assert told(found, table) == {"reference_column": "note"}


def test_metadata_names_are_made_findable_where_letters_allow() -> None:
    assert names(["cost_center", "Cost center", "meta_data.region", "meta: Desk no.", "Straße", "客户"]) == [
        "cost_center",
        "Cost_center",
        "region",
        "Desk_no",
        "Straße",
        "客户",
    ]
    assert names(["Débit (€)", "2026 plan"]) == ["Debit", "2026 plan"]
    assert names(["Cost center", "Cost-center"]) == ["Cost_center", "Cost_center"]
    assert names(["import_id"]) == ["file_import_id"]


def test_renamed_or_unsearchable_names_are_reported() -> None:
    found = mapping.guess(table := shape(["ledger", "currency", "Cost center", "客户"]))
    assert told(found, table) == {"renamed": "note", "unfindable_name": "warning"}


@pytest.mark.parametrize("header", ["Opening balance", "Amount", "saldo inicial", "credit_balance"])
def test_a_column_of_amounts_comes_with_a_clear_warning(header: str) -> None:
    found = mapping.guess(table := shape(["ledger", "currency", header]))
    problem = next(p for p in mapping_problems.problems(found, table) if p.kind == "amount_column")
    assert problem.severity == "warning"
    assert "zero" in problem.message


def test_what_a_file_lacks_must_be_chosen_and_one_choice_is_enough() -> None:
    found = mapping.guess(table := shape("name,town", ["Ada", "Lagos"]))
    assert told(found, table) == {"no_ledger_column": "error", "no_currency_column": "error"}
    chosen = found.model_copy(
        update={"for_all_rows": ForAllRows(ledger_id=LEDGER, currencies=("NGN", "USD"))}
    )
    assert told(chosen, table) == {}


def test_a_column_that_appears_twice_is_never_chosen_silently() -> None:
    found = mapping.guess(table := shape("ledger_id,currency,currency,team,Team"))
    messages = [problem.message for problem in mapping_problems.problems(found, table)]
    assert messages == [
        "The column “currency” appears twice (columns 2 and 3). Keep one.",
        "The column “team” appears twice (columns 4 and 5). Keep one.",
    ]
    kept = [
        column.model_copy(update={"use": Use.IGNORE}) if column.position in (2, 4) else column
        for column in found.columns
    ]
    assert told(found.model_copy(update={"columns": tuple(kept)}), table) == {}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (None, "no_metadata_name"),
        ("import_ref", "reserved_name"),
        ("a\0b", "bad_name"),
        ("caf\ufffd", "bad_name"),
    ],
)
def test_a_name_that_cannot_be_sent_is_an_error(name: str | None, kind: str) -> None:
    table = shape("ledger,currency,x")
    columns = list(mapping.guess(table).columns)
    columns[2] = ColumnUse(position=2, header="x", use=Use.METADATA, name=name)
    assert told(Mapping(columns=tuple(columns)), table) == {kind: "error"}


def test_key_columns_must_exist() -> None:
    table = shape("ledger,currency,team")
    found = mapping.guess(table).model_copy(update={"match_columns": ("team", "desk")})
    assert told(found, table) == {"no_match_column": "error"}


def test_a_nameless_column_with_values_is_reported() -> None:
    table = shape(["ledger", "currency", ""], ["A", "USD", "something"])
    assert told(mapping.guess(table), table) == {"nameless_column": "warning"}


def test_a_mapping_is_stored_as_json() -> None:
    found = mapping.guess(shape("ledger,currency,team,reference", ["A", "USD", "x", "y"]))
    assert Mapping.model_validate_json(found.model_dump_json()) == found


def test_a_saved_mapping_is_offered_for_the_same_headers_in_any_order() -> None:
    first = shape("ledger,currency,Wallet owner")
    saved = mapping.guess(first)
    owner = ColumnUse(position=2, header="Wallet owner", use=Use.IDENTITY)
    saved = saved.model_copy(update={"columns": (*saved.columns[:2], owner), "identity_key": "crm"})
    again = shape("wallet OWNER,ledger,currency")
    assert mapping.fingerprint(first.headers) == mapping.fingerprint(again.headers)
    assert mapping.fingerprint(first.headers) != mapping.fingerprint(["ledger", "currency"])
    adopted = mapping.adopt(saved, again)
    assert [(column.position, column.use) for column in adopted.columns] == [
        (0, Use.IDENTITY),
        (1, Use.LEDGER),
        (2, Use.CURRENCY),
    ]
    assert adopted.identity_key == "crm"


def test_our_own_results_are_recognized_by_the_columns_that_we_add() -> None:
    headers = ["ledger", "currency", "status", "'=note", "balance_id", "status", "message", "import_ref"]
    found = mapping.guess(shape(headers))
    assert [column.use for column in found.columns] == [
        Use.LEDGER,
        Use.CURRENCY,
        Use.METADATA,
        Use.METADATA,
        Use.BALANCE_ID,
        Use.STATUS,
        Use.MESSAGE,
        Use.IMPORT_REF,
    ]
    assert found.columns[2].name == "status"
    assert "'" not in (found.columns[3].name or "'")
    assert mapping.fingerprint(headers) == mapping.fingerprint(headers[:4])
