"""The cookies of sign-in: for a session, for the previous session, and for a sign-in in progress."""

import base64
import binascii
import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict

import orjson

from blnk_api.sign_in.pending_sign_in import Begun
from blnk_api.sign_in_settings import SignIn

_SESSION = re.compile(r"[A-Za-z0-9_-]{43}")
_GOING_SECONDS = 600
_WAS_SECONDS = 86_400
_MOST_GOING = 4
"""Browsers send them with every request, and too large a header would keep pages from connecting."""


def new_session() -> str:
    return secrets.token_urlsafe(32)


def session_of(sign_in: SignIn, cookies: Mapping[str, str]) -> str | None:
    """This browser's session value, if it is one that we may have issued."""
    value = cookies.get(sign_in.cookie, "")
    return value if _SESSION.fullmatch(value) else None


def keep_session(sign_in: SignIn, value: str) -> str:
    """A Set-Cookie header without Max-Age, so that closing the browser removes it."""
    return _cookie(sign_in, sign_in.cookie, value)


def forget_session(sign_in: SignIn, cookies: Mapping[str, str]) -> list[str]:
    """Open tabs may have to load a script to show that they are signed out. The former value, kept
    separately, allows that."""
    was = session_of(sign_in, cookies)
    kept = [_cookie(sign_in, _was_name(sign_in), was, seconds=_WAS_SECONDS)] if was else []
    return [_cookie(sign_in, sign_in.cookie, "", seconds=0), *kept]


def sessions_known(sign_in: SignIn, cookies: Mapping[str, str]) -> list[str]:
    """This browser's current and previous session values, if they are ones that we may have issued."""
    values = (cookies.get(name, "") for name in (sign_in.cookie, _was_name(sign_in)))
    return [value for value in values if _SESSION.fullmatch(value)]


def keep_begun(sign_in: SignIn, begun: Begun, cookies: Mapping[str, str]) -> list[str]:
    """Each tab has its own. If there are many, abandoned ones are removed."""
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
