"""A balance to be made of a record, or why not."""

from dataclasses import dataclass

from blnk_api.facts.problems import Problem
from blnk_api.models import RequestFields


@dataclass(slots=True)
class CheckedRow:
    """One balance to be made of a record, or why not. An invalid record is one row with no part.

    `one_record` makes it of what the record's own cells say; `Checker` adds what the rows before it show, and
    what the row brings from our results. Not frozen, as there are a million: each is completed in its place.
    """

    number: int
    part: str
    """The currency where the record makes several balances, else ""."""
    request: RequestFields | None
    """The body to be sent, before it is stamped; None when the row is invalid or brings a balance."""
    problems: list[Problem]
    match: dict[str, str] | None = None
    """What counts beside ledger, currency, identity and indicator; None when the whole request does."""
    key: str = ""
    """The person's own unique key."""
    hash: str | None = None
    """`refs.content_hash(request, match)`."""
    occurrence: int = 0
    """Which of the rows that mean the same balance this is: the n of its ref, if all of them are sent."""
    keep_ref: str | None = None
    """A ref that the row brought from our results and that still fits it."""
    balance_id: str | None = None
    """The balance that the row brought from our results. It exists: the row is never sent."""
    own_key: int | None = None
    """Hash of `key`: rows that have the same are each other's matter."""
    twin_key: int | None = None
    """Of the indicator and its currency, or of the key columns. Without both, `hash` tells twins."""
