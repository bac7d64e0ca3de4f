"""The state of an import at the moment of a notification. Numbers only, so that no cell ever leaves the
desk."""

from pydantic import Field

from blnk_api.facts.stored import Stored


class NotificationFacts(Stored):
    """Rows by state, and everything else that the sentence needs."""

    counts: dict[str, int] = Field(default_factory=dict)
    waiting: int = 0
    """How many of the rows in doubt are waiting for a person."""
    second_balances: int = 0
    """How many events named more balances than a row should have."""
    findings: int = 0
    """How many findings the comparison with Blnk had."""
    verified: bool = True
    canceled: bool = False
    by: str | None = None
    """Who paused it, a `PausedBy`."""
    who: str = ""
    who_kind: str = "name"
    who_email: str = ""
    since: float | None = None
    """When Blnk stopped answering properly, or when a request for approval lapses."""
    approved: bool | None = None
    """Whether a request for approval was approved; if not, it was sent back."""
