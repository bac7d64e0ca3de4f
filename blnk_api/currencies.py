"""Currency codes: ISO 4217 with names, a team's own codes, and what somebody probably meant."""

import difflib
import unicodedata
from collections.abc import Collection, Iterable
from functools import cache
from typing import Literal, NamedTuple

import pycountry

from blnk_api.shown import shown

Severity = Literal["error", "warning", "note"]

_COMMON = ("USD", "EUR", "GBP", "NGN", "KES", "GHS", "ZAR", "JPY", "CHF", "CAD", "AUD", "CNY", "INR")
"""Proposed first where several codes are as near."""

_SIGNS = {"€": "EUR", "£": "GBP", "₦": "NGN", "₹": "INR", "₵": "GHS", "US$": "USD", "$US": "USD"}
"""Signs that mean one currency. A bare $ or ¥ means several."""

_INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff"

_LATIN_TWINS = dict(zip("АВЕЅІЈКМНОРСТХУԚԜΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABESIJKMHOPCTXYQWABEZHIKMNOPTYX", strict=True))
"""Cyrillic and Greek capitals that are drawn like a Latin letter."""


class Finding(NamedTuple):
    """What there is to tell about a code. `repair` is the text to put in its place."""

    kind: str
    severity: Severity
    message: str
    repair: str | None = None


@cache
def _names() -> dict[str, str]:
    return {c.alpha_3: c.name for c in sorted(pycountry.currencies, key=lambda c: str(c.alpha_3))}


def all_codes() -> list[str]:
    """The ISO 4217 codes in use, sorted."""
    return list(_names())


def name_of(code: str) -> str | None:
    """The English name of an ISO 4217 code, such as "Naira" for NGN."""
    return _names().get(code)


def check(
    text: str, custom: Iterable[str] = (), accepted: Collection[str] = (), *, suggest: bool = True
) -> tuple[str | None, Finding | None]:
    """The code to send for what a person wrote, and what to tell about it; no code when it is an error.

    `custom` are the team's own codes (any case is read as the listed one), `accepted` the unknown codes
    that a person let pass for this file, spelled exactly. `suggest` off saves 4 ms on an unknown code.
    """
    code = text.strip().strip(_INVISIBLE).strip()
    if not code:
        return None, Finding("missing_currency", "error", "The currency is missing.")
    own = {c.upper(): c for c in custom}
    known = code.upper() if code.isascii() and code.upper() in _names() else None
    known = code if code in own.values() else own.get(code.upper(), known)
    if known is None:
        if code in accepted and code.isprintable():
            return code, Finding("accepted_currency", "note", f"{code} is not in ISO 4217; it was accepted.")
        return None, _unknown(code, own, suggest)
    if known != code:
        return known, Finding("currency_case_fixed", "note", f"{code} is sent as {known}.", known)
    if text != code:
        return known, Finding("whitespace_trimmed", "note", f"Spaces around {known} are not sent.", known)
    return known, None


def _unknown(code: str, own: dict[str, str], suggest: bool) -> Finding:
    plain = "".join(_LATIN_TWINS.get(c, c) for c in unicodedata.normalize("NFKC", code).upper())
    said = shown(code)
    if plain != code.upper() and (plain in own or plain in _names()):
        meant = own.get(plain, plain)
        at, odd = next((i, c) for i, c in enumerate(code.upper()) if not c.isascii())
        letter = unicodedata.name(odd, "a letter of another alphabet").lower()
        message = f"{said} only looks like {meant}: its letter {at + 1} is {letter}. Put {meant}."
        return Finding("unknown_currency", "error", message, meant)
    meant_or_none = _nearest(code, own) if suggest else None
    if meant_or_none:
        message = f"{said} is not a known currency: did you mean {meant_or_none}?"
    elif "," in code or "/" in code:
        message = f"{said} is not a known currency. Several currencies are separated by a semicolon."
        several = [part.strip().upper() for part in code.replace("/", ",").split(",")]
        if all(part in _names() or part in own for part in several):
            return Finding("unknown_currency", "error", message, ";".join(several))
    else:
        message = f"{said} is not a known currency (ISO 4217). Put a three-letter code, such as USD."
    return Finding("unknown_currency", "error", message, meant_or_none)


def _nearest(code: str, own: dict[str, str]) -> str | None:
    """One code that was probably meant, by sign, name or spelling; None when nothing is near."""
    upper = code.upper()
    if upper in _SIGNS:
        return _SIGNS[upper]
    if not 2 <= len(upper) <= 40 or not upper.isprintable():
        return None
    by_name = {name.upper(): known for known, name in _names().items()}
    if upper in by_name:
        return by_name[upper]
    if len(upper) > 12:
        return None
    candidates = [*own, *_COMMON, *(c for c in _names() if c not in _COMMON)]
    scored = [(difflib.SequenceMatcher(None, upper, known).ratio(), known) for known in candidates]
    score, best = max(scored, key=lambda pair: pair[0])
    return own.get(best, best) if score >= 0.66 else None
