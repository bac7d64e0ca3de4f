"""Creates drafts from uploaded files, and hands confirmed drafts to the sender.

Nothing here sends. The page chooses the id first, so that doing something twice has the effect of once.
"""

import os
import re
import shutil
from collections.abc import Sequence
from typing import BinaryIO

from blnk_api.access.actors import Actor
from blnk_api.access.acts import Act
from blnk_api.facts.file_shape import ReadOptions
from blnk_api.facts.mapping import Mapping
from blnk_api.facts.totals import Accepted
from blnk_api.settings import Connection, Settings
from blnk_api.store import Store, import_acts, import_changes, imports
from blnk_api.store.approvals import need, new_request
from blnk_api.store.imports import Import
from blnk_api.store.kept_files import UPLOADS, files_of
from blnk_api.store.search import old_drafts
from blnk_api.store.states import ImportState, RowState, Stage

_COPY_BYTES = 1 << 20


class UploadRejected(Exception):
    """An uploaded file was not kept, and no draft was created. The text says why and what to do."""


class NotConfirmed(Exception):
    """Nothing was handed to the sender. The text says why and what to do."""


def upload(
    store: Store,
    settings: Settings,
    *,
    id: str,
    connection: Connection,
    who: Actor,
    file_name: str,
    data: BinaryIO,
    mapping: Mapping | None = None,
    options: ReadOptions | None = None,
    accepted_currencies: Sequence[str] = (),
) -> bool:
    """Keeps the file and creates its draft. Returns whether it was created by this call.

    Raises UploadRejected if there is no room for it on the disk or among the drafts, and OSError or
    SQLAlchemyError if it cannot be written; nothing of it remains then. Without `mapping` and `options`, the
    check detects how to read the file and what the columns are for.
    """
    who.require(Act.UPLOAD, connection.instance)
    with store.read() as tx:
        if imports.find(tx, id) is not None:
            return False
        if old_drafts.open_drafts(tx) >= settings.most_drafts:
            raise UploadRejected(
                f"{settings.most_drafts:,} files are open as drafts, which is the limit. This file was not "
                "kept, and nothing was sent. Discard drafts that are no longer needed under "
                "Imports, then try again."
            )
    if store.is_sqlite:
        _leave_a_reserve(settings, data)
    data.seek(0)
    path = f"{id}/file"
    kept = files_of(store, settings).put(f"{UPLOADS}/{path}", iter(lambda: data.read(_COPY_BYTES), b""))
    with store.write() as tx:
        return import_changes.create(
            tx,
            id,
            kind="file",
            instance=connection.instance,
            connection=connection.name,
            who=who,
            file_name=file_name,
            file_path=path,
            file_sha256=kept.sha256,
            file_bytes=kept.size,
            mapping=mapping,
            options=options or ReadOptions(),
            accepted=Accepted(currencies=tuple(accepted_currencies)),
        )


_ROWS_PER_BYTE = 4
"""The most bytes that the rows of a text file take in the import database, for each byte of the file."""


def _leave_a_reserve(settings: Settings, data: BinaryIO) -> None:
    """Raises UploadRejected if the file and its rows would take the disk space that the import database
    needs."""
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    size = data.seek(0, os.SEEK_END)
    free = shutil.disk_usage(settings.data_dir).free
    if free - size * (1 + _ROWS_PER_BYTE) < settings.disk_reserve_bytes:
        raise UploadRejected(
            "The disk of this server is nearly full. The file was not kept, so that running imports have the "
            "space they need, and nothing was sent. Ask whoever runs it to free up disk space, then try "
            "again."
        )


def to_create(import_: Import) -> int:
    """How many balances a confirmed draft would create."""
    return import_.counts.get(RowState.READY, 0)


def missing_checks(import_: Import) -> Sequence[str]:
    """What could not be checked or compared, one sentence each. A person must know it before confirming."""
    return import_.totals.not_checked


def confirm(
    store: Store,
    settings: Settings,
    *,
    id: str,
    who: Actor,
    version: int,
    typed: str | None = None,
    accept_unchecked: bool = False,
) -> None:
    """Hands the draft that was shown to the sender, or requests approval if a second person must give it.
    Raises NotConfirmed.

    For a file that goes to a production instance, `typed` is the count that a person types.
    `accept_unchecked` confirms that they saw which checks could not be made.
    """
    with store.write() as tx:
        import_ = imports.find(tx, id)
        if import_ is None:
            raise NotConfirmed("This import no longer exists. Nothing was sent.")
        who.require(import_acts.to_confirm(import_), import_.instance)
        if import_.state is not ImportState.DRAFT:
            return  # clicked twice, or confirmed in another window: it is already queued
        connection = settings.connection_of(import_.instance)
        if connection is None:
            raise NotConfirmed("No connection points to this import's Blnk instance. Nothing was sent.")
        count = to_create(import_)
        if import_.version != version or import_.stage is not Stage.CHECKED:
            raise NotConfirmed(
                "The draft has changed since this page was loaded, so nothing was "
                "sent. Review it again, then confirm."
            )
        if count == 0:
            raise NotConfirmed("There is nothing to create. Nothing was sent.")
        if connection.is_production and import_.kind == "file" and count_typed(typed) != count:
            raise NotConfirmed(f"Type the number of balances, {count:,}, to confirm. Nothing was sent.")
        missing = missing_checks(import_)
        if connection.is_production and import_.kind == "file" and missing and not accept_unchecked:
            raise NotConfirmed(
                f"Some checks could not be made: {' '.join(missing)} Confirm that you want to create the "
                "balances without them. Nothing was sent."
            )
        rule = connection.approval
        needs_approval = need.is_needed(tx, rule, import_)
        if not needs_approval and not import_acts.confirm(
            tx, import_, who=who, version=version, unchecked=missing
        ):
            raise NotConfirmed("The draft could not be confirmed. Nothing was sent. Reload this page.")
    if needs_approval and not new_request.ask(store, import_, who=who, rule=rule, unchecked=missing):
        raise NotConfirmed(
            "The draft has changed since this page was loaded, so nobody was asked to approve it and nothing "
            "was sent. Review it again."
        )


def ask_for_the_rest(store: Store, settings: Settings, import_: Import, *, who: Actor) -> None:
    """Requests approval for the unsent rows of a paused import. Raises NotConfirmed."""
    connection = settings.connection_of(import_.instance)
    if connection is None:
        raise NotConfirmed("No connection points to this import's Blnk instance. Nothing was sent.")
    if not new_request.ask(store, import_, who=who, rule=connection.approval):
        raise NotConfirmed(
            "There is nothing to ask for: the import is not paused anymore, or no row is left to send. "
            "Reload the page."
        )


def count_typed(typed: str | None) -> int:
    """Parses a count as people write it: 9,988 or 9 988. Returns -1 for anything else."""
    digits = "".join(one for one in typed or "" if one not in ",.'’ \u00a0\u202f")
    return int(digits) if re.fullmatch("[1-9][0-9]{0,10}", digits) else -1
