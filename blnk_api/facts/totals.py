"""What the check of a draft came to, and what a person took in for the whole file."""

from pydantic import Field

from blnk_api.currencies import Severity
from blnk_api.facts.stored import Stored


class LedgerTotal(Stored):
    """How many balances one ledger gets in one currency."""

    ledger_id: str
    name: str = ""
    currency: str
    n: int


class ProblemSummary(Stored):
    """Rows with the same problem, as pages and the command line show them."""

    kind: str
    severity: Severity
    column: str = ""
    """The header; "" for the whole row."""
    value: str | None = None
    """None where the rows hold different values."""
    position: int | None = None
    """The column's place from 0. None for the whole row; an earlier version kept none at all."""
    message: str
    sentence: str = ""
    """The message with how many rows it is about."""
    repair: str | None = None
    rows: tuple[str, ...] = ()
    """The first rows, as people call them; "0" is the whole file."""
    count: int = 1


class Totals(Stored):
    """Nothing of it is there before the check; `records` is the last of the file's own that is."""

    records: int | None = None
    ledger_names: dict[str, str] = Field(default_factory=dict)
    problems: tuple[ProblemSummary, ...] = ()
    not_checked: tuple[str, ...] = ()
    """What could not be checked or compared, a sentence each."""
    balances: int = 0
    invalid: int = 0
    looks_like: int = 0
    """Rows left out because they resemble balances made before."""
    left_out: int = 0
    """Rows skipped by hand."""
    hidden_rows: int = 0
    has_balance: int = 0
    """Rows whose customer has a balance in the same ledger and currency."""
    existing: int = 0
    by_ledger: tuple[LedgerTotal, ...] = ()
    but_for_changed: bool = False
    """While the rows that a fix changed are looked up in Blnk: they are counted as ready to be sent."""


class Accepted(Stored):
    """What a person took in for the whole file."""

    currencies: tuple[str, ...] = ()
    """Codes that no standard knows and that are meant."""
