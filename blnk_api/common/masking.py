"""Removes secrets from text that came from elsewhere, before it is stored, shown or raised."""

import re
from collections.abc import Iterable
from urllib.parse import quote

HIDDEN = "[hidden]"

_SHAPES = re.compile(
    r"""
    \b(?:bearer|basic)\s+[\w.~+/=-]{16,}        # a header
    | \bblnk_[a-z]+_[\w.~+/=-]{4,}             # a key of Blnk Cloud
    | \beyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*)?  # a JSON web token
    """,
    re.IGNORECASE | re.VERBOSE,
)
_WORD = r"[\w-]*(?:token|secret|password|passwd|authorization|api[_-]?key|blnk-key)"
_NAMED = re.compile(
    rf"""(?P<name>"{_WORD}\\?"\s*:\s*\\?"|\b{_WORD}=)(?P<value>[^"\s&<>\\]+)""",
    re.IGNORECASE,
)


def masked(text: str, secrets: Iterable[str] = ()) -> str:
    """The text without these secrets, plain or escaped, and without anything that looks like a token."""
    for secret in secrets:
        for form in _forms(secret):
            text = text.replace(form, HIDDEN)
    return _SHAPES.sub(HIDDEN, text)


def masked_document(text: str, secrets: Iterable[str] = ()) -> str:
    """Like `masked`, for a whole answer: values of keys such as access_token are hidden too."""
    return _NAMED.sub(rf"\g<name>{HIDDEN}", masked(text, secrets))


def _forms(secret: str) -> set[str]:
    """The spellings of a secret in JSON (also Go's and PHP's) and in URLs."""
    if not secret:
        return set()
    go = secret.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return {secret, go, secret.replace("/", "\\/"), quote(secret, safe="")}
