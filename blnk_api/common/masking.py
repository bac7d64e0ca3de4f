"""Secrets are taken out of what others wrote, before it is kept, shown or raised."""

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
    """The text without these secrets, as they are or escaped, and without whatever looks like a token."""
    for secret in secrets:
        for form in _forms(secret):
            text = text.replace(form, HIDDEN)
    return _SHAPES.sub(HIDDEN, text)


def masked_document(text: str, secrets: Iterable[str] = ()) -> str:
    """As `masked`, for a whole answer: what stands under a name such as access_token is hidden too."""
    return _NAMED.sub(rf"\g<name>{HIDDEN}", masked(text, secrets))


def _forms(secret: str) -> set[str]:
    """How JSON, Go's and PHP's among it, and addresses may spell it."""
    if not secret:
        return set()
    go = secret.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return {secret, go, secret.replace("/", "\\/"), quote(secret, safe="")}
