"""Whether two values differ only in how a file was read: encoding, dates, number formats or marks.

An import_ref depends on what is sent, so an improved reader makes a row of years ago look new. This module
recognizes such rows. Pure.
"""

import re
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from blnk_api.common.name_matching import normalized
from blnk_api.files import ENCODINGS

DAYS_1904 = 1462
"""The days between the two dates from which workbooks count."""

_FIRST_DAY_1900 = date(1899, 12, 30).toordinal()
_MANY_BYTES = ("utf-8", "cp932", "euc_jp", "gb18030", "big5", "cp949")
_ONE_BYTE = tuple(
    dict.fromkeys(
        [
            *(codec for codec in ENCODINGS.values() if codec not in _MANY_BYTES and "utf" not in codec),
            "latin-1",
            "mac-latin2",
            "cp874",
            "cp862",
        ]
    )
)
_TO_TIDY = re.compile(r'["\n\r\t\x00-\x1f\x7f\u00a0\u202f]|^ | $|  ')
_ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)?")
_DECORATED = re.compile(r"([^\d]{0,6})(\d[\d.,'\u00a0\u202f ]{0,40})([^\d]{0,6})")
_GROUPED = re.compile(r"[+(]{0,2}\d[\d/() .+-]{0,40}")
_DIGIT, _NO_DIGITS, _FRACTION = re.compile(r"[0-9]"), re.compile(r"[^0-9]"), re.compile(r"[.,][0-9]+$")
_SPACES = re.compile("['\u00a0\u202f ]")
_NUMBER = re.compile(r"[+-]?\d{1,40}(?:[.,]\d{1,40})?(?:[eE][+-]?\d{1,3})?%?")
_LONGEST = 500
"""Longer texts are compared exactly: no customer is identified by an essay."""
_FIRST_IDEOGRAPH = "\u2e80"


@lru_cache(maxsize=16_384)
def skeleton(text: str) -> str:
    """A form of a value that ignores how it was read: equal for two values that differ only in reading, as
    far as one value alone shows. Other values may share it too: check with `only_reading`."""
    plain = _plain(text)
    if len(plain) > _LONGEST:
        return plain
    if _DIGIT.search(plain):
        if (days := _days(plain)) is not None:
            return f"day {days % DAYS_1904}"
        if found := _DECORATED.fullmatch(plain):
            digits = _NO_DIGITS.sub("", found[2]).lstrip("0")
            return (digits.rstrip("0") if _FRACTION.search(found[2]) else digits) or "0"
        if _GROUPED.fullmatch(plain):
            return _NO_DIGITS.sub("", plain).lstrip("0") or "0"
    return plain if plain.isascii() else _pattern(plain)


def only_reading(one: str, other: str) -> bool:
    """Whether both may be the same cell of one file, read in two ways."""
    if one == other:
        return True
    first, second = _plain(one), _plain(other)
    if first == second:
        return True
    may_be = max(len(first), len(second)) <= _LONGEST
    return may_be and (_same_day(first, second) or _same_number(first, second) or _same_bytes(one, other))


def names_that_differ(
    ours: Mapping[str, object], theirs: Mapping[str, object]
) -> tuple[list[str], list[str]]:
    """The names in which two records really differ, and those in which only the reading differs.

    A value whose column name was read differently counts as read differently, under its name in `ours`. Names
    are tidied before they are sent, so one with only letters beyond ASCII may leave nothing to compare.
    """
    really: list[str] = []
    by_reading: list[str] = []
    missing: list[str] = []
    for name, value in ours.items():
        if name not in theirs:
            missing.append(name)
        elif value != theirs[name]:
            (by_reading if _may_be_read_alike(value, theirs[name]) else really).append(name)
    extra = [name for name in theirs if name not in ours]
    for name in missing:
        moved = next(
            (
                old
                for old in extra
                if _may_be_one_name(name, old) and _may_be_read_alike(ours[name], theirs[old])
            ),
            None,
        )
        if moved is None:
            really.append(name)
        else:
            extra.remove(moved)
            by_reading.append(name)
    return really + extra, by_reading


def other_readings(text: str) -> list[str]:
    """The values that an earlier version may have sent for today's value `text`, itself first.

    Not all of them: only those that Blnk's filters can search for in a list.
    """
    found = [text]
    plain = _plain(text)
    found.append(plain)
    if (days := _days(plain)) is not None:
        rest = plain[10:]
        for shift in (-DAYS_1904, DAYS_1904):
            if 1 <= days + shift + _FIRST_DAY_1900 <= date.max.toordinal():
                found.append(date.fromordinal(days + shift + _FIRST_DAY_1900).isoformat() + rest)
    elif (number := _DECORATED.fullmatch(plain)) and number[2].isdigit():
        found += [number[2], number[2].lstrip("0") or "0"]
    elif _GROUPED.fullmatch(plain):
        digits = _NO_DIGITS.sub("", plain)
        found += [digits, digits.lstrip("0") or "0"]
    if not text.isascii() and len(text) <= _LONGEST:
        found.append(unicodedata.normalize("NFD", text))
        for codec in (*_MANY_BYTES, *_ONE_BYTE):
            found += [wrong for wrong in _misread(text, codec, _ONE_BYTE) if wrong != text]
    return list(dict.fromkeys(one for one in found if one))


def _may_be_one_name(one: str, other: str) -> bool:
    return not (one.isascii() and other.isascii()) or _plain(one) == _plain(other)


def _may_be_read_alike(one: object, other: object) -> bool:
    return isinstance(one, str) and isinstance(other, str) and only_reading(one, other)


def _plain(text: str) -> str:
    """Without invisible characters, surrounding quotation marks and repeated spaces."""
    if not text.isascii():
        text = normalized("NFC", _mended(text))
        text = "".join(
            one for one in text if one in "\n\t\r" or unicodedata.category(one) not in ("Cf", "Cc")
        )
    if _TO_TIDY.search(text):
        text = " ".join(text.replace('"', "").split())
    return text


def _mended(text: str) -> str:
    """Restores UTF-8 that was decoded as Windows-1252 or Latin-1. Other text stays as it is."""
    for codec in ("cp1252", "latin-1"):
        try:
            return text.encode(codec).decode("utf-8")
        except UnicodeError:
            continue
    return text


def _pattern(text: str) -> str:
    """Numbers letters beyond ASCII by first use: another codec changes each into one other letter."""
    seen: dict[str, str] = {}
    return "".join(
        sign if sign.isascii() or sign >= _FIRST_IDEOGRAPH else seen.setdefault(sign, f"\x00{len(seen)}\x00")
        for sign in text
    )


def _days(text: str) -> int | None:
    """A date's number in workbooks that count from 1900."""
    found = _ISO.fullmatch(text)
    if found is None:
        return None
    try:
        return date(int(found[1]), int(found[2]), int(found[3])).toordinal() - _FIRST_DAY_1900
    except ValueError:
        return None


def _same_day(one: str, other: str) -> bool:
    first, second = _days(one), _days(other)
    if first is not None and second is not None:
        return abs(first - second) in (0, DAYS_1904) and (one[10:] in ("", other[10:]) or not other[10:])
    if first is None and second is None:
        return False
    days = first if first is not None else second
    assert days is not None
    number = _whole(other if first is not None else one)
    return number is not None and abs(number - days) in (0, DAYS_1904)


def _whole(text: str) -> int | None:
    """The integer part of a plain number."""
    if not _NUMBER.fullmatch(text) or text.endswith("%"):
        return None
    try:
        return int(Decimal(text.replace(",", ".")))
    except (InvalidOperation, ValueError, OverflowError):
        return None


def _same_number(one: str, other: str) -> bool:
    if not (_DIGIT.search(one) and _DIGIT.search(other)):
        return False
    if _agree(_numbers(one), _numbers(other)):
        return True
    if _is_grouped(one, other) or _is_grouped(other, one):
        return True
    first, second = _DECORATED.fullmatch(one), _DECORATED.fullmatch(other)
    if first is None or second is None:
        return False
    is_bare = not (first[1] + first[3]).strip() or not (second[1] + second[3]).strip()
    return is_bare and _agree(_numbers(first[2]), _numbers(second[2]))


def _is_grouped(number: str, code: str) -> bool:
    """Whether a code has a number's digits, in groups: (555) 123-4567."""
    digits = _NO_DIGITS.sub("", code).lstrip("0")
    return number.isdecimal() and digits == number.lstrip("0") and bool(_GROUPED.fullmatch(code))


def _agree(ours: list[Decimal], theirs: list[Decimal]) -> bool:
    """Whether they are equal, or one is the other rounded to the digits that a format displays."""
    for first in ours:
        for second in theirs:
            if first == second:
                return True
            coarse, fine = sorted((first, second), key=lambda one: -int(one.as_tuple().exponent))
            if (
                int(coarse.as_tuple().exponent) < 0
                and round(fine, -int(coarse.as_tuple().exponent)) == coarse
            ):
                return True
    return False


def _numbers(text: str) -> list[Decimal]:
    """The numbers that a text may stand for, with a point or a comma before the fraction."""
    bare = _SPACES.sub("", text)
    found = []
    for candidate in {bare, bare.replace(",", ""), bare.replace(".", "").replace(",", ".")}:
        if _NUMBER.fullmatch(candidate):
            value = Decimal(candidate.rstrip("%").replace(",", "."))
            found.append(value / 100 if candidate.endswith("%") else value)
    return found


def _same_bytes(one: str, other: str) -> bool:
    """Whether some bytes decode to one text in one encoding and to the other text in another."""
    if one.isascii() and other.isascii():
        return False
    if len(one) == len(other):
        pairs = _ALL_PAIRS
        for first, second in zip(one, other, strict=True):
            if first != second or not first.isascii():
                pairs &= _pairs_for(first, second)
            if not pairs:
                return False
        return True
    short, long = sorted((one, other), key=len)
    return any(long in _misread(short, codec, (*_ONE_BYTE, *_MANY_BYTES)) for codec in _MANY_BYTES)


_ALL_PAIRS = (1 << len(_ONE_BYTE) ** 2) - 1


@lru_cache(maxsize=16_384)
def _pairs_for(one: str, other: str) -> int:
    """The pairs of encodings, as bits, in which one byte decodes to these two letters."""
    ours, theirs = _bytes_of(one), _bytes_of(other)
    pairs = 0
    for at, byte in enumerate(ours):
        for also, found in enumerate(theirs):
            pairs |= (byte is not None and byte == found) << (at * len(_ONE_BYTE) + also)
    return pairs


def _bytes_of(sign: str) -> list[bytes | None]:
    found: list[bytes | None] = []
    for codec in _ONE_BYTE:
        try:
            found.append(sign.encode(codec))
        except UnicodeError:
            found.append(None)
    return found


def _misread(text: str, codec: str, others: tuple[str, ...]) -> set[str]:
    """What a text in one encoding looks like when decoded with others."""
    found = set()
    with suppress(UnicodeError):
        held = text.encode(codec)
        for other in others:
            with suppress(UnicodeError):
                found.add(held.decode(other))
    return found
