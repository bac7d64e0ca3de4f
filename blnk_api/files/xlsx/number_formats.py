"""Parses a workbook's number format: `"INV-"0000;[Red]-0" kg"` has sections of signs and places.

One pass from left to right, so that the cost grows only linearly with the code's length.
"""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache

from blnk_api.currencies import name_of

_PLACES = "0#?"
_NUMERIC = "0#?.,%"
_MOST_SECTIONS = 4
_SHOWN_UNQUOTED = "-+/():!^&'~{}<>= "
_CURRENCY_SIGNS = "$€£¥"
_NOT_IN_CODES = frozenset("@eE")
"""Letters that stand for a text or an exponent."""
_OF_NUMBERS = frozenset("-+()[]{}<>.,:;'’\"*_/\\|–—−=~^!&")
"""Signs around a number that do not change what it says."""
_ELAPSED = ({"h"}, {"m"}, {"s"})
_CURRENCY_WORDS = frozenset(
    (
        "r$",
        "us$",
        "a$",
        "c$",
        "s$",
        "hk$",
        "nt$",
        "n$",
        "kr",
        "kr.",
        "kč",
        "zł",
        "fr",
        "fr.",
        "sfr",
        "sfr.",
        "rs",
        "rs.",
        "lei",
        "din",
        "din.",
        "rm",
        "rp",
        "tl",
        "ksh",
        "tsh",
        "ush",
        "cfa",
        "fcfa",
        "f cfa",
        "руб",
        "руб.",
        "грн",
        "грн.",
        "лв",
        "лв.",
        "ден",
        "ден.",
    )
)
"""Ways to write currencies besides the codes of ISO 4217."""

Condition = Callable[[Decimal], bool]


@dataclass
class Section:
    """The part of a format between semicolons."""

    signs: list[tuple[str, str]] = field(default_factory=list)
    """Pairs of kind and text: "text" (quoted, or after a backslash), "sign" (needs neither), "currency" (in
    brackets), "place" (0 # ? . , %), "letter" (of a date, or without a meaning)."""
    condition: Condition | None = None
    is_elapsed: bool = False
    is_general: bool = False
    is_alone: bool = False
    """The only section: its plus sign is in front of every number, like that of a phone number."""

    @property
    def letters(self) -> str:
        """The letters that stand for parts of a date, or for text."""
        return "".join(text for kind, text in self.signs if kind == "letter").lower()

    @property
    def places(self) -> str:
        return "".join(text for kind, text in self.signs if kind == "place")

    @property
    def has_digits(self) -> bool:
        return any(sign in _PLACES for sign in self.places)

    def around(self) -> tuple[str, str]:
        """The text before the first and after the last place, if it is more than a currency or the signs of a
        number: a code's letters or digits, a unit."""
        at = [index for index, (kind, _) in enumerate(self.signs) if kind == "place"]
        first, last = (at[0], at[-1]) if at else (len(self.signs), len(self.signs))
        return _meaningful(self.signs[:first], self.is_alone), _meaningful(self.signs[last + 1 :])

    @property
    def words(self) -> str:
        """What is displayed instead of the number: `"Yes"`, `"closed"`. Empty if the section has places."""
        return "" if self.has_digits or self.is_general or self.letters else _meaningful(self.signs)

    @property
    def around_text(self) -> tuple[str, str]:
        """The text before and after that of a cell: `"C-"@`."""
        at = self.signs.index(("letter", "@"))
        return _meaningful(self.signs[:at]), _meaningful(self.signs[at + 1 :])

    @property
    def is_split(self) -> bool:
        """Whether there are letters between its digits: `0" h "00`."""
        at = [index for index, (kind, _) in enumerate(self.signs) if kind == "place"]
        texts = [one for one in self.signs[at[0] : at[-1]] if one[0] == "text"] if at else []
        return bool(_meaningful(texts))

    @property
    def is_code(self) -> bool:
        """`00-00-00`, `"CC-"0000`: only zeros, more than one, and signs; no decimals.
        Or `(###) ###-####`: places with a hyphen between them.
        """
        zeros = places = 0
        has_hyphen = is_split = False
        for kind, text in self.signs:
            if kind == "place":
                if text not in "0#" and not (text == "." and not places):
                    return False
                zeros += text == "0"
                places += text in "0#"
                is_split = is_split or has_hyphen
            elif text and (
                kind == "currency"
                or (kind == "letter" and text in _NOT_IN_CODES)
                or (kind == "sign" and text not in "-/ ()")
            ):
                return False
            has_hyphen = has_hyphen or (places > 0 and text == "-")
        return is_split or (zeros > 1 and zeros == places)

    @property
    def is_scaled(self) -> bool:
        """`0.0,,"M"`: displayed in thousands or millions."""
        whole = self.places.partition(".")
        return any(part.rstrip("%").endswith(",") for part in (whole[0], whole[2]))

    @property
    def is_plain(self) -> bool:
        """Digits, decimals, percent, and signs that need no quotation marks."""
        return self.has_digits and _NOT_IN_CODES.isdisjoint(self.letters) and all(
            text in "-+$€£¥ ()" for kind, text in self.signs if kind == "sign"
        )  # fmt: skip

    @property
    def says_minus(self) -> bool:
        """Whether it has its own sign for numbers below zero."""
        return any(text in ("-", "(") for kind, text in self.signs if kind in ("text", "sign"))

    def without_minus(self) -> "Section":
        kept = [one for one in self.signs if not (one[0] in ("text", "sign") and one[1] in ("-", "(", ")"))]
        return Section(kept, self.condition, self.is_elapsed, self.is_general)


def sections(code: str) -> list[Section]:
    """The sections of a format: for positive numbers, negative numbers, zero, and text."""
    found = [Section()]
    at = 0
    while at < len(code):
        sign, now = code[at], found[-1]
        at += 1
        if sign == ";":
            if len(found) == _MOST_SECTIONS:
                break
            found.append(Section())
        elif sign == '"':
            end = code.find('"', at)
            end = len(code) if end < 0 else end
            now.signs.append(("text", code[at:end]))
            at = end + 1
        elif sign == "\\":
            now.signs.append(("text", code[at : at + 1]))
            at += 1
        elif sign in "_*":
            at += 1  # padding as wide as the next sign, or filled with it: neither is text
        elif sign == "[":
            end = code.find("]", at)
            end = len(code) if end < 0 else end
            _bracket(now, code[at:end])
            at = end + 1
        elif sign in _NUMERIC:
            now.signs.append(("place", sign))
        elif sign in _SHOWN_UNQUOTED or sign in _CURRENCY_SIGNS:
            now.signs.append(("sign", sign))
        elif code[at - 1 : at + 6].lower() == "general":
            now.is_general = True
            now.signs.append(("place", ""))
            at += 6
        else:
            now.signs.append(("letter", sign))
    found[0].is_alone = len(found) == 1
    return found


def _bracket(section: Section, inside: str) -> None:
    """`[h]`, `[Red]`, `[<100]`, `[$EUR-407]`."""
    if set(inside.lower()) in _ELAPSED:
        section.is_elapsed = True
    elif inside.startswith("$"):
        section.signs.append(("currency", inside[1:].partition("-")[0]))
    elif inside[:1] in "<>=" and inside:
        section.condition = _condition(inside)


def _condition(inside: str) -> Condition | None:
    mark = inside[:2] if inside[:2] in ("<=", ">=", "<>") else inside[:1]
    try:
        limit = Decimal(inside[len(mark) :].strip())
    except ArithmeticError:
        return None
    return {
        "<": lambda n: n < limit,
        ">": lambda n: n > limit,
        "=": lambda n: n == limit,
        "<=": lambda n: n <= limit,
        ">=": lambda n: n >= limit,
        "<>": lambda n: n != limit,
    }[mark]


def _meaningful(signs: list[tuple[str, str]], is_plus_meant: bool = False) -> str:
    seen = "".join(text for kind, text in signs if kind != "place" and not _is_currency_sign(text))
    if _is_currency(seen.strip(" \u00a0\u202f()")):
        return ""
    if is_plus_meant and "+" in seen:
        return seen
    is_more = any(one not in _OF_NUMBERS and not one.isspace() and not _is_currency_sign(one) for one in seen)
    return seen if is_more else ""


def _is_currency_sign(text: str) -> bool:
    return len(text) == 1 and unicodedata.category(text) == "Sc"


@lru_cache(maxsize=256)
def _is_currency(text: str) -> bool:
    return text.lower() in _CURRENCY_WORDS or (len(text) == 3 and name_of(text) is not None)
