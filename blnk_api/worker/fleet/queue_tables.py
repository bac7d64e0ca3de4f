"""Creates Procrastinate's tables in the desk's Postgres, once for all workers, when the first of them starts.

They contain nothing essential: every job can be found again in the desk's own tables.
"""

from procrastinate import __version__ as _installed
from procrastinate.schema import SchemaManager
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from blnk_api.store import Store, StoreUnavailable, failures

_LOCK = "SELECT pg_advisory_xact_lock(7316203)"
_ARE_THERE = "SELECT to_regclass('procrastinate_jobs') IS NOT NULL"
_COMMENT = "SELECT obj_description('procrastinate_jobs'::regclass, 'pg_class')"
_OURS = "Jobs of Balance Desk, as Procrastinate has them since "
_DROP = """
DO $$ DECLARE one record; BEGIN
    FOR one IN SELECT tablename AS name FROM pg_tables
        WHERE schemaname = current_schema() AND tablename LIKE 'procrastinate\\_%'
    LOOP EXECUTE format('DROP TABLE %I CASCADE', one.name); END LOOP;
    FOR one IN SELECT oid::regprocedure AS name FROM pg_proc
        WHERE pronamespace = current_schema()::regnamespace AND proname LIKE 'procrastinate\\_%'
    LOOP EXECUTE format('DROP FUNCTION %s CASCADE', one.name); END LOOP;
    FOR one IN SELECT typname AS name FROM pg_type
        WHERE typnamespace = current_schema()::regnamespace AND typname LIKE 'procrastinate\\_%'
        AND typtype IN ('e', 'c')
    LOOP EXECUTE format('DROP TYPE IF EXISTS %I CASCADE', one.name); END LOOP;
END $$
"""


def make_tables(store: Store) -> None:
    """Returns once they exist, whoever created them. Those of an earlier Procrastinate are recreated.

    Raises StoreUnavailable if the database is unavailable or denies access, or another program has such
    tables.
    """
    try:
        with store.engine.begin() as tx:
            tx.exec_driver_sql(_LOCK)
            _make(tx)
    except SQLAlchemyError as problem:
        raise StoreUnavailable(failures.explain(problem), may_pass=failures.may_pass(problem)) from problem


def _make(tx: Connection) -> None:
    if tx.exec_driver_sql(_ARE_THERE).scalar_one():
        comment = tx.exec_driver_sql(_COMMENT).scalar_one() or ""
        if not comment.startswith(_OURS):
            raise StoreUnavailable(
                "The import database has tables of another program that uses Procrastinate. Give Balance "
                "Desk a database of its own."
            )
        if _version(comment.removeprefix(_OURS)) >= _version(_installed):
            return
        _run(tx, _DROP)
    _run(tx, SchemaManager.get_schema())
    _run(tx, f"COMMENT ON TABLE procrastinate_jobs IS '{_OURS}{_installed}'")


def _run(tx: Connection, script: str) -> None:
    """Without parameters, so that percent signs are literal and several statements are allowed."""
    tx.connection.cursor().execute(script)


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdecimal())
