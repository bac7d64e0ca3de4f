"""When two names of ledgers or customers are equal, and how to search Blnk for such names.

One rule for forms, files and the command line: Unicode's composed form, ignoring case, extra white space and
invisible characters.
"""

import re
import unicodedata
from typing import Literal

from blnk_api.common.invisible_characters import INVISIBLE

_UNSEEN = dict.fromkeys((*map(ord, INVISIBLE), 0xAD, 0xFE0E, 0xFE0F), None)
_SEVERAL_SPELLINGS = re.compile("ffi|ffl|ss|ff|fi|fl|st|σ")
"""What ß, ligatures and the final sigma become when case is ignored. Postgres' `ilike` does not treat these
as equal."""
_GAP = "\0"
_NORMALIZED_AT_ONCE = 1_000
"""In characters. The time to sort the marks on one letter grows with the square of their number."""


def normalized(form: Literal["NFC", "NFD", "NFKC", "NFKD"], text: str) -> str:
    """The text in a form of Unicode. Takes time in proportion to its length, whatever it contains."""
    if len(text) <= _NORMALIZED_AT_ONCE:
        return unicodedata.normalize(form, text)
    starts = range(0, len(text), _NORMALIZED_AT_ONCE)
    return "".join(unicodedata.normalize(form, text[at : at + _NORMALIZED_AT_ONCE]) for at in starts)


def fold(text: str) -> str:
    """The part of a name that is compared. Empty if nothing in it is visible."""
    seen = normalized("NFC", text.translate(_UNSEEN)).casefold()
    return " ".join(normalized("NFC", seen).split())


def pattern(text: str) -> str:
    """A pattern for `ilike` that finds every text containing a name like this one. It also finds others,
    which the caller must drop.

    Blnk compares letters as they are stored, so a letter that can be stored in several ways becomes a
    wildcard.
    """
    folded = fold(text)
    parts = list(_SEVERAL_SPELLINGS.sub(_GAP, normalized("NFD", folded)))
    for at, sign in enumerate(parts):
        if unicodedata.combining(sign):  # é may be stored as one character, or as e and an accent
            parts[at] = parts[at - 1] = _GAP
        elif not sign.isalnum() or "\u1100" <= sign <= "\u11ff":  # Korean syllables may be stored as parts
            parts[at] = _GAP
    kept = "".join(parts)
    if not kept.strip(_GAP):
        return f"%{escaped(folded)}%"
    return "%" + re.sub(f"{_GAP}+", "%", kept).strip("%") + "%"


def escaped(text: str) -> str:
    """Text that matches only itself in `like` and `ilike`."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
