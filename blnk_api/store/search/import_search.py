"""Finds imports by what a person remembers of them: newest first, paged by key, fast at any size."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, exists, func, or_, select

from blnk_api.common.row_key_hash import own_key
from blnk_api.facts.totals import Totals
from blnk_api.settings import Instance
from blnk_api.store import imports as all_imports
from blnk_api.store.imports import Import
from blnk_api.store.rows import StoredRow, by_id
from blnk_api.store.search.balance_origins import makers_of
from blnk_api.store.states import ImportState, RowState
from blnk_api.store.tables import counts, imports, instances, rows

_BALANCE_IDS = "bln_"
_MOST_WORDS = 8


@dataclass(frozen=True)
class Search:
    """Search conditions, which must all match. Empty ones match every import."""

    text: str = ""
    """Words in any order and case: from the file's name, or the name of whoever uploaded or confirmed it.
    Or, as a whole, the id of a balance that one of its rows created, a row's reference value, or the
    import's id."""
    file: str = ""
    """Part of the file's name, in any case."""
    who: str = ""
    """Part of the name or email address of whoever uploaded or confirmed it."""
    state: ImportState | None = None
    needs: tuple[RowState, ...] = ()
    """At least one row has one of these states. A row in doubt counts only while it waits for a person."""
    instance: int | None = None
    created_from: float | None = None
    created_before: float | None = None
    """When it was uploaded, in seconds since 1970."""

    @property
    def is_empty(self) -> bool:
        return self == Search()


@dataclass(frozen=True)
class FoundRow:
    """A row that matches a search: it created the balance, or has that reference value."""

    import_: Import
    row: StoredRow
    made_it: bool


def search(
    tx: Connection,
    wanted: Search,
    *,
    before: int | None = None,
    limit: int = 50,
    among: Collection[int] | None = None,
) -> list[Import]:
    """The matching imports, newest first. `before` is the number of the last one seen.

    `among`: numbers of the instances that may be seen, or None for all.
    """
    query = select(imports.c.number).where(*_conditions(tx, wanted))
    if among is not None:
        query = query.where(imports.c.instance.in_(list(among)))
    if before is not None:
        query = query.where(imports.c.number < before)
    numbers = tx.execute(query.order_by(imports.c.number.desc()).limit(limit)).scalars().all()
    return [all_imports.by_number(tx, number) for number in numbers]


def how_many(tx: Connection, wanted: Search, *, among: Collection[int] | None = None) -> int:
    """The number of matching imports. `among` as in `search`."""
    query = select(func.count()).select_from(imports).where(*_conditions(tx, wanted))
    if among is not None:
        query = query.where(imports.c.instance.in_(list(among)))
    found: int = tx.execute(query).scalar_one()
    return found


def states_of(tx: Connection, among: Collection[int]) -> set[ImportState]:
    """The states of these instances' imports."""
    query = select(imports.c.state).where(imports.c.instance.in_(list(among))).distinct()
    return {ImportState(one) for one in tx.execute(query).scalars()}


def rows_meant(
    tx: Connection, text: str, found_imports: Sequence[Import], *, limit: int, among: Collection[int]
) -> list[FoundRow]:
    """The rows that a search text names: by the balance they created, or by their reference value in the
    imports that the search found. `among` as in `search`."""
    text = text.strip()
    found = [FoundRow(one.import_, one.row, made_it=True) for one in makers_of(tx, text, among=among)]
    numbers = [one.number for one in found_imports]
    with_key = select(rows.c.id, rows.c.import_).where(
        rows.c.import_.in_(numbers), rows.c.own_key == own_key(text)
    )
    for one in tx.execute(with_key.order_by(rows.c.id.desc()).limit(limit)).all() if text else ():
        import_ = all_imports.by_number(tx, one.import_)
        found.append(FoundRow(import_, by_id(tx, one.id), made_it=False))
    return found[:limit]


_IMPORTS_FOR_CURRENCIES = 30


def recent_currencies(tx: Connection, instance: Instance, *, limit: int = 5) -> list[str]:
    """The currencies of the last requested balances of an instance, newest first."""
    kept = tx.execute(
        select(imports.c.totals)
        .join(instances, imports.c.instance == instances.c.id)
        .where(
            instances.c.base_url == instance.base_url,
            instances.c.instance_id == instance.instance_id,
            instances.c.environment == instance.environment,
            imports.c.confirmed_at.is_not(None),
        )
        .order_by(imports.c.number.desc())
        .limit(_IMPORTS_FOR_CURRENCIES)
    ).scalars()
    found = (one.currency for totals in kept for one in Totals.model_validate_json(totals).by_ledger)
    return list(dict.fromkeys(found))[:limit]


def _conditions(tx: Connection, wanted: Search) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if text := wanted.text.strip():
        words = and_(*(_has_word(tx, word) for word in text.split()[:_MOST_WORDS]))
        conditions.append(or_(words, _has_own_key(text)) if " " in text else words)
    if file := wanted.file.strip():
        conditions.append(_holds(imports.c.file_name, file))
    if who := wanted.who.strip():
        conditions.append(_is_by(who))
    if wanted.state is not None:
        conditions.append(imports.c.state == wanted.state)
    if wanted.needs:
        conditions.append(_has_row_in(wanted.needs))
    if wanted.instance is not None:
        conditions.append(imports.c.instance == wanted.instance)
    if wanted.created_from is not None:
        conditions.append(imports.c.created_at >= wanted.created_from)
    if wanted.created_before is not None:
        conditions.append(imports.c.created_at < wanted.created_before)
    return conditions


def _is_by(text: str) -> ColumnElement[bool]:
    named = (imports.c.who, imports.c.who_email, imports.c.confirmed_by, imports.c.confirmed_by_email)
    return or_(*(_holds(func.coalesce(column, ""), text) for column in named))


def _has_word(tx: Connection, word: str) -> ColumnElement[bool]:
    has = [
        _holds(imports.c.file_name, word),
        _is_by(word),
        imports.c.id == word,
        _has_own_key(word),
    ]
    if word.startswith(_BALANCE_IDS):
        has.append(imports.c.number.in_([one.import_.number for one in makers_of(tx, word)]))
    return or_(*has)


def _has_own_key(text: str) -> ColumnElement[bool]:
    """One index look-up for each import that matches no other way."""
    mine = exists().where(rows.c.import_ == imports.c.number, rows.c.own_key == own_key(text))
    return mine.correlate(imports)


def _has_row_in(states: Sequence[RowState]) -> ColumnElement[bool]:
    counted = [state for state in states if state is not RowState.UNKNOWN]
    found = exists().where(counts.c.import_ == imports.c.number, counts.c.state.in_(counted), counts.c.n > 0)
    if RowState.UNKNOWN not in states:
        return found
    waits = exists().where(
        rows.c.import_ == imports.c.number,
        rows.c.state == RowState.UNKNOWN,
        rows.c.waits_for_person.is_(True),
    )
    return or_(found, waits)


def _holds(column: ColumnElement[str], text: str) -> ColumnElement[bool]:
    """Databases differ in how they fold the case of non-ASCII letters, so the text is also searched as
    typed."""
    return or_(
        func.lower(column).contains(text.lower(), autoescape=True), column.contains(text, autoescape=True)
    )
