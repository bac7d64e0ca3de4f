"""Recognizes rows in the form in which nearly all programs write nearly all rows: without formulas, remarks,
entities or line breaks. Such a row needs no XML parser, which would take three times as long.

The patterns match only well-formed XML, with every attribute at most once. Everything else is left to the
parser, down to the words of what is wrong with it.
"""

import re
from collections.abc import Callable, Container
from typing import Generic, NamedTuple, TypeVar

from blnk_api.files.limits import MAX_ROWS
from blnk_api.files.xlsx.shared_strings import unescaped
from blnk_api.files.xlsx.xml_stream import damaged

T = TypeVar("T")

ROW_END = b"</row>"
DIGITS = "0123456789"

_TEXT = r"[^<>&\x00-\x1f\ufffe\uffff]*+"
_YES_OR_NO = "(?:0|1|false|true)"
_ATTRIBUTES = (
    r' spans="[0-9: ]*+"',
    r' s="[0-9]++"',
    f' customFormat="{_YES_OR_NO}"',
    r' ht="[1-9][0-9.]*+"',
    r' hidden="(?:0|false)"',
    f' customHeight="{_YES_OR_NO}"',
    r' outlineLevel="[0-7]"',
    f' collapsed="{_YES_OR_NO}"',
    r' x14ac:dyDescent="[0-9.]*+"',
)
"""Of a row, in the order in which Excel and LibreOffice write them. None of these hides it."""


_CELL = (
    r'<c r="[A-Z]{1,3}+[0-9]{1,7}+"(?: s="[0-9]{1,5}+")?+(?: t="(?:s|str|n|b|inlineStr)")?+'
    f'(?:/>|>(?:<v>{_TEXT}</v>|<is><t(?: xml:space="preserve")?+>{_TEXT}</t></is>)</c>)'
)
_ROW = re.compile(
    r'<row r="([1-9][0-9]{0,6}+)"'
    + "".join(f"(?:{one})?+" for one in _ATTRIBUTES)
    + f">((?:{_CELL})*+){ROW_END.decode()}"
)
_PARTS = re.compile('<c r="([A-Z]++)[0-9]++"([^>]*+)>(?:(?:<v>|<is><t[^>]*+>)([^<]*+))?+')
"""Takes cells apart that are known to be plain."""
_STYLE, _KIND = re.compile(' s="([0-9]++)"'), re.compile(' t="([A-Za-z]++)"')


LONG = 15
"""In characters. Shorter cells are not checked for flaws or counted."""
_LONGEST = 1_000
"""In characters. A row of such cells is short enough for a sheet."""


class PlainRow(NamedTuple):
    """`long`: how many characters are in its long cells."""

    number: int
    cells: list[str]
    long: int


class PlainRows:
    """Reads plain rows."""

    def __init__(self, value: Callable[[str, str, str], str], around_texts: Container[str]) -> None:
        """`value` reads the text of a cell with its kind and style. `around_texts`: the styles that display
        something before or after a text."""
        self._value = value
        self._around_texts = around_texts
        self.columns = _Each(_column)
        """The column for the letters of a place such as AB12, from 0."""
        self._shown = _Each(self._showing)

    def read(self, xml: bytes, *, after: int, width: int) -> PlainRow | None:
        """The row that these bytes of UTF-8 are, from its beginning to its end. None if they are anything
        else, or the row does not follow row `after` and is not plain and `width` columns wide at most."""
        try:
            found = _ROW.fullmatch(xml.decode())
        except UnicodeDecodeError:
            return None
        if found is None or not after < int(found[1]) <= MAX_ROWS:
            return None
        columns, shown = self.columns, self._shown
        cells: list[str] = []
        long = 0
        for letters, attributes, raw in _PARTS.findall(found[2]):
            is_number, show = shown[attributes]
            value = show(raw)
            missing = columns[letters] - len(cells)
            if missing < 0 or missing + len(cells) >= width:
                return None
            if len(value) > LONG:
                if len(value) > _LONGEST or is_number:
                    return None
                long += len(value)
            if missing and value:
                cells += [""] * missing
            if value or not missing:
                cells.append(value)
        return PlainRow(int(found[1]), cells, long)

    def _showing(self, attributes: str) -> tuple[bool, Callable[[str], str]]:
        """Whether cells with these attributes are numbers, and how their values are read."""
        styles, kinds = _STYLE.search(attributes), _KIND.search(attributes)
        style, kind = styles[1] if styles else "", kinds[1] if kinds else "n"
        if kind in ("str", "inlineStr") and style not in self._around_texts:
            return False, unescaped
        return kind == "n", lambda raw: self._value(raw, kind, style)


def _column(letters: str) -> int:
    known = 0
    for letter in letters:
        if not "A" <= letter <= "Z" or known > 20_000:
            raise damaged()
        known = known * 26 + ord(letter) - 64
    return known - 1


class _Each(dict[str, T], Generic[T]):
    """What was found for each text, once."""

    def __init__(self, find: Callable[[str], T]) -> None:
        super().__init__()
        self._find = find

    def __missing__(self, text: str) -> T:
        found = self[text] = self._find(text)
        return found
