"""`import FILE`: checks, shows, confirms, sends and verifies it, or continues where it stopped."""

import hashlib
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from blnk_api.cli import column_options, output, unfinished
from blnk_api.cli.checking import check
from blnk_api.cli.column_options import ColumnOptions
from blnk_api.cli.exit_codes import CommandFailed, ExitCode
from blnk_api.cli.import_steps.own_draft import discard, or_discarded
from blnk_api.cli.import_steps.unserved import Unserved
from blnk_api.cli.output import say
from blnk_api.cli.progress_line import Progress
from blnk_api.cli.session import Session
from blnk_api.common.quoting import shown
from blnk_api.drafts import drafts
from blnk_api.facts.file_shape import ReadOptions
from blnk_api.facts.mapping import Mapping
from blnk_api.settings import Connection
from blnk_api.store import imports
from blnk_api.store.imports import Import
from blnk_api.store.states import ImportState, Stage
from blnk_api.wording import about_imports

_CONFIRM_AND_SEND = "blnk_api.cli.import_steps.confirm_and_send"


def import_file(opened: Session, options: Namespace) -> ExitCode:
    options.reading = ReadOptions(
        sheet=options.sheet,
        encoding=options.encoding,
        delimiter=options.delimiter,
        header_row=options.header_row,
        skip_hidden_rows=options.skip_hidden_rows or None,
    )
    if options.dry_run:
        # Imported here: no other import needs it.
        from blnk_api.cli.dry_run import dry_run

        return dry_run(opened, options)
    if options.json or options.requests is not None:
        raise CommandFailed("--json and --requests need --dry-run. Nothing was sent.")
    path, out = Path(options.file), Path(options.results) if options.results else None
    connection = opened.connection_named(options.connection)
    understood = column_options.understand(
        path, ColumnOptions.of(options), options.reading, results_of=opened.results_of(connection)
    )
    accepted = [*options.allow_currency, *understood.accepted]
    if out is not None:
        output.writable(out, instead_of=path)
    for note_ in understood.notes:
        say(note_)
    import_ = _found_or_uploaded(opened, path, connection, understood.mapping, accepted, options)
    with Progress(options.progress, opened, import_.id):
        import_ = _checked(opened, import_, connection)
    # Imported here: the check loads it while it waits for the process that checks.
    from blnk_api.cli.import_steps.confirm_and_send import confirm_and_send

    return confirm_and_send(opened, import_, connection, options, out)


def _found_or_uploaded(
    opened: Session,
    path: Path,
    connection: Connection,
    mapping: Mapping,
    accepted: Sequence[str],
    options: Namespace,
) -> Import:
    """The unfinished import of the same file, or a new draft."""
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            with opened.store.read() as tx:
                found = unfinished.of_file(
                    tx,
                    connection.instance,
                    digest,
                    mapping,
                    options=options.reading,
                    accepted_currencies=accepted,
                    drafts_of=opened.who,
                )
            if found is not None:
                state = about_imports.STATE[found.state].lower()
                say(f"Import {found.id} of this file is unfinished ({state}). Continuing it.")
                return found
            Unserved(opened, connection.instance).refuse()
            id = imports.new_id()
            drafts.upload(
                opened.store,
                opened.settings,
                id=id,
                connection=connection,
                who=opened.who,
                file_name=output.name_of(path),
                data=file,
                mapping=mapping,
                options=options.reading,
                accepted_currencies=accepted,
            )
    except drafts.UploadRejected as reason:
        raise CommandFailed(str(reason)) from None
    except OSError as problem:
        raise CommandFailed(
            f"{shown(str(path), 200)} cannot be read, or not copied: {problem.strerror}. Nothing was sent."
        ) from None
    return opened.find(id)


def _checked(opened: Session, import_: Import, connection: Connection) -> Import:
    if import_.state is not ImportState.DRAFT:
        return import_
    with or_discarded(opened, import_):
        draft = check(opened, import_.id, connection, then=[_CONFIRM_AND_SEND])
    if draft.state is ImportState.DRAFT and draft.stage in (Stage.MATCHING, Stage.UNREADABLE):
        discard(opened, draft)
        raise CommandFailed(draft.problem or "The file cannot be used.")
    return draft
