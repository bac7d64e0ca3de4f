"""The command line as tests run it, on the importer's data. Nothing that it prints may contain a secret."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from blnk_api.__main__ import main
from tests.support.importer import LEDGER, Importer

ROOT = Path(__file__).parents[2]
SECONDS = 240.0


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str


class Commands:
    """`run` is a real process; `call` runs in this one, which saves a second."""

    def __init__(self, importer: Importer, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._importer = importer
        self._capsys = capsys
        self.folder = folder

    def file(self, n: int, *, name: str = "customers.csv", first: int = 0, extra: str = "") -> Path:
        """A file in the folder with n different balances, followed by further lines."""
        lines = [f"{LEDGER},NGN,c-{at}" for at in range(first, first + n)]
        path = self.folder / name
        path.write_text(
            "\n".join(["ledger_id,currency,customer", *lines, *([extra] if extra else [])]) + "\n"
        )
        return path

    def begin(self, *arguments: str | Path) -> subprocess.Popen[str]:
        self._importer.hurry_processes()
        process = subprocess.Popen(
            [sys.executable, "-m", "blnk_api", *map(str, arguments)],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._importer.processes.append(process)  # type: ignore[arg-type]
        return process

    def end(self, process: subprocess.Popen[str], *, seconds: float = SECONDS) -> Ended:
        return self._checked(process.wait(timeout=seconds), *process.communicate())

    def run(self, *arguments: str | Path) -> Ended:
        return self.end(self.begin(*arguments))

    def call(self, *arguments: str | Path) -> Ended:
        self._capsys.readouterr()
        code = main([str(one) for one in arguments])
        return self._checked(code, *self._capsys.readouterr())

    def _checked(self, code: int, out: str, err: str) -> Ended:
        assert "Traceback" not in err, err
        secrets = (self._importer.data_dir / "secrets.toml").read_text()
        tokens = [line.split('"')[1] for line in secrets.splitlines() if line.startswith("access_token")]
        assert not [token for token in tokens if token in out + err]
        return Ended(code, out, err)
