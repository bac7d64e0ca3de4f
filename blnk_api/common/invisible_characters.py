"""Invisible characters that come with copied text and are not part of a name or a code."""

INVISIBLE = (
    "\ufeff\u200b\u200c\u200d\u2060\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
"""Byte order marks, zero-width spaces and joiners, and text direction marks."""

_AROUND = INVISIBLE + "".join(filter(str.isspace, map(chr, range(0x3001))))


def bare(text: str) -> str:
    """The text without surrounding spaces and invisible characters."""
    return text.strip() if text.isascii() else text.strip(_AROUND)
