"""A desk whose database is behind pgbouncer, which gives each transaction another session."""

from pathlib import Path

import pytest
from sqlalchemy import text

from blnk_api.errors import ReadFailed
from blnk_api.store import Store
from blnk_api.store.token_store import TokenStore
from tests.support.importer import Importer, requests_for
from tests.support.pgbouncer import pooled
from tests.support.postgres import Postgres
from tests.support.practice import PracticeBlnk
from tests.support.sending import assert_each_once


def test_an_import_is_sent_through_a_pool_of_few_sessions(
    practice_blnk: PracticeBlnk, postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each statement is run often enough to be prepared, were that possible."""
    with (
        pooled(postgres, postgres.new_database(like="migrated"), sessions=4) as url,
        Importer(practice_blnk, tmp_path, monkeypatch, database_url=url) as importer,
    ):
        importer.connect(requests_per_minute=6_000)
        assert_each_once(practice_blnk, importer, importer.run(requests_for(120)))
        with importer.store.read() as tx:
            assert tx.execute(text("SELECT count(*) FROM leases WHERE token <> ''")).scalar_one() == 2


def test_one_process_at_a_time_renews_a_token_through_a_pool(postgres: Postgres, tmp_path: Path) -> None:
    with pooled(postgres, postgres.new_database(like="migrated"), sessions=2) as url:
        one, other = Store(url), Store(url)
        theirs = TokenStore(other.engine, tmp_path)
        with TokenStore(one.engine, tmp_path).lock("here", timeout_seconds=1):
            busy = pytest.raises(ReadFailed, match="Another process is renewing")
            with busy, theirs.lock("here", timeout_seconds=0.2):
                pytest.fail("both have it")
        with theirs.lock("here", timeout_seconds=60):
            pass
        one.close()
        other.close()
