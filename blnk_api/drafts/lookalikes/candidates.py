"""Finds pairs of a draft's row and a balance in Blnk that have something in common.

There may be millions of both, so the rows are indexed in a database file: by a form that ignores differences
in reading (same_value.py), by each distinctive field, by all fields but one, and by customer. Balances arrive
in pages, in any order, possibly repeated, and only those that are near a row are kept.
"""

import os
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from blnk_api.drafts.lookalikes.near_duplicates import IDENTITY, SHARED, Near, Sameness, fields_of
from blnk_api.drafts.lookalikes.same_value import skeleton
from blnk_api.lookup import refs
from blnk_api.lookup.looker import sortable
from blnk_api.models import Balance
from blnk_api.store.sending.ready_rows import Ready

_MOST_ROWS_OF_A_KEY = 100
"""A value shared by more rows than this is not distinctive."""
_ALIKE_KEPT = 3
"""How many balances are kept as candidates for one whole row."""
_CACHE_KIB = 24_000
_NO_CONTENT = ""

_TABLES = """
CREATE TABLE keys (key INTEGER, row INTEGER);
CREATE TABLE wholes (key INTEGER, row INTEGER);
CREATE TABLE places (place INTEGER, row INTEGER, content TEXT);
CREATE TABLE identities (id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE balances (n INTEGER PRIMARY KEY, id TEXT UNIQUE, packed BLOB);
CREATE TABLE hits (key INTEGER, n INTEGER, PRIMARY KEY (key, n)) WITHOUT ROWID;
CREATE TABLE whole_hits (key INTEGER, n INTEGER, PRIMARY KEY (key, n)) WITHOUT ROWID;
CREATE TABLE held (
    place INTEGER, content TEXT, created TEXT, id TEXT, currency TEXT, PRIMARY KEY (place, content)
) WITHOUT ROWID;
"""
_FILLED = f"""
CREATE INDEX keys_by_key ON keys (key);
DELETE FROM keys WHERE key IN (SELECT key FROM keys GROUP BY key HAVING count(*) > {_MOST_ROWS_OF_A_KEY});
CREATE INDEX wholes_by_key ON wholes (key);
CREATE INDEX places_by_place ON places (place);
"""
_PAIRS = f"""
DELETE FROM hits WHERE key IN (SELECT key FROM hits GROUP BY key HAVING count(*) > {SHARED});
DROP TABLE IF EXISTS pairs;
CREATE TABLE pairs (row INTEGER, n INTEGER, PRIMARY KEY (row, n)) WITHOUT ROWID;
INSERT OR IGNORE INTO pairs SELECT row, n FROM hits JOIN keys USING (key);
INSERT OR IGNORE INTO pairs SELECT row, n FROM whole_hits JOIN wholes USING (key);
"""
_OLDEST_TWO = """
DELETE FROM held WHERE (place, content) NOT IN (
    SELECT place, content FROM (
        SELECT place, content, row_number() OVER (PARTITION BY place ORDER BY created) AS nth FROM held
    ) WHERE nth <= 2
)
"""
"""A row's own content does not count, so the older of the two oldest that is another is the oldest of all. A
customer may have a million balances, as many as there are rows: each row must not meet all of them."""


class ExistingBalance(NamedTuple):
    """A balance that a row's customer already has."""

    balance_id: str
    created_at: str
    currency: str


class CandidateIndex:
    """The index of one draft, in an unnamed file in `folder`. For one thread at a time. Raises OSError if the
    disk is full."""

    def __init__(self, folder: Path, same: Sameness, *, only_customers: bool = False) -> None:
        """`only_customers`: this product has not created any balance yet, so none can resemble a row."""
        self.same = same
        self._only_customers = only_customers
        self.rows = 0
        self.identities = 0
        handle, path = tempfile.mkstemp(dir=folder, prefix="compare-")
        os.close(handle)
        try:
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            for pragma in ("journal_mode = OFF", "synchronous = OFF", f"cache_size = -{_CACHE_KIB}"):
                self._db.execute(f"PRAGMA {pragma}")
            self._db.executescript(_TABLES)
        finally:
            os.unlink(path)

    def close(self) -> None:
        self._db.close()

    def add(self, rows: Sequence[Ready]) -> None:
        """Adds rows of the draft."""
        keys: list[tuple[int, int]] = []
        wholes: list[tuple[int, int]] = []
        places: list[tuple[int, int, str]] = []
        identities: set[tuple[str]] = set()
        for row in rows:
            body = orjson.loads(row.body)
            own = _Keys(body, self.same, only_place=self._only_customers)
            if identity := body.get(IDENTITY):
                identities.add((identity,))
            if not self._only_customers:
                keys += [(key, row.id) for key in own.shared]
                wholes.append((own.whole, row.id))
            if own.place is not None:
                places.append((own.place, row.id, _content(row.ref)))
        with _DiskErrors(), self._db:
            self._db.execute("BEGIN")
            self._db.executemany("INSERT INTO keys VALUES (?, ?)", keys)
            self._db.executemany("INSERT INTO wholes VALUES (?, ?)", wholes)
            self._db.executemany("INSERT INTO places VALUES (?, ?, ?)", places)
            self._db.executemany("INSERT OR IGNORE INTO identities VALUES (?)", identities)
        self.rows += len(rows)

    def filled(self) -> None:
        """Call once all rows are added, before balances."""
        with _DiskErrors():
            self._db.executescript(_FILLED)
        self.identities = self._db.execute("SELECT count(*) FROM identities").fetchone()[0]

    def identities_after(self, last: str, limit: int) -> list[str]:
        """The customers of the rows, paged by key."""
        sql = "SELECT id FROM identities WHERE id > ? ORDER BY id LIMIT ?"
        return [id for (id,) in self._db.execute(sql, (last, limit))]

    def meet(self, balances: Iterable[Balance]) -> None:
        """Takes balances from Blnk: those created by this product, and others, which count only for their
        customer."""
        with_keys = [(one, _Keys(_request_fields(one), self.same)) for one in balances]
        with _DiskErrors(), self._db:
            self._db.execute("BEGIN")
            ours = [(one, keys) for one, keys in with_keys if one.import_ref is not None]
            self._keep(ours, "keys", "hits", lambda keys: keys.shared)
            self._keep(ours, "wholes", "whole_hits", lambda keys: [keys.whole])
            self._hold(with_keys)

    def _keep(self, with_keys: Sequence[tuple[Balance, "_Keys"]], table: str, hits: str, of: Any) -> None:
        known = self._among(table, "key", {key for _, keys in with_keys for key in of(keys)})
        if not known:
            return
        for balance, keys in with_keys:
            hit = [key for key in of(keys) if key in known]
            if not hit:
                continue
            self._db.execute(
                "INSERT OR IGNORE INTO balances (id, packed) VALUES (?, ?)",
                (balance.balance_id, _packed(balance)),
            )
            n = self._db.execute("SELECT n FROM balances WHERE id = ?", (balance.balance_id,)).fetchone()[0]
            if hits == "whole_hits":
                sql = "SELECT count(*) FROM whole_hits WHERE key = ?"
                if self._db.execute(sql, hit).fetchone()[0] >= _ALIKE_KEPT:
                    continue
            self._db.executemany(f"INSERT OR IGNORE INTO {hits} VALUES (?, ?)", [(key, n) for key in hit])

    def _hold(self, with_keys: Sequence[tuple[Balance, "_Keys"]]) -> None:
        known = self._among(
            "places", "place", {keys.place for _, keys in with_keys if keys.place is not None}
        )
        for one, keys in with_keys:
            if keys.place in known:
                content = _content(one.import_ref or "")
                self._db.execute(
                    "INSERT INTO held VALUES (?, ?, ?, ?, ?) ON CONFLICT (place, content) DO UPDATE SET "
                    "created = excluded.created, id = excluded.id WHERE excluded.created < created",
                    (keys.place, content, sortable(one.created_at), one.balance_id, one.currency),
                )

    def _among(self, table: str, column: str, keys: set[object]) -> set[int]:
        if not keys:
            return set()
        sql = f"SELECT DISTINCT {column} FROM {table} WHERE {column} IN ({', '.join('?' * len(keys))})"
        return {one for (one,) in self._db.execute(sql, tuple(keys))}

    def near(self, rows_each: int) -> Iterator[dict[int, list[Near]]]:
        """After all balances: the rows that are near one, in file order, in batches."""
        with _DiskErrors():
            self._db.executescript(_PAIRS)
        last = 0
        page = "SELECT DISTINCT row FROM pairs WHERE row > ? ORDER BY row LIMIT ?"
        while rows := [row for (row,) in self._db.execute(page, (last, rows_each))]:
            found: dict[int, list[Near]] = {row: [] for row in rows}
            sql = "SELECT row, packed FROM pairs JOIN balances USING (n) WHERE row BETWEEN ? AND ?"
            for row, packed in self._db.execute(sql, (rows[0], rows[-1])):
                found[row].append(_near(orjson.loads(packed)))
            yield found
            last = rows[-1]

    def already(self, rows_each: int) -> Iterator[dict[int, ExistingBalance]]:
        """The oldest balance that each row's customer has in the row's ledger and currency, in batches.

        Balances with the row's own content do not count: a duplicate row in the file created it, and is
        reported.
        """
        last = 0
        sql = (
            "SELECT row, id, min(created), held.currency FROM places JOIN held USING (place) "
            "WHERE row > ? AND (held.content = '' OR held.content != places.content) "
            "GROUP BY row ORDER BY row LIMIT ?"
        )
        with _DiskErrors():
            self._db.execute("CREATE INDEX IF NOT EXISTS places_by_row ON places (row)")
            self._db.execute(_OLDEST_TWO)
        while part := self._db.execute(sql, (last, rows_each)).fetchall():
            yield {row: ExistingBalance(id, created, currency) for row, id, created, currency in part}
            last = part[-1][0]


class _Keys:
    """The keys by which a row or balance can be found. Hashes are valid in this process only."""

    __slots__ = ("place", "shared", "whole")

    def __init__(self, request: Mapping[str, object], same: Sameness, *, only_place: bool = False) -> None:
        where = (request["ledger_id"], request["currency"])
        fields = fields_of(request)
        identity = fields.get(IDENTITY)
        self.place = hash((where, identity)) if identity else None
        self.shared: list[int] = []
        self.whole = 0
        if only_place:
            return
        parts = sum(hash(skeleton(one) if isinstance(one, str) else str(one)) for one in fields.values())
        self.whole = hash((where, parts))
        for field in same.telling:
            if isinstance(value := fields.get(field), str):
                self.shared.append(hash((where, identity, field, value)))
                if (bare := skeleton(value)) != value:
                    self.shared.append(hash((where, identity, field, bare, "bare")))
        if same.droppable:
            exact = {field: hash((field, str(value))) for field, value in fields.items()}
            total = sum(exact.values())
            self.shared += [hash((where, field, total - exact.get(field, 0))) for field in same.droppable]


def _content(ref: str) -> str:
    parsed = refs.parse_ref(ref)
    return parsed.hash if parsed else _NO_CONTENT


def _request_fields(balance: Balance) -> dict[str, object]:
    return {
        **{"ledger_id": balance.ledger_id, "currency": balance.currency},
        **{"identity_id": balance.identity_id, "meta_data": balance.meta_data},
    }


def _packed(balance: Balance) -> bytes:
    fields = fields_of(_request_fields(balance))
    return orjson.dumps([balance.balance_id, balance.created_at, fields], default=str)


def _near(packed: tuple[str, str, dict[str, object]]) -> Near:
    """Restores what `_packed` wrote."""
    return Near(*packed)


class _DiskErrors:
    """Turns errors of the index database into OSError."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, where: Any) -> None:
        if isinstance(error, sqlite3.OperationalError):
            raise OSError(f"The rows could not be compared: {error}") from error
