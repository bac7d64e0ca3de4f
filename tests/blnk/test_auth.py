"""Tokens: renewed once for all threads and processes, kept before they are used, never shown."""

import json
import os
import socket
import sqlite3
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from blnk_api import errors
from blnk_api.blnk import oauth
from blnk_api.blnk.auth import StaticToken, Token, token_source
from blnk_api.blnk.oauth import OAuthTokens
from blnk_api.client import BlnkClient
from blnk_api.models import BalanceRequest
from blnk_api.settings import Connection, OAuth
from blnk_api.store import Store
from blnk_api.store.token_store import TokenStore
from tests.support.connections import connection_of, connection_to, server
from tests.support.json_object import JsonObject
from tests.support.practice import PracticeBlnk

ASKED = BalanceRequest(ledger_id="ldg_00000001-0000-4000-8000-000000000001", currency="USD")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(f"sqlite:///{tmp_path / 'journal.db'}")
    store.migrate()
    yield store
    store.close()


@pytest.fixture
def token_store(store: Store, tmp_path: Path) -> TokenStore:
    return TokenStore(store.engine, tmp_path / "locks")


@pytest.fixture
def acme(blnk: PracticeBlnk) -> Connection:
    """A connection with OAuth credentials that have not been used yet."""
    return replace(connection_of(blnk), credentials=OAuth(**blnk.oauth_client()))


def tokens_of(
    connection: Connection, token_store: TokenStore, clock: Callable[[], float] | None = None
) -> OAuthTokens:
    """As a process that has just started would have them."""
    assert isinstance(connection.credentials, OAuth)
    if clock is None:
        return OAuthTokens(connection, connection.credentials, token_store)
    return OAuthTokens(connection, connection.credentials, token_store, clock=clock)


def with_secret(connection: Connection, **changed: str) -> Connection:
    assert isinstance(connection.credentials, OAuth)
    return replace(connection, credentials=replace(connection.credentials, **changed))


def renewals(blnk: PracticeBlnk) -> int:
    return int(blnk.requests()["by_kind"].get("token", 0))


def newest_refresh_token(blnk: PracticeBlnk) -> str:
    """What Blnk would show a person who asks for one."""
    with sqlite3.connect(blnk.data_dir / "practice" / "practice.sqlite") as held:
        return str(held.execute("SELECT refresh_token FROM oauth_clients").fetchone()[0])


def test_an_access_token_from_secrets_is_used_as_it_is(blnk: PracticeBlnk) -> None:
    tokens = token_source(connection_of(blnk))

    assert isinstance(tokens, StaticToken)
    assert tokens.current().value == blnk.token
    with pytest.raises(errors.AccessDenied, match="Enter a new one in the secrets file"):
        tokens.newer_than(0)


def test_oauth_without_a_token_store_is_rejected(acme: Connection, token_store: TokenStore) -> None:
    """A renewed token that is not kept would be lost for the whole desk."""
    with pytest.raises(ValueError, match="needs a TokenKeeper"):
        BlnkClient(acme)
    assert isinstance(token_source(acme, token_store), OAuthTokens)


def test_a_balance_is_created_through_oauth(
    blnk: PracticeBlnk, acme: Connection, token_store: TokenStore
) -> None:
    with BlnkClient(acme, tokens=token_source(acme, token_store)) as client:
        made = client.create_balance(ASKED)
        client.get_balance(made.balance_id)

    assert [held["balance_id"] for held in blnk.balances()] == [made.balance_id]
    assert renewals(blnk) == 1


def test_a_token_is_renewed_a_little_before_its_end(
    blnk: PracticeBlnk, acme: Connection, token_store: TokenStore
) -> None:
    now = 1_000_000.0
    tokens = tokens_of(acme, token_store, clock=lambda: now)
    first = tokens.current()

    now += 3600 - 61
    assert tokens.current() == first
    now += 2
    second = tokens.current()

    assert (first.generation, second.generation, renewals(blnk)) == (1, 2, 2)
    assert first.value != second.value


def test_rejected_credentials_are_renewed_and_the_balance_is_created_once(
    blnk: PracticeBlnk, acme: Connection, token_store: TokenStore
) -> None:
    with BlnkClient(acme, tokens=token_source(acme, token_store)) as client:
        client.create_balance(ASKED, ref="ref-1")
        blnk.order_fault("revoke", on="create", times=1)
        client.create_balance(ASKED, ref="ref-2")

    assert blnk.refs() == ["ref-1", "ref-2"]
    assert renewals(blnk) == 2


def test_a_newer_token_of_another_process_is_used_without_asking_blnk(
    blnk: PracticeBlnk, acme: Connection, token_store: TokenStore
) -> None:
    worker, page = tokens_of(acme, token_store), tokens_of(acme, token_store)
    first = worker.current()

    assert page.current() == first
    second = page.newer_than(first.generation)

    assert worker.newer_than(first.generation) == second
    assert worker.current() == second
    assert renewals(blnk) == 2


def test_after_a_restart_the_stored_token_is_used_and_not_the_spent_secret(
    blnk: PracticeBlnk, acme: Connection, token_store: TokenStore
) -> None:
    tokens_of(acme, token_store).newer_than(tokens_of(acme, token_store).current().generation)

    third = tokens_of(acme, token_store).newer_than(2)

    assert (third.generation, renewals(blnk)) == (3, 3)


@pytest.mark.parametrize("shared", [True, False], ids=["one source", "a source each"])
def test_threads_that_renew_at_once_renew_once(
    blnk: PracticeBlnk, acme: Connection, token_store: TokenStore, shared: bool
) -> None:
    one = tokens_of(acme, token_store)
    blnk.order_fault("latency", on="token", seconds=0.2)

    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda _: (one if shared else tokens_of(acme, token_store)).current(), range(8)))

    assert (len(set(got)), renewals(blnk)) == (1, 1)


_RENEW = """
import sys
from blnk_api import settings
from blnk_api.blnk.auth import token_source
from blnk_api.store import Store
from blnk_api.store.token_store import TokenStore

loaded = settings.load()
token_store = TokenStore(Store(loaded.database_url).engine, loaded.data_dir / "locks")
tokens = token_source(loaded.connections["acme"], token_store)
print("ready", flush=True)
sys.stdin.readline()
print(tokens.newer_than(0).value)
"""


def test_processes_that_renew_at_once_renew_once(
    blnk: PracticeBlnk, acme: Connection, store: Store, tmp_path: Path
) -> None:
    blnk.order_fault("latency", on="token", seconds=0.3)
    assert isinstance(acme.credentials, OAuth)
    secrets = {"base_url": blnk.url, "instance_id": blnk.instance_id, **vars(acme.credentials)}
    lines = "".join(f'{key} = "{value}"\n' for key, value in secrets.items())
    (tmp_path / "secrets.toml").write_text(f"[connections.acme]\n{lines}")
    chosen = {"BLNK_DATA_DIR": str(tmp_path), "BLNK_SECRETS_FILE": str(tmp_path / "secrets.toml")}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _RENEW],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **chosen},
            text=True,
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()

    got = [process.communicate(timeout=120)[0] for process in processes]

    assert [process.returncode for process in processes] == [0, 0]
    assert got[0] == got[1]
    assert got[0].startswith("blnk_at_")
    assert renewals(blnk) == 1


def test_a_new_token_that_could_not_be_stored_is_neither_used_nor_lost(
    blnk: PracticeBlnk, acme: Connection, store: Store, tmp_path: Path
) -> None:
    hasty = create_engine(f"sqlite:///{tmp_path / 'journal.db'}", connect_args={"timeout": 0.05})
    token_store = TokenStore(hasty, tmp_path / "locks")
    tokens = tokens_of(acme, token_store)

    with store.write(), pytest.raises(errors.ReadFailed, match="cannot be read or written"):
        tokens.current()
    got = tokens.current()

    assert renewals(blnk) == 1
    assert tokens_of(acme, token_store).current() == got
    hasty.dispose()


def test_a_changed_secret_replaces_the_stored_token(
    blnk: PracticeBlnk, acme: Connection, token_store: TokenStore
) -> None:
    """What is kept may have died meanwhile; the person's newest word counts."""
    old = tokens_of(acme, token_store)
    old.current()
    successor = with_secret(acme, refresh_token=newest_refresh_token(blnk))
    tokens_of(successor, token_store).current()
    with pytest.raises(errors.AccessDenied):
        old.newer_than(1)

    changed = with_secret(acme, refresh_token=newest_refresh_token(blnk))
    with BlnkClient(changed, tokens=token_source(changed, token_store)) as client:
        client.create_balance(ASKED)

    assert len(blnk.balances()) == 1


def test_a_rejected_refresh_token_is_not_sent_again_and_a_new_one_is_requested(
    blnk: PracticeBlnk, acme: Connection, token_store: TokenStore
) -> None:
    tokens = tokens_of(with_secret(acme, refresh_token="blnk_rt_dead"), token_store)

    for _ in range(3):
        with pytest.raises(errors.AccessDenied, match=r"secrets file, as refresh_token of \[conn"):
            tokens.current()

    assert renewals(blnk) == 1


def test_a_wrong_client_secret_is_named(
    blnk: PracticeBlnk, acme: Connection, token_store: TokenStore
) -> None:
    wrong = with_secret(acme, client_secret="wr0ng-s3cr3t")

    with pytest.raises(
        errors.AccessDenied, match=r"Acme \(invalid_client\)\. Check client_id and client_sec"
    ):
        tokens_of(wrong, token_store).current()
    assert tokens_of(acme, token_store).current().generation == 1


def test_a_changed_client_secret_cannot_read_what_the_old_one_sealed(
    acme: Connection, token_store: TokenStore
) -> None:
    tokens_of(acme, token_store).current()

    with pytest.raises(errors.AccessDenied):
        tokens_of(with_secret(acme, client_secret="another"), token_store).current()


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "drop_before_commit"}, errors.ReadFailed),
        ({"kind": "hang"}, errors.ReadFailed),
        ({"kind": "status_before_commit", "status": 503}, errors.ReadFailed),
        ({"kind": "html_200"}, errors.ReadFailed),
        ({"kind": "rate_limited", "retry_after": "5"}, errors.RateLimited),
        ({"kind": "revoke"}, errors.AccessDenied),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else None,
)
def test_nothing_is_sent_without_a_token(
    blnk: PracticeBlnk,
    acme: Connection,
    token_store: TokenStore,
    fault: JsonObject,
    error: type[errors.BlnkError],
) -> None:
    asking = replace(acme, request_timeout_seconds=0.3) if fault["kind"] == "hang" else acme
    blnk.order_fault(**fault, on="token", times=1)

    with BlnkClient(acme, tokens=token_source(asking, token_store)) as client:
        with pytest.raises(error) as raised:
            client.create_balance(ASKED)
        assert isinstance(raised.value, errors.NothingCreated)
        assert "create" not in blnk.requests()["by_kind"]
        if fault["kind"] not in ("revoke", "hang"):
            client.create_balance(ASKED)
            assert len(blnk.balances()) == 1


def test_a_token_endpoint_that_is_not_there_is_not_connected(
    acme: Connection, token_store: TokenStore
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    with pytest.raises(errors.NotConnected):
        tokens_of(replace(acme, url=f"http://127.0.0.1:{port}"), token_store).current()


def test_a_renewal_that_another_process_never_finishes_is_not_awaited_forever(
    blnk: PracticeBlnk, acme: Connection, token_store: TokenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oauth, "_LOCK_GRACE_SECONDS", 0.0)
    blnk.order_fault("hang", on="token", times=1)
    hung = tokens_of(replace(acme, request_timeout_seconds=4), token_store)
    impatient = tokens_of(replace(acme, request_timeout_seconds=0.1), token_store)

    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(hung.current)
        while renewals(blnk) == 0:
            pass
        with pytest.raises(errors.ReadFailed, match="Another process is renewing"):
            impatient.current()
        with pytest.raises(errors.ReadFailed, match="did not answer"):
            other.result()
    assert tokens_of(acme, token_store).current().generation == 1


def answer_with(told: JsonObject) -> Callable[[socket.socket], None]:
    body = json.dumps(told).encode()

    def answer(line: socket.socket) -> None:
        got = b""
        while b"refresh_token=" not in got:
            got += line.recv(65536)
        line.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))

    return answer


def test_an_answer_without_a_refresh_token_keeps_the_old_one_valid(token_store: TokenStore) -> None:
    told = {"access_token": "blnk_at_1", "expires_in": 100}
    with server(answer_with(told)) as port:
        connection = replace(
            connection_to(f"http://127.0.0.1:{port}"), credentials=OAuth("client", "secret", "refresh")
        )
        tokens = tokens_of(connection, token_store, clock=lambda: 1000.0)
        assert tokens.current() == Token("blnk_at_1", 1, 1050.0)
        assert tokens.newer_than(1) == Token("blnk_at_1", 2, 1050.0)


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"access_token": ""},
        {"access_token": "blnk_at_s3cr3t\r\nX-Other: 1"},
        {"access_token": "blnk_at_s3cr3t", "expires_in": "s3cr3t"},
        {"access_token": "blnk_at_s3cr3t", "refresh_token": 5},
    ],
)
def test_an_answer_without_a_usable_token_is_reported_without_repeating_it(
    token_store: TokenStore, told: JsonObject
) -> None:
    with server(answer_with(told)) as port:
        url = f"http://127.0.0.1:{port}"
        connection = replace(connection_to(url), credentials=OAuth("client", "secret", "s3cr3t"))
        with pytest.raises(errors.ReadFailed, match="no usable access token") as raised:
            tokens_of(connection, token_store).current()

    said = raised.value
    assert "s3cr3t" not in "".join(traceback.format_exception(said)) + repr(said) + repr(said.__context__)


def test_no_token_is_readable_in_the_store_or_in_what_is_printed(
    blnk: PracticeBlnk,
    acme: Connection,
    token_store: TokenStore,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    tokens = tokens_of(acme, token_store)
    token = tokens.current()
    assert isinstance(acme.credentials, OAuth)
    secrets = (
        token.value,
        newest_refresh_token(blnk),
        acme.credentials.refresh_token,
        acme.credentials.client_secret,
    )

    kept = b"".join(path.read_bytes() for path in tmp_path.glob("journal.db*"))
    printed = f"{token!r} {tokens!r} {acme!r} {caplog.text}"

    assert b"client_" in kept
    assert [each for each in secrets if each.encode() in kept or each in printed] == []
