"""How people spell the columns we know: reading finds the header row by it, matching guesses by it."""

import re
import unicodedata
from enum import StrEnum


class Use(StrEnum):
    """What a column of the file is for."""

    LEDGER = "ledger"
    """The ledger's id or name."""
    CURRENCY = "currency"
    """One currency code, or several separated by semicolons."""
    IDENTITY = "identity"
    """The identity's id, e-mail, name, or what it has under a metadata key."""
    INDICATOR = "indicator"
    LINEAGE = "lineage"
    ALLOCATION_STRATEGY = "allocation_strategy"
    METADATA = "metadata"
    REFERENCE = "reference"
    """The person's own unique key: metadata too, and an error where it stands twice."""
    BALANCE_ID = "balance_id"
    """The four columns that our own results add."""
    IMPORT_REF = "import_ref"
    STATUS = "status"
    MESSAGE = "message"
    IGNORE = "ignore"


_SPELLINGS: dict[Use, str] = {
    Use.LEDGER: "ledgerid ledger ledgername blnkledgerid blnkledger ledgeruuid grandlivre hauptbuch",
    Use.CURRENCY: "currency currencycode ccy cur curr currencyiso isocurrency isocurrencycode isocode "
    "assetcode devise monnaie wahrung waehrung moneda divisa valuta moeda",
    Use.IDENTITY: "identityid identity identityname identityemail blnkidentityid blnkidentity",
    Use.INDICATOR: "indicator balanceindicator",
    Use.LINEAGE: "trackfundlineage fundlineage lineage tracklineage",
    Use.ALLOCATION_STRATEGY: "allocationstrategy allocation allocationmethod",
    Use.REFERENCE: "reference ref referenceid referenceno referencenumber uniquereference uniqueid uniquekey "
    "externalid externalref externalreference clientreference customerreference yourreference "
    "idempotencykey referencia referenz",
    Use.BALANCE_ID: "balanceid",
    Use.IMPORT_REF: "importref",
}
_BY_SPELLING = {
    word: (use, rank) for use, words in _SPELLINGS.items() for rank, word in enumerate(words.split())
}

_AMOUNTS = re.compile(
    r"(?:opening|initial|starting|current|closing|credit|debit|available)?(?:balance|amount)|debit|credit"
    r"|solde(?:initial|ouverture)?|saldo(?:inicial|iniziale|apertura)?|montant|betrag|importe|monto|anfangssaldo"
)


def plain(header: str) -> str:
    """A header without case, accents, spaces and punctuation: " Ledger-ID " and "ledger_id" are the same."""
    letters = unicodedata.normalize("NFKD", header).casefold()
    return "".join(c for c in letters if c.isalnum())


def recognise(header: str) -> tuple[Use, int] | None:
    """The use that a header names, with its rank among the spellings (0 is the plainest)."""
    return _BY_SPELLING.get(plain(header))


def names_an_amount(header: str) -> bool:
    """Whether a header says that the column holds money, which a new balance does not."""
    return bool(_AMOUNTS.fullmatch(plain(header)))


_METADATA_PREFIX = re.compile(r"\s*meta[ _-]?(?:data)?\s*[.:]\s*(?=\S)", re.IGNORECASE)


def metadata_name(header: str) -> str | None:
    """The name behind `meta_data.`, `metadata.`, `meta.` or `meta:`; None when there is no such prefix."""
    found = _METADATA_PREFIX.match(header)
    return header[found.end() :].strip() if found else None
