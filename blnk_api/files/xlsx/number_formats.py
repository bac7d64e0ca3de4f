"""Parses a workbook's number format: `"INV-"0000;[Red]-0" kg"` has sections of signs and places.

One pass from left to right, so that the cost grows only linearly with the code's length.
"""

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
        """The text before the first and after the last place, if it is more than a currency or the number's
        sign: a code's letters, a unit."""
        at = [index for index, (kind, _) in enumerate(self.signs) if kind == "place"]
        first, last = (at[0], at[-1]) if at else (len(self.signs), len(self.signs))
        return _meaningful(self.signs[:first]), _meaningful(self.signs[last + 1 :])

    @property
    def is_split(self) -> bool:
        """Whether there are letters between its digits: `0" h "00`."""
        at = [index for index, (kind, _) in enumerate(self.signs) if kind == "place"]
        texts = [one for one in self.signs[at[0] : at[-1]] if one[0] == "text"] if at else []
        return bool(_meaningful(texts))

    @property
    def is_code(self) -> bool:
        """`00-00-00`, `"CC-"0000`: only zeros, more than one, and signs; no decimals."""
        zeros = 0
        for kind, text in self.signs:
            if kind == "place":
                if text != "0" and not (text == "." and not zeros):
                    return False
                zeros += text == "0"
            elif kind in ("letter", "currency") or (kind == "sign" and text not in "-/ ()"):
                return False
        return zeros > 1

    @property
    def is_scaled(self) -> bool:
        """`0.0,,"M"`: displayed in thousands or millions."""
        whole = self.places.partition(".")
        return any(part.rstrip("%").endswith(",") for part in (whole[0], whole[2]))

    @property
    def is_plain(self) -> bool:
        """Digits, decimals, percent, and signs that need no quotation marks."""
        return self.has_digits and not self.letters and all(
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


def _meaningful(signs: list[tuple[str, str]]) -> str:
    seen = "".join(text for kind, text in signs if kind != "place" and text not in _CURRENCY_SIGNS)
    if not any(one.isalpha() for one in seen) or _is_currency(seen.strip(" \u00a0\u202f()")):
        return ""
    return seen


@lru_cache(maxsize=256)
def _is_currency(text: str) -> bool:
    return text.lower() in _CURRENCY_WORDS or (len(text) == 3 and name_of(text) is not None)
