"""Resends a row of an import that a second person approved, which also requires an approver."""

import time

from sqlalchemy import Connection, func, select

from blnk_api.access.actors import Actor, ActorKind
from blnk_api.store.approvals import decisions, requests
from blnk_api.store.approvals.preparers import had_a_hand
from blnk_api.store.imports import Import
from blnk_api.store.tables import rows
from blnk_api.wording.approval import requests as words


def approve_again(tx: Connection, import_: Import, row: int, *, who: Actor) -> str:
    """Returns why this person may not do it, although they have the role, or "" if it was done. Only the
    approved request is sent again: the sender does not claim any other, and says so."""
    if who.kind is not ActorKind.PERSON:
        return words.NOT_SIGNED_IN
    query = select(rows.c.approval, rows.c.approved_body == func.sha256(rows.c.body)).where(rows.c.id == row)
    covering, is_same = tx.execute(query).one()
    request = None if covering is None else requests.by_id(tx, covering)
    if request is None or not request.approved_by or not is_same:
        return ""
    if had_a_hand(tx, import_, request, who):
        return words.HAD_A_HAND
    if not request.holds(time.time()):
        decisions.renew(tx, request, row, who=who)
    return ""
