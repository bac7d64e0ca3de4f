"""Recognizes text that a program read in the wrong encoding before it came to us: ZÃ¼rich for Zürich."""

import re

_LONGEST = 32_767
_OF_WINDOWS_1252 = "€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ"
_TO_BYTES = {ord(sign): sign.encode("cp1252")[0] for sign in _OF_WINDOWS_1252}
_PAIR = re.compile(f"[ÂÃÄÅÎÏÐÑ×ØÙàáâãäåæçèéêëìíîïð][\x80-\xbf{_OF_WINDOWS_1252}]")
"""The first byte of a letter in UTF-8 and a byte that continues it, as Windows-1252 displays them."""


def may_be_garbled(text: str) -> bool:
    """Whether it has letters beyond ASCII that rarely stand side by side."""
    return _PAIR.search(text) is not None


def as_meant(text: str) -> str | None:
    """The text before it was read as Windows-1252 although it was UTF-8. None if it was not."""
    if len(text) > _LONGEST or not may_be_garbled(text):
        return None
    try:
        meant = text.translate(_TO_BYTES).encode("latin-1").decode()
    except UnicodeError:
        return None
    return meant if meant.isprintable() else None
