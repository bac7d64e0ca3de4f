"""Checking: everything that can be known about a row before it is sent, reported so that a person can act."""

from typing import Any

import orjson
import pytest

from blnk_api.drafts import mapping
from blnk_api.drafts.checking import CheckedRow, Checker, Known, KnownIndicator, group, wanted
from blnk_api.drafts.checking.reimported import STATUS_WORDS
from blnk_api.facts.file_shape import FileShape, Flaw, Record
from blnk_api.facts.mapping import ForAllRows, Mapping
from blnk_api.facts.problems import Problem
from blnk_api.lookup import refs
from blnk_api.models import BalanceRequest
from blnk_api.store.states import STATUSES
from tests.support.json_object import JsonObject

WALLETS = "ldg_11111111-1111-4111-8111-111111111111"
SAVINGS = "ldg_33333333-3333-4333-8333-333333333333"
SAVINGS_TOO = "ldg_44444444-4444-4444-8444-444444444444"
UNHEARD_OF = "ldg_99999999-9999-4999-8999-999999999999"
ADA = "idt_aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
ACME = "idt_bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb"
KNOWN = Known(
    ledgers={WALLETS: "Customer wallets", SAVINGS: "Savings", SAVINGS_TOO: "Savings"},
    identities={ADA: "Ada Okafor", ACME: "Acme Ltd"},
    identity_names={"ada@example.com": [ADA], "shared@example.com": [ADA, ACME]},
    indicators={"@Taken USD": KnownIndicator(balance_id="bln_1")},
)


class Checked:
    """A table of one header and rows, from row 2 on, checked."""

    def __init__(
        self, headers: str, *rows: str, known: Known = KNOWN, kind: str = "csv", **said: Any
    ) -> None:
        names = headers.split(",")
        self.records = [
            Record(number, [*cells, *[""] * (len(names) - len(cells))])
            for number, cells in enumerate((line.split(",") for line in rows), 2)
        ]
        shape = FileShape.model_validate(
            {"kind": kind, "header_row": 1, "headers": names, "samples": self.records[:20]}
        )
        self.mapping = mapping.guess(shape).model_copy(update=said.pop("mapping", {}))
        self.checker = Checker(shape, self.mapping, known, **said)
        self.rows = [row for record in self.records for row in self.checker.check(record)]
        self.late = self.checker.finish()

    @property
    def problems(self) -> list[Problem]:
        return [problem for row in self.rows for problem in row.problems] + self.late

    def kinds(self, row: int = 2) -> list[str]:
        return [problem.kind for problem in self.problems if problem.row == row]

    def only(self, kind: str) -> Problem:
        (found,) = [problem for problem in self.problems if problem.kind == kind]
        return found

    @property
    def sent(self) -> list[JsonObject]:
        return [{**row.request} for row in self.rows if row.request is not None]


def ledger(text: str, known: Known = KNOWN) -> Checked:
    return Checked("ledger,currency", f"{text},USD", known=known)


def test_a_row_becomes_exactly_the_body_that_is_sent() -> None:
    checked = Checked(
        "ledger,currency,identity,track_fund_lineage,allocation_strategy,note,empty",
        "Customer wallets,usd,ada@example.com,TRUE, fifo ,007,",
    )
    (request,) = checked.sent
    assert request == {
        "ledger_id": WALLETS,
        "currency": "USD",
        "identity_id": ADA,
        "track_fund_lineage": True,
        "allocation_strategy": "FIFO",
        "meta_data": {"note": "007"},
    }
    assert BalanceRequest.model_validate(request).model_dump(exclude_defaults=True) == request


@pytest.mark.parametrize("text", [WALLETS, "Customer wallets", "general_ledger_id", "General Ledger"])
def test_a_ledger_is_found_by_id_or_name(text: str) -> None:
    assert ledger(text).kinds() == []


@pytest.mark.parametrize(
    ("text", "kind", "repair"),
    [
        ("", "missing_ledger", None),
        ("   ", "missing_ledger", None),
        (UNHEARD_OF, "unknown_ledger", None),
        (WALLETS[:-1] + "2", "unknown_ledger", WALLETS),
        ("ldg_1111", "malformed_ledger", None),
        (ADA, "malformed_ledger", None),
        ("Customer walets", "unknown_ledger", "Customer wallets"),
        ("Something else", "unknown_ledger", None),
        ("Savings", "ambiguous_ledger", None),
        ("savings", "ambiguous_ledger", None),
    ],
)
def test_an_ambiguous_ledger_is_an_error(text: str, kind: str, repair: str | None) -> None:
    checked = ledger(text)
    problem = checked.only(kind)
    assert (problem.severity, problem.column, problem.value) == ("error", "ledger", text)
    assert problem.repair == repair
    assert checked.sent == []


def test_ledgers_of_the_same_name_are_listed_with_their_ids() -> None:
    message = ledger("Savings").only("ambiguous_ledger").message
    assert SAVINGS in message
    assert SAVINGS_TOO in message


def test_what_differs_only_in_case_or_spaces_is_accepted_with_a_note() -> None:
    assert ledger("CUSTOMER wallets").only("ledger_name_case").severity == "note"
    assert ledger(f" {WALLETS}\u00a0").only("whitespace_trimmed").severity == "note"
    assert ledger(WALLETS.upper()).sent == [{"ledger_id": WALLETS, "currency": "USD"}]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("idt_abc", "malformed_identity"),
        (WALLETS, "malformed_identity"),
        (ADA.replace("a", "c"), "unknown_identity"),
        ("shared@example.com", "ambiguous_identity"),
        ("Nobody", "unknown_identity"),
    ],
)
def test_an_ambiguous_identity_is_an_error(text: str, kind: str) -> None:
    checked = Checked("ledger,currency,identity", f"{WALLETS},USD,{text}")
    assert (checked.only(kind).severity, checked.sent) == ("error", [])


@pytest.mark.parametrize("text", [ADA, "Ada Okafor", "ada okafor", "ADA@example.com"])
def test_an_identity_is_found_by_id_name_or_e_mail(text: str) -> None:
    assert Checked("ledger,currency,identity", f"{WALLETS},USD,{text}").sent[0]["identity_id"] == ADA


def test_without_permission_to_read_ids_are_accepted_and_reported_as_unchecked() -> None:
    blind = Known(readable=False)
    checked = Checked(
        "ledger,currency,identity", f"{UNHEARD_OF},USD,{ADA}", f"{UNHEARD_OF},EUR,", known=blind
    )
    assert len(checked.sent) == 2
    assert [(p.kind, p.row, p.severity) for p in checked.late] == [("not_checked", 0, "warning")] * 2
    assert ledger("Customer wallets", known=blind).only("unknown_ledger").severity == "error"
    assert ledger("ldg_1111", known=blind).only("malformed_ledger").severity == "error"


def test_several_currencies_make_several_balances() -> None:
    checked = Checked("ledger,currency,note", f"{WALLETS},NGN; usd ;EUR,x")
    assert [(row.number, row.part) for row in checked.rows] == [(2, "NGN"), (2, "USD"), (2, "EUR")]
    assert [request["currency"] for request in checked.sent] == ["NGN", "USD", "EUR"]
    assert len({row.hash for row in checked.rows}) == 3


def test_one_wrong_currency_among_several_is_fixed_in_its_cell() -> None:
    checked = Checked("ledger,currency", f"{WALLETS},NGN;EURO")
    assert checked.only("unknown_currency").repair == "NGN;EUR"
    checked = Checked("ledger,currency", f"{WALLETS},usdt;usd")
    assert checked.only("currency_case_fixed").repair == "usdt;USD"
    assert [(row.part, row.request) for row in checked.rows] == [("", None)]
    assert Checked("ledger,currency", f"{WALLETS},NGN;NGN").only("duplicate_currency").repair == "NGN"


def test_what_the_file_lacks_is_chosen_for_all_rows_and_overrides_nothing() -> None:
    everywhere = {"for_all_rows": ForAllRows(ledger_id=WALLETS, currencies=("NGN", "USD"))}
    checked = Checked("name", "Ada", "Bola", mapping=everywhere)
    assert [(row.number, row.part) for row in checked.rows] == [
        (2, "NGN"),
        (2, "USD"),
        (3, "NGN"),
        (3, "USD"),
    ]
    own = Checked("ledger,currency", f"{SAVINGS},EUR", ",", mapping=everywhere)
    assert own.sent == [{"ledger_id": SAVINGS, "currency": "EUR"}]
    assert own.kinds(3) == ["missing_ledger", "missing_currency"]


def test_an_unknown_currency_is_an_error_until_it_is_accepted_for_the_file() -> None:
    assert Checked("ledger,currency", f"{WALLETS},USDD").sent == []
    assert Checked("ledger,currency", f"{WALLETS},USDD", accepted_currencies={"USDD"}).sent != []
    assert Checked("ledger,currency", f"{WALLETS},POINTS", custom_currencies=["POINTS"]).problems == []


@pytest.mark.parametrize(
    ("ledger_id", "lineage", "indicator", "kinds"),
    [
        (WALLETS, "true", "", ["lineage_without_identity"]),
        (WALLETS, "Yes", "", ["boolean_read_as_true", "lineage_without_identity"]),
        (WALLETS, "no", "", ["boolean_read_as_false"]),
        (WALLETS, "tru", "", ["bad_boolean"]),
        (WALLETS, "", "@Fees", ["indicator_outside_general_ledger"]),
        ("general_ledger_id", "", "Fees", ["malformed_indicator"]),
        ("general_ledger_id", "", "@", ["malformed_indicator"]),
        ("general_ledger_id", "", "@\u2060Fees", ["malformed_indicator"]),
        ("general_ledger_id", "", "@Fees\u200b", ["malformed_indicator"]),
        ("general_ledger_id", "", "@Taken", ["indicator_exists"]),
        ("general_ledger_id", "", "@Fees", []),
    ],
)
def test_rules_between_fields(ledger_id: str, lineage: str, indicator: str, kinds: list[str]) -> None:
    checked = Checked("ledger,currency,lineage,indicator", f"{ledger_id},USD,{lineage},{indicator}")
    assert checked.kinds() == kinds


def test_an_indicator_that_this_row_created_is_no_obstacle() -> None:
    row = "general_ledger_id,USD,@Fees"
    hash_ = Checked("ledger,currency,indicator", row).rows[0].hash
    made = KnownIndicator(balance_id="bln_1", import_ref=refs.make_ref(hash_ or "", 0))
    known = Known(indicators={"@Fees USD": made})
    assert Checked("ledger,currency,indicator", row, known=known).kinds() == []


def test_an_indicator_twice_in_a_currency_is_an_error_of_both_rows() -> None:
    rows = [f"general_ledger_id,{code},@Fees" for code in ("USD", "EUR", "USD")]
    checked = Checked("ledger,currency,indicator", *rows)
    assert [(p.row, p.kind, p.severity) for p in checked.problems] == [
        (4, "duplicate_indicator", "error"),
        (2, "duplicate_indicator", "error"),
    ]


def test_text_that_cannot_be_stored_is_an_error_and_odd_text_a_warning() -> None:
    checked = Checked(
        "ledger,currency,note",
        f"{WALLETS},USD,nul\0",
        f"{WALLETS},USD,bell\a",
        f"{WALLETS},USD,lost\ufffd",
        f"{WALLETS},USD,{'x' * 40_000}",
        f"{WALLETS},USD,👩🏽‍💼 \u00a0 שלום",
    )
    assert [(p.row, p.kind, p.severity) for p in checked.problems] == [
        (2, "control_character", "error"),
        (3, "control_character", "warning"),
        (4, "undecodable_text", "error"),
        (5, "long_cell", "warning"),
    ]
    assert checked.problems[0].repair == "nul"
    assert [request["meta_data"]["note"][:5] for request in checked.sent] == ["bell\a", "xxxxx", "👩🏽‍💼 "]


def test_a_row_that_is_too_long_for_blnk_is_not_sent() -> None:
    cells = ",".join("x" * 1_000_000 for _ in range(5))
    checked = Checked("ledger,currency,a,b,c,d,e", f"{WALLETS},USD,{cells}")
    assert "row_too_long" in checked.kinds()
    assert checked.sent == []


def test_a_record_that_reading_found_faulty_is_an_error_with_its_number() -> None:
    checked = Checked("ledger,currency,note", f"{WALLETS},USD,fine")
    short = Record(7, [WALLETS, "", ""], (Flaw("ragged_row", None, "1 cell under 3 columns.", repair=""),))
    (row,) = checked.checker.check(short)
    assert row.request is None
    assert [(p.kind, p.row, p.column, p.repair) for p in row.problems] == [("ragged_row", 7, "", "")]


def test_a_fault_in_an_ignored_column_is_no_obstacle() -> None:
    checked = Checked("ledger,currency,", f"{WALLETS},USD,")
    for cell, flaw in (("#N/A", Flaw("cell_error", 2, "The cell shows #N/A.")), ("nul\0", None)):
        (row,) = checked.checker.check(Record(7, [WALLETS, "EUR", cell], (flaw,) if flaw else ()))
        assert row.request == {"ledger_id": WALLETS, "currency": "EUR"}


def test_a_flawed_cell_is_reported_once() -> None:
    checked = Checked("ledger,currency,note", f"{WALLETS},USD,fine")
    flawed = Record(7, [WALLETS, "#N/A", ""], (Flaw("cell_error", 1, "The cell shows #N/A."),))
    (row,) = checked.checker.check(flawed)
    assert [(p.kind, p.column, p.value) for p in row.problems] == [("cell_error", "currency", "#N/A")]


def test_all_problems_of_a_row_are_reported_at_once() -> None:
    checked = Checked("ledger,currency,lineage,allocation_strategy", "nowhere,US,maybe,FILO")
    assert [p.column for p in checked.problems] == ["ledger", "currency", "lineage", "allocation_strategy"]


def test_identical_rows_are_both_created_with_a_warning_on_each() -> None:
    row = f"{WALLETS},USD,float"
    checked = Checked("ledger,currency,purpose", row, f"{WALLETS},EUR,float", row, row)
    assert [row.occurrence for row in checked.rows] == [0, 0, 1, 2]
    assert len({(row.hash, row.occurrence) for row in checked.rows}) == 4
    assert [(p.row, p.kind, p.severity) for p in checked.problems] == [
        (4, "twin_row", "warning"),
        (5, "twin_row", "warning"),
        (2, "twin_row", "warning"),
    ]
    (twins,) = group(checked.problems)
    assert [number for number, _ in twins.rows] == [2, 4, 5]


def test_rows_with_equal_key_columns_are_an_error_of_both() -> None:
    rows = [f"{WALLETS},USD,T1,first", f"{WALLETS},USD,T2,second", f"{WALLETS},USD,T1,third"]
    checked = Checked("ledger,currency,team,note", *rows, mapping={"match_columns": ("team",)})
    assert [(p.row, p.kind, p.severity) for p in checked.problems] == [
        (4, "duplicate_match", "error"),
        (2, "duplicate_match", "error"),
    ]
    assert checked.rows[1].match == {"team": "T2"}


def test_a_late_problem_names_the_part_of_a_record_that_makes_several() -> None:
    checked = Checked("ledger,currency", f"{WALLETS},USD;EUR", f"{WALLETS},EUR")
    assert [(p.row, p.part) for p in checked.problems] == [(3, ""), (2, "EUR")]


def test_a_reference_twice_is_an_error_of_both_and_an_empty_one_none() -> None:
    rows = [
        f"{ref},{WALLETS},{code}" for ref, code in (("A1", "USD"), ("A1", "EUR"), ("", "USD"), ("", "EUR"))
    ]
    checked = Checked("reference,ledger,currency", *rows, f"B1,{WALLETS},USD", f"b1 ,{WALLETS},EUR")
    assert [(p.row, p.severity, p.value) for p in checked.problems] == [
        (3, "error", "A1"),
        (7, "warning", "b1"),
        (2, "error", "A1"),
        (6, "warning", "b1"),
    ]
    assert [row.match for row in checked.rows[2:]] == [None, None, {"reference": "B1"}, {"reference": "b1 "}]
    assert checked.sent[0]["meta_data"] == {"reference": "A1"}


def test_the_reference_of_a_record_that_makes_several_balances_counts_once() -> None:
    assert Checked("reference,ledger,currency", f"A1,{WALLETS},USD;EUR").problems == []


RESULTS = "ledger,currency,note,balance_id,status,message,import_ref"


def result(number_of: str, note: str = "x", balance_id: str = "", status: str = "Refused", n: int = 0) -> str:
    """A row of our results: its ref is that of a row with this note."""
    fields = {"ledger_id": WALLETS, "currency": "USD", "meta_data": {"note": number_of}}
    return f"{WALLETS},USD,{note},{balance_id},{status},,{refs.make_ref(refs.content_hash(fields), n)}"


def test_a_row_that_brings_a_balance_is_never_sent() -> None:
    checked = Checked(RESULTS, result("x", balance_id="bln_1", status="Created"))
    assert [(row.request, row.balance_id) for row in checked.rows] == [(None, "bln_1")]
    assert [p.severity for p in checked.problems] == ["note"]
    odd = Checked("ledger,currency,balance_id", f"{WALLETS},USD,soon")
    assert (odd.only("malformed_balance_id").severity, odd.sent) == ("error", [])


def test_a_row_of_ours_keeps_its_ref_while_its_content_fits() -> None:
    checked = Checked(RESULTS, result("x", n=3), result("x", "changed"))
    assert checked.rows[0].keep_ref == result("x", n=3).rsplit(",", 1)[1]
    assert checked.rows[1].keep_ref is None
    assert checked.only("changed_since").row == 3


@pytest.mark.parametrize("status", ["Needs a look", "Being sent", "Sending", "Checking in Blnk", "Needs you"])
def test_an_unresolved_row_is_not_sent_in_another_form(status: str) -> None:
    checked = Checked(RESULTS, result("x", "changed", status=status), result("x", status=status))
    assert checked.only("unsettled").row == 2
    assert [row.number for row in checked.rows if row.request is not None] == [3]
    assert checked.rows[1].keep_ref


def test_a_ref_that_is_copied_to_a_second_row_counts_once() -> None:
    checked = Checked(RESULTS, result("x"), result("x"))
    assert [row.keep_ref is None for row in checked.rows] == [False, True]
    assert checked.only("repeated_ref").row == 3
    assert [row.occurrence for row in checked.rows] == [0, 1]


def test_a_row_without_a_ref_never_gets_the_ref_of_another_row() -> None:
    new = f"{WALLETS},USD,x,,,,"
    for order in ([result("x", n=0), new, new], [result("x", n=1), new, new], [new, result("x", n=0), new]):
        checked = Checked(RESULTS, *order)
        got = {row.keep_ref or refs.make_ref(row.hash or "", row.occurrence) for row in checked.rows}
        assert len(got) == 3, order


def test_a_foreign_ref_is_reported_and_not_used() -> None:
    checked = Checked(RESULTS, f"{WALLETS},USD,x,,,,whatever")
    assert (checked.rows[0].keep_ref, checked.only("unknown_ref").severity) == (None, "warning")


@pytest.mark.parametrize(("kind", "cell"), [("csv", "'=1+1"), ("xlsx", "=1+1"), ("xlsx", "'=1+1")])
def test_guards_against_formulas_are_removed_from_our_own_rows(kind: str, cell: str) -> None:
    checked = Checked(RESULTS, result("=1+1", cell), kind=kind)
    assert checked.sent[0]["meta_data"] == {"note": "=1+1"}
    assert checked.rows[0].keep_ref is not None


@pytest.mark.parametrize("note", ["a;'=1+1", "b; '-1", "c\t'=1"])
def test_an_apostrophe_in_results_of_an_earlier_version_is_kept_if_the_row_was_created_with_it(
    note: str,
) -> None:
    checked = Checked(RESULTS, result(note, note))
    assert checked.sent[0]["meta_data"] == {"note": note}
    assert checked.rows[0].keep_ref is not None


def test_guards_are_removed_from_an_invalid_row_of_ours_and_left_on_any_other() -> None:
    rows = [f"{WALLETS},USD,'=1+1,,{status},," for status in ("Invalid", "", "something")]
    checked = Checked(RESULTS, *rows)
    assert [request["meta_data"]["note"] for request in checked.sent] == ["=1+1", "'=1+1", "'=1+1"]


def test_the_status_words_are_those_of_our_results() -> None:
    today = {"Not sent", "Sending", "Created", "Already exists", "Rejected", "Checking in Blnk", "Needs you"}
    earlier = {"Being sent", "Already existed", "Refused", "Left out", "Needs a look"}
    assert {*today, "Invalid", "Skipped", "Superseded"} == set(STATUSES)
    assert {*today, *earlier, "Invalid", "Skipped", "Superseded"} == STATUS_WORDS


def test_what_must_be_looked_up_is_requested_once() -> None:
    rows = [
        f"{WALLETS},USD,{ADA},",
        f" {WALLETS},eur;NGN,Ada Okafor ,@Fees",
        ",USD,,@Fees",
    ]
    checked = Checked("ledger,currency,identity,indicator", *rows)
    asked = wanted(checked.records, checked.mapping)
    assert asked.records == 3
    assert asked.ledgers == {WALLETS}
    assert asked.identities == {ADA, "Ada Okafor"}
    assert asked.indicators == {("@Fees", "EUR"), ("@Fees", "NGN"), ("@Fees", "USD")}
    chosen = Mapping(columns=(), for_all_rows=ForAllRows(ledger_id=SAVINGS))
    assert wanted([], chosen).ledgers == {SAVINGS}


def test_problems_are_grouped_by_what_fixes_them() -> None:
    rows = [f"Custmer wallets,USD,{n}" for n in range(14)] + [f"nowhere,USD,{n}" for n in range(2)]
    checked = Checked("ledger,currency,n", *rows, f"{WALLETS},usd,x")
    groups = group(checked.problems)
    assert [(g.kind, len(g.rows), g.repair) for g in groups] == [
        ("unknown_ledger", 14, "Customer wallets"),
        ("unknown_ledger", 2, None),
        ("currency_case_fixed", 1, "USD"),
    ]
    assert groups[0].sentence == (
        "14 rows: “Custmer wallets” is not a known ledger. Did you mean Customer wallets?"
    )
    assert groups[0].rows[:2] == [(2, ""), (3, "")]


def test_a_row_that_makes_several_balances_is_in_a_group_once() -> None:
    checked = Checked("ledger,currency", f"{WALLETS},usd;NGN", f"{SAVINGS},usd;EUR")
    assert [[number for number, _ in g.rows] for g in group(checked.problems)] == [[2], [3]]


def test_very_many_different_values_share_one_group() -> None:
    checked = Checked("ledger,currency", *(f"unheard of {n},USD" for n in range(1_000)))
    groups = group(checked.problems)
    assert len(groups) == 201
    assert sum(len(g.rows) for g in groups) == 1_000
    assert groups[0].value is None


def test_problems_and_rows_can_be_kept_as_json() -> None:
    checked = Checked("ledger,currency", "nowhere,US")
    kept = orjson.loads(orjson.dumps(checked.problems))
    assert [Problem(**one) for one in kept] == checked.problems
    assert isinstance(checked.rows[0], CheckedRow)


def test_a_nameless_column_with_late_values_is_reported_at_the_end() -> None:
    rows = [f"{WALLETS},USD,"] * 21 + [f"{WALLETS},USD,surprise"]
    assert Checked("ledger,currency,", *rows).only("nameless_column").row == 0
