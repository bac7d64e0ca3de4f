"""`import FILE --dry-run`: the same verdicts as everywhere, nothing sent, nothing left behind."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from blnk_api.store import imports
from tests.support.command_line import Commands, Ended
from tests.support.importer import LEDGER, Importer
from tests.support.json_object import JsonObject
from tests.support.practice import PracticeBlnk
from tests.support.verdicts import ENVIRONMENT, EXPECTED, SAMPLES, Outcome, Told, assert_meets

AGAIN = [one for one in EXPECTED if "environment_overlay" in one]


@pytest.fixture(scope="module")
def other_practice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PracticeBlnk]:
    """With the further ledgers that a sample asks for."""
    folder = tmp_path_factory.mktemp("overlay")
    ledgers = dict(ENVIRONMENT["ledgers"])
    for one in AGAIN:
        ledgers |= one["environment_overlay"]["ledgers"]
    seed = folder / "environment.json"
    seed.write_text(json.dumps(ENVIRONMENT | {"ledgers": ledgers}))
    with PracticeBlnk(folder, seed=seed) as blnk:
        yield blnk


@pytest.fixture
def commands(commands: Commands, importer: Importer) -> Commands:
    """On a connection that takes the currencies of the samples."""
    importer.connect(custom_currencies=ENVIRONMENT["custom_assets"])
    return commands


def told(ended: Ended) -> JsonObject:
    found: JsonObject = orjson.loads(ended.out)
    return found


def dry(commands: Commands, file: Path, *more: str) -> tuple[int, JsonObject]:
    ended = commands.call("import", file, "--dry-run", "--json", "--progress", "none", *more)
    return ended.code, told(ended)


def outcome(said: JsonObject) -> Outcome:
    requests = {}
    for one in said["requests"]:
        body = one["body"]
        assert body["meta_data"].pop("import_ref").startswith("v1-")
        requests[one["row"]] = (
            body if body["meta_data"] else {k: v for k, v in body.items() if k != "meta_data"}
        )
    return Outcome(
        error=said["error"] and said["error"]["message"],
        shape=said["file"],
        rows=said["rows"],
        invalid=said["invalid"],
        requests=requests,
        problems=[Told(p["row"], p["column"], p["severity"]) for p in said["problems"]],
    )


@pytest.mark.parametrize("expected", EXPECTED, ids=[entry["file"] for entry in EXPECTED])
def test_a_sample_meets_its_verdict_on_the_command_line(
    practice_blnk: PracticeBlnk,
    importer: Importer,
    commands: Commands,
    request: pytest.FixtureRequest,
    expected: JsonObject,
) -> None:
    blnk = practice_blnk
    if expected in AGAIN:
        blnk = importer.blnk = request.getfixturevalue("other_practice")
        importer.connect(custom_currencies=ENVIRONMENT["custom_assets"])
    code, said = dry(commands, SAMPLES / expected["file"], "--requests", "all")
    assert said["file"]["name"] == expected["file"]
    assert_meets(outcome(said), expected)
    assert said["rows"] == said["valid"] + said["invalid"]
    assert (said["new"], said["existing"]) == (len(said["requests"]), 0)
    is_bad = expected["verdict"] == "file_error"
    assert code == (2 if is_bad else 3 if said["invalid"] else 0)
    assert blnk.balances() == []


def test_it_sends_nothing_and_leaves_nothing_behind(
    practice_blnk: PracticeBlnk, importer: Importer, commands: Commands, monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:  # fmt: skip
    aside = tmp_path / "aside"
    aside.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(aside))
    before = sorted(importer.data_dir.rglob("*"))
    practice_blnk.forget_requests()
    code, said = dry(commands, commands.file(30))
    assert (code, said["new"], len(said["requests"])) == (0, 30, 5)
    assert "create" not in practice_blnk.requests()["by_kind"]
    assert practice_blnk.balances() == []
    with importer.store.read() as tx:
        assert imports.newest(tx) == []
    kept = [path for path in before if not path.name.startswith("journal.db")]
    now = [path for path in sorted(importer.data_dir.rglob("*")) if not path.name.startswith("journal.db")]
    assert now == kept
    assert list(aside.iterdir()) == []


def test_rows_that_exist_are_found_and_what_would_be_sent_is_what_is_sent(
    practice_blnk: PracticeBlnk, commands: Commands
) -> None:
    assert commands.call("import", commands.file(4), "--yes").code == 0
    file = commands.file(6)
    code, said = dry(commands, file, "--requests", "1")
    assert (code, said["rows"], said["new"], said["existing"]) == (0, 6, 2, 4)
    assert [one["row"] for one in said["requests"]] == [6]
    assert commands.call("import", file, "--yes").code == 0
    (made,) = [one for one in practice_blnk.balances() if one["meta_data"]["customer"] == "c-4"]
    made["meta_data"].pop("import_id")
    body = said["requests"][0]["body"]
    assert {key: made[key] for key in body} == body


def test_each_currency_of_a_record_is_a_row_of_its_own_and_the_record_counts_once(commands: Commands) -> None:
    file = commands.folder / "several.csv"
    file.write_text(f"ledger_id,currency\n{LEDGER},USD;NGN\n{LEDGER},US\n")
    code, said = dry(commands, file)
    assert (code, said["rows"], said["valid"], said["invalid"], said["new"]) == (3, 2, 1, 1, 2)
    assert [one["row"] for one in said["requests"]] == ["2·USD", "2·NGN"]


def test_what_only_the_whole_file_shows_is_reported_beside_each_of_its_rows(commands: Commands) -> None:
    file = commands.folder / "twins.csv"
    rows = [f"{LEDGER},NGN,{key}" for key in ("k-1", "k-2", "k-1", "k-3")]
    file.write_text("\n".join(["ledger_id,currency,reference", *rows]))
    code, said = dry(commands, file)
    assert (code, said["invalid"], said["new"]) == (3, 2, 2)
    whole, *each = said["problems"]
    assert whole["row"] == 0
    assert [(one["row"], one["kind"], one["severity"], one["value"], one["message"]) for one in each] == [
        (2, "duplicate_reference", "error", "k-1", "“k-1” is also in row 4."),
        (4, "duplicate_reference", "error", "k-1", "“k-1” is also in row 2."),
    ]

    file.write_text("\n".join(["ledger_id,currency,note", *rows]))
    code, said = dry(commands, file)
    assert (code, said["new"]) == (0, 4)
    assert [(one["row"], one["severity"], one["message"]) for one in said["problems"]] == [
        (2, "warning", "Same as row 4: each creates its own balance."),
        (4, "warning", "Same as row 2: each creates its own balance."),
    ]


def test_a_code_that_a_person_allows_is_sent(practice_blnk: PracticeBlnk, commands: Commands) -> None:
    file = commands.file(1, extra=f"{LEDGER},SHELLS,c-9")
    assert dry(commands, file)[1]["invalid"] == 1
    code, said = dry(commands, file, "--allow-currency", "SHELLS", "--allow-currency", "GEMS")
    assert (code, said["new"]) == (0, 2)
    ended = commands.call("import", file, "--allow-currency", "SHELLS", "--yes")
    assert ended.code == 0
    assert sorted(one["currency"] for one in practice_blnk.balances()) == ["NGN", "SHELLS"]


def test_a_persons_file_settings_also_apply_when_it_is_sent(
    practice_blnk: PracticeBlnk, commands: Commands
) -> None:
    file = commands.folder / "odd.txt"
    lines = ["ledger_id~currency~name", f"{LEDGER}~NGN~Zoë", f"{LEDGER}~USD~Chloë"]
    file.write_bytes("\n".join(["a~b~c", *lines]).encode("cp850"))
    how = ("--encoding", "cp850", "--delimiter", "~", "--header-row", "2")
    code, said = dry(commands, file, *how)
    assert (code, said["file"]["encoding"], said["file"]["delimiter"]) == (0, "cp850", "~")
    assert said["file"]["header_row"] == 2
    assert commands.call("import", file, *how, "--yes").code == 0
    assert {one["meta_data"]["name"] for one in practice_blnk.balances()} == {"Zoë", "Chloë"}


def test_a_guessed_encoding_is_reported_with_a_cell_to_check(commands: Commands) -> None:
    file = commands.folder / "old.csv"
    file.write_bytes(f"ledger_id,currency,name\n{LEDGER},NGN,Zoë\n".encode("cp1252"))
    code, said = dry(commands, file)
    assert (code, said["file"]["encoding"], said["file"]["encoding_guessed"]) == (0, "windows-1252", True)
    assert [(one["row"], one["kind"], one["severity"], one["value"]) for one in said["problems"]] == [
        (0, "encoding_guessed", "warning", "Zoë")
    ]
    _, said = dry(commands, file, "--encoding", "windows-1252")
    assert (said["file"]["encoding_guessed"], said["problems"]) == (False, [])


def test_a_sheet_can_be_named(commands: Commands) -> None:
    code, said = dry(commands, SAMPLES / "second_sheet.xlsx", "--sheet", "no such sheet")
    assert (code, said["error"]["kind"]) == (2, "no_sheet")


def test_a_missing_file_is_a_file_error(commands: Commands) -> None:
    code, said = dry(commands, Path("nothing.csv"))
    assert (code, said["error"]["kind"], said["file"]["name"]) == (2, "not_found", "nothing.csv")


def test_a_file_name_that_is_not_text_causes_no_trouble(
    practice_blnk: PracticeBlnk, commands: Commands
) -> None:
    file = commands.file(2).rename(commands.folder / os.fsdecode(b"caf\xe9.csv"))
    code, said = dry(commands, file)
    assert (code, said["file"]["name"], said["new"]) == (0, "caf\ufffd.csv", 2)
    assert commands.call("import", file, "--yes").code == 0
    assert len(practice_blnk.balances()) == 2


def test_unmapped_columns_are_a_file_error_with_what_was_read(commands: Commands) -> None:
    file = commands.folder / "nowhere.csv"
    file.write_text("customer;note\n1;a\n")
    code, said = dry(commands, file)
    assert (code, said["error"]["kind"], said["file"]["delimiter"]) == (2, "no_ledger_column", ";")
    assert "--ledger ID" in said["error"]["message"]


def test_people_get_sentences(practice_blnk: PracticeBlnk, commands: Commands) -> None:
    ended = commands.call("import", commands.file(3, extra=f"{LEDGER},US,c-9"), "--dry-run")
    assert ended.code == 3
    assert "3 balances to create in here (here), SANDBOX" in ended.out
    assert "“US” is not a known currency" in ended.out
    assert "nothing was sent or kept" in ended.out
    assert practice_blnk.balances() == []


def test_renewed_oauth_tokens_are_kept_for_all(
    practice_blnk: PracticeBlnk, importer: Importer, commands: Commands
) -> None:
    """A refresh token works once: a dry run that forgot the next one would lock the sender out."""
    importer.connect(**practice_blnk.oauth_client())
    file = commands.file(3)
    for _ in range(2):
        assert dry(commands, file)[0] == 0
    assert commands.call("import", file, "--yes").code == 0
    assert len(practice_blnk.balances()) == 3


@pytest.mark.parametrize("wrong", [["--json"], ["--requests", "3"]])
def test_options_of_a_dry_run_are_rejected_without_it(commands: Commands, wrong: list[str]) -> None:
    ended = commands.call("import", commands.file(1), *wrong)
    assert (ended.code, ended.out) == (2, "")
    assert "--dry-run" in ended.err


def test_it_also_runs_as_a_process_of_its_own(commands: Commands) -> None:
    ended = commands.run("import", commands.file(2), "--dry-run", "--json", "--requests", "all")
    assert (ended.code, told(ended)["new"]) == (0, 2)


def test_of_two_columns_of_one_name_the_command_can_name_one(commands: Commands) -> None:
    file = commands.folder / "two.csv"
    file.write_text(f"ledger_id,currency,currency\n{LEDGER},USDD,NGN\n{LEDGER},NGN,USDD\n")
    code, said = dry(commands, file)
    assert (code, said["error"]["kind"]) == (2, "duplicate_column")
    assert '--map "#2=ignore"' in said["error"]["message"]
    code, said = dry(commands, file, "--map", "#3=currency")
    assert [(one["body"]["currency"], one["body"]["meta_data"]["currency"]) for one in said["requests"]] == [
        ("NGN", "USDD")
    ]
    [wrong] = [one for one in said["problems"] if one["severity"] == "error"]
    assert (wrong["row"], wrong["column"], wrong["column_number"], wrong["value"]) == (
        3,
        "currency",
        3,
        "USDD",
    )
    for option in ("--key", "--match"):  # its name in earlier versions
        code, said = dry(commands, file, "--map", "#3=currency", option, "currency")
        assert code == 3
        ended = commands.call(
            "import",
            file,
            "--dry-run",
            "--map",
            "#2=metadata:a",
            "--map",
            "#3=metadata:b",
            "--currency",
            "NGN",
            option,
            "currency",
        )
        assert (ended.code, "Name one of them by its place after --key: #2 or #3." in ended.err) == (2, True)
