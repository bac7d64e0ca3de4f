"""Whether a draft can be changed at this moment, and how a change restarts its check."""

from collections.abc import Sequence
from typing import Unpack

from sqlalchemy import Connection

from blnk_api.access.actors import Actor
from blnk_api.access.acts import Act
from blnk_api.store import import_changes, imports
from blnk_api.store.import_changes import Facts
from blnk_api.store.imports import Import
from blnk_api.store.states import ImportState, Stage


class NotRepairable(Exception):
    """Nothing was changed. The text says why."""


def open_draft(tx: Connection, id: str, *, who: Actor, also: Sequence[Stage] = ()) -> Import:
    """Returns the draft if it can be changed in its stage, or one in `also`. Raises NotRepairable and
    NotAllowed."""
    import_ = imports.find(tx, id)
    if import_ is None:
        raise NotRepairable("This import no longer exists.")
    who.require(Act.CHANGE_DRAFT, import_.instance)
    if import_.state is not ImportState.DRAFT:
        raise NotRepairable("This import was confirmed or discarded in the meantime, so nothing was changed.")
    if import_.stage is Stage.UNREADABLE and Stage.UNREADABLE not in also:
        raise NotRepairable("The file could not be read, so there is nothing to change.")
    return import_


def check_again(tx: Connection, import_: Import, **facts: Unpack[Facts]) -> None:
    """Gives the draft a new version, and restarts its check. Rows that were all looked up already are kept,
    and only those that change are looked up again."""
    if import_.stage is Stage.CHECKED:
        facts.setdefault("look_again", [])
    facts |= {"stage": Stage.CHECKING, "version": import_.version + 1, "problem": None}
    import_changes.set_facts(tx, import_.number, **facts)
