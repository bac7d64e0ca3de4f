"""Checks what a provider or a proxy has signed: signature, issuer, audience and expiry."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

import requests
from joserfc import jwk, jws, jwt
from joserfc.errors import JoseError

from blnk_api.sign_in.failures import SignInFailed

ALGORITHMS = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "Ed25519",
    "EdDSA",
)
"""Algorithms with a key that only the signer has. Not `none`, and none with a shared secret."""

_LEEWAY_SECONDS = 60
_TIMEOUT_SECONDS = 10
_KEEP_SECONDS = 3600.0
_FAILURE_KEEPS_SECONDS = 5.0
_ASK_AGAIN_SECONDS = 30.0
"""An unknown key id may be a new key, or invented: the keys are fetched again at most this often."""


_failed: dict[str, tuple[float, SignInFailed]] = {}


def fetch(url: str) -> dict[str, object]:
    """A JSON object of another server. Raises SignInFailed.

    For a moment after a failure there are no new requests: strangers who try to sign in would otherwise make
    everyone wait for a server that does not answer.
    """
    at, failure = _failed.get(url, (0.0, None))
    if failure is not None and time.monotonic() - at < _FAILURE_KEEPS_SECONDS:
        raise failure
    try:
        found = _fetched(url)
    except SignInFailed as failed:
        _failed[url] = time.monotonic(), failed
        raise
    _failed.pop(url, None)
    return found


def _fetched(url: str) -> dict[str, object]:
    try:
        answer = requests.get(url, timeout=_TIMEOUT_SECONDS, allow_redirects=False)
        found = answer.json() if answer.status_code == 200 else None
    except (requests.RequestException, ValueError) as problem:
        raise _cannot_be_read(f"{url}: {type(problem).__name__}") from None
    if not isinstance(found, dict):
        raise _cannot_be_read(f"{url} answered {answer.status_code}, and no JSON object")
    return found


def _cannot_be_read(why: str) -> SignInFailed:
    return SignInFailed(
        "The server that signs people in cannot be reached from Balance Desk. Nobody was signed in. Try "
        "again in a minute; if that does not help, tell whoever runs this server.",
        why,
        status=502,
    )


@dataclass
class _Known:
    keys: Mapping[str | None, jwk.Key]
    at: float


class Keys:
    """The public keys at an address, cached for an hour."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._known: _Known | None = None

    def find(self, id: str | None) -> jwk.Key | None:
        """The key with this id; without an id, the only key. Raises SignInFailed."""
        with self._lock:
            if self._known is None or time.monotonic() - self._known.at > self._good_for(self._known, id):
                self._known = self._fetched()
            keys = self._known.keys
        if id is None:
            return next(iter(keys.values())) if len(keys) == 1 else None
        return keys.get(id)

    @staticmethod
    def _good_for(known: _Known, id: str | None) -> float:
        return _KEEP_SECONDS if id is None or id in known.keys else _ASK_AGAIN_SECONDS

    def _fetched(self) -> _Known:
        listed = fetch(self._url).get("keys")
        found: dict[str | None, jwk.Key] = {}
        for one in listed if isinstance(listed, list) else []:
            if not isinstance(one, dict) or one.get("kty") == "oct" or one.get("use", "sig") != "sig":
                continue
            try:
                found[one.get("kid")] = jwk.import_key(one)
            except (JoseError, ValueError, TypeError, KeyError):
                continue  # an unknown kind of key
        return _Known(found, time.monotonic())


_keys: dict[str, Keys] = {}


def keys_at(url: str) -> Keys:
    return _keys.setdefault(url, Keys(url))


def checked(token: str, keys: Keys, *, issuer: str, audience: str) -> dict[str, object]:
    """The claims in the token. Raises SignInFailed; the reason for the log does not repeat the token."""
    try:
        header = jws.extract_compact(token.encode("ascii")).headers()
        if header.get("alg") not in ALGORITHMS:
            raise _not_believed("it is signed in a way that proves nothing")
        id = header.get("kid")
        key = keys.find(id if isinstance(id, str) else None)
        if key is None:
            raise _not_believed("it is signed with a key that is not among the published ones")
        claims = jwt.decode(token, key, algorithms=ALGORITHMS).claims
        jwt.JWTClaimsRegistry(
            leeway=_LEEWAY_SECONDS,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
            sub={"essential": True},
            exp={"essential": True},
        ).validate(claims)
    except (JoseError, ValueError, TypeError) as problem:
        raise _not_believed(f"{type(problem).__name__}: {getattr(problem, 'error', '')}") from None
    return claims


def _not_believed(why: str) -> SignInFailed:
    return SignInFailed(
        "What your organization's sign-in sent could not be verified. Nobody was signed in. Sign in again; "
        "if that does not help, tell whoever runs this server.",
        f"the token was rejected: {why}",
    )
