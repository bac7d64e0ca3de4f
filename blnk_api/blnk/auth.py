"""Supplies bearer tokens: from secrets, or through OAuth (`oauth`)."""

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from blnk_api.errors import AccessDenied
from blnk_api.settings import Connection, Waits


@dataclass(frozen=True, slots=True)
class Token:
    """`generation` counts renewals. `expires_at` is when to renew it, shortly before it expires, in seconds
    since 1970 UTC, or None if Blnk does not say when it expires."""

    value: str = field(repr=False)
    generation: int = 0
    expires_at: float | None = None


@dataclass(frozen=True, slots=True)
class KeptToken:
    """`descends_from` is a digest of the refresh token in secrets that this one was derived from."""

    descends_from: str
    generation: int
    sealed: bytes
    expires_at: float


class TokenKeeper(Protocol):
    """Stores renewed tokens, encrypted, for all processes: see `store.token_store`. Every method raises
    ReadFailed if the store cannot be reached."""

    def read(self, key: str) -> KeptToken | None: ...

    def keep(self, key: str, kept: KeptToken) -> None:
        """Only under `lock`, so that nobody else can write between our read and our insert."""
        ...

    def lock(self, key: str, *, timeout_seconds: float) -> AbstractContextManager[None]:
        """Held by one thread of one process at a time."""
        ...


class TokenSource(Protocol):
    """Safe to share between threads. Both methods raise a BlnkError, and create nothing."""

    def current(self) -> Token: ...

    def newer_than(self, generation: int) -> Token:
        """Call after a 401 for a token of this generation. Raises AccessDenied if there is no newer one."""
        ...


def token_source(
    connection: Connection, store: TokenKeeper | None = None, *, connect_seconds: float = Waits.connect
) -> TokenSource:
    """An OAuth connection needs the store: renewed tokens that are not stored are lost for everyone."""
    if isinstance(connection.credentials, str):
        return StaticToken(connection)
    if store is None:
        raise ValueError(f"Connection {connection.name} uses OAuth and needs a TokenKeeper.")
    # Imported here: an access token needs neither a request of its own nor cryptography.
    from blnk_api.blnk.oauth import OAuthTokens

    return OAuthTokens(connection, connection.credentials, store, connect_seconds=connect_seconds)


class StaticToken:
    """An access token from secrets. There is never a newer one."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def current(self) -> Token:
        assert isinstance(self._connection.credentials, str)
        return Token(self._connection.credentials)

    def newer_than(self, generation: int) -> Token:
        raise AccessDenied(
            f"Blnk rejected the access token of {self._connection.label}. "
            f"Enter a new one in the secrets file, as access_token of [connections.{self._connection.name}].",
            status=401,
        )
