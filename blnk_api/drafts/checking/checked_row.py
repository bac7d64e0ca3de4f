"""One balance to create from a record, or why there is none."""

from dataclasses import dataclass

from blnk_api.facts.problems import Problem
from blnk_api.models import RequestFields


@dataclass(slots=True)
class CheckedRow:
    """One balance to create from a record, or why there is none. An invalid record is one row without a part.

    `one_record` creates it from the record's own cells; `Checker` adds what earlier rows and the columns of a
    results file show. Not frozen, because there may be a million: each is completed in place.
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
    """Hash of `key`: rows with the same one affect each other."""
    twin_key: int | None = None
    """The key of the indicator and its currency, or of the key columns. Without either, `hash` identifies
    duplicates."""
