"""Imports in the store: made, found, listed, and moved by people."""

import secrets
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, NamedTuple, TypedDict, Unpack

import orjson
from sqlalchemy import Connection, Row, Select, bindparam, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from blnk_api.common.actors import SENDER, Who
from blnk_api.facts.file_shape import FileShape, ReadOptions
from blnk_api.facts.findings import Findings
from blnk_api.facts.mapping import ColumnUse, Mapping
from blnk_api.facts.stored import Stored
from blnk_api.facts.totals import Accepted, Totals
from blnk_api.settings import Instance
from blnk_api.store import tables
from blnk_api.store.events import EventKind, Particulars, note
from blnk_api.store.states import BEING_CHECKED, SETTLED, TO_SEND, ImportState, PausedBy, RowState, Stage
from blnk_api.store.tables import imports, instances
from blnk_api.store.transitions import counts_of, move_import


class Kept(NamedTuple):
    """The columns of an import that hold JSON."""

    options: str
    shape: str | None
    mapping: str | None
    totals: str
    findings: str | None
    accepted: str


class Facts(TypedDict, total=False):
    """What is known of an import beside its state, by the names of its columns."""

    file_name: str
    file_path: str
    file_sha256: str
    file_bytes: int
    state: ImportState
    stage: Stage
    stage_progress: int
    problem: str | None
    version: int
    ramp: int
    created_from: str
    purged_at: float
    look_again: list[int] | None
    options: ReadOptions
    shape: FileShape | None
    mapping: Mapping | None
    totals: Totals
    findings: Findings
    accepted: Accepted


def _as_columns(facts: Facts) -> dict[str, object]:
    """Facts as they stand in the database."""
    return {name: _as_column(value) for name, value in facts.items()}


def _as_column(value: object) -> object:
    if isinstance(value, Stored):
        return value.stored()
    return orjson.dumps(value).decode() if isinstance(value, list) else value


@dataclass(frozen=True)
class Import:
    """One import as it stands; `counts` are rows by state."""

    number: int
    id: str
    kind: str
    instance: Instance
    instance_number: int
    connection: str
    file_name: str
    file_path: str | None
    file_sha256: str | None
    who: str
    created_at: float
    state: ImportState
    stage: Stage | None
    stage_progress: int
    problem: str | None
    version: int
    confirmed_by: str | None
    confirmed_at: float | None
    paused_by: PausedBy | None
    paused_reason: str | None
    created_from: str | None
    ramp: int
    has_sent: bool
    finished_at: float | None
    look_again: list[int] | None
    """The rows that repairs changed since all were looked up; None: all are to be looked up."""
    purged_at: float | None
    counts: dict[RowState, int]
    kept: Kept = field(repr=False)
    """What else is known of it, as JSON: each is parsed when it is asked for, since a list of imports and
    the sender's look at what there is to do ask for next to nothing of it."""

    @cached_property
    def options(self) -> ReadOptions:
        """How a person wants the file to be read."""
        return ReadOptions.model_validate_json(self.kept.options)

    @cached_property
    def shape(self) -> FileShape | None:
        """How the file is read; None before it was looked at."""
        return FileShape.model_validate_json(self.kept.shape) if self.kept.shape else None

    @cached_property
    def mapping(self) -> Mapping | None:
        """What its columns are for; None for the form, and before a file was looked at."""
        return Mapping.model_validate_json(self.kept.mapping) if self.kept.mapping else None

    @cached_property
    def totals(self) -> Totals:
        """What its check came to."""
        return Totals.model_validate_json(self.kept.totals)

    @cached_property
    def findings(self) -> Findings | None:
        """What the last comparison with Blnk came to; None where there was none."""
        return Findings.model_validate_json(self.kept.findings) if self.kept.findings else None

    @cached_property
    def accepted(self) -> Accepted:
        """What a person took in for the whole file."""
        return Accepted.model_validate_json(self.kept.accepted)

    @property
    def settled(self) -> int:
        """Rows of which Blnk has said what becomes of them, of those `to_send`."""
        return sum(self.counts.get(one, 0) for one in SETTLED)

    @property
    def to_send(self) -> int:
        """Rows that are to be sent, or were."""
        return sum(self.counts.get(one, 0) for one in TO_SEND)

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


def new_id() -> str:
    """An import's id: it stands in links, so it cannot be guessed."""
    return f"imp_{secrets.token_hex(10)}"


def instance_number(tx: Connection, instance: Instance) -> int:
    """The number of an instance in this store; made on first use."""
    facts = {
        "base_url": instance.base_url,
        "instance_id": instance.instance_id,
        "environment": instance.environment,
    }
    dialect = postgresql if tx.dialect.name == "postgresql" else sqlite
    tx.execute(dialect.insert(instances).values(**facts).on_conflict_do_nothing())
    number: int = tx.execute(
        select(instances.c.id).where(*(instances.c[key] == value for key, value in facts.items()))
    ).scalar_one()
    return number


def create(
    tx: Connection,
    id: str,
    *,
    kind: Literal["file", "form"],
    instance: Instance,
    connection: str,
    who: str,
    **facts: Unpack[Facts],
) -> bool:
    """Makes a draft; whether it was made now. The id is its maker's, so that doing it twice makes one."""
    values = {
        **{"id": id, "kind": kind, "instance": instance_number(tx, instance), "connection": connection},
        **{"who": who, "created_at": time.time(), "state": ImportState.DRAFT, "stage": Stage.UPLOADED},
        **_as_columns(facts),
    }
    dialect = postgresql if tx.dialect.name == "postgresql" else sqlite
    made = tx.execute(
        dialect.insert(imports).values(values).on_conflict_do_nothing().returning(imports.c.number)
    ).scalar()
    if made is None:
        return False
    note(tx, made, who=who, what=EventKind.UPLOADED if kind == "file" else EventKind.ASKED_FOR)
    return True


_ALL = select(imports, instances.c.base_url, instances.c.instance_id, instances.c.environment).join(
    instances, imports.c.instance == instances.c.id
)


def find(tx: Connection, id: str) -> Import | None:
    return _one(tx, _ALL.where(imports.c.id == id))


def by_number(tx: Connection, number: int) -> Import:
    found = _one(tx, _ALL.where(imports.c.number == number))
    if found is None:
        raise LookupError(f"no import has number {number}")
    return found


def newest(tx: Connection, *, before: int | None = None, limit: int = 50) -> list[Import]:
    """Imports, newest first; `before` is the number of the last one seen."""
    query = _ALL.order_by(imports.c.number.desc()).limit(limit)
    if before is not None:
        query = query.where(imports.c.number < before)
    return [_import(tx, one) for one in tx.execute(query)]


_IN_STATES = _ALL.where(imports.c.state.in_(bindparam("states", expanding=True))).order_by(imports.c.number)
_BEING_CHECKED = _ALL.where(
    imports.c.state == ImportState.DRAFT, imports.c.stage.in_(BEING_CHECKED)
).order_by(imports.c.number)
"""Built once: the sender asks for both several times a second, for as long as it runs."""


def in_states(tx: Connection, states: Sequence[ImportState]) -> list[Import]:
    """Imports in one of these states, oldest first."""
    return [_import(tx, one) for one in tx.execute(_IN_STATES, {"states": states})]


def being_checked(tx: Connection) -> list[Import]:
    """Drafts on their way to being checked, oldest first; those that wait for somebody are left alone."""
    return [_import(tx, one) for one in tx.execute(_BEING_CHECKED)]


def drafts_among(tx: Connection, ids: Collection[str]) -> set[str]:
    """Which of these ids are drafts still."""
    query = select(imports.c.id).where(imports.c.id.in_(ids), imports.c.state == ImportState.DRAFT)
    return {one.id for one in tx.execute(query)}


_RECENT = 500


def with_refs(tx: Connection, instance: int, refs: Sequence[str]) -> Import | None:
    """The newest of an instance's recent files that has a row with one of these refs."""
    recent = (
        select(imports.c.number)
        .where(imports.c.instance == instance, imports.c.kind == "file")
        .order_by(imports.c.number.desc())
        .limit(_RECENT)
    )
    holds = select(tables.rows.c.id).where(
        tables.rows.c.import_ == imports.c.number, tables.rows.c.ref.in_(refs)
    )
    return _one(
        tx,
        _ALL.where(imports.c.number.in_(recent), holds.exists()).order_by(imports.c.number.desc()).limit(1),
    )


def of_same_file(tx: Connection, draft: Import) -> list[Import]:
    """Confirmed imports of a draft's very bytes into its instance, newest first."""
    if draft.file_sha256 is None:
        return []
    query = _ALL.where(
        imports.c.file_sha256 == draft.file_sha256,
        imports.c.instance == draft.instance_number,
        imports.c.confirmed_at.is_not(None),
        imports.c.number != draft.number,
    )
    return [_import(tx, one) for one in tx.execute(query.order_by(imports.c.number.desc()))]


# Any: a row of all columns of two tables, which only `_import` takes apart.
def _one(tx: Connection, query: Select[Any]) -> Import | None:
    found = tx.execute(query).first()
    return None if found is None else _import(tx, found)


def _import(tx: Connection, one: Row[Any]) -> Import:
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
        who=one.who,
        created_at=one.created_at,
        state=ImportState(one.state),
        stage=Stage(one.stage) if one.stage else None,
        stage_progress=one.stage_progress,
        problem=one.problem,
        version=one.version,
        confirmed_by=one.confirmed_by,
        confirmed_at=one.confirmed_at,
        paused_by=PausedBy(one.paused_by) if one.paused_by else None,
        paused_reason=one.paused_reason,
        created_from=one.created_from,
        ramp=one.ramp,
        has_sent=one.has_sent,
        finished_at=one.finished_at,
        look_again=None if one.look_again is None else orjson.loads(one.look_again),
        purged_at=one.purged_at,
        counts=counts_of(tx, one.number),
        kept=Kept(one.options, one.shape, one.mapping, one.totals, one.findings, one.accepted),
    )


def set_facts(tx: Connection, number: int, /, **facts: Unpack[Facts]) -> None:
    """Sets columns that are no state: progress, what was detected, totals."""
    tx.execute(update(imports).where(imports.c.number == number).values(**_as_columns(facts)))


def move_stage(
    tx: Connection, number: int, *, from_: Sequence[Stage], to: Stage, **facts: Unpack[Facts]
) -> bool:
    """Whether a draft went on to this stage from one of those."""
    moved = tx.execute(
        update(imports)
        .where(
            imports.c.number == number,
            imports.c.state == ImportState.DRAFT,
            imports.c.stage.in_(list(from_)),
        )
        .values(stage=to, **_as_columns(facts))
    )
    return moved.rowcount == 1


def confirm(
    tx: Connection, import_: Import, *, who: str, version: int, unchecked: Sequence[str] = ()
) -> bool:
    """Hands a checked draft to the sender. False when it is not the draft that was shown any more.

    `unchecked`: what could not be checked, for the record.
    """
    if import_.stage is not Stage.CHECKED:
        return False
    moved = move_import(
        tx,
        import_.number,
        from_=[ImportState.DRAFT],
        to=ImportState.QUEUED,
        version=version,
        confirmed_by=who,
        confirmed_at=time.time(),
    )
    if moved:
        detail = Particulars(version=version, unchecked=tuple(unchecked))
        note(tx, import_.number, who=who, what=EventKind.CONFIRMED, detail=detail)
    return moved


def pause(tx: Connection, number: int, *, by: PausedBy, who: Who, reason: str) -> bool:
    """Stops claiming. A person's pause replaces an automatic one, never the other way round."""
    going = [ImportState.QUEUED, ImportState.RUNNING]
    moved = move_import(tx, number, from_=going, to=ImportState.PAUSED, paused_by=by, paused_reason=reason)
    if not moved and by is PausedBy.PERSON:
        taken_over = tx.execute(
            update(imports)
            .where(
                imports.c.number == number,
                imports.c.state == ImportState.PAUSED,
                imports.c.paused_by != PausedBy.PERSON,
            )
            .values(paused_by=by, paused_reason=reason)
        )
        moved = taken_over.rowcount == 1
    if moved:
        note(tx, number, who=who, what=EventKind.PAUSED, detail=Particulars(by=by, reason=reason))
    return moved


def resume(tx: Connection, number: int, *, who: Who, only: PausedBy | None = None) -> bool:
    """Lets a paused import go on; with `only`, if that is still the author of its pause."""
    if only is not None:
        author = tx.execute(select(imports.c.paused_by).where(imports.c.number == number)).scalar()
        if author != only:
            return False
    moved = move_import(
        tx,
        number,
        from_=[ImportState.PAUSED],
        to=ImportState.RUNNING,
        paused_by=None,
        paused_reason=None,
    )
    if moved:
        note(tx, number, who=who, what=EventKind.RESUMED)
    return moved


def strays(tx: Connection, instances: Collection[Instance]) -> list[Import]:
    """Imports that would go on, and whose instance no connection means today."""
    live = in_states(tx, [ImportState.QUEUED, ImportState.RUNNING])
    return [import_ for import_ in live if import_.instance not in instances]


def pause_strays(tx: Connection, instances: Collection[Instance]) -> None:
    """They stop and say so: an import never slips into another instance."""
    for import_ in strays(tx, instances):
        reason = (
            f"No connection means {import_.instance.base_url}, instance {import_.instance.instance_id} "
            f"({import_.instance.environment}) any more. Nothing is sent until one does again."
        )
        pause(tx, import_.number, by=PausedBy.CONNECTION, who=SENDER, reason=reason)


def open_drafts(tx: Connection) -> int:
    """Files whose drafts wait to be confirmed or discarded."""
    mine = (imports.c.state == ImportState.DRAFT, imports.c.kind == "file")
    return tx.execute(select(func.count()).select_from(imports).where(*mine)).scalar_one()


def untouched_drafts(tx: Connection, before: float) -> list[int]:
    """Drafts that were made before this moment (wall time) and in which nobody has done anything since."""
    touched = select(tables.events.c.id).where(
        tables.events.c.import_ == imports.c.number, tables.events.c.at >= before
    )
    old = (imports.c.state == ImportState.DRAFT, imports.c.created_at < before, ~touched.exists())
    return [one.number for one in tx.execute(select(imports.c.number).where(*old))]


def cancelled_before(tx: Connection, ids: Sequence[str], before: float) -> list[str]:
    """Which of these were cancelled before this moment (wall time)."""
    over = (imports.c.state == ImportState.CANCELLED, imports.c.finished_at < before)
    return [one.id for one in tx.execute(select(imports.c.id).where(imports.c.id.in_(ids), *over))]


def cancel(tx: Connection, number: int, *, who: Who) -> bool:
    """No row is claimed any more; rows that may have left a balance are still looked up."""
    moved = move_import(
        tx,
        number,
        from_=[ImportState.DRAFT, ImportState.QUEUED, ImportState.RUNNING, ImportState.PAUSED],
        to=ImportState.CANCELLED,
        finished_at=time.time(),
        paused_by=None,
        paused_reason=None,
    )
    if moved:
        note(tx, number, who=who, what=EventKind.CANCELLED)
    return moved
