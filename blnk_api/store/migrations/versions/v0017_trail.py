"""What happened is linked by hashes, and can be added to but not changed

What was written before is linked as it is found: its links prove it from now on, and not for the time before.
"""

import hashlib
from collections.abc import Iterator
from typing import Any

import orjson
import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_AT_ONCE = 10_000
_FIXED_OF_AN_EDIT = (
    *("id", "import", '"number"', '"position"', "who", "who_kind", "who_email", "who_identity"),
    *("at", "batch", "digest"),
)
_MARKS = {"events": "form", "desk_events": "form", "repairs": "digest"}
"""What a program of before leaves empty. It would write an event that no link leads to."""


def upgrade() -> None:
    tx = op.get_bind()
    is_sqlite = tx.dialect.name == "sqlite"
    for table in ("events", "desk_events"):
        op.add_column(table, sa.Column("form", sa.Integer(), nullable=True))
    op.add_column("repairs", sa.Column("batch", sa.Text(), server_default="", nullable=False))
    op.add_column("repairs", sa.Column("salt", sa.LargeBinary(), nullable=True))
    op.add_column("repairs", sa.Column("digest", sa.Text(), nullable=True))
    op.add_column(
        "repairs", sa.Column("forgotten", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.create_table(
        "trail",
        sa.Column("chain", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("event", _BIG, nullable=True),
        sa.Column("edits", sa.Text(), nullable=True),
        sa.Column("link", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("chain", "n"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "trail_heads",
        sa.Column("chain", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("link", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("chain"),
        sqlite_with_rowid=False,
    )
    _digest_edits(tx, is_sqlite)
    _link_all(tx, is_sqlite)
    (_protect_sqlite if is_sqlite else _protect_postgres)(tx)


def _digest_edits(tx: sa.Connection, is_sqlite: bool) -> None:
    if is_sqlite:
        driver: Any = tx.connection.driver_connection
        driver.create_function("of_texts", 3, _of_texts, deterministic=True)
        tx.exec_driver_sql("UPDATE repairs SET salt = randomblob(16)")
        tx.exec_driver_sql("UPDATE repairs SET digest = of_texts(salt, old, new)")
        return
    tx.exec_driver_sql("UPDATE repairs SET salt = decode(replace(gen_random_uuid()::text, '-', ''), 'hex')")
    texts = "sha256(convert_to(old, 'UTF8')) || sha256(convert_to(new, 'UTF8'))"
    tx.exec_driver_sql(f"UPDATE repairs SET digest = encode(sha256(salt || {texts}), 'hex')")


def _of_texts(salt: bytes, old: str, new: str) -> str:
    before, after = (hashlib.sha256(text.encode()).digest() for text in (old, new))
    return hashlib.sha256(salt + before + after).hexdigest()


def _link_all(tx: sa.Connection, is_sqlite: bool) -> None:
    heads: dict[int, tuple[int, str]] = {0: (0, _hex(b"balance desk\ndesk"))}
    for number, id in tx.exec_driver_sql("SELECT number, id FROM imports").fetchall():
        heads[number] = (0, _hex(f"balance desk\n{id}".encode()))
    links: list[tuple[object, ...]] = []
    for chain, event, edits, entry in _entries(tx):
        n, last = heads[chain]
        link = _hex(f"{last}\n{n + 1}\n{entry}".encode())
        heads[chain] = n + 1, link
        links.append((chain, n + 1, event, edits, link))
        if len(links) == _AT_ONCE:
            _write(tx, is_sqlite, "trail (chain, n, event, edits, link)", links)
            links = []
    _write(tx, is_sqlite, "trail (chain, n, event, edits, link)", links)
    held = [(chain, n, link) for chain, (n, link) in heads.items()]
    _write(tx, is_sqlite, "trail_heads (chain, n, link)", held)


def _entries(tx: sa.Connection) -> Iterator[tuple[int, int | None, str | None, str]]:
    """chain, event, edits, digest: events in their order, then edits, all of an import at once."""
    who = "who, who_kind, who_email, who_identity"
    for chain, *event in _all(tx, f'import, id, "row", at, {who}, what, detail', "events", "import, id"):
        yield chain, event[0], None, _hex(orjson.dumps(["event", None, *event]))
    for id, *rest in _all(tx, f"id, at, {who}, what, detail", "desk_events", "id"):
        yield 0, id, None, _hex(orjson.dumps(["event", None, id, None, *rest]))
    lines: dict[int, tuple[int, hashlib._Hash]] = {}
    columns = f'import, id, "number", "position", digest, at, {who}'
    for import_, _, *edit in _all(tx, columns, "repairs", "import, id"):
        count, taken = lines.get(import_, (0, hashlib.sha256()))
        taken.update(orjson.dumps(edit) + b"\n")
        lines[import_] = (count + 1, taken)
    for import_, (count, taken) in lines.items():
        yield import_, None, "", _hex(orjson.dumps(["edits", "", count, taken.hexdigest()]))


def _all(tx: sa.Connection, columns: str, table: str, key: str) -> Iterator[sa.Row[Any]]:
    """Rows in the order of `key`, with which `columns` begin; in parts, so that a million take no memory."""
    size = len(key.split(","))
    marks = ", ".join([{"sqlite": "?"}.get(tx.dialect.name, "%s")] * size)
    query = f"SELECT {columns} FROM {table} WHERE ({key}) > ({marks}) ORDER BY {key} LIMIT {_AT_ONCE}"
    after: tuple[Any, ...] = (-1,) * size
    while found := tx.exec_driver_sql(query, after).fetchall():
        yield from found
        after = tuple(found[-1])[:size]


def _hex(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _write(tx: sa.Connection, is_sqlite: bool, into: str, rows: list[tuple[object, ...]]) -> None:
    if not rows:
        return
    if is_sqlite:
        tx.exec_driver_sql(f"INSERT INTO {into} VALUES ({', '.join('?' * len(rows[0]))})", rows)
        return
    driver: Any = tx.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f"COPY {into} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _protect_sqlite(tx: sa.Connection) -> None:
    for table in ("events", "desk_events", "trail", "repairs"):
        of = f" OF {', '.join(_FIXED_OF_AN_EDIT)}" if table == "repairs" else ""
        for name, act in (("changed", f"UPDATE{of}"), ("deleted", "DELETE")):
            tx.exec_driver_sql(
                f"CREATE TRIGGER {table}_are_never_{name} BEFORE {act} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} can be added to, and not changed'); END"
            )
    for table, mark in _MARKS.items():
        tx.exec_driver_sql(
            f"CREATE TRIGGER {table}_are_linked BEFORE INSERT ON {table} WHEN NEW.{mark} IS NULL "
            f"BEGIN SELECT RAISE(ABORT, '{table} are written by an earlier version'); END"
        )


def _protect_postgres(tx: sa.Connection) -> None:
    for function, why in (
        ("refuse_change", "can be added to, and not changed"),
        ("refuse_unlinked", "are written by an earlier version"),
    ):
        # %% and not %: the driver reads this too.
        tx.exec_driver_sql(
            f"CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"RAISE EXCEPTION '%% {why}', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation'; "
            "END $$"
        )
    for table in ("events", "desk_events", "trail", "repairs"):
        of = f" OF {', '.join(_FIXED_OF_AN_EDIT)}" if table == "repairs" else ""
        tx.exec_driver_sql(
            f"CREATE TRIGGER {table}_are_never_changed BEFORE UPDATE{of} OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    for table, mark in _MARKS.items():
        tx.exec_driver_sql(
            f"CREATE TRIGGER {table}_are_linked BEFORE INSERT ON {table} FOR EACH ROW "
            f"WHEN (NEW.{mark} IS NULL) EXECUTE FUNCTION refuse_unlinked()"
        )
