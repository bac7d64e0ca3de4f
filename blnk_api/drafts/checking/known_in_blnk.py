"""What a file asks about, and what Blnk has of it."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict

from blnk_api import currencies
from blnk_api.common.invisible import bare
from blnk_api.facts.file_shape import Record
from blnk_api.facts.mapping import Mapping, Use


@dataclass(slots=True)
class Wanted:
    """The different values of a file that must be looked up in Blnk before its rows can be checked."""

    ledgers: set[str] = field(default_factory=set)
    """Ids or names, trimmed."""
    identities: set[str] = field(default_factory=set)
    """Ids, emails, names, or values of the identities' metadata key that the mapping names. Trimmed."""
    indicators: set[tuple[str, str]] = field(default_factory=set)
    """(indicator, currency) pairs of which the general ledger may hold only one each."""
    records: int = 0
    """How many records the file has, for the progress of the check itself."""


class KnownIndicator(BaseModel):
    """A balance that already has an indicator. `import_ref` when this tool made it."""

    model_config = ConfigDict(frozen=True)

    balance_id: str
    import_ref: str | None = None


class Known(BaseModel):
    """What exists in Blnk of what a file asks about, and, for proposals, any other ledgers."""

    model_config = ConfigDict(frozen=True)

    ledgers: dict[str, str] = {}
    """Ledger id → name."""
    identities: dict[str, str] = {}
    """Identity id → the name that a person would call it."""
    identity_names: dict[str, list[str]] = {}
    """E-mail, other name or metadata value, as Blnk holds it → the ids of all identities that have it. Names
    of `identities` need not be repeated here."""
    tokenized: tuple[str, ...] = ()
    """What Blnk keeps as tokens of some identities, in words: they cannot be found by these."""
    indicators: dict[str, KnownIndicator] = {}
    """Indicator, a space, currency → the balance that has it."""
    readable: bool = True
    """False without read permission: ids are then taken as they are and told as not checked."""


def wanted(records: Iterable[Record], mapping: Mapping) -> Wanted:
    """One pass over a file. Values in rows that turn out invalid are asked about all the same."""
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
