"""Imports in the store: finding and listing them."""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import orjson
from sqlalchemy import Connection, bindparam, func, select

from blnk_api.access.actors import Actor
from blnk_api.facts.file_shape import FileShape, ReadOptions
from blnk_api.facts.findings import Findings
from blnk_api.facts.mapping import ColumnUse, Mapping
from blnk_api.facts.totals import Accepted, Totals
from blnk_api.settings import Instance
from blnk_api.store.people import stored_actor
from blnk_api.store.states import (
    BEING_CHECKED,
    NEEDS_YOU,
    SETTLED,
    STATUSES,
    TO_SEND,
    WORDS,
    ImportState,
    PausedBy,
    RowState,
    Stage,
)
from blnk_api.store.tables import imports, instances, rows
from blnk_api.store.tables.base import AnyQuery, AnyRow
from blnk_api.store.transitions import counts_of


class JsonColumns(NamedTuple):
    """The columns of an import that contain JSON."""

    options: str
    shape: str | None
    mapping: str | None
    totals: str
    findings: str | None
    accepted: str


@dataclass(frozen=True)
class Import:
    """One import. `counts` are rows by state."""

    number: int
    id: str
    kind: str
    instance: Instance
    instance_number: int
    connection: str
    file_name: str
    file_path: str | None
    file_sha256: str | None
    who: Actor
    created_at: float
    state: ImportState
    stage: Stage | None
    stage_progress: int
    problem: str | None
    version: int
    confirmed_by: Actor | None
    confirmed_at: float | None
    paused_by: PausedBy | None
    paused_reason: str | None
    created_from: str | None
    ramp: int
    has_sent: bool
    finished_at: float | None
    look_again: list[int] | None
    """The rows that were edited since all were looked up, or None if all must be looked up."""
    purged_at: float | None
    counts: dict[RowState, int]
    json: JsonColumns = field(repr=False)
    """Everything else that is known, as JSON. Each part is parsed on use, because a list of imports and the
    sender's search for work need almost none of it."""
    waiting_for_person: int = 0
    """Rows in doubt that no look-up will settle: a person must decide about them."""
    fixes: int | None = None
    """The number of the import whose rows it fixes, or None for an import of its own file."""
    file_bytes: int | None = None
    needs_approval: bool = False
    """A second person's approval was asked for it: see `approvals.need`."""
    check_token: str | None = None
    """Of the check that reads its file, or did so last."""

    @cached_property
    def options(self) -> ReadOptions:
        """A person's choices for reading the file."""
        return ReadOptions.model_validate_json(self.json.options)

    @cached_property
    def shape(self) -> FileShape | None:
        """How the file is read, or None before it was examined."""
        return FileShape.model_validate_json(self.json.shape) if self.json.shape else None

    @cached_property
    def mapping(self) -> Mapping | None:
        """The mapping of its columns. None for the form, and before a file was examined."""
        return Mapping.model_validate_json(self.json.mapping) if self.json.mapping else None

    @cached_property
    def totals(self) -> Totals:
        """The result of its check."""
        return Totals.model_validate_json(self.json.totals)

    @cached_property
    def findings(self) -> Findings | None:
        """The result of the last comparison with Blnk, or None."""
        return Findings.model_validate_json(self.json.findings) if self.json.findings else None

    @cached_property
    def accepted(self) -> Accepted:
        """What a person accepted for the whole file."""
        return Accepted.model_validate_json(self.json.accepted)

    @property
    def statuses(self) -> dict[str, int]:
        """The number of rows by status word, in order. Statuses without rows are zero."""
        found = {word: self.counts.get(state, 0) for state, word in WORDS.items()}
        found[NEEDS_YOU] = self.waiting_for_person
        found[WORDS[RowState.UNKNOWN]] -= self.waiting_for_person
        return {word: found[word] for word in STATUSES}

    @property
    def settled(self) -> int:
        """How many of the rows `to_send` have a final answer from Blnk."""
        return sum(self.counts.get(one, 0) for one in SETTLED)

    @property
    def to_send(self) -> int:
        """How many rows will be sent, or were."""
        return sum(self.counts.get(one, 0) for one in TO_SEND)

    @property
    def asked_for(self) -> int:
        """How many balances were or will be requested from Blnk, not counting those that already exist."""
        return self.to_send - self.counts.get(RowState.EXISTS, 0)

    @property
    def headers(self) -> list[str]:
        return [] if self.shape is None else self.shape.headers

    @property
    def columns(self) -> tuple[ColumnUse, ...]:
        return () if self.mapping is None else self.mapping.columns

    @property
    def is_over(self) -> bool:
        return self.state in (ImportState.DONE, ImportState.CANCELLED)

    @property
    def row_count(self) -> int:
        return sum(self.counts.values())


def _waiting(tx: Connection, number: int) -> int:
    found: int = tx.execute(
        select(func.count()).where(
            rows.c.import_ == number, rows.c.state == RowState.UNKNOWN, rows.c.waits_for_person.is_(True)
        )
    ).scalar_one()
    return found


def new_id() -> str:
    """An import's id. It is part of links, so it must be impossible to guess."""
    return f"imp_{secrets.token_hex(10)}"


ALL = select(imports, instances.c.base_url, instances.c.instance_id, instances.c.environment).join(
    instances, imports.c.instance == instances.c.id
)
"""Imports with their instances, for `import_of`."""


def find(tx: Connection, id: str) -> Import | None:
    return first_of(tx, ALL.where(imports.c.id == id))


def hold(tx: Connection, id: str) -> None:
    """Locks this import until the transaction ends. On SQLite, every write locks all of them."""
    tx.execute(select(imports.c.number).where(imports.c.id == id).with_for_update())


def by_number(tx: Connection, number: int) -> Import:
    found = first_of(tx, ALL.where(imports.c.number == number))
    if found is None:
        raise LookupError(f"no import has number {number}")
    return found


def newest(tx: Connection, *, before: int | None = None, limit: int = 50) -> list[Import]:
    """Imports, newest first. `before` is the number of the last one seen."""
    query = ALL.order_by(imports.c.number.desc()).limit(limit)
    if before is not None:
        query = query.where(imports.c.number < before)
    return [import_of(tx, one) for one in tx.execute(query)]


_IN_STATES = ALL.where(imports.c.state.in_(bindparam("states", expanding=True))).order_by(imports.c.number)
_BEING_CHECKED = ALL.where(imports.c.state == ImportState.DRAFT, imports.c.stage.in_(BEING_CHECKED)).order_by(
    imports.c.number
)
"""Built once: the sender needs both several times a second."""


def in_states(tx: Connection, states: Sequence[ImportState]) -> list[Import]:
    """Imports in one of these states, oldest first."""
    return [import_of(tx, one) for one in tx.execute(_IN_STATES, {"states": states})]


def being_checked(tx: Connection) -> list[Import]:
    """Drafts that are being checked, oldest first, without those that wait for a person."""
    return [import_of(tx, one) for one in tx.execute(_BEING_CHECKED)]


def drafts_among(tx: Connection, ids: Collection[str]) -> set[str]:
    """Which of these ids are still drafts."""
    query = select(imports.c.id).where(imports.c.id.in_(ids), imports.c.state == ImportState.DRAFT)
    return {one.id for one in tx.execute(query)}


# Any: a row with all columns of two tables, which only `import_of` reads.
def first_of(tx: Connection, query: AnyQuery) -> Import | None:
    """The first import of a query of `ALL`."""
    found = tx.execute(query).first()
    return None if found is None else import_of(tx, found)


def import_of(tx: Connection, one: AnyRow) -> Import:
    """`one` is a row of `ALL`."""
    return Import(
        number=one.number,
        id=one.id,
        kind=one.kind,
        instance=Instance(one.base_url, one.instance_id, one.environment),
        instance_number=one.instance,
        connection=one.connection,
        file_name=one.file_name,
        file_path=one.file_path,
        file_sha256=one.file_sha256,
        file_bytes=one.file_bytes,
        who=stored_actor.read(one),
        created_at=one.created_at,
        state=ImportState(one.state),
        stage=Stage(one.stage) if one.stage else None,
        stage_progress=one.stage_progress,
        problem=one.problem,
        version=one.version,
        confirmed_by=stored_actor.read_if_any(one, "confirmed_by"),
        confirmed_at=one.confirmed_at,
        paused_by=PausedBy(one.paused_by) if one.paused_by else None,
        paused_reason=one.paused_reason,
        created_from=one.created_from,
        ramp=one.ramp,
        has_sent=one.has_sent,
        finished_at=one.finished_at,
        look_again=None if one.look_again is None else orjson.loads(one.look_again),
        purged_at=one.purged_at,
        fixes=one.fixes,
        needs_approval=one.needs_approval,
        check_token=one.check_token,
        counts=(counted := counts_of(tx, one.number)),
        # Rows may move between the two reads: limit the part to the whole.
        waiting_for_person=min(unknown, _waiting(tx, one.number))
        if (unknown := counted.get(RowState.UNKNOWN, 0))
        else 0,
        json=JsonColumns(one.options, one.shape, one.mapping, one.totals, one.findings, one.accepted),
    )
