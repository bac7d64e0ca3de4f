"""Bearer tokens of Practice's Cloud, and its OAuth clients with rotating refresh tokens."""

import secrets
import time
from collections.abc import Iterable

import orjson

from blnk_api.practice.contents import Store

SCOPES = frozenset({"proxy:write", "proxy:read", "data:read", "*"})


class Access:
    """Tokens survive restarts. Times are seconds since 1970."""

    def __init__(self, store: Store) -> None:
        self._db = store.db

    def scopes_of(self, bearer: str) -> frozenset[str] | None:
        """The scopes of this token, or None if it does not exist or has expired."""
        row = self._db.execute("SELECT scopes, expires_at FROM tokens WHERE token = ?", (bearer,)).fetchone()
        if row is None or (row["expires_at"] is not None and row["expires_at"] <= time.time()):
            return None
        return frozenset(orjson.loads(row["scopes"]))

    def keep_token(self, token: str, scopes: Iterable[str], expires_in_seconds: float | None = None) -> None:
        """Raises ValueError for an unknown scope."""
        expires_at = None if expires_in_seconds is None else time.time() + expires_in_seconds
        self._db.execute(
            "INSERT OR REPLACE INTO tokens VALUES (?, ?, ?, NULL)", (token, _checked(scopes), expires_at)
        )

    def new_client(self, scopes: Iterable[str], lifetime_seconds: float) -> dict[str, str]:
        """Creates an OAuth client with its first refresh token. Its access tokens are valid for
        `lifetime_seconds`."""
        client = {
            "client_id": f"client_{secrets.token_hex(8)}",
            "client_secret": secrets.token_urlsafe(32),
            "refresh_token": _refresh_token(),
        }
        self._db.execute(
            "INSERT INTO oauth_clients VALUES "
            "(:client_id, :client_secret, :scopes, :lifetime_seconds, :refresh_token)",
            {**client, "scopes": _checked(scopes), "lifetime_seconds": lifetime_seconds},
        )
        return client

    def knows_client(self, client_id: str, client_secret: str) -> bool:
        held = self._db.execute(
            "SELECT client_secret FROM oauth_clients WHERE client_id = ?", (client_id,)
        ).fetchone()
        return held is not None and secrets.compare_digest(held[0].encode(), client_secret.encode())

    def refresh(self, client_id: str, refresh_token: str) -> dict[str, object] | None:
        """A new access token and a new refresh token. The old refresh token becomes invalid.

        None if the refresh token is not the client's newest. Access tokens stay valid until they expire.
        """
        held = self._db.execute("SELECT * FROM oauth_clients WHERE client_id = ?", (client_id,)).fetchone()
        if held is None or not secrets.compare_digest(held["refresh_token"].encode(), refresh_token.encode()):
            return None
        access_token, rotated = f"blnk_at_{secrets.token_urlsafe(32)}", _refresh_token()
        self._db.execute(
            "UPDATE oauth_clients SET refresh_token = ? WHERE client_id = ?", (rotated, client_id)
        )
        self.keep_token(access_token, orjson.loads(held["scopes"]), held["lifetime_seconds"])
        return {
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": int(held["lifetime_seconds"]),
            "refresh_token": rotated,
            "scope": " ".join(orjson.loads(held["scopes"])),
        }


def _refresh_token() -> str:
    return f"blnk_rt_{secrets.token_urlsafe(32)}"


def _checked(scopes: Iterable[str]) -> str:
    wanted = sorted(scopes)
    if unknown := set(wanted) - SCOPES:
        raise ValueError(f"no such scope: {', '.join(sorted(unknown))}")
    return orjson.dumps(wanted).decode()
