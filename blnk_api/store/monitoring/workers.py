"""The processes that check files and send, with what each sends to and since when: for people to look at."""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from blnk_api.settings import Instance
from blnk_api.store.instance_numbers import instance_numbered
from blnk_api.store.sending import senders
from blnk_api.store.tables import leases


@dataclass(frozen=True)
class Holding:
    instance: Instance
    since: float


@dataclass(frozen=True)
class Working:
    """`since` is when its process began."""

    host: str
    pid: int
    since: float
    holds: tuple[Holding, ...]


def working(tx: Connection) -> list[Working]:
    """All that were heard of lately, whoever began first; without command lines, which send one import."""
    since = {one.instance: one.since for one in tx.execute(select(leases.c.instance, leases.c.since))}
    return [
        Working(
            one.host,
            one.pid,
            one.since,
            tuple(
                Holding(instance_numbered(tx, number), since.get(number, one.since))
                for number in sorted(one.serves)
            ),
        )
        for one in senders.at_work(tx)
        if not one.owner.startswith(senders.COMMAND_LINE)
    ]
