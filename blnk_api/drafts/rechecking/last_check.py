"""What the last check of the whole file knew, and whether it is recent enough to judge a fix.

It knows all ledgers (up to a thousand), and the customers that the file named. A value that was not looked up
yet is looked up alone, and added.
"""

import difflib
import time
from collections.abc import Collection, Iterable, Iterator

from sqlalchemy import Connection

from blnk_api import __version__
from blnk_api.common.invisible_characters import bare
from blnk_api.common.name_matching import fold
from blnk_api.drafts.checking import Known, Wanted
from blnk_api.drafts.rechecking.whole_check_needed import NotSure
from blnk_api.drafts.reference_data import MOST_LEDGERS_FOR_PROPOSALS
from blnk_api.facts.file_shape import Record
from blnk_api.facts.mapping import Mapping, Use
from blnk_api.facts.stored import Stored
from blnk_api.settings import Connection as BlnkConnection
from blnk_api.store.checking import found_in_blnk

MOST_CUSTOMERS = 20_000
"""More are not stored. From this number on, a misspelled customer gets no suggestion either."""
_FRESH_SECONDS = 600.0
"""Later, Blnk may have changed, and rows besides the fixed one may have become valid."""
_MOST_COMPARED = 10_000
"""The most names to compare with wrong values. Each pair takes some microseconds."""
_MOST_CURRENCIES = 50
"""The most different currency texts. Finding a suggestion for a wrong one takes a millisecond."""
_AS_CLOSE_AS_SUGGESTED = 0.7
"""Slightly lower than the similarity required for a "did you mean"."""


class LastCheck(Stored):
    """`checked_by`: what else its result depends on."""

    known: Known
    knows_customers: bool
    checked_by: str

    def stored(self) -> str:
        return self.model_dump_json()


def _checked_by(connection: BlnkConnection) -> str:
    return " ".join([__version__, *sorted(connection.custom_currencies)])


def keep(tx: Connection, import_: int, known: Known, connection: BlnkConnection) -> None:
    """Stores what the check of a whole file knew."""
    if not known.readable:
        found_in_blnk.forget(tx, import_)
        return
    knows_customers = len(known.identities) < MOST_CUSTOMERS
    last = LastCheck(known=known, knows_customers=knows_customers, checked_by=_checked_by(connection))
    found_in_blnk.keep(tx, import_, _with(last, known))


def add(tx: Connection, import_: int, last: LastCheck, known: Known) -> None:
    """Adds what was looked up since. That does not make the older knowledge more recent."""
    found_in_blnk.add(tx, import_, _with(last, known))


def _with(last: LastCheck, known: Known) -> str:
    if not last.knows_customers:
        known = known.model_copy(update={"identities": {}, "identity_names": {}})
    return last.model_copy(update={"known": known}).stored()


def of(tx: Connection, import_: int, connection: BlnkConnection) -> LastCheck:
    """Raises NotSure if there is none, or it is too old."""
    kept = found_in_blnk.of(tx, import_)
    if kept is None or not 0 <= time.time() - kept.at < _FRESH_SECONDS:
        raise NotSure
    found = LastCheck.model_validate_json(kept.known)
    if found.checked_by != _checked_by(connection):
        raise NotSure
    if len(found.known.ledgers) >= MOST_LEDGERS_FOR_PROPOSALS:
        raise NotSure  # which of them are known depends on what other rows name
    return found


def still_to_ask(
    last: LastCheck, mapping: Mapping, before: Iterable[Record], after: Iterable[Record]
) -> Wanted:
    """What the records now refer to that was never looked up in Blnk."""
    ledger, identity, indicator = (
        column.position if (column := mapping.column(use)) else None
        for use in (Use.LEDGER, Use.IDENTITY, Use.INDICATOR)
    )
    called = {*last.known.ledgers, *map(fold, last.known.ledgers.values())}
    found = Wanted()
    for old, new in zip(before, after, strict=True):

        def changed(at: int | None, old: Record = old, new: Record = new) -> str:
            return "" if at is None or new.cells[at] == old.cells[at] else bare(new.cells[at])

        if (text := changed(ledger)) and text not in called and fold(text) not in called:
            found.ledgers.add(text)
        if last.knows_customers:
            found.identities.add(changed(identity))
        elif identity is not None:
            found.identities |= {bare(old.cells[identity]), bare(new.cells[identity])}
        if text := changed(indicator):
            found.indicators.add((text, ""))
    found.identities.discard("")
    return found


def with_answers(last: LastCheck, asked: Wanted, answer: Known) -> Known:
    """Everything that is known now. Raises NotSure if Blnk has changed."""
    known = last.known
    if not answer.readable or (asked.ledgers and answer.ledgers != known.ledgers):
        raise NotSure
    if any(known.identities.get(id, name) != name for id, name in answer.identities.items()):
        raise NotSure
    if known.tokenized and answer.tokenized and known.tokenized != answer.tokenized:
        raise NotSure
    names = {text: list(ids) for text, ids in known.identity_names.items()}
    for text, ids in answer.identity_names.items():
        listed = names.setdefault(text, [])
        listed += [id for id in ids if id not in listed]
    return known.model_copy(
        update={
            "identities": {**known.identities, **answer.identities},
            "identity_names": names,
            "tokenized": answer.tokenized or known.tokenized,
            "indicators": {**known.indicators, **answer.indicators},
        }
    )


def refuse_long_search(known: Known, mapping: Mapping, records: Iterable[Record]) -> None:
    """Raises NotSure if suggestions for the wrong values of these records would need a search among very many
    names, because nobody else could write meanwhile."""
    some = list(records)

    def texts(use: Use) -> set[str]:
        column = mapping.column(use)
        return set() if column is None else {bare(record.cells[column.position]) for record in some}

    if len(texts(Use.CURRENCY)) > _MOST_CURRENCIES:
        raise NotSure
    for wanted, ids, names in (
        (texts(Use.LEDGER), known.ledgers, {}),
        (texts(Use.IDENTITY), known.identities, known.identity_names),
    ):
        wrong = wanted - {""} - ids.keys() - names.keys() - set(ids.values())
        if len(wrong) * (len(ids) + len(names)) > _MOST_COMPARED:
            raise NotSure


def of_customers(known: Known, mapping: Mapping, records: Iterable[Record]) -> Known:
    """The known facts without the customers that these records do not name: preparing a search of twenty
    thousand names takes a fifth of a second. Returns all if one is misspelled and may mean any of them."""
    column = mapping.column(Use.IDENTITY)
    texts = set() if column is None else {bare(record.cells[column.position]) for record in records} - {""}
    called: dict[str, set[str]] = {text: set(known.identity_names.get(text, ())) for text in texts}
    for id, name in known.identities.items():
        for text in (id, name):
            if text in texts:
                called[text].add(id)
    if not all(called.values()):
        return known
    ids = set().union(*called.values())
    return known.model_copy(
        update={
            "identities": {id: known.identities[id] for id in ids if id in known.identities},
            "identity_names": {
                text: known.identity_names[text] for text in texts if text in known.identity_names
            },
        }
    )


def refuse_other_suggestions(unknown: Collection[str | None], named: Collection[str], known: Known) -> None:
    """A customer may be suggested because another row names a similar one. Raises NotSure if a customer that
    a fix names, or no longer names, may be the suggestion for one of the `unknown`.

    `named` are the old and new texts of the changed cells.
    """
    if not (unknown and named):
        return
    if None in unknown:
        raise NotSure
    folded = [fold(text) for text in unknown if text is not None]
    for name in set(_called(named, known)):
        if difflib.get_close_matches(name, folded, n=1, cutoff=_AS_CLOSE_AS_SUGGESTED):
            raise NotSure


def _called(named: Collection[str], known: Known) -> Iterator[str]:
    """All ids and names of the customers that these texts refer to."""
    folds = {fold(text) for text in named}
    ids = {id for id in named if id in known.identities}
    for name, those in known.identity_names.items():
        if fold(name) in folds:
            ids.update(those)
    ids.update(id for id, name in known.identities.items() if fold(name) in folds)
    for id in ids:
        yield id
        yield fold(known.identities.get(id, ""))
    yield from (fold(name) for name, those in known.identity_names.items() if ids & set(those))
