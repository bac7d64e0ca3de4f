"""Builds the image and runs one container of it on a real Postgres; says what it saw, a line at a time.

    sh tests/image/run [FOLDER]

Not with the other tests: it takes root, and minutes. buildah's chroot isolation needs no rights that a
machine may not give, but shares the network and the clock of this one.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import requests

from blnk_api import __version__
from tests.support.postgres import Postgres
from tests.support.tls_proxy import free_port

ROOT = Path(__file__).parents[2]
BASE, IMAGE = "docker.io/library/python:3.11-slim", "balance-desk-under-test"
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
USER = 990
PASSWORD = "p@ss/word:1"
START_SECONDS = 300.0
MAY_WRITE = {"/tmp", "/var/tmp", "/var/lib/balance-desk", "/run/lock", "/var/lock"}

_BASE_FILE = f"""FROM scratch
ADD base.tar /
RUN ln -s /usr/bin/python3.11 /usr/local/bin/python && ln -s /usr/bin/pip3 /usr/local/bin/pip \\
    && rm -f /usr/lib/python3.11/EXTERNALLY-MANAGED
COPY {AUTHORITIES.name} {AUTHORITIES}
ENV PIP_CERT={AUTHORITIES}
"""


def say(what: str) -> None:
    print(f"tests/image: {what}", flush=True)


def output_of(command: Sequence[str | Path], **more: Any) -> str:
    """What it prints; where it fails, what it said of that."""
    done: subprocess.CompletedProcess[str] = subprocess.run(
        [str(one) for one in command], capture_output=True, text=True, check=False, **more
    )
    if done.returncode != 0:
        said = (done.stdout + done.stderr)[-4000:]
        sys.exit(f"tests/image: {' '.join(map(str, command))[:300]} ended with {done.returncode}:\n{said}")
    return done.stdout


def until(what: Callable[[], bool], why: Callable[[], str]) -> float:
    """The seconds until it is so."""
    began = time.monotonic()
    while not what():
        if time.monotonic() - began > START_SECONDS:
            sys.exit(f"tests/image: waited {START_SECONDS:g} s: {why()}")
        time.sleep(0.2)
    return time.monotonic() - began


class Images:
    """buildah, with images and containers in a folder of our own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        where = ["--root", str(folder / "images"), "--runroot", str(folder / "running")]
        self.command = ["buildah", "--storage-driver", "overlay", *where]

    def __call__(self, *arguments: str | Path, **more: Any) -> str:
        return output_of([*self.command, *arguments], **more)

    def has(self, image: str) -> bool:
        return image.rpartition("/")[2].partition(":")[0] in self("images")

    def make_base(self) -> None:
        """From the registry where there is one; else Debian's own Python under the same name."""
        if self.has(BASE):
            return
        if subprocess.run([*self.command, "pull", "--quiet", BASE], capture_output=True).returncode == 0:
            say(f"{BASE} is from its registry")
            return
        say("no registry answers: mmdebstrap makes the base image")
        include = "python3.11,python3.11-venv,python3-pip,ca-certificates"
        tar = self.folder / "base.tar"
        output_of(["mmdebstrap", "--variant=minbase", f"--include={include}", "bookworm", tar])
        (self.folder / "Dockerfile").write_text(_BASE_FILE)
        shutil.copy(AUTHORITIES, self.folder)
        self("bud", "--isolation", "chroot", "-t", BASE, "-f", self.folder / "Dockerfile", self.folder)

    def build(self) -> None:
        began = time.monotonic()
        self(
            "bud",
            "--isolation",
            "chroot",
            "--pull-never",
            "--layers",
            "--format",
            "docker",
            "-t",
            IMAGE,
            ".",
            cwd=ROOT,
        )
        say(f"the image is built, {time.monotonic() - began:.0f} s")


class Container:
    """One of the image; `run` begins a process in it, as many as are wanted."""

    def __init__(self, images: Images, data: Path, secrets: Path, env: dict[str, str]) -> None:
        self._images = images
        self.name = images("from", "--pull-never", IMAGE).strip()
        mounts = ["-v", f"{data}:/var/lib/balance-desk", "-v", f"{secrets}:/run/secrets:ro"]
        self._run = [*images.command, "run", "--isolation", "chroot", *mounts]
        self._run += [part for name, value in env.items() for part in ("--env", f"{name}={value}")]

    def begin(self, *command: str, log: Path) -> subprocess.Popen[bytes]:
        with log.open("wb") as out:
            return subprocess.Popen([*self._run, self.name, "--", *command], stdout=out, stderr=out)

    def run(self, *command: str) -> str:
        return output_of([*self._run, self.name, "--", *command])

    def remove(self) -> None:
        self._images("rm", self.name)


def check_files(folder: Path) -> None:
    """Compose's own schema, and systemd's own reading of the unit."""
    tools = folder / "tools"
    if not (tools / "bin" / "check-jsonschema").exists():
        output_of([sys.executable, "-m", "venv", tools])
        needed = ROOT / "tests" / "image" / "requirements.txt"
        output_of([tools / "bin" / "pip", "install", "-q", "--require-hashes", "-r", needed])
    for name in ("compose.yaml", "compose.tls.yaml"):
        output_of(
            [tools / "bin" / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", ROOT / name]
        )
        say(f"{name} fits the compose specification")
    unit = folder / "balance-desk.service"
    text = (ROOT / "deploy" / unit.name).read_text()
    program = "/opt/balance-desk/.venv/bin/python"
    assert text.count(program) == 1
    unit.write_text(text.replace(program, sys.executable))
    output_of(["systemd-analyze", "verify", "--man=no", unit])
    exposure = output_of(["systemd-analyze", "security", "--offline=true", unit]).strip().splitlines()[-1]
    say(f"systemd takes {unit.name}: {exposure.lstrip('→ ')}")


def check_image(images: Images) -> list[str]:
    """What the image says of itself; the command that tells its health."""
    told = json.loads(images("inspect", "--type", "image", IMAGE))["Docker"]["config"]
    assert told["Labels"]["org.opencontainers.image.version"] == __version__, told["Labels"]
    assert told["User"] == f"{USER}:{USER}", told["User"]
    kind, *command = told["Healthcheck"]["Test"]
    assert kind == "CMD", told["Healthcheck"]
    say(f"it is version {__version__}, runs as {told['User']}, and has a health check")
    return [str(part) for part in command]


def check_contents(container: Container) -> None:
    """Nothing to build with, nothing that its account may change, nothing that was beside it."""
    tools = container.run("sh", "-c", "command -v gcc cc make; ls /opt/balance-desk/bin | grep -x pip; true")
    assert tools == "", tools
    may_write = container.run("sh", "-c", "find / -xdev -writable -not -path '/proc/*' 2>/dev/null; true")
    assert set(may_write.split()) <= MAY_WRITE, may_write
    here = container.run("sh", "-c", "cd /srv/balance-desk && find . -maxdepth 2 -not -name '*.py'")
    assert not re.search(r"secrets\.toml|tests|\.git|\.data", here), here
    say(f"its account can write to {', '.join(sorted(may_write.split()))} and nowhere else")


def main(arguments: Sequence[str]) -> None:
    folder = Path(arguments[0]).resolve() if arguments else Path(tempfile.mkdtemp(prefix="desk-image-"))
    folder.mkdir(exist_ok=True)
    try:
        check_files(folder)
        images = Images(folder)
        images.make_base()
        images.build()
        is_healthy = check_image(images)
        run_it(images, folder, is_healthy)
    finally:
        if not arguments:
            shutil.rmtree(folder, ignore_errors=True)


def run_it(images: Images, folder: Path, is_healthy: list[str]) -> None:
    data, secrets = (Path(tempfile.mkdtemp(prefix=f"{what}-", dir=folder)) for what in ("data", "secrets"))
    for one in (data, secrets):
        os.chown(one, USER, USER)
    for name, text in (("desk", "practice = true\n"), ("database_password", f"{PASSWORD}\n")):
        (secrets / name).write_text(text)
        (secrets / name).chmod(0o400)
        os.chown(secrets / name, USER, USER)
    (data / "two.csv").write_text(
        "ledger,currency,customer\nCustomer wallets,USD,c-1\nCustomer wallets,NGN,c-2\n"
    )
    port = str(free_port())
    with Postgres() as postgres:
        postgres.execute(f"CREATE ROLE desk LOGIN PASSWORD '{PASSWORD}'")
        postgres.execute("CREATE DATABASE desk OWNER desk")
        rules = postgres.folder / "data" / "pg_hba.conf"
        rules.write_text(f"host desk desk 127.0.0.1/32 scram-sha-256\n{rules.read_text()}")
        postgres.execute("SELECT pg_reload_conf()")
        env = {
            "BLNK_DATABASE_URL": f"postgresql://desk@127.0.0.1:{postgres.port}/desk",
            "BLNK_DATABASE_PASSWORD_FILE": "/run/secrets/database_password",
            "BLNK_SECRETS_FILE": "/run/secrets/desk",
            "STREAMLIT_SERVER_PORT": port,
            # The network is this machine's: nobody else is to see it.
            "STREAMLIT_SERVER_ADDRESS": "127.0.0.1",
        }
        container = Container(images, data, secrets, env)
        check_contents(container)
        log = folder / "log"
        process = container.begin("python", "-m", "streamlit", "run", "app.py", log=log)
        try:
            use(container, process, f"http://127.0.0.1:{port}", log, is_healthy)
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(30)
            process.kill()
            container.remove()


def use(
    container: Container, process: subprocess.Popen[bytes], url: str, log: Path, is_healthy: list[str]
) -> None:
    def is_ready() -> bool:
        if process.poll() is not None:
            sys.exit(f"tests/image: it ended with {process.returncode}:\n{log.read_text()[-4000:]}")
        with suppress(requests.ConnectionError, requests.Timeout):
            return requests.get(f"{url}/readyz", timeout=60).text == "ok\n"
        return False

    seconds = until(is_ready, log.read_text)
    container.run(*is_healthy)
    say(f"it was ready after {seconds:.1f} s, and its own health check agrees")
    assert requests.get(url, timeout=60).status_code == 200
    until(lambda: " is sending" in log.read_text(), log.read_text)
    said = container.run(
        *("python", "-m", "blnk_api", "import", "/var/lib/balance-desk/two.csv"),
        *("--connection", "practice", "--yes", "--progress", "none"),
    )
    assert "2 balances" in said, said
    say(f"an import by the command line, sent by the container: {said.strip().splitlines()[-1]}")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert all({"time", "level", "logger", "message"} <= set(line) for line in lines)
    say(f"its log is {len(lines)} lines of JSON")


if __name__ == "__main__":
    main(sys.argv[1:])
