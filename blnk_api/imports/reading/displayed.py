"""Numbers of a workbook as text: whole ones without ".0", codes with their zeros, dates as ISO 8601.

A cell holds a number and a format code such as `00000000`, `0.00` or `dd/mm/yyyy`; what a person sees comes
of both. Two things we leave away, because they depend on the reader's country and not on the data: thousands
separators and currency signs.
"""

import re
from collections.abc import Callable
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

Display = Callable[[str], str]

_BUILT_IN = {
    1: "0",
    2: "0.00",
    3: "#,##0",
    4: "#,##0.00",
    9: "0%",
    10: "0.00%",
    **dict.fromkeys((14, 15, 16, 17, 27, 28, 29, 30, 31, 36, *range(50, 59)), "yyyy-mm-dd"),
    **dict.fromkeys((18, 19, 20, 21, 45, 47), "hh:mm:ss"),
    22: "yyyy-mm-dd hh:mm",
    37: "#,##0",
    38: "#,##0",
    39: "#,##0.00",
    40: "#,##0.00",
    44: "#,##0.00",
    43: "#,##0.00",
    46: "[h]:mm:ss",
}
"""Format numbers that every workbook has without a code (ECMA-376 part 1, 18.8.30)."""

_WHOLE = re.compile(r"[+-]?\d+")
_QUOTED = re.compile(r'"([^"]*)"|\\(.)')
_UNSEEN = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]', re.IGNORECASE)
_CODE = re.compile(r'(?:"[^"]*"|\\.|[-/ ().])*0(?:"[^"]*"|\\.|[-/ ()0])*')
_DIGITS_KEPT = 15
_LAST_DAY = 2_958_465
"""9999-12-31 as a serial number."""


def display(number: int, code: str | None, from_1904: bool) -> Display:
    """How the numbers of cells with this format are shown. `code` is None for a built-in format."""
    code = code if code is not None else _BUILT_IN.get(number, "General")
    first = _sections(code)[0]
    plain = _UNSEEN.sub("", first)
    if re.search("general|@", plain, re.IGNORECASE):
        return general
    if re.search(r"\[(h+|m+|s+)\]", plain, re.IGNORECASE):
        return _or_general(_elapsed)
    if re.search("[ymdhs]", plain, re.IGNORECASE):
        has_time = bool(re.search("[hs]", plain, re.IGNORECASE))
        has_date = bool(re.search("[yd]", plain, re.IGNORECASE)) or not has_time
        return _or_general(lambda text: _moment(text, has_date, has_time, from_1904))
    if _CODE.fullmatch(first) and first.count("0") > 1:
        return _or_general(_coded(first))
    if re.fullmatch(r"[-+$€£¥ ()#0?,.%]*[#0?][-+$€£¥ ()#0?,.%]*", plain):
        return _or_general(lambda text: _fixed(text, plain))
    return general


def general(text: str) -> str:
    """A number without a format: all its digits, up to the 15 that a spreadsheet keeps, no exponent."""
    if _WHOLE.fullmatch(text):
        return str(int(text)) if len(text) < 400 else text
    try:
        number = _decimal(text)
    except (ValueError, ArithmeticError):
        return text
    return _plain(number)


def loses_digits(text: str) -> bool:
    """Whether a number has more digits than a spreadsheet keeps, so that the last ones are probably wrong."""
    try:
        number = abs(float(text))
    except ValueError:
        return False
    return number >= 10**_DIGITS_KEPT and number.is_integer()


def iso(text: str) -> str:
    """A date cell that is text already (`2026-01-02T00:00:00`), without a midnight nobody typed."""
    return re.sub(r"T00:00(:00(\.0+)?)?Z?$", "", text)


def _sections(code: str) -> list[str]:
    """A code's parts for positive, negative, zero and text, split at semicolons outside quotes."""
    return [part for part in re.findall(r'((?:"[^"]*"|\\.|[^;"\\])*);?', code)] or [code]


def _decimal(text: str) -> Decimal:
    number = float(text)
    if number != number or abs(number) > 1e300:
        raise ValueError(text)
    return Decimal(f"{number:.{_DIGITS_KEPT}g}")


def _plain(number: Decimal) -> str:
    if abs(number.adjusted()) > 40:
        return str(number)
    shown = f"{number:f}"
    shown = shown.rstrip("0").rstrip(".") if "." in shown else shown
    return "0" if shown in ("-0", "") else shown


def _or_general(show: Display) -> Display:
    """A format shown where it can be, else the number: an odd file is no reason to fail."""

    def either(text: str) -> str:
        try:
            return show(text)
        except (ValueError, ArithmeticError, OverflowError):
            return general(text)

    return lru_cache(maxsize=4_096)(either)


def _fixed(text: str, plain: str) -> str:
    """`0.00`, `#,##0`, `0%`: the decimals and leading zeros of the format."""
    number = _decimal(text)
    percent = plain.count("%")
    number = number.scaleb(2 * percent)
    whole, _, decimals = re.sub(r"[^#0?.]", "", plain).partition(".")
    least = decimals.count("0")
    number = number.quantize(Decimal(1).scaleb(-len(decimals)), ROUND_HALF_UP)
    digits, _, rest = f"{abs(number):f}".partition(".")
    rest = rest[:least] + rest[least:].rstrip("0")
    digits = digits.rjust(whole.count("0"), "0")
    sign = "-" if number < 0 else ""
    return f"{sign}{digits}{'.' if rest else ''}{rest}{'%' * percent}"


def _coded(code: str) -> Display:
    """`00000000`, `00-00-00`, `"CC-"0000`: a code, shown with all its zeros and signs."""
    signs = [match[1] or match[2] or match[0] for match in re.finditer(r'"([^"]*)"|\\(.)|.', code)]
    is_place = [match[0] == "0" for match in re.finditer(r'"[^"]*"|\\.|.', code)]
    only_zeros, first_place = all(is_place), is_place.index(True)

    def show(text: str) -> str:
        if text.isdecimal() and text.isascii():
            digits, sign = text.lstrip("0"), ""
        else:
            number = _decimal(text)
            if number != number.to_integral_value():
                return general(text)
            digits, sign = str(abs(int(number))), "-" if number < 0 else ""
        if only_zeros:
            return sign + digits.rjust(len(signs), "0")
        shown: list[str] = []
        for at in range(len(signs) - 1, -1, -1):
            if not is_place[at]:
                shown.append(signs[at])
            elif at == first_place:
                shown.append(digits or "0")
            else:
                shown.append(digits[-1:] or "0")
                digits = digits[:-1]
        return sign + "".join(reversed(shown))

    return show


def _moment(text: str, has_date: bool, has_time: bool, from_1904: bool) -> str:
    serial = float(text)
    if not 0 <= serial <= _LAST_DAY:
        raise ValueError(text)
    seconds = round(serial * 86_400)
    days, seconds = divmod(seconds, 86_400)
    clock = str(timedelta(seconds=seconds)).rjust(8, "0")
    if not has_date or (days == 0 and has_time):
        return clock
    if from_1904:
        day = date(1904, 1, 1) + timedelta(days=days)
    else:
        day = date(1899, 12, 31 if days < 60 else 30) + timedelta(days=days)
    if not has_time or not seconds:
        return day.isoformat()
    return f"{day.isoformat()}T{clock}"


def _elapsed(text: str) -> str:
    seconds = round(float(text) * 86_400)
    sign, seconds = ("-" if seconds < 0 else ""), abs(seconds)
    return f"{sign}{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
