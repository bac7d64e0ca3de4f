"""Cells that a spreadsheet would run as a formula: made harmless on the way out, restored on the way in.

A formula starts with one of `= + - @`, in their full-width forms too (Excel in Chinese, Japanese and Korean
takes those). It need not stand at the start of our cell: a program that cuts the file at semicolons or tabs
begins a cell of its own after each of these and after each line break, and drops white space before it.
LibreOffice, whose first choice is comma and semicolon together, ran `a;=1+1`.
"""

import re

_BLANK = (
    r"[\ \xa0\u1680\u2000-\u200a\u202f\u205f\u3000"
    r"\"\x00\xad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]"
)
"""What may stand before a sign and be dropped: spaces, quotation marks, signs without a width."""

_BREAK = r"[;\t\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029]"
_SIGN = r"[=+\-@\uff1d\uff0b\uff0d\uff20\ufe62\ufe63\ufe66\ufe6b\u2212]"

_START = re.compile(r"('*)(?=[=+\-@\t\r])")
"""Where versions before this one guarded: only the start of the cell, only plain signs."""

_LEADING_BREAK = re.compile(r"'*[\t\r]")
"""Spreadsheets drop it and run what follows, so that it gets an apostrophe too, whatever follows."""

_STARTS = re.compile(rf"(?:^|(?<={_BREAK}))({_BLANK}*)('*)(?={_SIGN})")
"""Each place where a cell could begin with a sign: what is dropped, then the apostrophes that are there."""

_PLAIN = re.compile(rf"[0-9A-Za-z][^{_BREAK[1:]}*")
"""A cell with one place to begin, where no sign stands: nearly all are, and this is quickly told."""

_STARTS_GUARDED = re.compile(_STARTS.pattern.replace("('*)", "(')('*)"))


def guard_cell(text: str) -> str:
    """The text as a file may give it back: an apostrophe stands before whatever could start a formula.

    Text that already looks guarded gets one more, so that `unguard_cell` takes back exactly what was added.
    """
    if _PLAIN.fullmatch(text):
        return text
    guarded = _STARTS.sub(r"\1'\2", text)
    return f"'{guarded}" if _LEADING_BREAK.match(text) else guarded


def unguard_cell(text: str) -> str:
    """What `guard_cell` was given. Only for rows known to be ours: others may mean their apostrophe."""
    plain = _STARTS_GUARDED.sub(r"\1\3", text)
    return plain[1:] if plain.startswith("'") and _LEADING_BREAK.match(plain) else plain


def unguard_start(text: str) -> str:
    """As `unguard_cell`, for files written when only the start of a cell was guarded."""
    return text[1:] if text.startswith("'") and _START.match(text) else text
