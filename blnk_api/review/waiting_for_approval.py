"""Which imports are waiting for a person's approval."""

from sqlalchemy import Connection

from blnk_api.access.actors import Actor
from blnk_api.review.approving import why_not
from blnk_api.settings import Instance
from blnk_api.store import imports
from blnk_api.store.approvals import requests
from blnk_api.store.imports import Import
from blnk_api.store.states import ImportState


def whom(tx: Connection, instance: Instance, who: Actor) -> list[Import]:
    """The imports of an instance, newest first, that this person had no part in preparing. Whether they have
    the role is checked when they approve."""
    found = []
    for import_ in reversed(imports.in_states(tx, [ImportState.WAITING])):
        request = requests.last(tx, import_.number) if import_.instance == instance else None
        if request is not None and not why_not(tx, import_, request, who):
            found.append(import_)
    return found
