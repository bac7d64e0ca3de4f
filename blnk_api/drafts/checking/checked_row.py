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
    """The currency if the record makes several balances, otherwise ""."""
    request: RequestFields | None
    """The body to send, not yet stamped. None if the row is invalid or brings a balance."""
    problems: list[Problem]
    match: dict[str, str] | None = None
    """The values of the key columns, besides ledger, currency, identity and indicator. None: the whole
    request counts."""
    key: str = ""
    """The reference value."""
    hash: str | None = None
    """`refs.content_hash(request, match)`."""
    occurrence: int = 0
    """The number of this row among those that are the same balance: the n of its ref, if all are sent."""
    keep_ref: str | None = None
    """A ref that the row brought from a results file and that still matches its content."""
    balance_id: str | None = None
    """The balance that the row brought from a results file. It exists, so the row is never sent."""
    own_key: int | None = None
    """Hash of `key`: rows that have the same are each other's matter."""
    twin_key: int | None = None
    """The key of the indicator and its currency, or of the key columns. Without either, `hash` identifies
    duplicates."""
