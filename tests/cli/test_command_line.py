"""The command line: exit codes that scripts rely on, one set of balances whatever happens to the command."""

import csv
import os
import pty
import pwd
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from blnk_api.access.actors import Actor
from blnk_api.cli import column_options, progress_line
from blnk_api.cli.column_options import ColumnOptions
from blnk_api.cli.exit_codes import CommandFailed
from blnk_api.facts.mapping import Use
from blnk_api.practice import launch
from blnk_api.store import import_acts, imports
from blnk_api.store.imports import Import
from blnk_api.store.sending import senders
from blnk_api.store.states import ImportState, PausedBy, RowState
from tests.support.actors import actor
from tests.support.command_line import ROOT, Commands, Ended
from tests.support.importer import BOTH_DATABASES, LEDGER, Importer, newest, requests_for, wait_until
from tests.support.practice import PracticeBlnk
from tests.support.sending import done_but_for

SLOW = 600
"""Requests a minute: ten rows take a second, so that something can happen in the middle."""


def has_begun(blnk: PracticeBlnk) -> Callable[[], bool]:
    return lambda: len(blnk.balances()) >= 5


def held_once(blnk: PracticeBlnk, n: int) -> bool:
    refs = blnk.refs()
    return len(refs) == len(set(refs)) == n


# What a run comes to


def test_a_file_becomes_balances_and_its_results_are_what_blnk_has(
    practice_blnk: PracticeBlnk, importer: Importer, commands: Commands
) -> None:
    out = commands.folder / "results.csv"
    ended = commands.run("import", commands.file(30), "--yes", "--results", out, "--progress", "none")
    assert (ended.code, ended.err) == (0, "")
    assert "30 balances to create in here (here), SANDBOX" in ended.out
    assert "Balances cannot be deleted" in ended.out
    assert "30 balances created" in ended.out
    assert "Customer wallets" in ended.out
    with out.open(encoding="utf-8-sig", newline="") as file:
        told = list(csv.DictReader(file))
    assert list(told[0]) == [
        "ledger_id",
        "currency",
        "customer",
        "balance_id",
        "status",
        "message",
        "import_ref",
        "import_row",
    ]
    held = {one["balance_id"]: one for one in practice_blnk.balances()}
    assert len(held) == len(told) == 30
    for row in told:
        made = held[row["balance_id"]]
        assert row["status"] == "Created"
        assert made["meta_data"]["customer"] == row["customer"]
        assert made["meta_data"]["import_ref"] == row["import_ref"]
    with importer.store.read() as tx:
        assert senders.current(tx) is None
    done = newest(importer)
    assert done.who == done.confirmed_by == Actor.machine(pwd.getpwuid(os.getuid()).pw_name)


def test_the_same_file_again_creates_nothing_even_when_the_data_folder_is_gone(
    practice_blnk: PracticeBlnk, importer: Importer, commands: Commands
) -> None:
    file = commands.file(30)
    assert commands.call("import", file, "--yes").code == 0
    again = commands.call("import", file, "--yes")
    assert again.code == 0
    assert "Already exists: 30 rows" in again.out
    assert importer.states(newest(importer)) == [RowState.EXISTS] * 30
    importer.store.close()
    for path in importer.data_dir.glob("journal.db*"):
        path.unlink()
    third = commands.run("import", file, "--yes")
    assert third.code == 0
    assert "0 balances created, 30 already exist" in third.out
    assert held_once(practice_blnk, 30)


def test_remaining_rows_are_counted_and_the_exit_code_says_so(
    practice_blnk: PracticeBlnk, importer: Importer, commands: Commands
) -> None:
    practice_blnk.order_fault("commit_late", seconds=0.2, times=1, answer="drop")
    ended = commands.call("import", commands.file(3, extra=f"{LEDGER},US,c-9"), "--yes")
    assert ended.code == 3
    assert "3 balances created, 1 invalid" in ended.out
    assert "row 5: Invalid. “US” is not a known currency" in ended.out
    assert held_once(practice_blnk, 3)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["import", "nothing.csv", "--yes"], "cannot be read"),
        (["import", "empty.csv", "--yes"], "The file is empty"),
        (["import", "headers.csv", "--yes"], "no rows"),
        (["import", "nowhere.csv", "--yes"], "--ledger ID"),
        (["import", "good.csv", "--yes", "--connection", "there"], "These are set up: here"),
        (["import", "good.csv", "--yes", "--map", "customer"], "should be"),
        (["import", "good.csv", "--yes", "--map", "Customer=colour"], "should be"),
        (["import", "good.csv", "--yes", "--map", "owner=ledger"], "The file has no column “owner”"),
        (["import", "good.csv", "--yes", "--key", "currency"], "always compared"),
        (["import", "good.csv", "--yes", "--count", "3"], "2 would be created"),
        (["import", "good.csv"], "There is no terminal to ask for confirmation"),
        (["import", "good.csv", "--yes", "--results", "no/where.csv"], "There is no folder no"),
        (["import", "good.csv", "--yes", "--results", "good.csv"], "overwrite"),
        (["resume", "imp_nothing"], "There is no import imp_nothing"),
        (["status", "imp_nothing"], "There is no import imp_nothing"),
    ],
)
def test_what_cannot_be_done_is_explained_in_a_sentence_and_nothing_is_sent(
    practice_blnk: PracticeBlnk,
    importer: Importer,
    commands: Commands,
    arguments: list[str],
    said: str,
) -> None:
    commands.file(2, name="good.csv")
    for name, text in (("empty", ""), ("headers", "ledger_id,currency\n"), ("nowhere", "currency\nUSD\n")):
        (commands.folder / f"{name}.csv").write_text(text)
    ended = commands.call(*arguments)
    assert ended.code == 2
    assert said in ended.err
    assert ended.err.count("\n") == 1
    assert practice_blnk.balances() == []
    with importer.store.read() as tx:
        assert not imports.in_states(tx, [ImportState.DRAFT, ImportState.QUEUED])


def test_broken_settings_are_one_sentence_without_the_secret(importer: Importer, commands: Commands) -> None:
    importer.connect(token="blnk at s3cret")
    ended = commands.call("import", commands.file(1), "--yes")
    assert ended.code == 2
    assert "connections.here.access_token" in ended.err
    assert ended.err.count("\n") == 1


def test_production_requires_the_number_of_balances(
    practice_blnk: PracticeBlnk, importer: Importer, commands: Commands
) -> None:
    secrets = importer.data_dir / "secrets.toml"
    secrets.write_text(secrets.read_text().replace('"sandbox"', '"production"'))
    file = commands.file(12)
    unsaid = commands.call("import", file, "--yes")
    assert unsaid.code == 2
    assert "--count 12" in unsaid.err
    assert commands.call("import", file, "--yes", "--count", "11").code == 2
    assert practice_blnk.balances() == []
    assert commands.call("import", file, "--yes", "--count", "12").code == 0
    assert held_once(practice_blnk, 12)


def test_rejected_credentials_stop_it_and_it_continues_with_others(
    practice_blnk: PracticeBlnk, importer: Importer, commands: Commands
) -> None:
    file = commands.file(10)
    importer.connect(token="blnk_at_wrong")
    wrong = commands.call("import", file, "--yes")
    assert wrong.code == 4
    assert "Blnk rejected the credentials" in wrong.err
    importer.connect(token=practice_blnk.new_token(["data:read"]))
    denied = commands.call("import", file, "--yes")
    assert denied.code == 4
    assert "Paused: Blnk rejected the credentials" in denied.out
    assert newest(importer).paused_by is PausedBy.ACCESS
    assert practice_blnk.balances() == []
    importer.connect()
    ended = commands.call("import", file, "--yes")
    assert ended.code == 0
    assert "Continuing it" in ended.out
    assert held_once(practice_blnk, 10)


def test_credentials_without_read_permission_create_and_report_that_nothing_was_verified(
    practice_blnk: PracticeBlnk, importer: Importer, commands: Commands
) -> None:
    importer.connect(token=practice_blnk.new_token(["proxy:write"]))
    ended = commands.call("import", commands.file(3), "--yes")
    assert ended.code == 0
    assert "no read permission" in ended.out
    assert "Not verified" in ended.out
    assert held_once(practice_blnk, 3)


# What happens to a command


@pytest.mark.parametrize("importer", BOTH_DATABASES, indirect=True)
def test_a_killed_command_continues_when_it_is_run_again(
    practice_blnk: PracticeBlnk, importer: Importer, commands: Commands
) -> None:
    importer.connect(requests_per_minute=SLOW)
    file = commands.file(60)
    process = commands.begin("import", file, "--yes")
    wait_until(has_begun(practice_blnk), lambda: "nothing was created")
    process.kill()
    process.wait()
    importer.connect()
    ended = commands.call("import", file, "--yes")
    assert ended.code == 0
    assert "Continuing it" in ended.out
    assert importer.states(newest(importer)) == [RowState.CREATED] * 60
    assert held_once(practice_blnk, 60)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_ctrl_c_pauses_and_resume_continues(
    practice_blnk: PracticeBlnk, importer: Importer, commands: Commands, number: signal.Signals
) -> None:
    """There are more rows than may be on their way at once, so some are left to resume."""
    importer.connect(request_timeout_seconds=120)
    practice_blnk.order_fault("full_stop", on="create", seconds=600, skip=10)
    process = commands.begin("import", commands.file(400), "--yes")
    wait_until(has_begun(practice_blnk), lambda: "nothing was created")
    process.send_signal(number)
    wait_until(lambda: newest(importer).state is ImportState.PAUSED, lambda: "it is not paused")
    practice_blnk.clear_faults()
    ended = commands.end(process)
    paused = newest(importer)
    assert ended.code == 130
    assert f"python -m blnk_api resume {paused.id}" in ended.out
    assert (paused.state, paused.paused_by) == (ImportState.PAUSED, PausedBy.PERSON)
    assert set(paused.counts) == {RowState.CREATED, RowState.READY}
    assert len(practice_blnk.refs()) == paused.counts[RowState.CREATED] < 400
    importer.connect()
    assert commands.call("resume").code == 0
    assert held_once(practice_blnk, 400)


def test_a_second_ctrl_c_does_not_wait_for_what_is_on_its_way(
    practice_blnk: PracticeBlnk, importer: Importer, commands: Commands
) -> None:
    importer.connect(request_timeout_seconds=60)
    practice_blnk.order_fault("latency", seconds=50, times=1)
    process = commands.begin("import", commands.file(3), "--yes")
    wait_until(practice_blnk.balances, lambda: "nothing was created")
    process.send_signal(signal.SIGINT)
    wait_until(lambda: newest(importer).state is ImportState.PAUSED, lambda: "it is not paused")
    process.send_signal(signal.SIGINT)
    assert commands.end(process).code == 130
    assert importer.states(newest(importer)) == [RowState.UNKNOWN, RowState.READY, RowState.READY]
    importer.connect()
    assert commands.call("resume").code == 0
    assert held_once(practice_blnk, 3)


def test_ctrl_c_before_anything_was_sent_leaves_nothing_to_be_confirmed(
    practice_blnk: PracticeBlnk, importer: Importer, commands: Commands
) -> None:
    practice_blnk.order_fault("full_stop", on="read", seconds=600)
    process = commands.begin("import", commands.file(3), "--yes")
    wait_until(lambda: practice_blnk.requests()["total"], lambda: "nothing was asked")
    process.send_signal(signal.SIGINT)
    practice_blnk.clear_faults()
    ended = commands.end(process)
    assert (ended.code, ended.err) == (130, "Interrupted. Nothing was sent.\n")
    assert newest(importer).state is ImportState.CANCELLED


@pytest.mark.parametrize("beside_a_worker", [False, True])
def test_two_commands_at_the_same_moment_create_one_set_of_balances(
    practice_blnk: PracticeBlnk, importer: Importer, commands: Commands, beside_a_worker: bool
) -> None:
    if beside_a_worker:
        worker = importer.start_process()
        wait_until(lambda: sender_is(importer, worker), lambda: "the worker does not send")
    file = commands.file(40)
    both = [commands.begin("import", file, "--yes") for _ in range(2)]
    assert [commands.end(one).code for one in both] == [0, 0]
    assert held_once(practice_blnk, 40)


def test_commands_with_different_files_take_turns(
    practice_blnk: PracticeBlnk, importer: Importer, commands: Commands
) -> None:
    files = [commands.file(20, name=f"{first}.csv", first=first) for first in (0, 100)]
    both = [commands.begin("import", file, "--yes") for file in files]
    assert [commands.end(one).code for one in both] == [0, 0]
    assert held_once(practice_blnk, 40)


def test_a_command_sends_its_own_import_and_no_other(
    practice_blnk: PracticeBlnk, importer: Importer, commands: Commands
) -> None:
    other = importer.draft(requests_for(3))
    importer.confirm(other)
    assert commands.call("import", commands.file(5), "--yes").code == 0
    assert importer.find(other.id).state is ImportState.QUEUED
    assert held_once(practice_blnk, 5)


def test_a_command_does_not_wait_for_rows_that_nobody_resolves(
    practice_blnk: PracticeBlnk, importer: Importer, commands: Commands
) -> None:
    """Two imports confirmed at the same moment by people, one of which came to a stop half-way."""
    import_ = importer.draft(requests_for(1))
    other, _ = done_but_for(importer, requests_for(1))
    importer.confirm(import_)
    ended = commands.call("resume", import_.id)
    assert ended.code == 4
    assert f"recheck {other.id}" in ended.err
    assert importer.states(import_) == [RowState.READY]


def test_progress_is_written_in_lines_to_a_log(
    importer: Importer, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_line, "_PLAIN_SECONDS", 0.02)
    importer.connect(requests_per_minute=4_800)
    ended = commands.call("import", commands.file(20), "--yes", "--progress", "plain")
    assert ended.code == 0
    assert any(line.endswith("of 20 balances processed.") for line in ended.err.splitlines())
    assert "\x1b" not in ended.err


def test_progress_is_one_line_on_a_terminal_that_is_rewritten(
    importer: Importer, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_line, "_REWRITE_SECONDS", 0.02)
    importer.connect(requests_per_minute=4_800)
    file = commands.file(20)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    ended = commands.call("import", file, "--yes")
    assert ended.code == 0
    *lines, last = ended.err.split("\r\x1b[K")
    assert any(line.endswith("of 20 balances processed.") for line in lines)
    assert last == "", "the line is taken away in the end"


# Beside a process that sends


def test_an_import_is_handed_to_the_process_that_sends(
    practice_blnk: PracticeBlnk, importer: Importer, commands: Commands
) -> None:
    worker = importer.start_process()
    wait_until(lambda: sender_is(importer, worker), lambda: "the worker does not send")
    assert commands.run("import", commands.file(20), "--yes").code == 0
    assert held_once(practice_blnk, 20)
    assert sender_is(importer, worker)


def sender_is(importer: Importer, worker: subprocess.Popen[bytes]) -> bool:
    with importer.store.read() as tx:
        now = senders.current(tx)
    return now is not None and now.pid == worker.pid and bool(now.serves)


def test_ctrl_c_pauses_what_another_process_sends(
    practice_blnk: PracticeBlnk, importer: Importer, commands: Commands
) -> None:
    importer.connect(requests_per_minute=SLOW)
    worker = importer.start_process()
    wait_until(lambda: sender_is(importer, worker), lambda: "the worker does not send")
    process = commands.begin("import", commands.file(60), "--yes")
    wait_until(has_begun(practice_blnk), lambda: "nothing was created")
    process.send_signal(signal.SIGINT)
    ended = commands.end(process)
    assert ended.code == 130
    assert newest(importer).paused_by is PausedBy.PERSON
    importer.connect()
    assert commands.call("resume", newest(importer).id).code == 0
    assert held_once(practice_blnk, 60)
    assert sender_is(importer, worker)


def test_when_the_process_that_sends_dies_the_command_takes_over(
    practice_blnk: PracticeBlnk, importer: Importer, commands: Commands
) -> None:
    importer.connect(requests_per_minute=SLOW)
    worker = importer.start_process()
    wait_until(lambda: sender_is(importer, worker), lambda: "the worker does not send")
    process = commands.begin("import", commands.file(60), "--yes")
    wait_until(has_begun(practice_blnk), lambda: "nothing was created")
    worker.kill()
    worker.wait()
    assert commands.end(process).code == 0
    assert held_once(practice_blnk, 60)


def test_a_sender_without_credentials_is_distinguished_from_a_slow_one(
    practice_blnk: PracticeBlnk, importer: Importer, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = importer.start_process()
    wait_until(lambda: sender_is(importer, worker), lambda: "the worker does not send")
    elsewhere = importer.data_dir / "elsewhere.toml"
    secrets = (importer.data_dir / "secrets.toml").read_text()
    elsewhere.write_text(secrets.replace(practice_blnk.instance_id, "ins_elsewhere"))
    monkeypatch.setenv("BLNK_SECRETS_FILE", str(elsewhere))
    ended = commands.call("import", commands.file(2), "--yes")
    assert ended.code == 4
    assert f"The sender (process {worker.pid} on " in ended.err
    with importer.store.read() as tx:
        assert imports.newest(tx) == []
    assert practice_blnk.balances() == []


# Going on, and what is in the way


def paused(importer: Importer, requests: int) -> Import:
    """An import that a person confirmed and paused before anything was sent."""
    draft = importer.draft(requests_for(requests))
    importer.confirm(draft)
    with importer.store.write() as tx:
        import_acts.pause(
            tx, draft.number, by=PausedBy.PERSON, who=actor(), reason="Ada (not verified) paused it."
        )
    return importer.find(draft.id)


def test_rows_of_another_unfinished_import_hold_a_file_back_until_it_is_canceled(
    practice_blnk: PracticeBlnk, importer: Importer, commands: Commands
) -> None:
    other = paused(importer, 3)
    file = commands.folder / "more.csv"
    file.write_text(f"ledger_id,currency,customer\n{LEDGER},NGN,7\n{LEDGER},NGN,2\n")
    ended = commands.call("import", file, "--yes")
    assert ended.code == 2
    assert other.id in ended.err
    assert "row 4" in ended.err
    assert practice_blnk.balances() == []
    assert commands.call("cancel", other.id).code == 0
    assert commands.call("import", file, "--yes").code == 0
    assert held_once(practice_blnk, 2)


def test_a_row_that_is_in_doubt_elsewhere_holds_a_file_back(
    practice_blnk: PracticeBlnk, importer: Importer, commands: Commands
) -> None:
    other, _ = done_but_for(importer, requests_for(1))
    file = commands.folder / "more.csv"
    file.write_text(f"ledger_id,currency,customer\n{LEDGER},NGN,0\n")
    ended = commands.call("import", file, "--yes")
    assert ended.code == 2
    assert f"recheck {other.id}" in ended.err
    assert practice_blnk.balances() == []


def test_the_same_file_mapped_differently_is_another_import(
    practice_blnk: PracticeBlnk, importer: Importer, commands: Commands
) -> None:
    importer.connect(requests_per_minute=SLOW)
    file = commands.file(60)
    process = commands.begin("import", file, "--yes")
    wait_until(has_begun(practice_blnk), lambda: "nothing was created")
    process.send_signal(signal.SIGINT)
    commands.end(process)
    importer.connect()
    first = newest(importer)
    otherwise = commands.call("import", file, "--yes", "--map", "customer=metadata:client")
    assert otherwise.code == 0
    assert "Continuing it" not in otherwise.out
    assert newest(importer).id != first.id
    assert {one["meta_data"].get("client") for one in practice_blnk.balances()} > {
        f"c-{at}" for at in range(60)
    }


# The other verbs


def test_the_state_of_an_import_is_available_in_words_and_as_json(
    practice_blnk: PracticeBlnk, importer: Importer, commands: Commands
) -> None:
    import_ = paused(importer, 2)
    one = orjson.loads(commands.call("status", import_.id, "--json").out)
    assert (one["id"], one["state"], one["paused_by"], one["environment"]) == (
        import_.id,
        "paused",
        "person",
        "sandbox",
    )
    assert one["counts"]["Not sent"] == one["rows"] == 2
    assert [each["id"] for each in orjson.loads(commands.call("status", "--json").out)] == [import_.id]
    assert "Ada (not verified) paused it." in commands.call("status").out


def test_an_import_is_resumed_paused_and_canceled_by_its_id(
    practice_blnk: PracticeBlnk, importer: Importer, commands: Commands
) -> None:
    first, second = paused(importer, 2), paused(importer, 2)
    which = commands.call("resume")
    assert which.code == 2
    assert first.id in which.err
    assert commands.call("cancel", second.id).code == commands.call("cancel", second.id).code == 0
    assert commands.call("pause", second.id).code == 2
    assert commands.call("resume", first.id, "--progress", "none").code == 0
    assert importer.states(first) == [RowState.CREATED] * 2
    assert commands.call("cancel", first.id).code == 2
    assert "nothing to resume" in commands.call("resume").out
    assert held_once(practice_blnk, 2)


def test_verifying_again_finds_what_has_changed(
    practice_blnk: PracticeBlnk, importer: Importer, commands: Commands
) -> None:
    done = importer.run(requests_for(2))
    importer.stop()
    assert commands.call("verify", done.id).code == 0
    body = orjson.loads(importer.rows(done)[0].body or b"")
    twin = practice_blnk.create_balance(**body)["balance_id"]
    found = commands.call("verify", done.id)
    assert found.code == 3
    assert f"Row 2 has two balances in Blnk: {importer.rows(done)[0].balance_id} and {twin}" in found.out
    assert commands.call("verify", paused(importer, 5).id).code == 2


@pytest.mark.parametrize(("link", "recheck"), [("link", "recheck"), ("this-is-it", "look-again")])
def test_rows_that_need_someone_are_decided_one_by_one_also_with_the_commands_of_earlier_versions(
    practice_blnk: PracticeBlnk, importer: Importer, commands: Commands, link: str, recheck: str
) -> None:
    done, rows = done_but_for(importer, requests_for(3))
    made = practice_blnk.create_balance(ledger_id=LEDGER, currency="NGN", meta_data={"customer": "0"})
    wrong = practice_blnk.create_balance(ledger_id=LEDGER, currency="USD", meta_data={"customer": "0"})
    refused = commands.call(link, done.id, "2", wrong["balance_id"])
    assert refused.code == 2
    assert "currency is “USD” in Blnk" in refused.err
    assert commands.call(link, done.id, "2", made["balance_id"]).code == 0
    practice_blnk.create_balance(**orjson.loads(rows[1].body or b""))
    assert commands.call(recheck, done.id, "3").code == 3
    assert importer.states(done) == [RowState.CREATED, RowState.CREATED, RowState.UNKNOWN]
    assert commands.call("send-again", done.id, "3").code == 2
    assert commands.call("send-again", done.id, "9").code == 2
    assert commands.call("send-again", done.id, "4").code == 0
    assert importer.states(done) == [RowState.CREATED] * 3
    assert held_once(practice_blnk, 2)
    assert len(practice_blnk.balances()) == 4


# With nothing set up at all


def test_without_a_connection_it_starts_practice_asks_and_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("BLNK_DATA_DIR", "BLNK_SECRETS_FILE", "BLNK_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "a.csv").write_text("currency,customer\nUSD,a\nEUR,b\n")
    command = ["import", "a.csv", "--ledger", "general_ledger_id"]
    no = on_a_terminal(tmp_path, *command, types="no")
    assert no.code == 2
    assert "2 balances to create in Practice (practice), PRACTICE" in no.out
    yes = on_a_terminal(tmp_path, *command, types="yes")
    assert yes.code == 0, yes.out
    assert "2 balances created" in yes.out
    assert launch.running(tmp_path / ".data") is None
    again = on_a_terminal(tmp_path, *command, types="")
    assert again.code == 0
    assert "2 already exist" in again.out


def on_a_terminal(folder: Path, *arguments: str, types: str) -> Ended:
    """A run in a terminal of its own; what it says comes together there."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "blnk_api", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    said = b""
    try:
        while True:
            try:
                part = os.read(ours, 65_536)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            said += part
            if types and b"Type yes" in said:
                os.write(ours, f"{types}\n".encode())
                types = ""
        return Ended(process.wait(180), said.decode(), "")
    finally:
        process.kill()
        os.close(ours)


# What is said of columns


def understood(folder: Path, header: str, **wishes: Any) -> column_options.ResolvedColumns:
    path = folder / "file.csv"
    path.write_text(f"{header}\n{','.join(str(at) for at, _ in enumerate(header.split(',')))}\n")
    return column_options.understand(path, ColumnOptions(**wishes))


def uses(found: column_options.ResolvedColumns) -> list[tuple[str, str | None]]:
    return [(str(one.use), one.name) for one in found.mapping.columns]


def test_columns_are_mapped_by_name_in_any_case(tmp_path: Path) -> None:
    found = understood(
        tmp_path,
        "Konto,ledger_id,currency,Branch Office,secret",
        map=["konto=ledger", "Branch Office=metadata:branch", "SECRET=ignore"],
    )
    assert uses(found) == [
        ("ledger", None),
        ("metadata", "ledger_id"),
        ("currency", None),
        ("metadata", "branch"),
        ("ignore", None),
    ]


def test_a_value_for_all_rows_never_overrides_a_column(tmp_path: Path) -> None:
    found = understood(tmp_path, "ledger_id,customer", ledger="ldg_1", currency="USD;EUR")
    assert found.mapping.column(Use.LEDGER) is not None
    assert found.mapping.for_all_rows.currencies == ("USD", "EUR")
    assert found.notes == ["The file has a ledger column, “ledger_id”, so --ledger is not used."]


def test_key_columns_are_named_by_their_headers(tmp_path: Path) -> None:
    found = understood(tmp_path, "ledger_id,currency,Customer No,note", key=["customer no"])
    assert found.mapping.match_columns == ("Customer_No",)
    with pytest.raises(CommandFailed, match="is ignored"):
        understood(tmp_path, "ledger_id,currency,note", map=["note=ignore"], key=["note"])


def test_a_column_name_may_contain_the_separator_of_the_option(tmp_path: Path) -> None:
    found = understood(tmp_path, "ledger_id,currency,a=b", map=["a=b=metadata:c"])
    assert uses(found)[2] == ("metadata", "c")
