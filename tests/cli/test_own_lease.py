"""On Postgres a command sends to its own instance, whoever sends to others meanwhile."""

import pytest
from sqlalchemy import text

from blnk_api.store import Store, imports, instance_numbers
from blnk_api.store.sending.leases import DESK, Leases
from tests.support.command_line import Commands
from tests.support.importer import Importer, wait_until
from tests.support.practice import PracticeBlnk
from tests.support.sending import create_count

pytestmark = pytest.mark.parametrize("importer", ["postgres"], indirect=True)
ELSEWHERE = 999


def test_a_command_sends_while_another_process_sends_to_another_instance(
    commands: Commands, importer: Importer
) -> None:
    store = Store(importer.database_url)
    with Leases(store, seconds=600) as theirs:
        assert theirs.take(DESK)
        assert theirs.take(ELSEWHERE)
        assert commands.call("import", commands.file(2), "--yes").code == 0
    with store.read() as tx:
        held = tx.execute(text("SELECT instance FROM leases WHERE token <> ''")).all()
    assert held == [], "what it held is free at its end"
    store.close()


def test_a_command_waits_for_whoever_sends_to_its_instance(
    commands: Commands, importer: Importer, practice_blnk: PracticeBlnk
) -> None:
    store = Store(importer.database_url)
    with store.write() as tx:
        number = instance_numbers.number_for(tx, importer.connection.instance)
    with Leases(store, seconds=600) as theirs:
        lease = theirs.take(number)
        assert lease is not None
        command = commands.begin("import", commands.file(2), "--yes")

        def has_begun() -> bool:
            with importer.store.read() as tx:
                return bool(imports.newest(tx, limit=1))

        wait_until(has_begun, lambda: f"it does not begin: {command.poll()}")
        assert create_count(practice_blnk) == 0
        lease.release()
        assert commands.end(command).code == 0
    assert create_count(practice_blnk) == 2
    store.close()
