"""Commands for an existing import: continue it, show it, decide about its rows."""

import re
from argparse import Namespace
from pathlib import Path

from blnk_api.cli import output, unfinished
from blnk_api.cli.approvals import wait_for_approval
from blnk_api.cli.exit_codes import CommandFailed, ExitCode
from blnk_api.cli.output import say
from blnk_api.cli.progress_line import Progress
from blnk_api.cli.run_import import see_through
from blnk_api.cli.session import Session
from blnk_api.cli.whole_desk.stop_command import say_stops
from blnk_api.common.quoting import shown
from blnk_api.errors import BlnkError
from blnk_api.facts.findings import Findings
from blnk_api.review import act_texts, actions
from blnk_api.review.actions import NotPossible
from blnk_api.store import import_acts, imports, rows
from blnk_api.store.imports import Import
from blnk_api.store.states import ImportState, PausedBy, RowState
from blnk_api.wording import about_findings, about_imports, about_rows, phrases

_LISTED = 20
_ROW = re.compile(r"(\d+)(?:[^\w]+(\S+))?")


def resume(opened: Session, options: Namespace) -> ExitCode:
    import_ = opened.find(options.id) if options.id else _the_unfinished(opened)
    if import_ is None:
        say("No import is unfinished, so there is nothing to resume.")
        return ExitCode.FINE
    if import_.state is ImportState.DRAFT:
        raise CommandFailed(
            f"{import_.id} is a draft that nobody has confirmed. Run its import command again, or confirm it "
            "on its page. Nothing was sent."
        )
    if wait_for_approval.asks_or_waits(opened, import_):
        return ExitCode.WAITS_FOR_APPROVAL
    with opened.store.write() as tx:
        import_acts.resume(tx, import_.number, who=opened.who)
    return _go_on(opened, import_, options)


def _the_unfinished(opened: Session) -> Import | None:
    """The only unfinished import. Raises CommandFailed if there are several."""
    with opened.store.read() as tx:
        found = imports.in_states(tx, unfinished.UNFINISHED)
    if len(found) > 1:
        listed = "; ".join(
            f"{one.id} ({about_imports.title(one)}, {about_imports.STATE[one.state].lower()})"
            for one in found
        )
        raise CommandFailed(f"Several imports are unfinished. Name one of them: {listed}.")
    return found[0] if found else None


def _go_on(opened: Session, import_: Import, options: Namespace) -> ExitCode:
    """Sends it, or follows the sender, until it ends; then reports."""
    connection = opened.connection_of(import_)
    with Progress(options.progress, opened, import_.id):
        import_ = see_through(opened, import_, connection)
    if wait_for_approval.waits(opened, import_):
        return ExitCode.WAITS_FOR_APPROVAL
    return output.report(opened, import_)


def status(opened: Session, options: Namespace) -> ExitCode:
    if options.id:
        found = [opened.find(options.id)]
    else:
        with opened.store.read() as tx:
            found = imports.newest(tx, limit=_LISTED)
    if options.json:
        listed = [output.as_json(opened, one) for one in found]
        output.say_json(listed[0] if options.id else listed)
        return ExitCode.FINE
    say_stops(opened, found[0].instance if options.id else None)
    for one in found:
        say(
            f"{one.id}  {about_imports.STATE[one.state]:9}  {about_imports.title(one)}, "
            f"by {phrases.actor(one.who)}"
        )
        say(f"  {about_imports.headline(one)}")
        if one.state is ImportState.PAUSED:
            say(f"  Paused: {one.paused_reason}")
        if options.id and one.state is ImportState.DONE:
            for sentence in about_findings.findings(one.findings or Findings()):
                say(f"  {sentence}")
        output.say_late(opened, one, before="  ")
    if not found:
        say("There are no imports yet.")
    return ExitCode.FINE


def verify(opened: Session, options: Namespace) -> ExitCode:
    import_ = opened.find(options.id)
    actions.verify_again(opened.store, import_, who=opened.who)
    import_ = opened.find(options.id)
    if import_.state is not ImportState.VERIFYING:
        raise CommandFailed(
            f"{import_.id} is {about_imports.STATE[import_.state].lower()}. Only a finished import can be "
            "verified again."
        )
    return _go_on(opened, import_, options)


def results(opened: Session, options: Namespace) -> ExitCode:
    output.write_results(opened, opened.find(options.id), Path(options.out))
    return ExitCode.FINE


def pause(opened: Session, options: Namespace) -> ExitCode:
    import_ = opened.find(options.id)
    with opened.store.write() as tx:
        import_acts.pause(
            tx,
            import_.number,
            by=PausedBy.PERSON,
            who=opened.who,
            reason=f"{phrases.actor(opened.who)} paused it.",
        )
    import_ = opened.find(options.id)
    if import_.state is not ImportState.PAUSED:
        raise CommandFailed(
            f"{import_.id} is {about_imports.STATE[import_.state].lower()}, so there is nothing to pause."
        )
    say(f"{about_imports.title(import_)}: {about_imports.came_to(import_)}. {import_.paused_reason}")
    say(f"To continue: python -m blnk_api resume {import_.id}")
    return ExitCode.FINE


def cancel(opened: Session, options: Namespace) -> ExitCode:
    import_ = opened.find(options.id)
    with opened.store.write() as tx:
        import_acts.cancel(tx, import_.number, who=opened.who)
    import_ = opened.find(options.id)
    if import_.state is not ImportState.CANCELLED:
        raise CommandFailed(
            f"{import_.id} is {about_imports.STATE[import_.state].lower()}, so there is nothing to cancel."
        )
    say(f"{about_imports.title(import_)}: {about_imports.headline(import_)} Created balances stay in Blnk.")
    return ExitCode.FINE


def recheck(opened: Session, options: Namespace) -> ExitCode:
    import_ = opened.find(options.id)
    chosen = [id for text in options.row for id in _ids(opened, import_, text)] if options.row else None
    n = actions.recheck(opened.store, import_, who=opened.who, rows_=chosen)
    if n == 0 and not import_.counts.get(RowState.UNKNOWN):
        say("No row of this import needs to be checked.")
        return ExitCode.FINE
    say(f"{phrases.plural(n, 'row')} will be checked in Blnk again.")
    return _go_on_unless_paused(opened, options)


def link(opened: Session, options: Namespace) -> ExitCode:
    import_ = opened.find(options.id)
    row = _one_id(opened, import_, options.row)
    connection = opened.connection_of(import_)
    with opened.client(connection) as client:
        try:
            actions.link_balance(opened.store, client, row, options.balance_id, who=opened.who)
        except NotPossible as problem:
            raise CommandFailed(f"{problem} Nothing was changed.") from None
        except BlnkError as failed:
            raise CommandFailed(
                f"Blnk could not be read: {failed} Nothing was changed.", ExitCode.STOPPED
            ) from None
    say(f"Row {options.row} is now linked to {shown(options.balance_id)}.")
    return ExitCode.FINE


def send_again(opened: Session, options: Namespace) -> ExitCode:
    import_ = opened.find(options.id)
    row = _one_id(opened, import_, options.row)
    try:
        moved = actions.send_again(opened.store, row, who=opened.who)
    except NotPossible as problem:
        raise CommandFailed(str(problem)) from None
    if not moved:
        with opened.store.read() as tx:
            now = rows.by_id(tx, row)
        raise CommandFailed(
            f"Row {now.label} does not need you: {about_rows.MEANING[now.state]} Nothing was changed."
        )
    say(f"Row {options.row} will be sent again. {act_texts.SEND_AGAIN.risk}")
    return _go_on_unless_paused(opened, options)


def _go_on_unless_paused(opened: Session, options: Namespace) -> ExitCode:
    import_ = opened.find(options.id)
    if import_.state is ImportState.PAUSED:
        say(f"The import is paused. To continue it: python -m blnk_api resume {import_.id}")
        return ExitCode.FINE
    return _go_on(opened, import_, options)


def _ids(opened: Session, import_: Import, text: str) -> list[int]:
    """The ids of the rows that a person calls 12 or 12·USD. Other separators than · are accepted too."""
    read = _ROW.fullmatch(text.strip())
    found: list[int] = []
    if read is not None:
        with opened.store.read() as tx:
            found = rows.ids_of(tx, import_.number, int(read[1]), (read[2] or "").upper())
    if not found:
        raise CommandFailed(f"{import_.id} has no row {shown(text)}. Rows are numbered as in a spreadsheet.")
    return found


def _one_id(opened: Session, import_: Import, text: str) -> int:
    found = _ids(opened, import_, text)
    if len(found) > 1:
        with opened.store.read() as tx:
            labels = [rows.by_id(tx, id).label for id in found]
        raise CommandFailed(f"Row {shown(text)} has several balances. Name one of them: {', '.join(labels)}.")
    return found[0]
