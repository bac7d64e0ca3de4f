"""The contents of Practice in one SQLite file: ledgers, identities, balances, keys and tokens.

For use by one thread. Writes survive the end of the process but not of the machine (synchronous = OFF):
nothing here is real, and 1,000 balances a second matter more.
"""

import re
import sqlite3
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from blnk_api.practice.api.filters import (
    BALANCES,
    EVERY_ROW,
    IDENTITIES,
    IDENTITY_TEXTS,
    LEDGERS,
    Table,
    Where,
    contains,
    metadata_text,
)

_COMMON = "created_at INTEGER NOT NULL, committed_at INTEGER NOT NULL, meta_data TEXT"
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS kept (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ledgers (
    seq INTEGER PRIMARY KEY, ledger_id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, {_COMMON});
CREATE TABLE IF NOT EXISTS identity (
    seq INTEGER PRIMARY KEY, identity_id TEXT NOT NULL UNIQUE, dob TEXT NOT NULL,
    {", ".join(f"{name} TEXT NOT NULL" for name in IDENTITY_TEXTS)}, {_COMMON});
CREATE TABLE IF NOT EXISTS balances (
    seq INTEGER PRIMARY KEY, balance_id TEXT NOT NULL UNIQUE, ledger_id TEXT NOT NULL, identity_id TEXT,
    currency TEXT NOT NULL, indicator TEXT, track_fund_lineage INTEGER NOT NULL,
    allocation_strategy TEXT NOT NULL, {_COMMON});
CREATE INDEX IF NOT EXISTS balances_created_at ON balances (created_at);
CREATE INDEX IF NOT EXISTS balances_ledger_id ON balances (ledger_id);
CREATE INDEX IF NOT EXISTS balances_identity_id ON balances (identity_id, currency);
CREATE INDEX IF NOT EXISTS balances_import_ref ON balances ({metadata_text("import_ref")});
CREATE INDEX IF NOT EXISTS balances_imported_at ON balances (created_at)
    WHERE {metadata_text("import_ref")} IS NOT NULL;
CREATE UNIQUE INDEX IF NOT EXISTS unique_indicator_currency ON balances (indicator, currency)
    WHERE indicator IS NOT NULL;
CREATE TABLE IF NOT EXISTS core_keys (key TEXT PRIMARY KEY, scopes TEXT NOT NULL, expires_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS tokens (
    token TEXT PRIMARY KEY, scopes TEXT NOT NULL, expires_at REAL, client_id TEXT);
CREATE TABLE IF NOT EXISTS oauth_clients (
    client_id TEXT PRIMARY KEY, client_secret TEXT NOT NULL, scopes TEXT NOT NULL,
    lifetime_seconds REAL NOT NULL, refresh_token TEXT NOT NULL);
"""
_STATISTICS = {
    "balances_import_ref": "1000000 1",
    "balances_created_at": "1000000 1",
    "balances_imported_at": "900000 1",
    "balances_identity_id": "1000000 1000 500",
    "balances_ledger_id": "1000000 100000",
}
"""What ANALYZE would find in a large store: a ledger has many balances, a ref has few."""
_KEYS = {LEDGERS.name: "ledger_id", IDENTITIES.name: "identity_id", BALANCES.name: "balance_id"}


class NoSuchRow(LookupError):
    """A balance names a ledger or an identity that does not exist."""

    def __init__(self, column: str, value: str, table: str) -> None:
        super().__init__(value)
        self.column, self.value, self.table = column, value, table


class IndicatorTaken(LookupError):
    """Another balance has this indicator in this currency."""


class DataError(ValueError):
    """Postgres would have failed on a value in the middle of a query."""


class Store:
    """Opens or creates the file. Raises sqlite3.Error if it is not a file of Practice."""

    def __init__(self, path: Path) -> None:
        self.db = sqlite3.connect(path, isolation_level=None, cached_statements=512)
        self.db.row_factory = sqlite3.Row
        for pragma in ("journal_mode = WAL", "synchronous = OFF", "case_sensitive_like = ON"):
            self.db.execute(f"PRAGMA {pragma}")
        self.db.create_function("pg_contains", 2, contains, deterministic=True)
        self.db.create_function("pg_numeric", 1, _numeric, deterministic=True)
        self.db.create_function("pg_lower", 1, _lower, deterministic=True)
        self.db.executescript(_SCHEMA)
        self._advise_planner()
        newest = "SELECT max(created_at) FROM "
        self._last_us = max(self.db.execute(newest + name).fetchone()[0] or 0 for name in _KEYS)

    def close(self) -> None:
        self.db.close()

    def _advise_planner(self) -> None:
        if self.db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat1'").fetchone():
            return
        self.db.executescript("ANALYZE; DELETE FROM sqlite_stat1;")
        self.db.executemany("INSERT INTO sqlite_stat1 VALUES ('balances', ?, ?)", _STATISTICS.items())
        self.db.execute("ANALYZE sqlite_schema")

    def now_ns(self) -> int:
        """The time since 1970, always at least a microsecond later than any returned before, whatever the
        clock does."""
        now = time.time_ns()
        self._last_us = max(self._last_us + 1, now // 1000)
        return self._last_us * 1000 + now % 500

    def kept(self, name: str) -> str | None:
        row = self.db.execute("SELECT value FROM kept WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def keep(self, name: str, value: str) -> None:
        self.db.execute("INSERT OR REPLACE INTO kept VALUES (?, ?)", (name, value))

    def insert(self, table: Table, row: Mapping[str, Any], *, only_new: bool = False) -> None:
        """`row` lacks committed_at, which is now. With `only_new`, a row whose id exists is ignored."""
        whole = {**row, "committed_at": time.time_ns() // 1000}
        marks = ", ".join("?" * len(whole))
        verb = "INSERT OR IGNORE" if only_new else "INSERT"
        self.db.execute(
            f"{verb} INTO {table.name} ({', '.join(whole)}) VALUES ({marks})", tuple(whole.values())
        )

    def insert_balance(self, row: Mapping[str, Any]) -> None:
        """Raises IndicatorTaken, or NoSuchRow (the ledger is checked first)."""
        taken = "SELECT 1 FROM balances WHERE indicator = ? AND currency = ?"
        if row["indicator"] and self.db.execute(taken, (row["indicator"], row["currency"])).fetchone():
            raise IndicatorTaken(row["indicator"])
        for column, table in (("ledger_id", LEDGERS), ("identity_id", IDENTITIES)):
            if row[column] is not None and self.get(table, row[column]) is None:
                raise NoSuchRow(column, row[column], table.name)
        self.insert(BALANCES, row)

    def get(self, table: Table, row_id: str, seen: Where = EVERY_ROW) -> sqlite3.Row | None:
        found = self.find(table, seen.also(f"{_KEYS[table.name]} = ?", row_id), limit=1)
        return found[0] if found else None

    def find(
        self,
        table: Table,
        which: Where,
        *,
        limit: int,
        offset: int = 0,
        sort_by: str = "created_at",
        descending: bool = True,
    ) -> list[sqlite3.Row]:
        """Returns a page. Raises DataError. The caller has checked the column `sort_by`."""
        order = "DESC" if descending else "ASC"
        sql = f"SELECT * FROM {table.name} WHERE {which.sql} ORDER BY {sort_by} {order}, seq {order}"
        try:
            return self.db.execute(f"{sql} LIMIT ? OFFSET ?", (*which.args, limit, offset)).fetchall()
        except sqlite3.OperationalError as error:
            raise DataError(str(error)) from error

    def count(self, table: Table, which: Where) -> int:
        """Raises DataError. The bound on created_at only selects the index, so that a count stays fast."""
        try:
            sql = f"SELECT count(*) FROM {table.name} WHERE {which.sql} AND created_at >= 0"
            return int(self.db.execute(sql, which.args).fetchone()[0])
        except sqlite3.OperationalError as error:
            raise DataError(str(error)) from error

    def balances_made(self) -> int:
        """The number of balances. None is ever deleted, so it is the number of the last one."""
        return int(self.db.execute("SELECT coalesce(max(seq), 0) FROM balances").fetchone()[0])

    def balances_in_order(self, page: int = 1000) -> Iterator[list[sqlite3.Row]]:
        """All balances in commit order, in pages."""
        last = 0
        sql = "SELECT * FROM balances WHERE seq > ? ORDER BY seq LIMIT ?"
        while rows := self.db.execute(sql, (last, page)).fetchall():
            last = rows[-1]["seq"]
            yield rows

    def empty(self) -> None:
        """Deletes all rows, keys and tokens. Values stored by name stay."""
        for table in (*_KEYS, "core_keys", "tokens", "oauth_clients"):
            self.db.execute(f"DELETE FROM {table}")


def new_id(prefix: str) -> str:
    return f"{prefix}_{uuid.uuid4()}"


def seen_by(lag_seconds: float) -> Where:
    """The condition for rows visible to a reader whose replica lags behind this much."""
    if not lag_seconds:
        return EVERY_ROW
    return Where("committed_at <= ?", (time.time_ns() // 1000 - round(lag_seconds * 1_000_000),))


def _numeric(value: Any) -> float | None:
    if value is None:
        return None
    if not re.fullmatch(r"\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*", str(value), re.I):
        raise ValueError(f'invalid input syntax for type numeric: "{value}"')
    return float(value)


def _lower(value: Any) -> str | None:
    return None if value is None else str(value).lower()
