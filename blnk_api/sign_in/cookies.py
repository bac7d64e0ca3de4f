"""The cookies of sign-in: that of a session, that of one which is over, and what a browser keeps while it is
with a provider."""

import base64
import binascii
import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict

import orjson

from blnk_api.sign_in.begun import Begun
from blnk_api.sign_in_settings import SignIn

_SESSION = re.compile(r"[A-Za-z0-9_-]{43}")
_GOING_SECONDS = 600
_WAS_SECONDS = 86_400
_MOST_GOING = 4
"""A browser sends them with every request, and a large header would keep pages from connecting."""


def new_session() -> str:
    return secrets.token_urlsafe(32)


def session_of(sign_in: SignIn, cookies: Mapping[str, str]) -> str | None:
    """What this browser holds for a session, if it is something that we may have given."""
    value = cookies.get(sign_in.cookie, "")
    return value if _SESSION.fullmatch(value) else None


def keep_session(sign_in: SignIn, value: str) -> str:
    """A Set-Cookie. Without Max-Age: a browser that is closed forgets it."""
    return _cookie(sign_in, sign_in.cookie, value)


def forget_session(sign_in: SignIn, cookies: Mapping[str, str]) -> list[str]:
    """Its tabs may have to load a script to say that they are signed out: by what it was, kept apart."""
    was = session_of(sign_in, cookies)
    kept = [_cookie(sign_in, _was_name(sign_in), was, seconds=_WAS_SECONDS)] if was else []
    return [_cookie(sign_in, sign_in.cookie, "", seconds=0), *kept]


def sessions_known(sign_in: SignIn, cookies: Mapping[str, str]) -> list[str]:
    """What this browser holds for its session and for the one before, if it is something that we may have
    given."""
    held = (cookies.get(name, "") for name in (sign_in.cookie, _was_name(sign_in)))
    return [value for value in held if _SESSION.fullmatch(value)]


def keep_begun(sign_in: SignIn, begun: Begun, cookies: Mapping[str, str]) -> list[str]:
    """Each tab has its own; tabs that were left on their way are forgotten when there are many."""
    going = [name for name in cookies if name.startswith(_prefix(sign_in))]
    forgotten = going if len(going) >= _MOST_GOING else []
    value = base64.urlsafe_b64encode(orjson.dumps(asdict(begun))).decode().rstrip("=")
    return [
        *(_cookie(sign_in, name, "", seconds=0) for name in forgotten),
        _cookie(sign_in, _begun_name(sign_in, begun.state), value, seconds=_GOING_SECONDS),
    ]


def begun_of(sign_in: SignIn, state: str, cookies: Mapping[str, str]) -> Begun | None:
    """What this browser kept when it went to the provider with this state."""
    value = cookies.get(_begun_name(sign_in, state), "")
    try:
        return Begun(**orjson.loads(base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))))
    except (binascii.Error, ValueError, TypeError):
        return None


def forget_begun(sign_in: SignIn, state: str) -> str:
    return _cookie(sign_in, _begun_name(sign_in, state), "", seconds=0)


def _was_name(sign_in: SignIn) -> str:
    return "__Host-desk_was" if sign_in.is_https else "desk_was"


def _prefix(sign_in: SignIn) -> str:
    return "__Host-desk_going_" if sign_in.is_https else "desk_going_"


def _begun_name(sign_in: SignIn, state: str) -> str:
    return _prefix(sign_in) + re.sub(r"[^A-Za-z0-9_-]", "", state)[:12]


def _cookie(sign_in: SignIn, name: str, value: str, *, seconds: int | None = None) -> str:
    parts = [f"{name}={value}", "Path=/", "HttpOnly", "SameSite=Lax"]
    parts += ["Secure"] if sign_in.is_https else []
    parts += [f"Max-Age={seconds}"] if seconds is not None else []
    return "; ".join(parts)
