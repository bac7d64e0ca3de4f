"""Currency codes: what is sent, what is asked, what is never guessed."""

import pytest

from blnk_api import currencies
from blnk_api.common.currency_aliases import CRYPTO, MEANS, WITHDRAWN
from tests.support.select_search import first_found


def test_all_of_iso_4217_is_known_with_names() -> None:
    codes = currencies.all_codes()
    assert len(codes) > 170
    assert codes == sorted(codes)
    assert currencies.name_of("NGN") == "Naira"
    assert currencies.name_of("POINTS") is None
    money = [code for code in codes if code not in ("XXX", "XTS")]
    assert all(currencies.check(code) == (code, None) for code in money)


def test_case_and_spaces_are_corrected_with_a_note() -> None:
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


def test_pence_are_sent_as_pounds_with_a_warning() -> None:
    code, finding = currencies.check("GBp")
    assert (code, finding and finding.severity) == ("GBP", "warning")
    assert currencies.check("GBp", custom=["GBp"]) == ("GBp", None)
    assert currencies.check("gbp")[1].severity == "note"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "kind", "repair"),
    [
        ("TTDC", "accepted_currency", None),
        ("XTS", "not_a_currency", None),
        ("eur", "currency_case_fixed", "EUR"),
        ("GBp", "currency_case_fixed", "GBP"),
        ("U\u0405D", "unknown_currency", "USD"),
        ("DEM", "unknown_currency", None),
        ("QQQ", "unknown_currency", None),
        ("USD/EUR", "unknown_currency", "USD;EUR"),
    ],
)
def test_what_is_said_of_a_code_has_a_kind_and_names_the_code_itself(
    text: str, kind: str, repair: str | None
) -> None:
    """Problems of one kind are shown and fixed together."""
    _, finding = currencies.check(text, accepted=["TTDC"])
    assert finding is not None
    assert (finding.kind, finding.repair) == (kind, repair)
    assert text in finding.message


@pytest.mark.parametrize("text", ["", "   ", "\u200b", "\ufeff"])
def test_nothing_visible_is_a_missing_currency(text: str) -> None:
    code, finding = currencies.check(text)
    assert (code, finding and finding.kind) == (None, "missing_currency")


@pytest.mark.parametrize(
    ("text", "meant"),
    [("US", "USD"), ("USDD", "USD"), ("EURO", "EUR"), ("Naira", "NGN"), ("€", "EUR"), ("USD,EUR", "USD;EUR")],
)
def test_a_near_miss_is_an_error_that_suggests_a_code(text: str, meant: str) -> None:
    code, finding = currencies.check(text)
    assert code is None
    assert finding is not None
    assert (finding.severity, finding.repair) == ("error", meant)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("RMB", "CNY"),
        ("cnh", "CNY"),
        ("STG", "GBP"),
        ("UDS", "USD"),
        ("YEN", "JPY"),
        ("NIS", "ILS"),
        ("SFR", "CHF"),
        ("NTD", "TWD"),
        ("TL", "TRY"),
        ("₺", "TRY"),
        ("R$", "BRL"),
        ("Euros", "EUR"),
        ("ERU", "EUR"),
        ("GPB", "GBP"),
        ("NGNN", "NGN"),
        ("USD.", "USD"),
        ("U.S.D", "USD"),
        ("NG", "NGN"),
    ],
)
def test_everyday_names_and_typos_are_understood(text: str, meant: str) -> None:
    code, finding = currencies.check(text)
    assert (code, finding and finding.repair) == (None, meant)


@pytest.mark.parametrize(
    "text",
    [
        "EUD",
        "PKT",
        "LEI",
        "USX",
        "CFA",
        "GBR",
        "AU",
        "CH",
        "USDX",
        "XUSD",
        "FR",
        "RS",
        "LE",
        "DT",
        "DOLLAR",
        "PESO",
    ],
)
def test_if_two_currencies_are_near_neither_is_suggested(text: str) -> None:
    code, finding = currencies.check(text)
    assert code is None
    assert finding is not None
    assert finding.repair is None
    assert "did you mean" not in finding.message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("HRK", "HRK was withdrawn in 2023; its successor is EUR."),
        ("hrk", "HRK was withdrawn in 2023; its successor is EUR."),
        ("DEM", "DEM was withdrawn in 2002; its successor is EUR."),
        ("ZWL", "ZWL was withdrawn in 2024; its successor is ZWG."),
        ("BYR", "BYR was withdrawn in 2017; its successor is BYN."),
        ("MXP", "MXP was withdrawn in 1993; its successor is MXN."),
        ("CSK", "CSK was withdrawn in 1993."),
    ],
)
def test_a_withdrawn_code_is_named_and_never_replaced_with_one_click(text: str, said: str) -> None:
    code, finding = currencies.check(text)
    assert code is None
    assert finding is not None
    assert finding.severity == "error"
    assert finding.message.startswith(said)
    assert finding.repair is None
    assert currencies.check(text, accepted={text})[0] == text


def test_no_withdrawn_code_is_in_use_and_each_successor_is() -> None:
    for code, (year, successor) in WITHDRAWN.items():
        assert currencies.name_of(code) is None, code
        assert 1978 < year <= 2026
        assert successor is None or currencies.name_of(successor), code
    assert all(map(currencies.name_of, MEANS.values()))
    assert not any(currencies.name_of(name) or name in WITHDRAWN for name in MEANS)
    assert not any(map(currencies.name_of, CRYPTO))


@pytest.mark.parametrize("text", ["BTC", "usdt", "USDC", "ETH", "XRP", "DAI", "EURC"])
def test_a_crypto_asset_is_not_taken_for_a_misspelled_currency(text: str) -> None:
    code, finding = currencies.check(text)
    assert code is None
    assert finding is not None
    assert finding.repair is None
    assert "crypto" in finding.message
    assert currencies.check(text, custom=[text]) == (text, None)


@pytest.mark.parametrize("text", ["XXX", "xts"])
def test_codes_that_are_not_money_are_warned_about(text: str) -> None:
    code, finding = currencies.check(text)
    assert (code, finding and finding.severity) == (text.upper(), "warning")
    assert currencies.check(text, custom=[text]) == (text, None)


@pytest.mark.parametrize("text", ["\u202aUSD\u202c", "\u200fUSD", "USD\u200e \ufeff", "\u2066USD\u2069"])
def test_invisible_marks_are_no_part_of_a_code(text: str) -> None:
    code, finding = currencies.check(text)
    assert (code, finding and finding.severity) == ("USD", "note")


def test_a_custom_currency_is_suggested_for_a_typo() -> None:
    for slip in ("POINST", "POINT", "POINTSS"):
        _, finding = currencies.check(slip, custom=["POINTS"])
        assert finding is not None
        assert finding.repair == "POINTS"


@pytest.mark.parametrize("text", ["$", "¥", "=1+1", "x" * 100_000, "12"])
def test_nothing_is_suggested_if_nothing_is_near(text: str) -> None:
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


def _typed(code: str) -> tuple[str, ...]:
    return code, code.lower(), code.capitalize()


_CUSTOM = (
    "EURC",
    "EURO",
    "TTDC",
    "XBAX",
    "A-XXX",
    "X/XBA",
    "KRONA",
    "NAIRA",
    "USDT",
    "USDTX",
    "POINTS",
    "USN2",
)


@pytest.mark.parametrize(
    "custom", [(), _CUSTOM], ids=["no codes of their own", "codes like those of ISO 4217"]
)
def test_a_fully_typed_code_is_the_one_that_enter_chooses(custom: tuple[str, ...]) -> None:
    codes = currencies.choices(custom)
    labels = {code: currencies.label(code) for code in codes}
    assert set(codes) == {*custom, *currencies.all_codes()}
    options = list(labels.values())
    taken = {typed: (first_found(typed, options), labels[code]) for code in codes for typed in _typed(code)}
    assert {typed: found for typed, (found, meant) in taken.items() if found != meant} == {}


def test_money_is_found_by_its_name() -> None:
    options = [currencies.label(code) for code in currencies.choices()]
    assert first_found("naira", options) == "NGN · Naira"
    assert first_found("euro", options) == "EUR · Euro"
    assert first_found("us dollar", options) == "USD · US Dollar"
    assert first_found("canadian", options) == "CAD · Canadian Dollar"


def test_funds_codes_and_bond_units_come_last() -> None:
    codes = currencies.choices(["POINTS"])
    assert codes[:3] == ["POINTS", "USD", "EUR"]
    assert codes[-15:] == [
        "BOV",
        "CHE",
        "CHW",
        "CLF",
        "COU",
        "MXV",
        "USN",
        "UYI",
        "UYW",
        "XBA",
        "XBB",
        "XBC",
        "XBD",
        "XTS",
        "XXX",
    ]
    assert codes.index("ZWG") < codes.index("XAU")
    assert codes.index("XOF") < codes.index("ZMW")


@pytest.mark.parametrize("typed", ["XX", "XXXX", "XSX"])
def test_a_typo_never_becomes_a_code_in_which_nobody_holds_a_balance(typed: str) -> None:
    code, finding = currencies.check(typed)
    assert code is None
    assert finding is not None
    assert finding.repair is None


@pytest.mark.parametrize(
    ("text", "severity", "says", "repair"),
    [
        ("  ", "error", "The currency is missing.", None),
        ("usd", "note", "“usd” is sent as USD.", "USD"),
        (" USD", "note", "Spaces around USD are not sent.", "USD"),
        ("\u200bUSD", "note", "Invisible characters around USD are not sent.", "USD"),
        ("TEAMX", "note", "“TEAMX” is not in ISO 4217; it was accepted.", None),
        (
            "XTS",
            "warning",
            "XTS is reserved for testing, so it is not a currency. Check that the balance needs it.",
            None,
        ),
        (
            "US\u0414",
            "error",
            "“US\u0414” is not a known currency (ISO 4217). Enter a three-letter code, for example USD.",
            None,
        ),
        (
            "\u0415UR",
            "error",
            "“\u0415UR” only looks like EUR: character 1 is cyrillic capital letter ie. Enter EUR.",
            "EUR",
        ),
        ("DEM", "error", "DEM was withdrawn in 2002; its successor is EUR. Enter a current code.", None),
        (
            "BTC",
            "error",
            "“BTC” is not in ISO 4217; it looks like a crypto asset. Keep it if your Blnk instance uses it.",
            None,
        ),
        ("USDD", "error", "“USDD” is not a known currency. Did you mean USD?", "USD"),
        ("Euro", "error", "“Euro” is not a known currency. Did you mean EUR?", "EUR"),
        (
            "USD, eur/points",
            "error",
            "“USD, eur/points” is not a known currency. Separate several currencies with semicolons.",
            "USD;EUR;POINTS",
        ),
        (
            "USD, nothing",
            "error",
            "“USD, nothing” is not a known currency. Separate several currencies with semicolons.",
            None,
        ),
    ],
)
def test_a_message_about_a_currency_is_complete(
    text: str, severity: str, says: str, repair: str | None
) -> None:
    _, found = currencies.check(text, ["POINTS"], ["TEAMX"])
    assert found is not None
    assert (found.severity, found.message, found.repair) == (severity, says, repair)


def test_recently_chosen_codes_are_offered_first_if_they_are_known() -> None:
    codes = currencies.choices(["POINTS", "MILES"], ["CHF", "NOSUCH", "POINTS"])
    assert codes[:4] == ["CHF", "POINTS", "MILES", currencies.choices()[0]]
    assert "NOSUCH" not in codes
    assert len(codes) == len(set(codes))


def test_a_custom_currency_has_a_longer_label_than_the_currency_in_its_name() -> None:
    assert currencies.label("POINTS") == "POINTS · custom currency"
    assert currencies.label("TTDC") == "TTDC · custom currency, not TTD · Trinidad and Tobago Dollar"
