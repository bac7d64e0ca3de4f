"""Finds rows of a report that are not balances: totals, and repeated column names."""

import re
from collections.abc import Sequence

from blnk_api.common.invisible_characters import bare
from blnk_api.currencies import Finding, name_of
from blnk_api.files.column_names import plain

_TOTALS = frozenset(
    [
        "total",
        "totals",
        "grandtotal",
        "subtotal",
        "sum",
        "summe",
        "gesamt",
        "gesamtsumme",
        "zwischensumme",
        "endsumme",
        "insgesamt",
        "somme",
        "totaux",
        "totale",
        "suma",
        "totaal",
        "razem",
        "łacznie",
        "lacznie",
        "toplam",
        "summa",
        "yhteensa",
        "итого",
        "всего",
        "合計",
        "合计",
        "总计",
        "小計",
        "小计",
        "總計",
        "합계",
        "saldototal",
        "gesamtbetrag",
        "gesamtsaldo",
        "zusammen",
        "ukupno",
        "osszesen",
        "celkem",
        "spolu",
        "jumlah",
        "sammanlagt",
        "ialt",
        "totalt",
        "итог",
        "разом",
        "усього",
        "συνολο",
        "المجموع",
        "الإجمالي",
        "סהכ",
        "計",
    ]
)
_BESIDE_A_TOTAL = frozenset(
    {
        *("grand", "sub", "general", "rows", "records", "of", "in", "zeilen", "accounts", "balances"),
        *("entries", "final", "overall", "net", "report", "complessivo", "geral", "generaal", "genel"),
        *("koncowa", "общии", "amount", "balance", "betrag", "saldo", "for", "all", "konten"),
    }
)
_WORDS = re.compile(r"\w+")
_LONGEST = 60


def finding(headers: Sequence[str], cells: Sequence[str], is_wrong: bool) -> Finding | None:
    """What the row is if it is not a balance. `is_wrong`: it cannot be sent in any case, so weaker signs
    suffice."""
    filled = [text for cell in cells if (text := bare(cell))]
    if not filled:
        return None
    names = [name for header in headers if (name := bare(header))]
    if len(filled) > 1 and [*map(str.casefold, filled)] == [*map(str.casefold, names)]:
        message = "This row repeats the column names, so it is not sent. Skip the row."
        return Finding("repeated_header", "error", message)
    first, *rest = filled
    numbers = sum(map(_is_number, rest))
    others = sum(name_of(text.upper()) is None for text in rest) - numbers
    if _is_total(first) and others == 0 and (is_wrong or numbers or not rest):
        message = "This row looks like a total, not a balance, so it is not sent. Skip the row."
        return Finding("total_row", "error", message)
    return None


def _is_total(text: str) -> bool:
    if len(text) > _LONGEST:
        return False
    words = [plain(word) for word in _WORDS.findall(text)]
    kinds = {word for word in words if not word.isdecimal() and name_of(word.upper()) is None}
    return bool(kinds & _TOTALS) and kinds <= _TOTALS | _BESIDE_A_TOTAL


def _is_number(text: str) -> bool:
    """An amount as people write it, with or without a currency."""
    if len(text) > _LONGEST or not any(map(str.isdecimal, text)):
        return False
    letters = "".join(one for one in text if one.isalpha()).upper()
    return not letters or name_of(letters) is not None
