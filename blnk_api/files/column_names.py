"""The spellings of the column names we know, for finding the header row and for guessing the mapping."""

import re

from blnk_api.common.name_matching import normalized
from blnk_api.facts.mapping import Use

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
    Use.IMPORT_ROW: "importrow",
}
_BY_SPELLING = {
    word: (use, rank) for use, words in _SPELLINGS.items() for rank, word in enumerate(words.split())
}


def plain(header: str) -> str:
    """A header without case, accents, spaces and punctuation: " Ledger-ID " equals "ledger_id"."""
    letters = normalized("NFKD", header).casefold()
    return "".join(c for c in letters if c.isalnum())


def recognise(header: str) -> tuple[Use, int] | None:
    """The use that a header names, and the rank of its spelling (0 is the most obvious)."""
    return None if is_formula_error(header) else _BY_SPELLING.get(plain(header))


def is_formula_error(header: str) -> bool:
    """Whether a header is a formula error such as #REF! or #N/A, and so not a name."""
    text = header.strip()
    return (
        text[:1] == "#" and (text[-1] in "!?" or text in ("#N/A", "#NV")) and text[1:-1].upper() == text[1:-1]
    )


_METADATA_PREFIX = re.compile(r"\s*meta[ _-]?(?:data)?\s*[.:]\s*(?=\S)", re.IGNORECASE)


def metadata_name(header: str) -> str | None:
    """The name after `meta_data.`, `metadata.`, `meta.` or `meta:`, or None without such a prefix."""
    found = _METADATA_PREFIX.match(header)
    return header[found.end() :].strip() if found else None
