"""Practice as tests use it: a real process, over real HTTP, with faults on demand.

with PracticeBlnk(folder) as blnk:
    blnk.order_fault("drop_after_commit", times=1)
    …
    assert blnk.refs() == ["a", "b", "c"]
"""

import json
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests
from requests import Response

from blnk_api.common.practice_address import Practice
from blnk_api.practice.launch import start, wait_until_running
from tests.support.json_object import JsonObject

ENVIRONMENT = Path(__file__).parents[1] / "samples" / "environment.json"
"""The ledgers and identities that the sample files name."""

START_SECONDS = 180.0
ANSWER_SECONDS = 120.0


class PracticeBlnk:
    """Starts on construction, in `data_dir`/practice. After `stop` or `kill` it can `start_again`."""

    def __init__(
        self, data_dir: Path, *, core: str | None = None, seed: Path | None = None, port: int | None = None
    ) -> None:
        self.data_dir = data_dir
        self._options: JsonObject = {"core": core, "seed": seed, "port": port}
        self._session = requests.Session()
        self._session.trust_env = False
        self.process: subprocess.Popen[bytes]
        self.practice: Practice
        self.start_again()

    def start_again(self) -> None:
        self.process = start(self.data_dir, **self._options)
        self.practice = wait_until_running(self.data_dir, START_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The base URL of its Cloud API."""
        return self.practice.url

    @property
    def core_url(self) -> str:
        return self.practice.core_url

    @property
    def instance_id(self) -> str:
        return self.practice.instance_id

    @property
    def token(self) -> str:
        """A token that may do everything and never expires."""
        return self.practice.token

    @property
    def core_key(self) -> str:
        return self.practice.core_key

    @property
    def pid(self) -> int:
        return self.practice.pid

    def stop(self) -> None:
        """Ends it by closing its standard input, as the end of its parent would."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        self._wait()

    def kill(self) -> None:
        """Ends it with SIGKILL."""
        self.process.kill()
        if self.process.stdin is not None:
            self.process.stdin.close()
        self._wait()

    def reset(self) -> None:
        """Resets it to its seed: no faults, no log, no limits; the same keys."""
        self.door("POST", "reset")

    def order_fault(self, kind: str, **fields: Any) -> None:
        """See blnk_api/practice/faults.py for kinds and fields. Without `times`, the fault never ends."""
        self.door("POST", "faults", {"kind": kind, **fields})

    def clear_faults(self) -> None:
        self.door("DELETE", "faults")

    def faults(self) -> list[JsonObject]:
        """The faults that were ordered, each with how often it `fired`."""
        listed: list[JsonObject] = self.door("GET", "faults")["faults"]
        return listed

    def balances(self) -> list[JsonObject]:
        """All balances, in the order in which they were committed."""
        held: list[JsonObject] = self.door("GET", "balances")
        return held

    def refs(self) -> list[str]:
        """The import_ref of each balance that has one, sorted; the ref of a duplicate appears twice."""
        metadata = [balance["meta_data"] or {} for balance in self.balances()]
        return sorted(each["import_ref"] for each in metadata if "import_ref" in each)

    def requests(self) -> JsonObject:
        """`total`, `by_kind`, `by_status`, and `recent`: kind, method, path, arrived, import_ref, status, …

        `arrived` is of time.monotonic().
        """
        told: JsonObject = self.door("GET", "requests")
        return told

    def forget_requests(self) -> None:
        self.door("DELETE", "requests")

    def new_token(self, scopes: list[str], expires_in: float | None = None) -> str:
        """A bearer token with these scopes: proxy:write, proxy:read, data:read or *."""
        return str(self.door("POST", "tokens", {"scopes": scopes, "expires_in": expires_in})["token"])

    def oauth_client(self, scopes: list[str] | None = None, lifetime_seconds: float = 3600) -> dict[str, str]:
        """client_id, client_secret and refresh_token; access tokens last this long."""
        order = {"scopes": scopes or ["*"], "lifetime_seconds": lifetime_seconds}
        client: dict[str, str] = self.door("POST", "oauth-clients", order)
        return client

    def set_core(self, version: str) -> None:
        """“0.15.2” or “0.15.3”: only the latter supports indicators."""
        self.door("POST", "core", {"version": version})

    def set_limit(self, requests_per_minute: int | None, window_seconds: float = 60) -> None:
        """No window of this length accepts more requests; None lifts the limit."""
        self.door(
            "POST", "limits", {"requests_per_minute": requests_per_minute, "window_seconds": window_seconds}
        )

    def set_cloud_sorts(self, sorts: bool) -> None:
        """Whether the Cloud's filters obey sort_by and sort_order."""
        self.door("POST", "cloud", {"sorts": sorts})

    def create_ledger(self, name: str, **fields: Any) -> str:
        return str(self._core("ledgers", {"name": name, **fields})["ledger_id"])

    def create_identity(self, **fields: Any) -> str:
        return str(self._core("identities", fields)["identity_id"])

    def create_balance(self, **body: Any) -> JsonObject:
        """Creates a balance unseen by the desk, directly in Core. A fault on “create” applies here too."""
        return self._core("balances", body)

    def hold(self, n: int, *, ref: str = "other", **meta_data: Any) -> None:
        """Balances that others created just now, written directly into its store, because HTTP would take
        long."""
        now = time.time_ns() // 1000 - n - 1_000_000
        rows = (
            (
                f"bln_{ref}-{at}",
                "general_ledger_id",
                "USD",
                0,
                "FIFO",
                now + at,
                now + at,
                json.dumps({"import_ref": f"{ref}-{at}", "import_id": "imp_other", **meta_data}),
            )
            for at in range(n)
        )
        with (
            closing(sqlite3.connect(self.data_dir / "practice" / "practice.sqlite", timeout=30)) as store,
            store,
        ):
            store.executemany(
                "INSERT INTO balances (balance_id, ledger_id, currency, track_fund_lineage, "
                "allocation_strategy, created_at, committed_at, meta_data) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                rows,
            )

    def cloud(
        self, method: str, path: str, body: Any = None, *, token: str | None = None, **params: Any
    ) -> Response:
        """One request to the Cloud API, on a connection of its own."""
        return requests.request(
            method,
            f"{self.url}/{path}",
            params={"instance_id": self.instance_id, **params},
            json=body,
            headers={"Authorization": f"Bearer {token or self.token}"},
            timeout=ANSWER_SECONDS,
        )

    def door(self, method: str, verb: str, order: JsonObject | None = None) -> Any:
        """A call of /_practice, with the control key."""
        answer = self._session.request(
            method,
            f"{self.url}/_practice/{verb}",
            json=order,
            headers={"X-Practice-Door": self.practice.door_key},
            timeout=ANSWER_SECONDS,
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    def _core(self, what: str, body: JsonObject) -> JsonObject:
        answer = self._session.post(
            f"{self.core_url}/{what}",
            json=body,
            headers={"X-Blnk-Key": self.core_key},
            timeout=ANSWER_SECONDS,
        )
        assert answer.status_code == 201, answer.text
        made: JsonObject = answer.json()
        return made

    def _wait(self) -> None:
        self.process.wait(timeout=START_SECONDS)
        self._session.close()
