"""A machine of the fleet: one worker, and the network that connects it to the database."""

import random
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tests.support.desk_settings import connection_table, environment
from tests.support.postgres import Postgres
from tests.support.practice import PracticeBlnk
from tests.support.stalling_proxy import StallingProxy

StrikeKind = Literal["kill", "freeze", "cut", "restart"]
_BEFORE_SECONDS = (0.0, 6.0)
LASTS_SECONDS = 30.0
"""How long a machine stands still or is cut off. One that was killed is started again once it is replaced."""
_KINDS: tuple[StrikeKind, ...] = ("kill", "freeze", "cut", "restart")


@dataclass
class Strike:
    """`after_seconds` others took over what the one before struck, which may last on. `takeover_seconds` of
    each instance that the struck worker held are filled in."""

    kind: StrikeKind
    after_seconds: float
    lasts_seconds: float = LASTS_SECONDS
    takeover_seconds: list[float] = field(default_factory=list)


def drawn(chance: random.Random) -> tuple[Strike, ...]:
    """Two strikes of different kinds."""
    return tuple(Strike(kind, chance.uniform(*_BEFORE_SECONDS)) for kind in chance.sample(_KINDS, 2))


class Machine:
    """Starts its worker on construction. Use `close` at the end."""

    def __init__(
        self, folder: Path, postgres: Postgres, database: str, blnks: Sequence[PracticeBlnk], cap: int | None
    ) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._network = StallingProxy(postgres.port)
        self._write_secrets(blnks, cap)
        self._env = environment(folder, f"postgresql://postgres@127.0.0.1:{self._network.port}/{database}")
        self.worker = self._start()

    def kill(self) -> None:
        self.worker.kill()
        self.worker.wait()

    def freeze(self) -> None:
        self.worker.send_signal(signal.SIGSTOP)

    def wake(self) -> None:
        if self.worker.poll() is None:
            self.worker.send_signal(signal.SIGCONT)

    def cut_off(self) -> None:
        self._network.stall()

    def reconnect(self) -> None:
        self._network.resume()

    def start_if_ended(self) -> None:
        """As the supervisor of a service does."""
        if self.worker.poll() is not None:
            self.worker = self._start()

    def close(self) -> None:
        self.worker.kill()
        self.worker.wait()
        self._network.close()

    def _start(self) -> subprocess.Popen[bytes]:
        with (self._folder / "worker.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "blnk_api", "worker"],
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _write_secrets(self, blnks: Sequence[PracticeBlnk], cap: int | None) -> None:
        tables = [
            connection_table(
                f"c{at}",
                {
                    "base_url": blnk.url,
                    "instance_id": blnk.instance_id,
                    "environment": "sandbox",
                    "access_token": blnk.token,
                    "requests_per_minute": cap or 1_000_000,
                },
            )
            for at, blnk in enumerate(blnks)
        ]
        (self._folder / "secrets.toml").write_text("\n".join(["practice = false", *tables]))
