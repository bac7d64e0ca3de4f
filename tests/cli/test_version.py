"""The running version is the same wherever a person looks: the command, Blnk, receipts, the project."""

import re
import tomllib

import pytest

from blnk_api import __version__
from blnk_api.blnk.probe import greet
from blnk_api.client import BlnkClient
from blnk_api.reports.receipts import write_owed
from blnk_api.store.people import receipt_records
from tests.support.command_line import Commands
from tests.support.connections import read_request, server
from tests.support.faulty_proxy import Between, Sent
from tests.support.importer import Importer, requests_for
from tests.support.papers import read, released
from tests.support.practice import PracticeBlnk


def test_the_command_prints_the_newest_version_of_the_changelog(
    commands: Commands, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        commands.call("--version")
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"Balance Desk {released()}\n"


def test_the_projects_file_takes_it_from_the_package() -> None:
    project = tomllib.loads(read("pyproject.toml"))
    assert "version" not in project["project"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "blnk_api.__version__"}


def test_every_request_to_blnk_carries_it(practice_blnk: PracticeBlnk, importer: Importer) -> None:
    agents: list[tuple[str, str | None]] = []

    def note(sent: Sent) -> None:
        agents.append((sent.path.partition("?")[0], sent.headers.get("User-Agent")))

    with Between(practice_blnk) as between:
        between.on_create = between.on_read = note
        importer.connect(base_url=between.url)
        importer.run(requests_for(2))
        importer.stop()
        by_sender = len(agents)
        with BlnkClient(importer.connection) as client:
            client.list_ledgers()
    assert ("/proxy/balances", f"balance-desk/{released()}") in agents
    assert len(agents) > by_sender
    assert {agent for _, agent in agents} == {f"balance-desk/{released()}"}


def test_the_first_question_to_a_host_carries_it_too() -> None:
    heads: list[bytes] = []
    with server(lambda line: heads.append(read_request(line))) as port:
        greet(f"http://127.0.0.1:{port}")
    assert f"User-Agent: balance-desk/{released()}\r\n".encode() in heads[0]


def test_a_new_receipt_says_which_version_wrote_it(importer: Importer) -> None:
    done = importer.run(requests_for(1))
    write_owed(importer.store, importer.files, done.number)
    with importer.store.read() as tx:
        found = receipt_records.find(tx, done.number, 1)
    assert found is not None
    assert found.contents["version"] == released()


def test_the_image_and_compose_say_the_same_version() -> None:
    [label] = re.findall(r'org\.opencontainers\.image\.version="(.*?)"', read("Dockerfile"))
    [image] = re.findall(r"^ +image: balance-desk:(.*)$", read("compose.yaml"), re.MULTILINE)
    assert label == image == __version__
