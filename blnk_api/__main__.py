"""The command line: imports a file, or goes on with an import, on the same store as the app.

python -m blnk_api import FILE
python -m blnk_api --help
"""

import signal
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence

from sqlalchemy.exc import SQLAlchemyError

from blnk_api import __version__, files
from blnk_api.cli import acts, stop_command
from blnk_api.cli.column_options import FIELDS
from blnk_api.cli.dry_run import REQUESTS
from blnk_api.cli.exits import CommandFailed, ExitCode
from blnk_api.cli.import_command import import_file
from blnk_api.cli.session import Session
from blnk_api.common import open_files, private_files
from blnk_api.errors import SettingsProblem
from blnk_api.facts.file_shape import ReadOptions
from blnk_api.review import actions
from blnk_api.store import StoreUnavailable, failures

_EXITS = """exit codes:
  0    every row is created or existed already, and verified (or could not be, which is said)
  2    wrong options, or a file that cannot be used; nothing was sent
  3    finished; some rows were rejected, invalid, skipped or need a look, or verifying found something
  4    stopped: credentials, permissions, the instance
  130  interrupted; `resume` goes on

With --dry-run nothing is sent: 0 all is well, 2 the file cannot be used, 3 some rows are invalid.
Ctrl-C pauses. The same import command again goes on where it was left; it never makes a balance twice."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; its exit code."""
    options = _parser().parse_args(arguments)
    open_files.raise_limit()
    if options.act is import_file:
        options.reading = ReadOptions(
            sheet=options.sheet,
            encoding=options.encoding,
            delimiter=options.delimiter,
            header_row=options.header_row,
            skip_hidden_rows=options.skip_hidden_rows or None,
        )
    act: Callable[[Session, Namespace], ExitCode] = options.act
    try:
        with Session() as opened:
            return act(opened, options)
    except CommandFailed as ends:
        return _end(str(ends), ends.code)
    except (SettingsProblem, StoreUnavailable) as problem:
        return _end(str(problem), ExitCode.NOTHING_SENT)
    except KeyboardInterrupt:
        return _end("Interrupted. `status` says how each import stands.", ExitCode.INTERRUPTED)
    except (SQLAlchemyError, OSError) as problem:
        return _end(f"{failures.explain(problem)} Run the same command again then.", ExitCode.STOPPED)


def _end(sentence: str, code: ExitCode) -> ExitCode:
    print(sentence, file=sys.stderr)
    return code


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="python -m blnk_api",
        description="Opens balances in Blnk from a spreadsheet: every row exactly once, or told why not.",
        epilog=_EXITS,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"Balance Desk {__version__}")
    verbs = parser.add_subparsers(required=True, metavar="COMMAND")

    def verb(
        name: str, act: Callable[[Session, Namespace], ExitCode], told: str, *, moves: bool = False
    ) -> ArgumentParser:
        made = verbs.add_parser(name, help=told, description=told)
        made.set_defaults(act=act)
        if moves:
            made.add_argument(
                "--progress", choices=("auto", "plain", "none"), default="auto", help="how to show it (auto)"
            )
        return made

    _import(
        verb(
            "import",
            import_file,
            "Check a file, confirm it, create its balances and verify them.",
            moves=True,
        )
    )
    one = verb(
        "resume", acts.resume, "Go on with an import, or with the one that is not finished.", moves=True
    )
    one.add_argument("id", nargs="?", metavar="ID")
    one = verb("status", acts.status, "How an import stands, or the newest ones.")
    one.add_argument("id", nargs="?", metavar="ID")
    one.add_argument("--json", action="store_true", help="for programs")
    one = verb("verify", acts.verify, actions.VERIFY_AGAIN.means, moves=True)
    one.add_argument("id", metavar="ID")
    one = verb("results", acts.results, "Write every row, with what became of it, to a CSV or XLSX file.")
    one.add_argument("id", metavar="ID")
    one.add_argument("out", metavar="OUT", help="a CSV, or OUT.xlsx")
    one = verb("pause", acts.pause, "Send no further row of an import until it is resumed.")
    one.add_argument("id", metavar="ID")
    one = verb("cancel", acts.cancel, "Send no further row of an import, for good. What was created stays.")
    one.add_argument("id", metavar="ID")
    for name, act, told in (
        ("stop", stop_command.stop, "Stop all sending, or that of one connection, until `start`."),
        ("start", stop_command.start, "Lift a `stop` of the same scope."),
    ):
        one = verb(name, act, told)
        one.add_argument("--connection", metavar="NAME", help="of this instance alone; else the whole desk")
    one = verb("look-again", acts.look_again, actions.LOOK_AGAIN.means, moves=True)
    one.add_argument("id", metavar="ID")
    one.add_argument("row", nargs="*", metavar="ROW", help="12, or 12·USD; all that wait where none is named")
    one = verb("this-is-it", acts.this_is_it, actions.THIS_IS_IT.means)
    one.add_argument("id", metavar="ID")
    one.add_argument("row", metavar="ROW")
    one.add_argument("balance_id", metavar="BALANCE_ID")
    one = verb(
        "send-again", acts.send_again, f"{actions.SEND_AGAIN.means} {actions.SEND_AGAIN.risk}", moves=True
    )
    one.add_argument("id", metavar="ID")
    one.add_argument("row", metavar="ROW")
    return parser


def _import(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="CSV or XLSX")
    parser.add_argument("--connection", metavar="NAME", help="which Blnk; needed where several are set up")
    parser.add_argument("--ledger", metavar="ID", help="for all rows, where the file has no column for it")
    parser.add_argument(
        "--currency", metavar="CODE", help="for all rows, where the file has no column for it"
    )
    parser.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="COLUMN=FIELD",
        help=f"what a column is for: {', '.join(FIELDS)}; metadata:NAME stores it under another name. "
        "A column by its name, or #3 for the third one",
    )
    parser.add_argument(
        "--match",
        action="append",
        default=[],
        metavar="COLUMN",
        help="metadata columns that tell rows apart, beside ledger, currency, identity and indicator",
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument(
        "--count", type=int, metavar="N", help="with --yes in production: how many are created"
    )
    parser.add_argument(
        "--accept-unchecked",
        action="store_true",
        help="in production: create them although some checks could not be made",
    )
    parser.add_argument(
        "--results", metavar="OUT", help="write every row, with what became of it; a CSV, or OUT.xlsx"
    )
    parser.add_argument(
        "--allow-currency",
        action="append",
        default=[],
        metavar="CODE",
        help="a code outside ISO 4217 that is meant, in the whole file",
    )
    read = parser.add_argument_group("how the file is read; found out where nothing is said")
    read.add_argument("--sheet", metavar="NAME", help="of a workbook")
    read.add_argument("--encoding", metavar="NAME", help=f"of a text file: {', '.join(files.ENCODINGS)}")
    read.add_argument("--delimiter", metavar="SIGN", help="comma, semicolon, tab, pipe or any one sign")
    read.add_argument(
        "--header-row", type=_count, metavar="N", help="the row of column names; 0 where there are none"
    )
    read.add_argument(
        "--skip-hidden-rows", action="store_true", help="of a workbook: create nothing for rows it hides"
    )
    dry = parser.add_argument_group("trying it out")
    dry.add_argument("--dry-run", action="store_true", help="check it, and send and keep nothing")
    dry.add_argument("--json", action="store_true", help="with --dry-run: one object, for programs")
    dry.add_argument(
        "--requests",
        type=_count_or_all,
        metavar="N|all",
        help=f"with --dry-run: what would be sent ({REQUESTS})",
    )


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise ArgumentTypeError(f"{text!r} is no whole number")
    return int(text)


def _count_or_all(text: str) -> str:
    return text if text == "all" else str(_count(text))


if __name__ == "__main__":
    private_files.keep_files_private()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # pauses, as Ctrl-C does
    sys.exit(main())
