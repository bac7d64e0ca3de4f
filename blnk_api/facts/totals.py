"""The result of a draft's check, and what a person accepted for the whole file."""

from pydantic import Field

from blnk_api.currencies import Severity
from blnk_api.facts.stored import Stored


class LedgerTotal(Stored):
    """How many balances will be created in one ledger and currency."""

    ledger_id: str
    name: str = ""
    currency: str
    n: int


class ProblemSummary(Stored):
    """Rows with the same problem, as pages and the command line show them."""

    kind: str
    severity: Severity
    column: str = ""
    """The header, or "" for the whole row."""
    value: str | None = None
    """None if the rows have different values."""
    position: int | None = None
    """The column's position from 0, or None for the whole row. Earlier versions stored none."""
    message: str
    sentence: str = ""
    """The message with the number of rows."""
    repair: str | None = None
    rows: tuple[str, ...] = ()
    """The labels of the first rows; "0" is the whole file."""
    count: int = 1


class Totals(Stored):
    """Empty before the check. `records` counts the records of the file, skipped ones included."""

    records: int | None = None
    ledger_names: dict[str, str] = Field(default_factory=dict)
    problems: tuple[ProblemSummary, ...] = ()
    not_checked: tuple[str, ...] = ()
    """What could not be checked or compared, one sentence each."""
    balances: int = 0
    invalid: int = 0
    looks_like: int = 0
    """Rows skipped because they resemble balances created before."""
    left_out: int = 0
    """Rows skipped by a person."""
    hidden_rows: int = 0
    has_balance: int = 0
    """Rows whose customer already has a balance in the same ledger and currency."""
    existing: int = 0
    by_ledger: tuple[LedgerTotal, ...] = ()
    but_for_changed: bool = False
    """Whether rows that were changed by a fix are still being looked up in Blnk. They are counted as
    ready."""


class Accepted(Stored):
    """What a person accepted for the whole file."""

    currencies: tuple[str, ...] = ()
    """Unknown currency codes that are intended."""
