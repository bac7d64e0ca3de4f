"""Files and keys are the account's own, and nothing about them reaches a log or a page that should not."""

import os
import stat
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from blnk_api import settings
from blnk_api.desk import health, links_key
from blnk_api.desk.desk import open_desk
from blnk_api.desk.health import Check, Verdict
from blnk_api.desk.links import Links
from blnk_api.errors import SettingsProblem
from blnk_api.store import Store
from blnk_api.store.sending.senders import SenderIs, Sending
from tests.support.app import App
from tests.support.importer import Importer, wait_until

ROOT = Path(__file__).parents[2]
LEDGER = "ldg_00000001-0000-4000-8000-000000000001"


@pytest.fixture
def usual_umask() -> Iterator[None]:
    """As most systems have it: everybody may read what is made."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def open_to_others(folder: Path) -> list[str]:
    """What other accounts may do anything with, the folder itself too."""
    everything = [folder, *folder.rglob("*")]
    return [
        f"{each} {each.stat().st_mode:o}" for each in everything if stat.S_IMODE(each.stat().st_mode) & 0o077
    ]


def test_only_its_own_account_can_read_what_the_app_writes(tmp_path: Path, usual_umask: None) -> None:
    with App(tmp_path) as app:
        file = tmp_path / "two.csv"
        file.write_text(f"ledger_id,currency\n{LEDGER},USD\n{LEDGER},EUR\n")
        done = command(app.folder, "import", str(file), "--yes", "--results", "results.csv")
        assert done.returncode == 0, done.stderr
        wait_until(lambda: list((app.data_dir / "receipts").glob("*")), app.log)
        assert {each.name for each in app.data_dir.iterdir()} >= {"journal.db", "uploads", "practice"}
        assert open_to_others(app.data_dir) == []
        assert open_to_others(tmp_path / "results.csv") == []


def test_only_its_own_account_can_read_what_the_command_line_writes(
    tmp_path: Path, usual_umask: None
) -> None:
    file = tmp_path / "one.csv"
    file.write_text(f"ledger_id,currency\n{LEDGER},USD\n")
    done = command(tmp_path, "import", str(file), "--yes", "--results", "results.csv")
    assert done.returncode == 0, done.stderr
    assert open_to_others(tmp_path / ".data") == []
    assert open_to_others(tmp_path / "results.csv") == []


def command(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "blnk_api", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def protected(importer: Importer) -> Check:
    found = health.run(open_desk(), importer.connection, Sending(SenderIs.OURS, "here", 1))
    [one] = [one for one in found if one.question == "Are the data files protected?"]
    return one


def test_the_connection_page_says_what_others_on_this_machine_can_open(importer: Importer) -> None:
    assert protected(importer).verdict is Verdict.FINE
    importer.data_dir.chmod(0o755)
    found = protected(importer)
    assert found.verdict is Verdict.LOOK
    assert f"{importer.data_dir} (mode 755)" in found.answer
    assert found.do == f"Run chmod 700 {importer.data_dir}."
    secrets = importer.data_dir / "secrets.toml"
    secrets.chmod(0o640)
    found = protected(importer)
    assert f"{importer.data_dir} (mode 755) and {secrets} (mode 640)" in found.answer
    assert found.do == f"Run chmod 700 {importer.data_dir} and chmod 600 {secrets}."


@pytest.mark.parametrize("held", ["", "\n", "short", "0" * 31, "\x00\xff" * 40])
def test_a_key_that_is_too_short_signs_nothing(importer: Importer, held: str) -> None:
    (importer.data_dir / "links.key").write_text(held, "latin-1")
    with pytest.raises(SettingsProblem, match=r"links\.key signs download links, but it is too short"):
        Links(links_key.in_folder(importer.data_dir), valid_seconds=60)
    with pytest.raises(SettingsProblem):
        open_desk()
    (importer.data_dir / "links.key").unlink()
    assert open_desk().links


def test_a_folder_that_cannot_store_the_key_is_a_problem_with_the_settings(tmp_path: Path) -> None:
    (tmp_path / "links.key").mkdir()
    with pytest.raises(SettingsProblem, match=r"links\.key cannot be read or written: Is a directory"):
        Links(links_key.in_folder(tmp_path), valid_seconds=60)


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "s3cr3t",
        "postgresql:/s3cr3t",
        "mysql://desk:s3cr3t@host/desk",
        "sqlite://",
        "postgresql://desk:s3cr3t:5432/desk",
        "postgresql://desk:x@s3cr3t@host/desk",
        "sqlite:///:memory:",
        "postgresql://desk:s3cr3t@host:port/desk",
        "postgresql+psycopg2://desk:s3cr3t@host/desk",
        "postgresql://desk:s3cr3t@ho st/desk",
        "http://desk:s3cr3t@host",
        "sqlite://desk:s3cr3t@host/x.db",
    ],
)
def test_an_invalid_database_url_is_a_problem_with_the_settings_and_not_repeated(
    tmp_path: Path, url: str
) -> None:
    with pytest.raises(SettingsProblem, match="BLNK_DATABASE_URL should") as problem:
        settings.load({"BLNK_DATA_DIR": str(tmp_path), "BLNK_DATABASE_URL": url})
    assert "s3cr3t" not in "".join(traceback.format_exception(problem.value))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://desk:p%40ss@host/desk",
        "postgres://host/desk",
        "postgresql+psycopg://[::1]:5432/desk",
        "postgresql:///desk?host=/run/postgresql",
        "sqlite:////srv/journal.db",
        "sqlite:///journal.db",
    ],
)
def test_a_valid_database_url_is_used_as_it_is(tmp_path: Path, url: str) -> None:
    assert settings.load({"BLNK_DATA_DIR": str(tmp_path), "BLNK_DATABASE_URL": url}).database_url == url


def test_stored_values_never_appear_in_an_error(store: Store) -> None:
    with pytest.raises(SQLAlchemyError) as problem, store.write() as tx:
        tx.execute(text("INSERT INTO nowhere VALUES (:value)"), {"value": "s3cr3t"})
    assert "s3cr3t" not in str(problem.value)
