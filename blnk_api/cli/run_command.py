"""Runs the function of one command, and says in a sentence why it ended early."""

import logging
import pkgutil
from argparse import Namespace
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError

from blnk_api.cli.exit_codes import CommandFailed, ExitCode
from blnk_api.cli.output import remark
from blnk_api.cli.own_notifications import sent_at_end
from blnk_api.cli.session import Session
from blnk_api.errors import SettingsProblem
from blnk_api.store import StoreUnavailable, failures


def run(options: Namespace) -> ExitCode:
    """`options.act` is "module:function"."""
    act: Callable[..., ExitCode] = pkgutil.resolve_name(options.act)
    try:
        if not options.with_session:
            return act(options)
        with Session() as opened, sent_at_end(opened):
            return act(opened, options)
    except CommandFailed as ends:
        return _end(str(ends), ends.code)
    except (SettingsProblem, StoreUnavailable) as problem:
        return _end(str(problem), ExitCode.NOTHING_SENT)
    except KeyboardInterrupt:
        return _end("Interrupted. `status` shows where each import is.", ExitCode.INTERRUPTED)
    except (SQLAlchemyError, OSError) as problem:
        return _end(f"{failures.explain(problem)} Then run the same command again.", ExitCode.STOPPED)


def _end(sentence: str, code: ExitCode) -> ExitCode:
    remark(sentence, logging.ERROR)
    return code
