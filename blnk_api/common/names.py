"""When two names of ledgers or customers are the same, and how to search Blnk for all of them.

One rule for forms, files and the command line: letters as Unicode composes them, without regard to case, to
white space around and between words, and to signs that nobody sees.
"""

import re
import unicodedata

from blnk_api.common.invisible import INVISIBLE

_UNSEEN = dict.fromkeys((*map(ord, INVISIBLE), 0xAD, 0xFE0E, 0xFE0F), None)
_SEVERAL_SPELLINGS = re.compile("ffi|ffl|ss|ff|fi|fl|st|σ")
"""Letters that ß, ligatures and the final sigma become without regard to case, and Postgres' `ilike` does
not take as equal to them."""
_GAP = "\0"


def fold(text: str) -> str:
    """What is compared of a name. Empty where nothing of it can be seen."""
    seen = unicodedata.normalize("NFC", text.translate(_UNSEEN)).casefold()
    return " ".join(unicodedata.normalize("NFC", seen).split())


def pattern(text: str) -> str:
    """For `ilike`: finds every text that holds a name like this one, and some others, which are for the
    caller to leave out.

    Blnk compares letters as they are stored, so that any that can be stored in several ways stands for
    itself only as a gap.
    """
    folded = fold(text)
    parts = list(_SEVERAL_SPELLINGS.sub(_GAP, unicodedata.normalize("NFD", folded)))
    for at, sign in enumerate(parts):
        if unicodedata.combining(sign):  # é may be stored as one letter, or as e and an accent
            parts[at] = parts[at - 1] = _GAP
        elif not sign.isalnum() or "\u1100" <= sign <= "\u11ff":  # of Korean syllables there are parts, too
            parts[at] = _GAP
    kept = "".join(parts)
    if not kept.strip(_GAP):
        return f"%{escaped(folded)}%"
    return "%" + re.sub(f"{_GAP}+", "%", kept).strip("%") + "%"


def escaped(text: str) -> str:
    """Text that stands for itself in `like` and `ilike`."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
