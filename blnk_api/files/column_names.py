"""The spellings of the column names we know, for finding the header row and for guessing the mapping."""

import re
import unicodedata

from blnk_api.currencies import name_of
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

_AMOUNTS = re.compile(
    r"(?:opening|initial|starting|beginning|current|closing|ending|credit|debit|available|account|book|total|net){0,3}"
    r"(?:balances?|bal|amounts?|amt)(?:amount|due|forward|brought|bf|cf)?|debit|credit"
    r"|soldes?(?:initial|douverture|ouverture|actuel)?|montant"
    r"|saldo(?:inicial|iniziale|inicialny|poczatkowe|dapertura|apertura|finale?|actual|contabile)?"
    r"|importe|monto|importo|kwota|bakiye|tutar"
    r"|(?:anfangs|eroffnungs|eroeffnungs|end|schluss|konto|buch)saldo|(?:konto|anfangs|end)(?:be)?stand|kontostande"
    r"|betrag|guthaben|остаток|сумма|баланс|残高|金額|余额|餘額|金额"
)
_BESIDE_AN_AMOUNT = frozenset(
    ["in", "of", "as", "at", "on", "the", "de", "des", "der", "du", "per", "am", "zum", "vom"]
)


def plain(header: str) -> str:
    """A header without case, accents, spaces and punctuation: " Ledger-ID " equals "ledger_id"."""
    letters = unicodedata.normalize("NFKD", header).casefold()
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


def names_an_amount(header: str) -> bool:
    """Whether a header names an amount of money, which a new balance does not have. Also in several words,
    such as "Opening balance (USD)" or "Saldo 31.12.2025"."""
    if len(header) > 100:
        return False
    words = _WORDS.findall(unicodedata.normalize("NFKD", header).replace("\u0308", ""))
    without_dates = (
        word
        for word in words
        if name_of(word) is None and not word.isdecimal() and word.casefold() not in _BESIDE_AN_AMOUNT
    )
    return bool(_AMOUNTS.fullmatch(plain(header)) or _AMOUNTS.fullmatch(plain("".join(without_dates))))


_WORDS = re.compile(r"[^\W_]+")
_METADATA_PREFIX = re.compile(r"\s*meta[ _-]?(?:data)?\s*[.:]\s*(?=\S)", re.IGNORECASE)


def metadata_name(header: str) -> str | None:
    """The name after `meta_data.`, `metadata.`, `meta.` or `meta:`, or None without such a prefix."""
    found = _METADATA_PREFIX.match(header)
    return header[found.end() :].strip() if found else None
