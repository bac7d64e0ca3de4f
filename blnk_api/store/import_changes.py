"""Changes of an import besides its state: creating it, setting facts, moving a draft to another stage."""

import time
from collections.abc import Sequence
from typing import Literal, TypedDict, Unpack

import orjson
from sqlalchemy import Connection, update

from blnk_api.access.actors import Actor
from blnk_api.facts.file_shape import FileShape, ReadOptions
from blnk_api.facts.findings import Findings
from blnk_api.facts.mapping import Mapping
from blnk_api.facts.stored import Stored
from blnk_api.facts.totals import Accepted, Totals
from blnk_api.settings import Instance
from blnk_api.store.events import EventKind, note
from blnk_api.store.inserts import insert_or
from blnk_api.store.instance_numbers import number_for
from blnk_api.store.people import stored_actor
from blnk_api.store.states import ImportState, Stage
from blnk_api.store.tables import imports


class Facts(TypedDict, total=False):
    """What is known about an import besides its state, by column name."""

    file_name: str
    file_path: str
    file_sha256: str
    file_bytes: int
    state: ImportState
    stage: Stage
    stage_progress: int
    check_token: str
    problem: str | None
    version: int
    ramp: int
    created_from: str
    purged_at: float
    fixes: int
    needs_approval: bool
    look_again: list[int] | None
    options: ReadOptions
    shape: FileShape | None
    mapping: Mapping | None
    totals: Totals
    findings: Findings
    accepted: Accepted


def _as_columns(facts: Facts) -> dict[str, object]:
    """Facts in the form of the database."""
    return {name: _as_column(value) for name, value in facts.items()}


def _as_column(value: object) -> object:
    if isinstance(value, Stored):
        return value.stored()
    return orjson.dumps(value).decode() if isinstance(value, list) else value


def create(
    tx: Connection,
    id: str,
    *,
    kind: Literal["file", "form"],
    instance: Instance,
    connection: str,
    who: Actor,
    **facts: Unpack[Facts],
) -> bool:
    """Creates a draft. Returns whether this call created it. The caller chooses the id, so that calling it
    twice creates one."""
    values = {
        **{"id": id, "kind": kind, "instance": number_for(tx, instance), "connection": connection},
        **{"created_at": time.time(), "state": ImportState.DRAFT, "stage": Stage.UPLOADED},
        **stored_actor.stored(who),
        **_as_columns(facts),
    }
    made = tx.execute(
        insert_or(tx, imports).values(values).on_conflict_do_nothing().returning(imports.c.number)
    ).scalar()
    if made is None:
        return False
    if "fixes" not in facts:  # otherwise the caller that creates a fix has set it
        note(tx, made, who=who, what=EventKind.UPLOADED if kind == "file" else EventKind.ASKED_FOR)
    return True


def set_facts(tx: Connection, number: int, /, **facts: Unpack[Facts]) -> None:
    """Sets columns that are not states: progress, what was detected, totals."""
    tx.execute(update(imports).where(imports.c.number == number).values(**_as_columns(facts)))


def move_stage(
    tx: Connection, number: int, *, from_: Sequence[Stage], to: Stage, **facts: Unpack[Facts]
) -> bool:
    """Returns whether a draft moved from one of those stages to this one."""
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
