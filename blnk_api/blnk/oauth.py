"""Supplies bearer tokens through OAuth with rotating refresh tokens.

Each renewal invalidates the previous refresh token, so two processes must never renew at the same time, and a
new pair must never be lost. A renewal therefore holds a lock, checks the store first, and stores the new pair
before it is used.
"""

import base64
import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlencode

import orjson
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from requests.auth import HTTPBasicAuth

from blnk_api.blnk import answer_meaning
from blnk_api.blnk.auth import KeptToken, Token, TokenKeeper
from blnk_api.blnk.http import Transport
from blnk_api.blnk.replies import Answer, Reply, Request
from blnk_api.errors import AccessDenied, ReadFailed
from blnk_api.settings import Connection, OAuth, Waits

_EARLY_SECONDS = 60
"""How long before its end a token is renewed, or half its lifetime if that is less."""

_LOCK_GRACE_SECONDS = 10
"""How long to wait for another process's renewal, in addition to its one request."""


@dataclass(frozen=True, slots=True)
class _Pair:
    token: Token
    refresh_token: str = field(repr=False)


class _TokenAnswer(BaseModel):
    """The answer to POST /oauth/token. If it has no refresh token, the old one stays valid."""

    model_config = ConfigDict(hide_input_in_errors=True)

    access_token: str = Field(pattern=r"^[\x21-\x7e]+$", repr=False)
    expires_in: float = Field(default=3600, ge=0)
    refresh_token: str | None = Field(default=None, min_length=1, repr=False)


class OAuthTokens:
    """Access tokens from a rotating refresh token, shared with all processes through the store.

    Stored tokens belong to the refresh token in secrets that they were derived from. A changed secret
    therefore takes effect, and connections that share a refresh token share its successors.
    """

    def __init__(
        self,
        connection: Connection,
        oauth: OAuth,
        store: TokenKeeper,
        *,
        connect_seconds: float = Waits.connect,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._connection = connection
        self._oauth = oauth
        self._store = store
        self._clock = clock
        self._transport = Transport(
            connection.url, connect_seconds=connect_seconds, total_seconds=connection.request_timeout_seconds
        )
        self._descends_from = hashlib.sha256(oauth.refresh_token.encode()).hexdigest()
        self._key = f"{connection.url} {oauth.client_id} {self._descends_from[:32]}"
        self._seal = _sealer(oauth.client_secret)
        self._lock = threading.Lock()
        self._token: Token | None = None
        self._not_kept: _Pair | None = None
        self._worthless = ""

    def current(self) -> Token:
        token = self._token
        return token if token is not None and self._is_fresh(token) else self._renew(self._is_fresh)

    def newer_than(self, generation: int) -> Token:
        def is_newer(token: Token) -> bool:
            return token.generation > generation and self._is_fresh(token)

        token = self._token
        return token if token is not None and is_newer(token) else self._renew(is_newer)

    def _is_fresh(self, token: Token) -> bool:
        return token.expires_at is None or self._clock() < token.expires_at

    def _renew(self, is_good: Callable[[Token], bool]) -> Token:
        """A valid token: another process's, if the store has one by now, or a new one that is stored
        first."""
        wait = self._connection.request_timeout_seconds + _LOCK_GRACE_SECONDS
        with self._lock, self._store.lock(self._key, timeout_seconds=wait):
            pair = self._not_kept or self._kept()
            if pair is None or (pair is not self._not_kept and not is_good(pair.token)):
                pair = self._not_kept = self._refresh(pair)
            if self._not_kept is not None:
                self._keep(self._not_kept)
                self._not_kept = None
            self._token = pair.token
            return pair.token

    def _kept(self) -> _Pair | None:
        kept = self._store.read(self._key)
        if kept is None:
            return None
        try:
            access_token, refresh_token = orjson.loads(self._seal.decrypt(kept.sealed))
        except InvalidToken:  # encrypted with another client_secret
            return None
        return _Pair(Token(access_token, kept.generation, kept.expires_at), refresh_token)

    def _keep(self, pair: _Pair) -> None:
        sealed = self._seal.encrypt(orjson.dumps([pair.token.value, pair.refresh_token]))
        expires_at = pair.token.expires_at or 0.0
        self._store.keep(self._key, KeptToken(self._descends_from, pair.token.generation, sealed, expires_at))

    def _refresh(self, last: _Pair | None) -> _Pair:
        refresh_token = last.refresh_token if last else self._oauth.refresh_token
        if refresh_token == self._worthless:
            raise self._needs_new_refresh_token()
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        reply = self._transport.exchange(
            Request("POST", "/oauth/token", body=urlencode(form).encode()),
            HTTPBasicAuth(self._oauth.client_id, self._oauth.client_secret),
            secrets=(refresh_token, self._oauth.client_secret),
            content_type="application/x-www-form-urlencoded",
        )
        answer = self._read(reply, refresh_token)
        life = answer.expires_in
        return _Pair(
            Token(
                answer.access_token,
                last.token.generation + 1 if last else 1,
                self._clock() + max(life - _EARLY_SECONDS, life / 2),
            ),
            answer.refresh_token or refresh_token,
        )

    def _read(self, reply: Reply, refresh_token: str) -> _TokenAnswer:
        if isinstance(reply, Answer) and reply.status in (400, 401, 403):
            error = answer_meaning.read_error(reply)
            if error.message == "invalid_grant":
                self._worthless = refresh_token
                raise self._needs_new_refresh_token()
            raise AccessDenied(
                f"Blnk did not renew the access token of {self._connection.label}"
                f"{f' ({error.message})' if error.message else ''}. Check client_id and client_secret of "
                f"[connections.{self._connection.name}] in the secrets file.",
                **answer_meaning.support(reply, error),
            )
        try:
            return _TokenAnswer.model_validate(answer_meaning.read_json(reply, now=datetime.now(UTC)))
        except ValidationError:
            raise ReadFailed("Blnk's answer contains no usable access token.") from None

    def _needs_new_refresh_token(self) -> AccessDenied:
        return AccessDenied(
            f"Blnk rejected the refresh token of {self._connection.label}. Enter a new one in the "
            f"secrets file, as refresh_token of [connections.{self._connection.name}].",
            status=401,
        )


def _sealer(client_secret: str) -> Fernet:
    derive = HKDF(hashes.SHA256(), length=32, salt=None, info=b"tokens of the balance desk")
    return Fernet(base64.urlsafe_b64encode(derive.derive(client_secret.encode())))
