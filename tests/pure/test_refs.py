"""Content addresses: the same balance has the same ref, for ever."""

import base64
import hashlib
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blnk_api.files.formula_guard import guard_cell, need_no_guard, unguard_cell, unguard_start
from blnk_api.lookup import refs
from tests.support.json_object import JsonObject

LEDGER = "ldg_11111111-1111-4111-8111-111111111111"
PLAIN: JsonObject = {"ledger_id": LEDGER, "currency": "USD"}
FULL: JsonObject = {
    **PLAIN,
    "identity_id": "idt_aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa",
    "track_fund_lineage": True,
    "allocation_strategy": "FIFO",
    "meta_data": {"cost_center": "CC-100", "branch": 'Zürich "Süd"\n\u2028\u007f', "count": 10**30},
}

VECTORS: list[tuple[JsonObject, JsonObject | None, str]] = [
    (PLAIN, None, "jt6kc2tpado4umxyvqg7m57avv"),
    ({**PLAIN, "indicator": "@World", "ledger_id": "general_ledger_id"}, None, "vz4k5aoardyosfz4ctmwihkqhy"),
    (FULL, None, "w6bhjvx4d5rfh7yohrlqrszm3n"),
    (FULL, {}, "nhtzxl2ppyzm75u67vputv5imt"),
    (FULL, {"cost_center": "CC-100"}, "hebcr63j4qtn72yfrwtr2pgnze"),
]
"""Never change one of these: balances of past imports carry the hashes, and a hash that comes out otherwise
makes all of them again. A better hash is a v2 with vectors of its own."""


@pytest.mark.parametrize(("fields", "match", "expected"), VECTORS)
def test_the_hash_of_a_shipped_version_never_changes(
    fields: JsonObject, match: JsonObject | None, expected: str
) -> None:
    assert refs.content_hash(fields, match) == expected


def test_the_hash_is_the_start_of_sha_256_in_base32() -> None:
    canonical = f'{{"currency":"USD","identity_id":"","indicator":"","ledger_id":"{LEDGER}"}}'
    digest = hashlib.sha256(canonical.encode()).digest()
    assert refs.content_hash(PLAIN) == base64.b32encode(digest).decode().lower()[: refs.HASH_LENGTH]


def test_absent_empty_and_false_fields_mean_the_same() -> None:
    spelled_out = {
        **PLAIN,
        "identity_id": None,
        "indicator": "",
        "track_fund_lineage": False,
        "allocation_strategy": None,
        "meta_data": {},
    }
    assert refs.content_hash(spelled_out) == refs.content_hash(PLAIN)


def test_our_own_metadata_does_not_count() -> None:
    for own in ({"import_ref": "x", "import_id": "y"}, {"import_ref": "x"}, {"import_id": "y"}):
        stamped = {**FULL, "meta_data": {**FULL["meta_data"], **own}}
        assert refs.content_hash(stamped) == refs.content_hash(FULL)


@pytest.mark.parametrize("field", list(FULL))
def test_every_field_counts_when_no_columns_are_chosen(field: str) -> None:
    changed = {**FULL, field: {"cost_center": "CC-101"} if field == "meta_data" else "other"}
    if field == "track_fund_lineage":
        changed[field] = False
    assert refs.content_hash(changed) != refs.content_hash(FULL)


def test_only_chosen_columns_count_beside_the_four_fields() -> None:
    match = {"cost_center": "CC-100"}
    other_note = {
        **FULL,
        "meta_data": {"cost_center": "CC-100", "note": "new"},
        "allocation_strategy": "LIFO",
    }
    assert refs.content_hash(other_note, match) == refs.content_hash(FULL, match)
    for field in ("ledger_id", "currency", "identity_id", "indicator"):
        assert refs.content_hash({**FULL, field: "other"}, match) != refs.content_hash(FULL, match)
    assert refs.content_hash(FULL, {"cost_center": "CC-101"}) != refs.content_hash(FULL, match)


texts = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.dictionaries(texts, texts), st.randoms(use_true_random=False))
def test_the_order_of_columns_does_not_count(meta_data: dict[str, str], random: Any) -> None:
    shuffled = list(meta_data.items())
    random.shuffle(shuffled)
    assert refs.content_hash({**PLAIN, "meta_data": dict(shuffled)}) == refs.content_hash(
        {**PLAIN, "meta_data": meta_data}
    )


def test_a_ref_is_read_back_as_it_was_made() -> None:
    hash_ = refs.content_hash(PLAIN)
    assert refs.make_ref(hash_, 0) == f"v1-{hash_}-0"
    assert refs.parse_ref(refs.make_ref(hash_, 0)) == refs.Ref(hash_, 0, None)
    assert refs.parse_ref(refs.make_ref(hash_, 12, "imp_1-a")) == refs.Ref(hash_, 12, "imp_1-a")


@pytest.mark.parametrize(
    "text", ["", "v1", "v2-" + "a" * 26 + "-0", "v1-" + "a" * 26, "v1-" + "A" * 26 + "-0"]
)
def test_text_that_is_not_a_ref_of_ours_is_none(text: str) -> None:
    assert refs.parse_ref(text) is None
    assert refs.parse_ref(f"v1-{'a' * 26}-0\n") is None


def test_a_ref_matches_until_its_row_means_something_else() -> None:
    match = {"cost_center": "CC-100"}
    for made_under in (None, match):
        ref = refs.parse_ref(refs.make_ref(refs.content_hash(FULL, made_under), 0))
        assert ref is not None
        assert refs.fits(ref, FULL, match)
        assert not refs.fits(ref, {**FULL, "currency": "EUR"}, match)
    under_columns = refs.parse_ref(refs.make_ref(refs.content_hash(FULL, match), 0))
    assert under_columns is not None
    assert not refs.fits(under_columns, FULL, None)
    assert not refs.fits(under_columns, FULL, {"branch": "Lagos"})


def test_the_check_looks_up_every_version_ever_shipped() -> None:
    assert refs.all_versions(FULL, None, 3) == [f"v1-{refs.content_hash(FULL)}-3"]
    match = {"cost_center": "CC-100"}
    assert refs.all_versions(FULL, match, 0) == [f"v1-{refs.content_hash(FULL, match)}-0"]
    assert refs.content_hash(FULL, match) != refs.content_hash(FULL)


dangerous = st.text(st.sampled_from(";'\t\r\n \"\u00a0\u200b\ufeff=+-@\uff1d\u2212ab,"), max_size=12)


def cells_of_a_program_that_cuts_anywhere(text: str) -> list[str]:
    """What begins a cell where a file is cut at semicolons, tabs and line ends, and quotation marks, spaces
    and signs that nobody sees are dropped."""
    return [cell.lstrip(' "\u00a0\u200b\ufeff') for cell in re.split("[;\t\r\n]", text)]


@given(st.one_of(texts, dangerous, st.from_regex(r"'{0,3}[=+\-@\t\r].*")))
def test_a_guarded_cell_starts_no_formula_wherever_it_is_split_and_comes_back_exactly(text: str) -> None:
    guarded = guard_cell(text)
    for cell in cells_of_a_program_that_cuts_anywhere(guarded):
        assert cell[:1] not in ("=", "+", "-", "@", "\uff1d", "\u2212") or cell == ""
    assert guarded[:1] not in ("\t", "\r") or guarded == ""
    assert unguard_cell(guarded) == text


@given(st.lists(st.one_of(texts, dangerous, st.text("ab1\n", max_size=3)), max_size=4))
def test_a_row_that_is_written_without_a_look_at_each_cell_needs_no_guard(cells: list[str]) -> None:
    if need_no_guard(cells):
        assert [guard_cell(cell) for cell in cells] == cells


def test_nearly_every_row_is_written_without_a_look_at_each_cell() -> None:
    assert need_no_guard(["Wallets", "", "42", "Zoë, Lagos", "2026-01-02", "x y"])
    assert not need_no_guard(["Wallets", "=1"])
    assert not need_no_guard(["Wallets", 5])


@pytest.mark.parametrize(
    "text", ["=1+1", "+44 20", "-1", "@SUM(1)", "\tx", "\rx", "\uff1d1+1", "\uff20SUM(1)"]
)
def test_what_a_spreadsheet_would_run_is_guarded(text: str) -> None:
    assert guard_cell(text) == f"'{text}"


@pytest.mark.parametrize(
    ("text", "guarded"),
    [
        ("a;=1+1", "a;'=1+1"),
        ("a; =1+1", "a; '=1+1"),
        ("a\t=1+1", "a\t'=1+1"),
        ("\t=1+1", "'\t'=1+1"),
        ("first line\n=1+1", "first line\n'=1+1"),
        ("first line\r\n-1", "first line\r\n'-1"),
        ("  =1+1", "  '=1+1"),
        ("\u00a0\u200b=1+1", "\u00a0\u200b'=1+1"),
        ("\ufeff@SUM(1)", "\ufeff'@SUM(1)"),
        ("'=1;'+2", "''=1;''+2"),
    ],
)
def test_what_starts_a_formula_inside_a_cell_is_guarded_too(text: str, guarded: str) -> None:
    assert guard_cell(text) == guarded
    assert unguard_cell(guarded) == text


@pytest.mark.parametrize(
    "text", ["", "abc", "1-2", "'quoted'", "O'Neil", "a; b", "1;2", "one\ntwo", "a = b", "x;y'=z", " 12 "]
)
def test_plain_text_is_left_alone(text: str) -> None:
    assert guard_cell(text) == text
    assert unguard_cell(text) == text


def test_cells_that_an_earlier_version_guarded_come_back_as_well() -> None:
    guarded = ["'=1", "''=1", "'\tx", "a;'=1", " '=1"]
    assert [unguard_start(cell) for cell in guarded] == ["=1", "'=1", "\tx", "a;'=1", " '=1"]
