"""The person that a proxy names in a header of each request. It is trusted only if the proxy has signed
it."""

import logging

from starlette.datastructures import Headers

from blnk_api.sign_in.claims import identity, unsigned
from blnk_api.sign_in.failures import SignInFailed
from blnk_api.sign_in_settings import ProxyHeader
from blnk_api.store.people.sessions import Identity

NAME = "proxy"
"""Stored as a session's provider."""

_log = logging.getLogger(__name__)


def who(proxy: ProxyHeader, headers: Headers) -> Identity:
    """Raises SignInFailed."""
    values = headers.getlist(proxy.header)
    if len(values) != 1:
        raise SignInFailed(
            "Balance Desk is behind a proxy that signs people in, and this request did not come through it. "
            "Open the address that you were given.",
            f"{len(values)} headers named {proxy.header}",
            status=401,
        )
    if proxy.trust_unsigned:
        found = unsigned(values[0])
        if found is None:
            raise SignInFailed("The proxy did not say who you are.", "the header is not readable", status=401)
        return found
    # Loaded only when something must be checked.
    from blnk_api.sign_in import tokens

    token = values[0].strip()
    if token[:7].lower() == "bearer ":
        token = token[7:].strip()
    claims = tokens.checked(token, tokens.keys_at(proxy.jwks), issuer=proxy.issuer, audience=proxy.audience)
    return identity(claims, issuer=proxy.issuer, trust_email=proxy.trust_email)


def log(failed: SignInFailed) -> None:
    _log.warning("A request without a session was refused: %s", failed.why[:500])
