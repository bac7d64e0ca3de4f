"""`trail`: all recorded events as JSON lines, and whether any of them was changed since."""

import sys
from argparse import Namespace
from datetime import datetime

from blnk_api.cli.exit_codes import ExitCode
from blnk_api.cli.output import remark, say
from blnk_api.cli.session import Session
from blnk_api.reports import trail as trail_
from blnk_api.store.trail.reading import Wanted
from blnk_api.store.trail.verify import verify
from blnk_api.wording.whole_desk import about_trail

_MOST_NAMED = 20


def trail(opened: Session, options: Namespace) -> ExitCode:
    since: datetime | None = options.since
    if since is not None or not options.verify:
        if since is not None and since.tzinfo is None:
            since = since.replace(tzinfo=opened.settings.time_zone)
        for line in trail_.lines(opened.store, Wanted(since=since.timestamp() if since else None)):
            sys.stdout.write(line.decode())
        sys.stdout.flush()
    if not options.verify:
        return ExitCode.FINE
    found = verify(opened.store)
    if not found.breaks:
        # On stderr, so that stdout stays JSON.
        (say if since is None else remark)(about_trail.whole(found))
        return ExitCode.FINE
    for one in found.breaks[:_MOST_NAMED]:
        remark(about_trail.broken(one))
    if (more := len(found.breaks) - _MOST_NAMED) > 0:
        remark(f"And {more:,} more.")
    return ExitCode.TRAIL_BROKEN
