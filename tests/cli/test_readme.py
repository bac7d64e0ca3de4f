"""The README keeps up with what it describes."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from blnk_api import settings
from blnk_api.errors import SettingsProblem
from blnk_api.settings import BLNK_CLOUD
from blnk_api.store.states import WORDS
from tests.support.practice import PracticeBlnk

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def table_after(words: str) -> list[list[str]]:
    """The rows of the first table below these words, without its head."""
    lines = README.split(words, 1)[1].splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith("|"))
    cells = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        cells.append([cell.strip() for cell in line.strip("|").split("|")])
    return cells


def load(folder: Path, secrets: str) -> settings.Settings:
    (folder / "secrets.toml").write_text(secrets)
    return settings.load({"BLNK_SECRETS_FILE": str(folder / "secrets.toml"), "BLNK_DATA_DIR": str(folder)})


def test_it_tells_every_status_by_the_name_that_pages_use() -> None:
    assert [row[0] for row in table_after("### What the statuses mean")] == list(WORDS.values())


@pytest.mark.parametrize("file", ["requirements.in", "tests/requirements.in"])
def test_it_says_what_each_dependency_is_for_and_each_is_pinned(file: str) -> None:
    told = README.split("### Dependencies", 1)[1].split("## Design notes", 1)[0]
    for line in (ROOT / file).read_text().splitlines():
        if line.startswith("-r"):
            continue
        name, pinned, _ = line.partition("==")
        assert pinned, f"{line} is not pinned"
        assert re.search(rf"\b{re.escape(name.split('[')[0])}\b", told), f"{name} is not explained"


def test_its_keys_of_a_connection_are_all_there_are(tmp_path: Path) -> None:
    named = " ".join(row[0] for row in table_after("### Connecting to your Blnk"))
    refused = "is not a key we know. These are: "
    with pytest.raises(SettingsProblem, match=refused) as problem:
        load(tmp_path, "[connections.acme]\nnonsense = 1")
    known = str(problem.value).split(refused)[1].rstrip(".").split(", ")
    assert sorted(re.findall(r"`(\w+)`", named)) == sorted(known)


def test_the_example_of_secrets_works_with_a_token_put_in(tmp_path: Path) -> None:
    example = (ROOT / ".streamlit" / "secrets.toml.example").read_text()
    assert load(tmp_path, example).connections["acme-production"].instance.base_url == BLNK_CLOUD


def test_its_script_creates_a_balance(practice_blnk: PracticeBlnk, tmp_path: Path) -> None:
    [script] = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    secrets = tmp_path / "secrets.toml"
    secrets.write_text(
        f"""[connections.acme-production]
base_url = "{practice_blnk.url}"
instance_id = "{practice_blnk.instance_id}"
access_token = "{practice_blnk.token}"
"""
    )
    done = subprocess.run(
        [sys.executable, "-c", script.replace("ldg_...", "general_ledger_id")],
        env={"BLNK_SECRETS_FILE": str(secrets), "BLNK_DATA_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [each["balance_id"] for each in practice_blnk.balances()] == [done.stdout.strip()]


def test_what_it_links_to_is_there() -> None:
    linked = re.findall(r"\]\(([^)#:]+)\)", README)
    assert len(linked) == 10
    assert [link for link in linked if not (ROOT / link).is_file()] == []
