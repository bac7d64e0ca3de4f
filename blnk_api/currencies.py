"""Currency codes: ISO 4217 with names, a team's custom codes, and suggestions for misspelled ones."""

import unicodedata
from collections.abc import Collection, Iterable, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, NamedTuple

import orjson

from blnk_api.common.currency_aliases import CRYPTO, MEANS, NOT_MONEY, WITHDRAWN
from blnk_api.common.invisible_characters import bare
from blnk_api.common.name_matching import normalized
from blnk_api.common.quoting import shown

Severity = Literal["error", "warning", "note"]

_IN_USE_WITH_X = frozenset({"XAF", "XCD", "XCG", "XOF", "XPF"})
"""Money shared by several countries. All other codes with X are metals and units of account."""

_LAST = frozenset(
    ["BOV", "CHE", "CHW", "CLF", "COU", "MXV", "USN", "UYI", "UYW", "XBA", "XBB", "XBC", "XBD", "XTS", "XXX"]
)
"""Funds codes, bond units, and codes that are not money at all."""

_PENCE = "GBp"

_LATIN_TWINS = dict(zip("АВЕЅІЈКМНОРСТХУԚԜΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABESIJKMHOPCTXYQWABEZHIKMNOPTYX", strict=True))
"""Cyrillic and Greek capitals that look like a Latin letter."""


class Finding(NamedTuple):
    """A message about a currency code. `repair` is the suggested replacement for the cell's text."""

    kind: str
    severity: Severity
    message: str
    repair: str | None = None


@cache
def _names() -> dict[str, str]:
    """From pycountry's data, without its code: importing that takes as long as checking a thousand rows."""
    found = find_spec("pycountry")
    assert found is not None
    assert found.submodule_search_locations is not None
    data = Path(found.submodule_search_locations[0]) / "databases" / "iso4217.json"
    known = {one["alpha_3"]: one["name"] for one in orjson.loads(data.read_bytes())["4217"]}
    return dict(sorted(known.items()))


def all_codes() -> list[str]:
    """The ISO 4217 codes in use, sorted."""
    return list(_names())


def name_of(code: str) -> str | None:
    """The English name of an ISO 4217 code, such as "Naira" for NGN."""
    return _names().get(code)


_COMMON = ("USD", "EUR", "GBP", "JPY", "CNY", "CHF", "AUD", "CAD", "INR", "NGN", "ZAR", "KES", "GHS")
"""The most common currencies, and those of the countries where Blnk is used most."""


def choices(custom: Collection[str] = (), recent: Sequence[str] = ()) -> list[str]:
    """The codes to offer in a list: recently chosen, custom, common, then all others, with metals, funds
    codes and bond units last."""
    known = {*custom, *_names()}
    first = [*(code for code in recent if code in known), *sorted(custom), *_COMMON]
    return list(dict.fromkeys([*first, *sorted(_names(), key=_how_rare)]))


def _how_rare(code: str) -> tuple[int, str]:
    if code in _LAST:
        return 2, code
    return int(code.startswith("X") and code not in _IN_USE_WITH_X), code


def label(code: str) -> str:
    """A code's label in a list: "EUR · Euro".

    Streamlit ranks search results by similarity, and the shorter of two labels with the same start first. A
    custom code such as TTDC therefore gets a longer label than TTD, or TTD could not be selected by typing.
    """
    name = name_of(code)
    if name is not None:
        return f"{code} · {name}"
    own = f"{code} · custom currency"
    alike = (f"{known} · {name}" for known, name in _names().items() if known in code.upper())
    longest = max(alike, key=len, default="")
    return f"{own}, not {longest}" if len(longest) >= len(own) else own


def check(
    text: str, custom: Iterable[str] = (), accepted: Collection[str] = (), *, suggest: bool = True
) -> tuple[str | None, Finding | None]:
    """The code to send for the text of a cell, and what to say about it. The code is None for an error.

    `custom`: the team's own codes, matched in any case. `accepted`: unknown codes that a person accepted for
    this file, matched exactly. `suggest`: False skips the search for suggestions.
    """
    code = bare(text)
    if not code:
        return None, Finding("missing_currency", "error", "The currency is missing.")
    own = {c.upper(): c for c in custom}
    known = code.upper() if code.isascii() and code.upper() in _names() else None
    known = code if code in own.values() else own.get(code.upper(), known)
    if known is None:
        if code in accepted and code.isprintable():
            return code, Finding(
                "accepted_currency", "note", f"“{code}” is not in ISO 4217; it was accepted."
            )
        return None, _unknown(code, own, suggest)
    if known in NOT_MONEY and known not in own.values():
        message = f"{known} {NOT_MONEY[known]}, so it is not a currency. Check that the balance needs it."
        return known, Finding("not_a_currency", "warning", message)
    if code == _PENCE and code not in own.values():
        message = f"“{code}” often means pence, a hundredth of a pound. It is sent as {known}."
        return known, Finding("currency_case_fixed", "warning", message, known)
    if known != code:
        return known, Finding("currency_case_fixed", "note", f"“{code}” is sent as {known}.", known)
    if text != code:
        what = "Spaces" if text.strip() == code else "Invisible characters"
        return known, Finding("whitespace_trimmed", "note", f"{what} around {known} are not sent.", known)
    return known, None


def _unknown(code: str, own: dict[str, str], suggest: bool) -> Finding:
    plain = "".join(_LATIN_TWINS.get(c, c) for c in normalized("NFKC", code).upper())
    quoted = f"“{shown(code)}”"
    if plain != code.upper() and (plain in own or plain in _names()):
        meant = own.get(plain, plain)
        at, odd = next((i, c) for i, c in enumerate(code.upper()) if not c.isascii())
        letter = unicodedata.name(odd, "a letter of another alphabet").lower()
        message = f"{quoted} only looks like {meant}: character {at + 1} is {letter}. Enter {meant}."
        return Finding("unknown_currency", "error", message, meant)
    upper = code.upper()
    if upper in WITHDRAWN:
        year, successor = WITHDRAWN[upper]
        now = f"; its successor is {successor}" if successor else ""
        return Finding(
            "unknown_currency", "error", f"{upper} was withdrawn in {year}{now}. Enter a current code."
        )
    if upper in CRYPTO:
        message = (
            f"{quoted} is not in ISO 4217; it looks like a crypto asset. "
            "Keep it if your Blnk instance uses it."
        )
        return Finding("unknown_currency", "error", message)
    meant_or_none = _meant(code, own) if suggest else None
    if meant_or_none:
        message = f"{quoted} is not a known currency. Did you mean {meant_or_none}?"
    elif "," in code or "/" in code:
        message = f"{quoted} is not a known currency. Separate several currencies with semicolons."
        several = [part.strip().upper() for part in code.replace("/", ",").split(",")]
        if all(part in _names() or part in own for part in several):
            return Finding("unknown_currency", "error", message, ";".join(several))
    else:
        message = f"{quoted} is not a known currency (ISO 4217). Enter a three-letter code, for example USD."
    return Finding("unknown_currency", "error", message, meant_or_none)


@cache
def _by_name() -> dict[str, str]:
    return {name.upper(): known for known, name in _names().items()}


def _meant(code: str, own: dict[str, str]) -> str | None:
    """The only code that was probably meant, by an everyday name or a typing slip. None if there are several.

    A substituted letter is not enough to guess from: EUD is as close to EUR as to AUD.
    """
    upper = code.upper()
    if meant := MEANS.get(upper) or _by_name().get(upper):
        return meant
    known = {*own, *_names()}
    letters = "".join(c for c in upper if c.isalnum())
    if letters in known:
        return own.get(letters, letters)
    if not 2 <= len(upper) <= 12 or not upper.isprintable():
        return None
    pairs = range(len(upper) - 1)
    swapped = {upper[:at] + upper[at + 1] + upper[at] + upper[at + 2 :] for at in pairs} & known
    doubled = {upper[:at] + upper[at + 1 :] for at in pairs if upper[at] == upper[at + 1]} & known
    lacking = {one for one in known if _lacks_a_letter(upper, one)}
    near = swapped | doubled or lacking
    meant = next(iter(near)) if len(near) == 1 else None
    if meant and len(upper) == 2 and not meant.startswith(upper):
        return None  # LE and DT are everyday names, of Egypt's and Tunisia's money
    if meant in NOT_MONEY and meant not in own:
        return None
    return own.get(meant, meant) if meant else None


def _lacks_a_letter(typed: str, known: str) -> bool:
    return len(known) == len(typed) + 1 and any(
        known[:at] + known[at + 1 :] == typed for at in range(len(known))
    )
