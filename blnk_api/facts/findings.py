"""The result of comparing an import with Blnk."""

from pydantic import Field

from blnk_api.facts.stored import Stored


class RowFinding(Stored):
    """A record of the file, by its number, and the balances that Blnk has, or lacks, for it."""

    row: int
    ids: list[str]


class Unexpected(Stored):
    """Balances that carry the import's id but belong to none of its rows."""

    ref: str | None = None
    row: int | None = None
    """The record whose earlier attempt created them, if known."""
    ids: list[str]


class Findings(Stored):
    """`checked` is False if these credentials may not read. `expected` and `found` count balances."""

    checked: bool = False
    at: float | None = None
    expected: int = 0
    found: int = 0
    twins: list[RowFinding] = Field(default_factory=list)
    """Rows with a second balance, their own balance first."""
    missing: list[RowFinding] = Field(default_factory=list)
    """Rows whose balance was confirmed but cannot be found."""
    unexpected: list[Unexpected] = Field(default_factory=list)
    why_not: str | None = None
    clean: bool = False
