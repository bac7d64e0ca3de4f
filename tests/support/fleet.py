"""Workers as processes of their own, as `python -m blnk_api worker` starts them."""

import subprocess
import sys

from blnk_api.store.sending import senders
from blnk_api.store.sending.senders import Sender
from tests.support.importer import Importer, wait_until

LEASE_SECONDS = "2"
"""Shorter than in the product: how long to wait for a worker that died."""


def start_worker(importer: Importer) -> subprocess.Popen[bytes]:
    """One more worker; it is killed at the end of the test."""
    importer.hurry_processes()
    with (importer.data_dir / "worker.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "blnk_api", "worker"], stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    importer.processes.append(process)
    return process


def at_work(importer: Importer) -> list[Sender]:
    """The workers with a recent heartbeat."""
    with importer.store.read() as tx:
        return senders.at_work(tx)


def wait_for_workers(importer: Importer, n: int) -> list[Sender]:
    """Waits until this many are running and know to which instances they can send."""
    wait_until(
        lambda: len([one for one in at_work(importer) if one.reaches]) == n,
        lambda: f"not {n} workers: {at_work(importer)} {(importer.data_dir / 'worker.log').read_text()}",
    )
    return at_work(importer)


def holder(importer: Importer) -> Sender:
    """The worker that sends to the only instance there is."""
    found: Sender = wait_until(
        lambda: next((one for one in at_work(importer) if one.serves), None),
        lambda: f"nobody sends: {(importer.data_dir / 'worker.log').read_text()}",
    )
    return found
