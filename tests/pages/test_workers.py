"""The page Connection lists the workers of a desk that has several, and what each sends to."""

import pytest

from blnk_api.store import instance_numbers
from blnk_api.store.sending import senders
from blnk_api.store.sending.leases import Leases
from tests.support.importer import Importer
from tests.support.pages import said, visit


@pytest.mark.parametrize("importer", ["postgres"], indirect=True)
def test_the_connection_page_says_which_worker_sends_and_which_waits(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLNK_SENDER", "elsewhere")
    assert "No worker is running" in said(visit("connection.py", connection="here"))

    with importer.store.write() as tx:
        number = instance_numbers.number_for(tx, importer.connection.instance)
        for token, host, serves in (("a", "first.example", [number]), ("b", "second.example", [])):
            senders.register(tx, token=token, owner=senders.WORKER)
            senders.beat(tx, token=token, serves=serves, reaches=[number])
            tx.exec_driver_sql(f"UPDATE senders SET host = '{host}', pid = 41 WHERE token = '{token}'")
    with Leases(importer.store, seconds=10) as leases:
        assert leases.take(number) is not None
        page = said(visit("connection.py", connection="here"))

    assert "No worker is running" not in page
    assert "first.example, process 41" in page
    assert "second.example, process 41" in page
    assert page.count("Sends to “here” since ") == 1
    assert page.count("Sends to no connection at the moment") == 1


def test_a_page_of_an_app_with_its_own_sender_lists_no_workers(importer: Importer) -> None:
    with importer.store.write() as tx:
        senders.register(tx, token="a", owner="an app")
        senders.beat(tx, token="a", serves=[])

    assert "Workers" not in said(visit("connection.py", connection="here"))
