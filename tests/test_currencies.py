"""Currency codes: what is sent, what is asked, what is never guessed."""

import pytest

from blnk_api import currencies


def test_all_of_iso_4217_is_known_with_names() -> None:
    codes = currencies.all_codes()
    assert len(codes) > 170
    assert codes == sorted(codes)
    assert currencies.name_of("NGN") == "Naira"
    assert currencies.name_of("POINTS") is None
    assert all(currencies.check(code) == (code, None) for code in codes)


def test_case_and_spaces_are_put_right_with_a_note() -> None:
    code, finding = currencies.check("usd")
    assert (code, finding and finding.kind) == ("USD", "currency_case_fixed")
    code, finding = currencies.check("\u00a0USD ")
    assert (code, finding and finding.kind) == ("USD", "whitespace_trimmed")


def test_a_teams_own_code_is_fine_in_the_teams_spelling() -> None:
    assert currencies.check("POINTS", custom=["POINTS"]) == ("POINTS", None)
    assert currencies.check("usdt", custom=["USDt"])[0] == "USDt"
    assert currencies.check("POINTS")[0] is None


def test_an_unknown_code_passes_only_when_a_person_accepted_exactly_that_code() -> None:
    code, finding = currencies.check("USDD", accepted={"USDD"})
    assert (code, finding and finding.severity) == ("USDD", "note")
    assert currencies.check("USDd", accepted={"USDD"})[0] is None
    assert currencies.check("US\0D", accepted={"US\0D"})[0] is None


@pytest.mark.parametrize("text", ["", "   ", "\u200b", "\ufeff"])
def test_nothing_visible_is_a_missing_currency(text: str) -> None:
    code, finding = currencies.check(text)
    assert (code, finding and finding.kind) == (None, "missing_currency")


@pytest.mark.parametrize(
    ("text", "meant"),
    [("US", "USD"), ("USDD", "USD"), ("EURO", "EUR"), ("Naira", "NGN"), ("€", "EUR"), ("USD,EUR", "USD;EUR")],
)
def test_a_near_miss_is_an_error_that_proposes_what_was_meant(text: str, meant: str) -> None:
    code, finding = currencies.check(text)
    assert code is None
    assert finding is not None
    assert (finding.severity, finding.repair) == ("error", meant)


@pytest.mark.parametrize("text", ["$", "¥", "=1+1", "x" * 100_000, "12"])
def test_where_nothing_is_near_nothing_is_proposed(text: str) -> None:
    code, finding = currencies.check(text)
    assert code is None
    assert finding is not None
    assert finding.repair is None
    assert len(finding.message) < 200


@pytest.mark.parametrize(
    ("text", "letter"), [("UЅD", "cyrillic capital letter dze"), ("ＵＳＤ", "fullwidth")]
)
def test_a_look_alike_letter_is_named(text: str, letter: str) -> None:
    code, finding = currencies.check(text)
    assert code is None
    assert finding is not None
    assert letter in finding.message
    assert finding.repair == "USD"


def test_control_characters_do_not_reach_the_message() -> None:
    _, finding = currencies.check("US\0D")
    assert finding is not None
    assert finding.message.isprintable()
