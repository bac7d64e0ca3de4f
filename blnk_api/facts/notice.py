"""How an import stood when people were to be told of it: numbers alone, so that no cell ever leaves."""

from pydantic import Field

from blnk_api.facts.stored import Stored


class NoticeFacts(Stored):
    """Rows by their state, and what else the sentence needs."""

    counts: dict[str, int] = Field(default_factory=dict)
    waiting: int = 0
    """Of the rows in doubt, those that wait for a person."""
    second_balances: int = 0
    """Events that named more balances than a row should have."""
    findings: int = 0
    """What the comparison with Blnk found that should not be."""
    verified: bool = True
    canceled: bool = False
    by: str | None = None
    """Whose pause it is, a `PausedBy`."""
    who: str = ""
    who_kind: str = "name"
    who_email: str = ""
    since: float | None = None
    """Since when Blnk has not answered as it should; of a request for approval, when it lapses."""
    approved: bool | None = None
    """Whether a request for approval was approved; if not, it was sent back."""
