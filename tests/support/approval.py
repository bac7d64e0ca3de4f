"""Imports that a second person has to approve, and the people who do."""

from typing import Any

from blnk_api.review import approving
from blnk_api.store import imports
from blnk_api.store.approvals import new_request, requests
from blnk_api.store.approvals.requests import Request
from blnk_api.store.imports import Import
from blnk_api.store.states import ImportState
from tests.support.actors import signed_in
from tests.support.importer import Importer

ADA = signed_in("Ada", "ada@acme.example")
GRACE = signed_in("Grace", "grace@acme.example")
LIN = signed_in("Lin", "lin@acme.example")
OMAR = signed_in("Omar", "omar@acme.example")

SIGN_IN = """
[sign_in]
url = "http://localhost:8501"
[sign_in.providers.acme]
issuer = "https://id.example"
client_id = "desk"
client_secret = "secret"
[roles]
preparer = ["ada@acme.example", "omar@acme.example"]
approver = ["grace@acme.example", "lin@acme.example"]
"""


def require(importer: Importer, approval: str | int = "always", **keys: Any) -> None:
    """From now on the importer's connection needs approval."""
    importer.connect(more=SIGN_IN, approval=approval, **keys)


def ask(importer: Importer, draft: Import) -> Request:
    """Ada asks for approval of a checked draft, or of the remaining rows of an import."""
    shown = importer.find(draft.id)
    assert new_request.ask(importer.store, shown, who=ADA, rule=importer.connection.approval)
    assert importer.find(draft.id).state is ImportState.WAITING
    return asked(importer, draft)


def asked(importer: Importer, import_: Import) -> Request:
    with importer.store.read() as tx:
        found = requests.last(tx, imports.by_number(tx, import_.number).number)
    assert found is not None
    return found


def approve(importer: Importer, import_: Import) -> None:
    """Grace approves what waits."""
    request = asked(importer, import_)
    assert approving.approve(importer.store, import_, request.id, who=GRACE, typed=str(request.rows))
