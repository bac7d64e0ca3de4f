"""Characters that nobody sees, and that come with text copied from elsewhere: no part of a name or a code."""

INVISIBLE = (
    "\ufeff\u200b\u200c\u200d\u2060\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
"""Byte order marks, zero-width spaces and joiners, and marks of the direction in which text runs."""

_AROUND = INVISIBLE + "".join(filter(str.isspace, map(chr, range(0x3001))))


def bare(text: str) -> str:
    """The text without spaces and invisible characters around it."""
    return text.strip() if text.isascii() else text.strip(_AROUND)
