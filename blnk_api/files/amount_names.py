"""Whether a header says that its column holds money, in the languages of the people who write such files."""

import re
import unicodedata

from blnk_api.currencies import name_of

_LONGEST = 100
_OTHER_LETTERS = str.maketrans("ıøłđ", "iold")
_WORDS = re.compile(r"[^\W_]+")
_HUMPS = re.compile(r"(?<=[a-z])(?=[A-Z])")


def _folded(text: str) -> str:
    """Without case, accents and dots."""
    letters = unicodedata.normalize("NFKD", text).casefold().translate(_OTHER_LETTERS)
    return "".join(one for one in letters if not unicodedata.combining(one))


_AMOUNTS = frozenset(
    _folded(
        "balance balances bal amount amounts amt debit debits credit credits "
        "solde soldes montant montants saldo saldi importe importes monto montos importo importi "
        "débito débitos crédito créditos debe haber dare avere deposit deposits дебет кредит "
        "kwota bakiye bakiyesi tutar tutari betrag beträge guthaben kontostand kontostände endstand "
        "anfangsstand anfangsbestand endbestand vortrag saldovortrag salden soll haben eröffnungswert "
        "eröffnungsbilanz bedrag belopp beløb beløp summa zůstatek zostatok částka čiastka egyenleg "
        "összeg sold sumă stanje iznos bilans υπόλοιπο ποσό остаток сальдо сумма баланс залишок сума "
        "رصيد الرصيد مبلغ المبلغ יתרה יתרת סכום"
    ).split()
)
_SIDES = frozenset({"debit", "debits", "credit", "credits"})
"""A "debit account" is none of the amounts that are called so."""
_COMPOUNDS = ("balance", "saldo", "saldovortrag", "betrag", "guthaben", "balans", "egyenleg", "bedrag")
_BESIDE_AN_AMOUNT = frozenset(
    _folded(
        "total opening initial starting start beginning begin current closing close ending end final "
        "previous prior old new available account acct book net gross ledger due outstanding forward brought "
        "carried b c f d bf cf bd cd dr cr cents cent minor major unit units thousand thousands million "
        "millions k m local base reporting transaction in of as at on the per to and or "
        "jan feb mar apr may jun jul aug sep sept oct nov dec january february march april june july august "
        "september october november december ytd fy q1 q2 q3 q4 "
        "lc tc fc dc gc hauswährung belegwährung fremdwährung buchungswährung "
        "d de des der du per am zum vom im den "
        "initiale initiaux initiales ouverture départ début fin clôture actuel actuelle comptable ht ttc "
        "disponible précédent nouveau reporté créditeur débiteur au "
        "inicial iniciales iniziale apertura abertura finale actual atual anterior contable contábil "
        "contabile disponível di del della da do cierre al r "
        "w tl rs otwarcia zamknięcia początkowe początkowy końcowe końcowy na dzień "
        "aktueller aktuell alter neuer verfügbarer offener offen eröffnung eröffnungs anfangs schluss "
        "ingående utgående inngående utgående indgående aktuellt alku loppu "
        "počáteční počiatočný konečný nyitó záró "
        "açılış kapanış başlangıç dönem başı sonu güncel hesap "
        "начальный начальное начальная входящий входящее исходящий исходящее текущий текущее конечный начало "
        "конец периода на "
        "αρχικό τελικό "
        "الافتتاحي افتتاحي الحالي פתיחה סגירה"
    ).split()
)
_AT_THE_END = tuple(map(_folded, ("余额", "餘額", "残高", "金额", "金額", "잔액", "금액", "잔고")))


def names_an_amount(header: str) -> bool:
    """In more words too: "Opening balance (USD)", "Saldo 31.12.2025", "openingBalanceCents". A new balance
    holds no money, whatever the column says."""
    if len(header) > _LONGEST:
        return False
    words = _WORDS.findall(_folded(_HUMPS.sub(" ", header)))
    if any(word.endswith(_AT_THE_END) for word in words):
        return True
    amounts = {word for word in words if word in _AMOUNTS or word.endswith(_COMPOUNDS)}
    if amounts <= _SIDES and not {"account", "acct"}.isdisjoint(words):
        return False
    return bool(amounts) and all(map(_is_beside, words))


def _is_beside(word: str) -> bool:
    return (
        word in _AMOUNTS
        or word in _BESIDE_AN_AMOUNT
        or word.endswith(_COMPOUNDS)
        or word.isdecimal()
        or name_of(word.upper()) is not None
    )
