"""A sign-in with an OpenID Connect provider: going there, and what it says when the person comes back.

It uses the authorization code flow, always with PKCE, state and nonce. Authlib is imported by this module,
which is imported only when someone signs in.
"""

import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from hmac import compare_digest
from urllib.parse import urlencode

from authlib.integrations.requests_client import OAuth2Session, OAuthError  # type: ignore[import-untyped]
from requests import RequestException

from blnk_api.common.masking import masked
from blnk_api.common.origins import LOCAL_NAMES, origin_of
from blnk_api.sign_in import tokens
from blnk_api.sign_in.claims import identity
from blnk_api.sign_in.failures import SignInFailed
from blnk_api.sign_in.pending_sign_in import Begun
from blnk_api.sign_in_settings import Provider
from blnk_api.store.people.sessions import Identity

_SCOPES = ("openid", "email", "profile")
_TIMEOUT_SECONDS = 10
_KEEP_SECONDS = 3600.0
_NEEDED = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")


@dataclass(frozen=True)
class Metadata:
    """A provider's own description."""

    document: Mapping[str, object]

    def __getitem__(self, name: str) -> str:
        return str(self.document.get(name) or "")


_metadata: dict[str, tuple[float, Metadata]] = {}
_asking = threading.Lock()


def metadata(provider: Provider) -> Metadata:
    """Read at most once an hour. Raises SignInFailed."""
    with _asking:
        at, known = _metadata.get(provider.issuer, (0.0, None))
        if known is None or time.monotonic() - at > _KEEP_SECONDS:
            known = Metadata(tokens.fetch(f"{provider.issuer.rstrip('/')}/.well-known/openid-configuration"))
            _refuse_odd(provider, known)
            _metadata[provider.issuer] = time.monotonic(), known
    return known


def _refuse_odd(provider: Provider, known: Metadata) -> None:
    missing = [name for name in _NEEDED if not known[name]]
    if missing:
        raise _misconfigured(provider, f"its metadata lacks {', '.join(missing)}")
    if known["issuer"].rstrip("/") != provider.issuer.rstrip("/"):
        raise _misconfigured(provider, f"it calls itself {known['issuer'][:200]!r}: set issuer to that")
    for name in (*_NEEDED, "userinfo_endpoint", "end_session_endpoint"):
        if known[name] and not _is_safe(known[name]):
            raise _misconfigured(provider, f"its {name} is not https")


def _is_safe(address: str) -> bool:
    host = origin_of("/".join(address.split("/")[:3]))
    return host is not None and (host.scheme == "https" or host.host in LOCAL_NAMES)


def _misconfigured(provider: Provider, why: str) -> SignInFailed:
    return SignInFailed(
        f"Sign-in with “{provider.label}” is not set up correctly. Nobody was signed in. The server's log "
        "says what to change.",
        why,
        status=502,
    )


def begin(provider: Provider, callback: str, to: str) -> tuple[str, Begun]:
    """The provider's address to go to, and what to keep until the person is back. Raises SignInFailed."""
    known = metadata(provider)
    begun = Begun(
        provider=provider.name,
        state=secrets.token_urlsafe(24),
        nonce=secrets.token_urlsafe(24),
        verifier=secrets.token_urlsafe(48),
        to=to,
    )
    with _client(provider, known, callback) as client:
        url, _ = client.create_authorization_url(
            known["authorization_endpoint"],
            state=begun.state,
            nonce=begun.nonce,
            code_verifier=begun.verifier,
        )
    return url, begun


def finish(provider: Provider, callback: str, begun: Begun, answer: Mapping[str, str]) -> Identity:
    """The person who came back. `answer` is the query of the callback. Raises SignInFailed."""
    known = metadata(provider)
    if not compare_digest(answer.get("state", "").encode(), begun.state.encode()):
        raise _start_again("the state is not that of this browser")
    if "iss" in answer and answer["iss"] != known["issuer"]:
        raise _start_again("the answer came from another provider")
    if "code" not in answer:
        raise _declined(answer.get("error", ""))
    with _client(provider, known, callback) as client:
        given = _exchanged(client, provider, known, begun, answer["code"])
        claims = _id_token(provider, known, begun, str(given.get("id_token") or ""))
        claims = {**_user_info(client, known, claims), **claims}
    return identity(claims, issuer=known["issuer"], trust_email=provider.trust_email)


def end_address(provider: Provider, back_to: str) -> str | None:
    """The address at which the provider ends its own session, if there is one. It contains no token."""
    try:
        end = metadata(provider)["end_session_endpoint"]
    except SignInFailed:
        return None
    if not end:
        return None
    query = urlencode({"client_id": provider.client_id, "post_logout_redirect_uri": back_to})
    return f"{end}{'&' if '?' in end else '?'}{query}"


def _client(provider: Provider, known: Metadata, callback: str) -> OAuth2Session:
    methods = known.document.get("token_endpoint_auth_methods_supported")
    basic = not isinstance(methods, list) or not methods or "client_secret_basic" in methods
    return OAuth2Session(
        provider.client_id,
        provider.client_secret,
        token_endpoint_auth_method="client_secret_basic" if basic else "client_secret_post",
        scope=" ".join(dict.fromkeys((*_SCOPES, *provider.scopes))),
        redirect_uri=callback,
        code_challenge_method="S256",
        default_timeout=_TIMEOUT_SECONDS,
    )


def _exchanged(
    client: OAuth2Session, provider: Provider, known: Metadata, begun: Begun, code: str
) -> dict[str, object]:
    try:
        given: dict[str, object] = client.fetch_token(
            known["token_endpoint"],
            grant_type="authorization_code",
            code=code,
            code_verifier=begun.verifier,
            allow_redirects=False,
        )
    except (OAuthError, RequestException, ValueError) as problem:
        reason = masked(str(problem), (provider.client_secret, code, begun.verifier))
        raise _start_again(f"the code was not exchanged: {type(problem).__name__}: {reason[:300]}") from None
    return given


def _id_token(provider: Provider, known: Metadata, begun: Begun, token: str) -> dict[str, object]:
    keys = tokens.keys_at(known["jwks_uri"])
    claims = tokens.checked(token, keys, issuer=known["issuer"], audience=provider.client_id)
    if not compare_digest(str(claims.get("nonce", "")).encode(), begun.nonce.encode()):
        raise _start_again("the nonce is not that of this browser")
    if "azp" in claims and claims["azp"] != provider.client_id:
        raise _start_again("the token was made for another client")
    return claims


def _user_info(client: OAuth2Session, known: Metadata, claims: Mapping[str, object]) -> dict[str, object]:
    """Further claims. Some providers put groups and email only here."""
    if not known["userinfo_endpoint"]:
        return {}
    try:
        answer = client.get(known["userinfo_endpoint"], allow_redirects=False)
        user_info = answer.json() if answer.status_code == 200 else {}
    except (OAuthError, RequestException, ValueError):
        return {}
    if not isinstance(user_info, dict) or user_info.get("sub") != claims["sub"]:
        return {}
    if "email" in claims and user_info.get("email") != claims["email"]:
        user_info.pop("email_verified", None)  # belongs to another email than the signed one
    return user_info


def _start_again(why: str) -> SignInFailed:
    return SignInFailed("This sign-in could not be completed. Nobody was signed in. Sign in again.", why)


def _declined(error: str) -> SignInFailed:
    code = error if error.isascii() and error.replace("_", "").isalnum() and len(error) < 60 else "no code"
    if code == "access_denied":
        return SignInFailed("The sign-in was canceled or denied. Nobody was signed in.", code)
    return _start_again(f"the provider answered {code}")
