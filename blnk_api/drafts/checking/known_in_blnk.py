"""What a file refers to, and what Blnk has of it."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict

from blnk_api import currencies
from blnk_api.common.invisible_characters import bare
from blnk_api.facts.file_shape import Record
from blnk_api.facts.mapping import Mapping, Use


@dataclass(slots=True)
class Wanted:
    """The distinct values of a file that must be looked up in Blnk before its rows can be checked."""

    ledgers: set[str] = field(default_factory=set)
    """Ids or names, without surrounding spaces."""
    identities: set[str] = field(default_factory=set)
    """Ids, emails, names, or values of the metadata key that the mapping names, without surrounding
    spaces."""
    indicators: set[tuple[str, str]] = field(default_factory=set)
    """Pairs of indicator and currency. The general ledger may have only one balance for each."""
    records: int = 0
    """The number of records in the file, for the progress of the check."""


class KnownIndicator(BaseModel):
    """A balance that already has an indicator. It has an `import_ref` if this product created it."""

    model_config = ConfigDict(frozen=True)

    balance_id: str
    import_ref: str | None = None


class Known(BaseModel):
    """What Blnk has of what a file refers to, and further ledgers for suggestions."""

    model_config = ConfigDict(frozen=True)

    ledgers: dict[str, str] = {}
    """Ledger id → name."""
    identities: dict[str, str] = {}
    """Identity id → the name that people use."""
    identity_names: dict[str, list[str]] = {}
    """Email address, other name or metadata value, as stored in Blnk → the ids of all identities that have
    it. Names in `identities` need not be repeated here."""
    tokenized: tuple[str, ...] = ()
    """Which details of some identities Blnk stores as tokens, in words. The identities cannot be found by
    these."""
    indicators: dict[str, KnownIndicator] = {}
    """Indicator, a space, currency → the balance that has it."""
    readable: bool = True
    """False without read permission: ids are then accepted, and reported as unchecked."""


def wanted(records: Iterable[Record], mapping: Mapping) -> Wanted:
    """Collects the values in one pass over a file, including those in rows that turn out invalid."""
    found = Wanted()
    ledger, identity, indicator, currency = (
        column.position if (column := mapping.column(use)) else None
        for use in (Use.LEDGER, Use.IDENTITY, Use.INDICATOR, Use.CURRENCY)
    )
    if ledger is None and mapping.for_all_rows.ledger_id:
        found.ledgers.add(mapping.for_all_rows.ledger_id)
    for record in records:
        cells = record.cells
        found.records += 1
        if ledger is not None:
            found.ledgers.add(cells[ledger])
        if identity is not None:
            found.identities.add(cells[identity])
        if indicator is not None and (text := cells[indicator].strip()):
            codes = mapping.for_all_rows.currencies if currency is None else cells[currency].split(";")
            found.indicators.update((text, _code(code)) for code in codes)
    found.ledgers = set(map(bare, found.ledgers)) - {""}
    found.identities = set(map(bare, found.identities)) - {""}
    return found


def _code(text: str) -> str:
    trimmed = bare(text)
    upper = trimmed.upper()
    return upper if currencies.name_of(upper) else trimmed
