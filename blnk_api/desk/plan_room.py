"""How many records a plan still has room for. Shown before sending, because Blnk creates none beyond it."""

from dataclasses import dataclass

from blnk_api.client import BlnkClient
from blnk_api.wording import phrases

COUNTED = ("ledgers", "identities", "balances", "transactions")
"""What Blnk Cloud counts as records, all together."""


@dataclass(frozen=True)
class PlanRoom:
    """The records of one instance and the number included in its plan."""

    held: int
    included: int


def room(client: BlnkClient, included: int) -> PlanRoom | None:
    """None if Blnk does not return the counts. Raises a BlnkError."""
    counts = [client.count(what) for what in COUNTED]
    known = [count for count in counts if count is not None]
    return PlanRoom(sum(known), included) if len(known) == len(counts) else None


def sentence(found: PlanRoom, adds: int) -> str:
    """What creating `adds` balances means for the plan."""
    text = (
        f"This import adds {phrases.plural(adds, 'record')}. This Blnk instance holds {found.held:,} of the "
        f"{found.included:,} that your plan includes."
    )
    over = found.held + adds - found.included
    if over <= 0:
        return text
    return f"{text} That is {over:,} too many: unless your plan allows more, Blnk rejects the last rows."


def is_too_small(found: PlanRoom, adds: int) -> bool:
    return found.held + adds > found.included


UNKNOWN = "Blnk did not say how many records it holds, so the room in your plan is unknown."
