"""What other desks recently created in an instance. Shown before sending, because two desks that import the
same rows at the same moment can still create second balances."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from blnk_api.blnk.endpoints import PAGE_LIMIT, Filter
from blnk_api.client import BlnkClient
from blnk_api.lookup.looker import CARRIES_A_REF, parse_time
from blnk_api.store import Store
from blnk_api.store.sending.foreign_balances import import_id_of, unknown_here
from blnk_api.wording import phrases

_DAY_SECONDS = 86_400.0
_MOST_PAGES = 5


@dataclass(frozen=True)
class OtherDesksToday:
    """Balances created in the last day by imports that this database does not know."""

    count: int
    is_at_least: bool
    """True if the last day has more balances than were examined."""
    last_at: float


def others_today(store: Store, client: BlnkClient) -> OtherDesksToday | None:
    """None if the newest balances include none. Raises a BlnkError."""
    since = f"{datetime.fromtimestamp(time.time() - _DAY_SECONDS, UTC):%Y-%m-%dT%H:%M:%SZ}"
    count, last = 0, ""
    is_whole = False
    for page in range(1, _MOST_PAGES + 1):
        got = client.find_balances([CARRIES_A_REF, Filter("created_at", "gte", since)], page=page)
        with store.read() as tx:
            foreign = unknown_here(tx, {import_id_of(one) for one in got})
        theirs = [one.created_at for one in got if import_id_of(one) in foreign]
        count += len(theirs)
        last = max([last, *theirs])
        if is_whole := len(got) < PAGE_LIMIT:
            break
    return OtherDesksToday(count, not is_whole, parse_time(last).timestamp()) if count else None


def sentence(found: OtherDesksToday, zone: tzinfo) -> str:
    """A sentence for the person who is about to send."""
    n = phrases.plural(found.count, "balance")
    many = f"at least {n}" if found.is_at_least else n
    return (
        f"Another Balance Desk created {many} in this instance in the last 24 hours, most recently on "
        f"{phrases.when_in_zone(found.last_at, zone)}. Make sure that nobody is importing the same rows "
        "there: if both send the same rows at the same time, some of them may be created twice."
    )
