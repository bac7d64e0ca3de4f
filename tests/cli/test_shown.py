"""What the README promises, shown with one realistic file of a thousand rows and the command line."""

import csv
import shutil
from pathlib import Path

from tests.support.command_line import Commands
from tests.support.importer import Importer, wait_until
from tests.support.practice import PracticeBlnk

THOUSAND = Path(__file__).parents[1] / "data" / "thousand.csv"


def is_unwell(blnk: PracticeBlnk) -> None:
    """One answer in ten is lost, one request in twenty comes too early; for a while it does not answer."""
    blnk.order_fault("full_stop", seconds=3, times=1, skip=400)
    blnk.order_fault("drop_after_commit", percent=5, seed=1)
    blnk.order_fault("status_after_commit", status=502, percent=5, seed=2)
    blnk.order_fault("rate_limited", retry_after="0", percent=5, seed=3)


def assert_each_row_once(blnk: PracticeBlnk) -> None:
    refs = blnk.refs()
    assert len(refs) == len(set(refs)) == len(blnk.balances()) == 1_000


def read(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def test_a_thousand_rows_are_a_thousand_balances_although_blnk_fails(
    practice_blnk: PracticeBlnk, importer: Importer, commands: Commands
) -> None:
    is_unwell(practice_blnk)
    out = commands.folder / "results.csv"
    ended = commands.run("import", THOUSAND, "--yes", "--results", out)
    assert ended.code == 0, ended
    assert_each_row_once(practice_blnk)
    fired = {one["kind"]: one["fired"] for one in practice_blnk.faults()}
    assert all(fired[kind] > 20 for kind in ("drop_after_commit", "status_after_commit", "rate_limited"))
    assert fired["full_stop"]
    typed, told = read(THOUSAND), read(out)
    assert told[0] == [*typed[0], "balance_id", "status", "message", "import_ref", "import_row"]
    assert [row[: len(typed[0])] for row in told] == typed
    held = {one["balance_id"]: one["meta_data"]["import_ref"] for one in practice_blnk.balances()}
    assert {row[-5]: row[-2] for row in told[1:]} == held
    assert {row[-4] for row in told[1:]} == {"Created"}


def test_a_thousand_rows_are_a_thousand_balances_although_the_sender_is_killed_five_times(
    practice_blnk: PracticeBlnk, importer: Importer, commands: Commands
) -> None:
    is_unwell(practice_blnk)
    importer.connect(requests_per_minute=60_000)
    for _ in range(5):
        so_far = len(practice_blnk.balances())
        process = commands.begin("import", THOUSAND, "--yes")
        wait_until(lambda n=so_far: len(practice_blnk.balances()) >= n + 60, lambda: "nothing is created")  # type: ignore[misc]
        process.kill()
        process.communicate()
    # Five senders left rows whose fate is looked up, each with the times that looking takes.
    ended = commands.end(commands.begin("import", THOUSAND, "--yes"), seconds=120)
    assert ended.code == 0, ended
    assert "Continuing it" in ended.out
    assert_each_row_once(practice_blnk)


def test_the_same_thousand_rows_again_create_none(
    practice_blnk: PracticeBlnk, importer: Importer, commands: Commands
) -> None:
    assert commands.run("import", THOUSAND, "--yes").code == 0
    again = commands.run("import", THOUSAND, "--yes")
    assert (again.code, "0 balances created, 1,000 already exist" in again.out) == (0, True), again
    importer.store.close()
    for path in importer.data_dir.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != "secrets.toml":
            path.unlink()
    third = commands.run("import", THOUSAND, "--yes")
    assert (third.code, "0 balances created, 1,000 already exist" in third.out) == (0, True), third
    assert_each_row_once(practice_blnk)
