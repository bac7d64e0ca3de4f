"""A workbook's numbers as text: integers without ".0", codes with their zeros, dates as ISO 8601.

A cell holds a number and a format code such as `00000000`, `0.00` or `dd/mm/yyyy`. Together they determine
what a person sees. We leave out two things that depend on the reader's country instead of the data: thousands
separators and currency signs. A number displayed in thousands or millions keeps all its digits.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

from blnk_api.files.xlsx import number_formats
from blnk_api.files.xlsx.number_formats import Section

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
"""The number formats that exist in every workbook without a code (ECMA-376 part 1, 18.8.30)."""

_WHOLE = re.compile(r"[+-]?[0-9]+")
_MIDNIGHT = re.compile(r"T00:00(:00(\.0+)?)?Z?$")
_DIGITS_KEPT = 15
LONGEST_NUMBER = 400
"""In characters. Longer text is not a spreadsheet's number, and is kept as text."""
_LONGEST_CODE = 1_024
"""In characters. Excel allows 255; a longer format would display each number as pages of text."""
_NOT_PLACES = str.maketrans("", "", ",%")
_LAST_DAY = 2_958_465
"""9999-12-31 as a serial number."""


def display(number: int, code: str | None, from_1904: bool) -> Display:
    """A function that displays numbers in this format. `code` is None for a built-in format."""
    code = code if code is not None else _BUILT_IN.get(number, "General")
    if len(code) > _LONGEST_CODE:
        return general
    parts = number_formats.sections(code)
    first = parts[0]
    if first.is_elapsed:
        return _or_general(_elapsed)
    letters = set(first.letters)
    if "@" in letters:
        return general
    if letters.intersection("ymdhs") and not first.is_general:
        has_time = bool(letters.intersection("hs"))
        has_date = bool(letters.intersection("yd")) or not has_time
        return _or_general(lambda text: _moment(text, has_date, has_time, from_1904))
    shown = [_in_section(part) for part in parts[:3]]
    if len(parts) == 1 and first.condition is None:
        return general if shown[0] is general else _or_general(shown[0])
    return _or_general(lambda text: _chosen(_decimal(text), text, parts, shown))


def _chosen(number: Decimal, text: str, parts: Sequence[Section], shown: Sequence[Display]) -> str:
    """Displays a number with the section of the format that applies to it."""
    if any(part.condition for part in parts[:2]):
        fitting = (
            at for at, part in enumerate(parts[:3]) if part.condition is None or part.condition(number)
        )
        return shown[next(fitting, 0)](text)
    at = 1 if number < 0 else 2 if number == 0 else 0
    if at >= len(shown) or not (parts[at].has_digits or parts[at].is_general or parts[at].words):
        return shown[0](text)
    if at != 1:
        return shown[at](text)
    below = parts[1]
    signed = below.says_minus or not any(below.without_minus().around())
    return ("-" if signed else "") + _in_section(below.without_minus())(text.strip().removeprefix("-"))


def _in_section(section: Section) -> Display:
    """Displays a number with one section, with any letters or unit around it."""
    if section.is_code or (section.is_split and not section.places.strip("0#?")):
        return _coded(section)
    if words := section.words:
        return lambda _: words
    before, after = ("", "") if section.is_scaled else section.around()
    plain = section.places
    show: Display = (lambda text: _fixed(text, plain)) if section.is_plain else general
    if not before and not after:
        return show

    def with_letters(text: str) -> str:
        number = show(text)
        sign = "-" if number.startswith("-") else ""
        return f"{sign}{before}{number.removeprefix('-')}{after}"

    return with_letters


class Formats:
    """The display functions of a workbook's cell styles, each created when it is first needed. Old workbooks
    have tens of thousands of styles with few number formats."""

    def __init__(self, numbers: Sequence[str], codes: Mapping[str, str], *, from_1904: bool) -> None:
        """`numbers` are the styles' formats, `codes` the workbook's own format codes by number."""
        self._numbers = numbers
        self._codes = codes
        self._from_1904 = from_1904
        self._by_style: dict[str, Display] = {}
        self._by_number: dict[str, Display] = {}
        self.around_texts = self._texts_around()
        """What is displayed before and after the texts of cells, for the styles that add something."""

    def _texts_around(self) -> dict[str, tuple[str, str]]:
        by_number = {}
        for number, code in self._codes.items():
            if "@" in code and code != "@":
                last = next((one for one in number_formats.sections(code)[::-1] if "@" in one.letters), None)
                if last is not None and any(around := last.around_text):
                    by_number[number] = around
        if not by_number:
            return {}
        styles = enumerate(self._numbers)
        return {str(style): by_number[number] for style, number in styles if number in by_number}

    def __getitem__(self, style: str) -> Display:
        show = self._by_style.get(style)
        if show is None:
            at = int(style or 0)
            number = self._numbers[at] if 0 <= at < len(self._numbers) else "0"
            show = self._by_number.get(number)
            if show is None:
                show = display(int(number), self._codes.get(number), self._from_1904)
            self._by_style[style] = self._by_number[number] = show
        return show


def general(text: str) -> str:
    """A number without a format: all its digits, up to the 15 that a spreadsheet keeps, without an
    exponent."""
    if len(text) > LONGEST_NUMBER:
        return text
    if _WHOLE.fullmatch(text):
        return str(int(text))
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
    """A date cell that is already text (`2026-01-02T00:00:00`), without a midnight that nobody entered."""
    return _MIDNIGHT.sub("", text) if "T00:00" in text[-30:] else text


def _decimal(text: str) -> Decimal:
    number = float(text[:LONGEST_NUMBER])
    is_typed = text.isascii() and "_" not in text  # else a text, although Python reads it as a number
    if not is_typed or len(text) > LONGEST_NUMBER or number != number or abs(number) > 1e300:
        raise ValueError(text)
    return Decimal(f"{number:.{_DIGITS_KEPT}g}")


def _plain(number: Decimal) -> str:
    if abs(number.adjusted()) > 40:
        return str(number)
    shown = f"{number:f}"
    shown = shown.rstrip("0").rstrip(".") if "." in shown else shown
    return "0" if shown in ("-0", "") else shown


def _or_general(show: Display) -> Display:
    """Falls back to the plain number if the format cannot display it: an odd format must not fail the
    file."""

    def either(text: str) -> str:
        try:
            return show(text)
        except (ValueError, ArithmeticError, OverflowError):
            return general(text)

    return lru_cache(maxsize=4_096)(either)


def _fixed(text: str, plain: str) -> str:
    """`0.00`, `#,##0`, `0%`: with the decimals and leading zeros of the format."""
    number = _decimal(text)
    percent = plain.count("%")
    number = number.scaleb(2 * percent)
    whole, _, decimals = plain.translate(_NOT_PLACES).partition(".")
    least = decimals.count("0")
    number = number.quantize(Decimal(1).scaleb(-len(decimals)), ROUND_HALF_UP)
    digits, _, rest = f"{abs(number):f}".partition(".")
    rest = rest[:least] + rest[least:].rstrip("0")
    digits = digits.rjust(whole.count("0"), "0")
    sign = "-" if number < 0 else ""
    return f"{sign}{digits}{'.' if rest else ''}{rest}{'%' * percent}"


def _coded(section: Section) -> Display:
    """`00000000`, `00-00-00`, `"CC-"0000`: a code with all its zeros and signs."""
    signs = [text for _, text in section.signs]
    is_place = [kind == "place" and text != "." for kind, text in section.signs]
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
            filler = "0" if signs[at] == "0" else ""
            if not is_place[at]:
                shown.append(signs[at])
            elif at == first_place:
                shown.append(digits or filler)
            else:
                shown.append(digits[-1:] or filler)
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
