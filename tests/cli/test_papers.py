"""What the README and docs/ say is so: their tables, their drawings, their examples and their commands."""

import re
import shlex
import subprocess
import sys
from argparse import SUPPRESS, ArgumentParser, _SubParsersAction
from collections.abc import Iterator
from enum import StrEnum
from itertools import pairwise
from pathlib import Path

import pytest
import requests
import yaml  # type: ignore[import-untyped]

from blnk_api import __main__ as command_line
from blnk_api import settings
from blnk_api.cli.exit_codes import ExitCode
from blnk_api.connections import BLNK_CLOUD
from blnk_api.errors import SettingsProblem
from blnk_api.store.states import IMPORT_MOVES, MOVES, STATUSES
from blnk_api.store.tables import metadata
from tests.support import papers, scripting_reference
from tests.support.command_line import Commands
from tests.support.importer import Importer
from tests.support.papers import PAPERS, ROOT
from tests.support.practice import PracticeBlnk
from tests.support.tls_proxy import free_port

ARCHITECTURE, OPERATING, SCRIPTING = "docs/architecture.md", "docs/operating.md", "docs/scripting.md"


def load(folder: Path, secrets: str, **env: str) -> settings.Settings:
    (folder / "secrets.toml").write_text(secrets)
    named = {"BLNK_SECRETS_FILE": str(folder / "secrets.toml"), "BLNK_DATA_DIR": str(folder)}
    return settings.load({**named, **env})


# The papers as such


def test_the_readme_is_read_in_one_go() -> None:
    assert len(papers.read("README.md").splitlines()) <= 150


@pytest.mark.parametrize("name", PAPERS)
def test_what_it_links_to_is_there(name: str) -> None:
    folder = (ROOT / name).parent
    for link in re.findall(r"\]\(([^)\s]+)\)", papers.read(name)):
        if re.match(r"[a-z]+://", link):
            continue
        path, _, anchor = link.partition("#")
        target = (folder / path).resolve() if path else ROOT / name
        assert target.is_file(), link
        assert not anchor or anchor in anchors(target.read_text("utf-8")), link


def anchors(text: str) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}


@pytest.mark.parametrize("name", PAPERS)
def test_the_files_it_names_are_there(name: str) -> None:
    told = re.findall(r"`((?:blnk_api|pages|tests|docs)/[\w./-]+\.\w+|app\.py)`", papers.read(name))
    assert [one for one in told if not (ROOT / one).is_file()] == []


# Tables


def test_every_status_is_documented_by_the_name_that_pages_use() -> None:
    told = papers.table("docs/using.md", "## What the statuses mean")
    assert [row[0] for row in told] == list(STATUSES)


def test_every_key_of_a_connection_is_documented(tmp_path: Path) -> None:
    named = " ".join(row[0] for row in papers.table(OPERATING, "## Connections"))
    refused = "is not a known key. Known keys are: "
    with pytest.raises(SettingsProblem, match=refused) as problem:
        load(tmp_path, "[connections.acme]\nnonsense = 1")
    known = str(problem.value).split(refused)[1].rstrip(".").split(", ")
    assert sorted(re.findall(r"`(\w+)`", named)) == sorted(known)


def test_the_keys_above_all_connections_are_read(tmp_path: Path) -> None:
    assert [row[0] for row in papers.table(OPERATING, "## Connections", nth=1)] == [
        "`practice`",
        "`time_zone`",
    ]
    found = load(tmp_path, 'practice = false\ntime_zone = "Africa/Lagos"')
    assert (found.connections, str(found.time_zone)) == ({}, "Africa/Lagos")


def test_every_environment_variable_is_documented_with_its_default(tmp_path: Path) -> None:
    told = {row[0].strip("`"): row[2] for row in papers.table(OPERATING, "## Options of the whole app")}
    sources = "".join(path.read_text("utf-8") for path in (ROOT / "blnk_api").rglob("*.py"))
    assert set(told) == set(re.findall(r'"(BLNK_(?!WAIT)[A-Z_]+)"', sources))
    found = load(tmp_path, "")
    assert {name: int(default) for name, default in told.items() if default.isdecimal()} == {
        "BLNK_MOST_AT_ONCE": found.most_at_once,
        "BLNK_DRAFTS_AFTER_DAYS": found.drafts_after_days,
        "BLNK_MOST_DRAFTS": found.most_drafts,
        "BLNK_DISK_RESERVE_MB": found.disk_reserve_bytes // 1_000_000,
    }
    assert found.purge_after_days is None


@pytest.mark.parametrize("file", ["requirements.in", "tests/requirements.in"])
def test_each_dependency_is_explained_and_pinned(file: str) -> None:
    told = papers.section(ARCHITECTURE, "## Dependencies")
    for line in (ROOT / file).read_text().splitlines():
        if line.startswith("-r"):
            continue
        name, pinned, _ = line.partition("==")
        assert pinned, f"{line} is not pinned"
        assert re.search(rf"\b{re.escape(name.split('[')[0])}\b", told), f"{name} is not explained"


def test_every_exit_code_is_documented() -> None:
    told = papers.table("docs/command-line.md", "## Exit codes")
    assert [int(row[0]) for row in told] == [int(one) for one in ExitCode]
    shown = re.findall(r"^  (\d+) ", command_line._parser().format_help(), re.MULTILINE)
    assert shown == [row[0] for row in told]


def parsers() -> dict[str, ArgumentParser]:
    """Of each command that its help shows."""
    [verbs] = [one for one in command_line._parser()._actions if isinstance(one, _SubParsersAction)]
    return {one.dest: verbs.choices[one.dest] for one in verbs._choices_actions}


def test_every_command_and_every_option_of_an_import_is_documented() -> None:
    page = papers.read("docs/command-line.md")
    told = re.findall(
        r"`([a-z-]+)", " ".join(row[0] for row in papers.table("docs/command-line.md", "## Other commands"))
    )
    assert sorted(told) == sorted(set(parsers()) - {"import"})
    shown = [one for one in parsers()["import"]._actions if one.help != SUPPRESS]
    options = {one for action in shown for one in action.option_strings}
    assert options - {"-h", "--help"} == set(re.findall(r"`(--[a-z-]+)", page)) - {"--version", "--help"}


# Drawings


def drawn(nth: int) -> str:
    return papers.blocks(ARCHITECTURE, "mermaid")[nth]


@pytest.mark.parametrize(("nth", "moves"), [(2, MOVES), (3, IMPORT_MOVES)], ids=["rows", "imports"])
def test_the_drawing_of_states_has_all_their_moves_and_no_others(
    nth: int, moves: frozenset[tuple[StrEnum, StrEnum]]
) -> None:
    arrows = re.findall(r"^ *(\w+) --> (\w+)", drawn(nth), re.MULTILINE)
    assert len(arrows) == len(set(arrows))
    assert set(arrows) == {(str(from_), str(to)) for from_, to in moves}


def test_the_drawing_of_tables_has_all_of_them() -> None:
    told = set(re.findall(r"^ *(\w+)(?: .* (\w+) :.*)?$", drawn(4).partition("\n")[2], re.MULTILINE))
    assert {name for pair in told for name in pair if name} == set(metadata.tables)


# Examples


def test_the_example_of_secrets_works_with_a_token_filled_in(tmp_path: Path) -> None:
    examples = [(ROOT / ".streamlit" / "secrets.toml.example").read_text()]
    blocks = papers.blocks("README.md", "toml") + papers.blocks(OPERATING, "toml")
    examples += [block for block in blocks if "access_token" in block]
    assert len(examples) == 4
    for example in examples:
        assert load(tmp_path, example).connections["acme-production"].instance.base_url == BLNK_CLOUD


TOML = [(name, example) for name in PAPERS for example in papers.blocks(name, "toml")]
REQUIRED = """[connections.acme-production]
instance_id = "00000000-0000-4000-8000-000000000000"
access_token = "blnk_at_..."
"""
SIGN_IN = """
[sign_in.providers.acme]
issuer = "https://id.example"
client_id = "desk"
client_secret = "secret"
"""


@pytest.mark.parametrize(("name", "example"), TOML)
def test_each_example_of_settings_is_accepted(name: str, example: str, tmp_path: Path) -> None:
    """With what it leaves out: a connection, a provider, a role."""
    head = "[connections.acme-production]\n"
    text = example if "instance_id" in example else example.replace(head, REQUIRED)
    if head not in text:
        text += REQUIRED
    if "[sign_in]" not in text:
        text += '[sign_in]\nurl = "https://desk.example.com"\n' + SIGN_IN
    if "[roles]" not in text:
        text += '[roles]\nadmin = ["cto@acme.example"]\n'
    assert "acme-production" in load(tmp_path, text).connections


def test_the_kubernetes_example_runs_this_version_with_known_options_and_probes() -> None:
    [example] = papers.blocks(OPERATING, "yaml")
    config, *deployments = yaml.safe_load_all(example)
    known = {row[0].strip("`") for row in papers.table(OPERATING, "## Options of the whole app")}
    probes = {row[0].strip("`") for row in papers.table(OPERATING, "## Health and logs")}
    assert len(deployments) == 2
    for one in deployments:
        [container] = one["spec"]["template"]["spec"]["containers"]
        assert container["image"].endswith(f":{papers.released()}")
        named = {*config["data"], *(each["name"] for each in container.get("env", []))}
        assert named <= known
        asked = {container[each]["httpGet"]["path"] for each in container if each.endswith("Probe")}
        assert asked <= probes
    assert deployments[1]["spec"]["template"]["spec"]["containers"][0]["command"][-1] in parsers()


def test_every_code_block_is_of_a_kind_that_a_test_here_reads() -> None:
    """A new kind, or a known one in another paper, needs a test of its own."""
    found = {
        (name, language)
        for name in PAPERS
        for language in re.findall(r"^ *```(\w*)\n.*?^ *```$", papers.read(name), re.DOTALL | re.MULTILINE)
    }
    anywhere = {"sh", "toml"}
    assert {one for one in found if one[1] not in anywhere} == {
        ("README.md", "python"),
        ("docs/using.md", "csv"),
        (OPERATING, "yaml"),
        (SCRIPTING, "python"),
        (SCRIPTING, "text"),
        (ARCHITECTURE, "mermaid"),
    }


SCRIPTS = [(name, script) for name in ("README.md", SCRIPTING) for script in papers.blocks(name, "python")]


@pytest.mark.parametrize(("name", "script"), SCRIPTS)
def test_a_script_does_what_it_says(
    name: str, script: str, practice_blnk: PracticeBlnk, tmp_path: Path
) -> None:
    secrets = tmp_path / "secrets.toml"
    secrets.write_text(
        f"""[connections.acme-production]
base_url = "{practice_blnk.url}"
instance_id = "{practice_blnk.instance_id}"
access_token = "{practice_blnk.token}"
"""
    )
    creates = "create_balance" in script
    if not creates:
        practice_blnk.create_balance(ledger_id="general_ledger_id", currency="USD")
    done = [
        subprocess.run(
            [sys.executable, "-c", script.replace("ldg_...", "general_ledger_id")],
            env={"BLNK_SECRETS_FILE": str(secrets), "BLNK_DATA_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        for _ in range(2 if "find_by_refs" in script else 1)
    ]
    assert [one.stderr for one in done] == [""] * len(done)
    [balance] = practice_blnk.balances()
    assert all(balance["balance_id"] in one.stdout for one in done)


def test_the_reference_says_what_the_docstrings_say() -> None:
    assert papers.read(SCRIPTING) == scripting_reference.written(), (
        "a docstring has changed: .venv/bin/python -m tests.support.scripting_reference"
    )


# Commands


OURS = ".venv/bin/python -m blnk_api "
OF_THE_COMMAND_LINE = [
    shlex.split(one.removeprefix(OURS))
    for name in PAPERS
    for one in papers.commands(name)
    if one.startswith(OURS)
]
WORKER = ["worker"]
"""It runs until it is ended: see `test_a_worker_starts_by_its_command_and_ends_when_it_is_asked_to`."""


def test_each_command_on_the_example_of_a_file_ends_well(
    practice_blnk: PracticeBlnk, importer: Importer, commands: Commands, capsys: pytest.CaptureFixture[str]
) -> None:
    """All of them, one after the other in one folder, as a reader would run them. No terminal answers."""
    [example] = papers.blocks("docs/using.md", "csv")
    (commands.folder / "customers.csv").write_text(example)
    for arguments in OF_THE_COMMAND_LINE:
        if arguments == WORKER:
            continue
        if {"--help", "--version"} & set(arguments):
            with pytest.raises(SystemExit) as ended:
                commands.call(*arguments)
            assert ended.value.code == 0
            continue
        is_asked = arguments[0] == "import" and not {"--yes", "--dry-run"} & set(arguments)
        done = commands.call(*arguments, *(["--yes"] if is_asked else []))
        assert done.code == 0, (arguments, done)
    refs = practice_blnk.refs()
    assert len(refs) == len(set(refs)) == 4
    assert {"results.csv", "results.xlsx"} <= {one.name for one in commands.folder.iterdir()}


def test_a_worker_starts_by_its_command_and_ends_when_it_is_asked_to(importer: Importer) -> None:
    assert WORKER in OF_THE_COMMAND_LINE
    process = subprocess.Popen([sys.executable, "-m", "blnk_api", *WORKER], stderr=subprocess.PIPE)
    importer.processes.append(process)
    assert process.stderr is not None
    assert f"process {process.pid} is sending" in process.stderr.readline().decode()
    process.terminate()
    assert process.wait(60) == 0


def test_practice_alone_starts_by_its_commands_and_takes_the_balance(tmp_path: Path) -> None:
    told = papers.commands(SCRIPTING)
    starts = [one for one in told if "-m blnk_api.practice" in one]
    [curl] = [one for one in told if one.startswith("curl ")]
    for nth, start in enumerate(starts):
        port = str(free_port())
        arguments = shlex.split(start.replace("8700", port))[1:]
        process = subprocess.Popen(
            [sys.executable, *arguments, "--data-dir", tmp_path / str(nth)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            said = "".join(iter(process.stdout.readline, "Ctrl-C stops it.\n"))
            keys = dict(re.findall(r"^  (Instance id|Token) +(\S+)$", said, re.MULTILINE))
            if "--port" in arguments:
                answer = posted(curl.replace("8700", port), **keys)
                assert (answer.status_code, answer.json()["currency"]) == (201, "USD")
        finally:
            process.terminate()
            process.communicate()
    assert len(starts) == 2


def posted(curl: str, **keys: str) -> requests.Response:
    """What curl would get."""
    curl = curl.replace("INSTANCE", keys["Instance id"]).replace("TOKEN", keys["Token"])
    _, _, method, url, *rest = shlex.split(curl)
    headers = [value for name, value in pairwise(rest) if name == "-H"]
    return requests.request(
        method,
        url,
        headers=dict(one.split(": ", 1) for one in headers),
        data=rest[rest.index("-d") + 1],
        timeout=120,
    )


def runs() -> Iterator[str]:
    for name in PAPERS:
        yield from papers.commands(name)


RUN_ELSEWHERE = (
    OURS,
    ".venv/bin/python -m blnk_api.practice ",
    "curl ",
    *("BLNK_DATA_DIR=", "pg_dump ", "pg_restore "),  # tests/cli/test_backup.py
    "BLNK_DATABASE_URL=",  # the same, and tests/cli/test_take_over.py
    ".venv/bin/streamlit run app.py --server.address",  # tests/browser/test_served.py
    "python3 -m venv .venv && .venv/bin/pip install -q -r requirements.txt && .venv/bin/streamlit run app.py",
    ".venv/bin/ruff ",
    ".venv/bin/python -m mypy",
    "OPTIONS=",
    "uv pip compile $OPTIONS ",
    *(
        "docker ",
        "DESK_HOST=",
        "mkdir secrets ",
        "openssl rand ",
        "chmod 400 ",
        "sudo ",
    ),  # as far as tests/image goes
)
"""By a test of their own, by the test command itself, or as far as tests/cli/test_requirements.py goes."""


INLINE = [
    (name, command)
    for name in PAPERS
    for command in re.findall(r"`[^`\n]*?(python -m [\w.]+[^`\n]*)`", papers.read(name))
]


@pytest.mark.parametrize(("name", "command"), INLINE)
def test_a_command_within_a_sentence_exists_with_its_options(name: str, command: str) -> None:
    module, *arguments = shlex.split(command)[2:]
    if module == "blnk_api":
        assert arguments[0] in {*parsers(), "--version"}, command
        return
    if module.startswith(("blnk_api", "tests")):
        path = ROOT / module.replace(".", "/")
        path = path / "__main__.py" if path.is_dir() else path.with_suffix(".py")
        code = path.read_text("utf-8")
        assert [one for one in arguments if one.startswith("--") and f'"{one}"' not in code] == [], command
    else:
        assert module in ("pytest", "coverage"), command


@pytest.mark.parametrize("name", PAPERS)
def test_the_files_that_commands_copy_or_run_are_there(name: str) -> None:
    named = re.findall(
        r"(?<![\w./])(?:deploy/\S+|compose[\w.]*\.yaml|\.streamlit/[\w.]+\.example|requirements\.txt)\b",
        " ".join(papers.commands(name)),
    )
    assert [one for one in named if not (ROOT / one).is_file()] == []


@pytest.mark.parametrize("command", [one for one in runs() if not one.startswith(RUN_ELSEWHERE)])
def test_what_any_other_command_runs_exists(command: str) -> None:
    program, *arguments = shlex.split(command, comments=True)
    if program == "sh":
        assert (ROOT / arguments[0]).is_file(), command
    else:
        assert program == ".venv/bin/python", command
        assert arguments[0] == "-m", command
        module = ROOT / arguments[1].replace(".", "/")
        is_ours = module.with_suffix(".py").is_file() or (module / "__main__.py").is_file()
        assert is_ours or arguments[1] in ("pytest", "pre_commit"), command
    paths = [one.partition("::")[0] for one in arguments if one.startswith(("tests/", "blnk_api/"))]
    assert [one for one in paths if not (ROOT / one).exists()] == [], command


def test_every_change_is_tested_by_the_same_command_on_each_python_that_is_promised() -> None:
    workflow = papers.read(".github/workflows/test.yml")
    assert re.findall(r"^ +python: (.*)$", workflow, re.MULTILINE) == ['["3.11", "3.12", "3.13"]']
    assert re.findall(r"^ +- run: (.*)$", workflow, re.MULTILINE) == ["python -m venv .venv", "sh tests/run"]


def test_hooks_run_the_checks_of_the_test_command() -> None:
    entries = re.findall(r"^ +entry: (.*)$", papers.read(".pre-commit-config.yaml"), re.MULTILINE)
    assert entries == [".venv/bin/ruff format", ".venv/bin/ruff check", ".venv/bin/python -m mypy"]
    command = papers.read("tests/run")
    assert all(entry in command for entry in entries)
