"""Makes cells that a spreadsheet would run as a formula harmless on the way out, and restores them on the way
in.

A formula starts with one of `= + - @`, or their full-width forms (which Excel accepts in Chinese, Japanese
and Korean). It need not be at the start of our cell: a program that splits the file at semicolons or tabs
starts a new cell after each of these and after each line break, and drops white space before it. LibreOffice,
which by default splits at both comma and semicolon, ran `a;=1+1`.
"""

import re
from collections.abc import Sequence

_BLANK = (
    r"[\ \xa0\u1680\u2000-\u200a\u202f\u205f\u3000"
    r"\"\x00\xad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]"
)
"""What may precede a formula sign and be dropped: spaces, quotation marks, zero-width characters."""

_BREAK = r"[;\t\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029]"
_SIGN = r"[=+\-@\uff1d\uff0b\uff0d\uff20\ufe62\ufe63\ufe66\ufe6b\u2212]"

_START = re.compile(r"('*)(?=[=+\-@\t\r])")
"""What earlier versions guarded: only the start of the cell, and only plain signs."""

_LEADING_BREAK = re.compile(r"'*[\t\r]")
"""Spreadsheets drop a leading break and run what follows, so it gets an apostrophe whatever follows."""

_STARTS = re.compile(rf"(?:^|(?<={_BREAK}))({_BLANK}*)('*)(?={_SIGN})")
"""Each place where a formula could begin: the characters that are dropped, then existing apostrophes."""

_PLAIN = re.compile(rf"[0-9A-Za-z][^{_BREAK[1:]}*")
"""A fast test that matches nearly all cells: one possible start, and no formula sign there."""

_PLAIN_LINES = re.compile(rf"(?:(?:{_PLAIN.pattern}+)?+\n)*+")
"""Matches, each with a line break behind it, cells that are empty or `_PLAIN`."""

_STARTS_GUARDED = re.compile(_STARTS.pattern.replace("('*)", "(')('*)"))


def guard_cell(text: str) -> str:
    """The text with an apostrophe before anything that could start a formula.

    Text that already looks guarded gets one more, so that `unguard_cell` removes exactly what was added.
    """
    if _PLAIN.fullmatch(text):
        return text
    guarded = _STARTS.sub(r"\1'\2", text)
    return f"'{guarded}" if _LEADING_BREAK.match(text) else guarded


def need_no_guard(cells: Sequence[object]) -> bool:
    """Whether all of these are text that `guard_cell` certainly returns as it is. One look at a row takes a
    third of the time of one look at each cell."""
    try:
        return _PLAIN_LINES.fullmatch("\n".join(cells) + "\n") is not None  # type: ignore[arg-type]
    except TypeError:
        return False


def unguard_cell(text: str) -> str:
    """Reverses `guard_cell`. Only for rows known to be ours: others may contain apostrophes on purpose."""
    plain = _STARTS_GUARDED.sub(r"\1\3", text)
    return plain[1:] if plain.startswith("'") and _LEADING_BREAK.match(plain) else plain


def unguard_start(text: str) -> str:
    """Like `unguard_cell`, for files from versions that guarded only the start of a cell."""
    return text[1:] if text.startswith("'") and _START.match(text) else text
