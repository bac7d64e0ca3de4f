"""The command line: imports a file, or continues an import, on the same store as the app.

python -m blnk_api import FILE
python -m blnk_api --help
"""

import signal
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from datetime import datetime

from blnk_api import __version__
from blnk_api.cli.exit_codes import ExitCode
from blnk_api.common import log, open_files, private_files
from blnk_api.common.process_start import ending, loading
from blnk_api.review import act_texts

_EXITS = """exit codes:
  0    every row was created or already exists, and was verified (or could not be, which is reported)
  2    wrong options, or a file that cannot be used; nothing was sent
  3    finished, but some rows are rejected, invalid, skipped or need you, or verifying found problems
  4    stopped: credentials, permissions, the instance, or something to read before more is sent
  5    waits for approval; run the same command again afterwards
  6    `trail --verify`: something was changed after it was written
  130  interrupted; `resume` continues

With --dry-run nothing is sent: 0 no row is invalid, 2 the file cannot be used, 3 some rows are invalid.
Ctrl-C pauses. The same import command continues where it stopped; no balance is created twice."""

_ID = "the import's id; `status` shows it"

_DESK = "whole_desk"
_OPTIONS = "blnk_api.cli.import_options"
_FORKS = "blnk_api.cli.import_steps.forks"
_RUN = "blnk_api.cli.run_command"
_EARLIER_NAMES = {"look-again": "recheck", "this-is-it": "link"}
"""Command names of earlier versions, which scripts may still use."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command, by default the one for which this process was started. Returns its exit code."""
    options = _parser().parse_args(_renamed(sys.argv[1:] if arguments is None else arguments))
    open_files.raise_limit()
    options.act = f"blnk_api.cli.{options.act}"
    try:
        if options.reads_file and arguments is None:
            _fork_readers(options)
        loading.load(_RUN, options.act.partition(":")[0])
    except KeyboardInterrupt:
        print("Interrupted. Nothing was sent.", file=sys.stderr)
        return ExitCode.INTERRUPTED
    from blnk_api.cli.run_command import run

    return run(options)


def _fork_readers(options: Namespace) -> None:
    """Starts what reads and checks the file, which then imports the rest of what it needs while the command
    does the same."""
    loading.load(_FORKS)
    from blnk_api.cli.import_steps import forks

    is_workbook = options.file.lower().endswith(".xlsx")
    loading.load(
        *forks.SHARED,
        *(() if options.dry_run else forks.FOR_SENDING),
        *(forks.FOR_WORKBOOKS if is_workbook else ()),
    )
    forks.fork_here()


def _renamed(arguments: Sequence[str]) -> list[str]:
    """Replaces an earlier name of a command by its current one."""
    return [_EARLIER_NAMES.get(one, one) if at == 0 else one for at, one in enumerate(arguments)]


def _day(text: str) -> datetime:
    """2026-11-30, or with a time, in the time zone of the settings unless it names one."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a date such as 2026-11-30") from None


def _parser() -> ArgumentParser:
    """Each command names its function in `cli`, which is loaded for that command alone."""
    loading.load(_OPTIONS)
    from blnk_api.cli import import_options

    parser = ArgumentParser(
        prog="python -m blnk_api",
        description="Creates balances in Blnk from a spreadsheet: each row once, or you are told why not.",
        epilog=_EXITS,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"Balance Desk {__version__}")
    verbs = parser.add_subparsers(required=True, metavar="COMMAND")

    def verb(name: str, act: str, summary: str, *, moves: bool = False) -> ArgumentParser:
        made = verbs.add_parser(name, help=summary, description=summary)
        made.set_defaults(act=act, with_session=True, reads_file=name == "import")
        if moves:
            made.add_argument(
                "--progress",
                choices=("auto", "plain", "none"),
                default="auto",
                help="how to show progress (default: auto)",
            )
        return made

    import_options.add_to(
        verb(
            "import",
            "import_command:import_file",
            "Check a file, confirm it, create its balances and verify them.",
            moves=True,
        )
    )
    one = verb(
        "resume", "one_import:resume", "Continue an import, or the only one that is unfinished.", moves=True
    )
    one.add_argument("id", nargs="?", metavar="ID", help=_ID)
    one = verb("status", "one_import:status", "Show the newest imports, or one of them.")
    one.add_argument("id", nargs="?", metavar="ID", help=_ID)
    one.add_argument("--json", action="store_true", help="print JSON, for programs")
    one = verb(
        "verify",
        "one_import:verify",
        "Compare the created balances with Blnk again. Nothing is sent.",
        moves=True,
    )
    one.add_argument("id", metavar="ID", help=_ID)
    one = verb("results", "one_import:results", "Write every row and its outcome to a CSV or XLSX file.")
    one.add_argument("id", metavar="ID", help=_ID)
    one.add_argument("out", metavar="OUT", help="the file to write: XLSX if the name ends in .xlsx, else CSV")
    one = verb("pause", "one_import:pause", "Send no more rows of an import until it is resumed.")
    one.add_argument("id", metavar="ID", help=_ID)
    one = verb(
        "cancel", "one_import:cancel", "Send no more rows of an import, for good. Created balances stay."
    )
    one.add_argument("id", metavar="ID", help=_ID)
    for name, act, summary in (
        (
            "stop",
            f"{_DESK}.stop_command:stop",
            "Stop all sending, or sending to one instance, until `start`.",
        ),
        ("start", f"{_DESK}.stop_command:start", "Start sending again, after `stop` with the same options."),
    ):
        one = verb(name, act, summary)
        one.add_argument(
            "--connection", metavar="NAME", help="only the instance of this connection (default: all)"
        )
    one = verb(
        "trail", f"{_DESK}.trail_command:trail", "Print everything that happened, one JSON object per line."
    )
    one.add_argument(
        "--since",
        type=_day,
        metavar="DATE",
        help="only what happened since this day, such as 2026-11-30",
    )
    one.add_argument(
        "--verify",
        action="store_true",
        help="check that nothing was changed after it was written; prints no lines unless --since is given",
    )
    for name, act, summary in (
        (
            "backup",
            f"{_DESK}.backup_command:backup",
            "Write the desk into one file, also while the app runs.",
        ),
        (
            "restore",
            f"{_DESK}.backup_command:restore",
            "Restore a backup into an empty data folder, or stop a desk that pg_restore has restored. "
            "Nothing is sent.",
        ),
    ):
        one = verbs.add_parser(name, help=summary, description=summary)
        one.set_defaults(act=act, with_session=False, reads_file=False)
        one.add_argument(
            "file",
            metavar="FILE",
            nargs=None if name == "backup" else "?",
            help="the backup, such as desk.tar.gz; on Postgres there is none",
        )
    summary = "Copy the files of a data folder into a desk on Postgres, which keeps them in its database."
    one = verbs.add_parser("take-over", help=summary, description=summary)
    one.set_defaults(act=f"{_DESK}.backup_command:take_over", with_session=False, reads_file=False)
    one.add_argument("folder", metavar="FOLDER", help="the data folder where files were kept until now")
    summary = (
        "Check files and send. On Postgres any number of workers can run at once; on SQLite only one of them "
        "works at a time."
    )
    one = verbs.add_parser("worker", help=summary, description=summary)
    one.set_defaults(act=f"{_DESK}.worker_command:worker", with_session=False, reads_file=False)
    one = verb(
        "recheck",
        "one_import:recheck",
        "Check Blnk again for rows that need you: one that is found becomes Created, one that is certainly "
        "not in Blnk is sent.",
        moves=True,
    )
    one.add_argument("id", metavar="ID", help=_ID)
    one.add_argument("row", nargs="*", metavar="ROW", help="12 or 12·USD (default: all rows that need you)")
    one = verb(
        "link",
        "one_import:link",
        "Link a balance that you found in Blnk to its row. It is read and compared; nothing is sent.",
    )
    one.add_argument("id", metavar="ID", help=_ID)
    one.add_argument("row", metavar="ROW", help="12 or 12·USD")
    one.add_argument("balance_id", metavar="BALANCE_ID", help="starts with bln_")
    one = verb(
        "send-again",
        "one_import:send_again",
        f"Send a row again that has no balance in Blnk; look there first. {act_texts.SEND_AGAIN.risk}",
        moves=True,
    )
    one.add_argument("id", metavar="ID", help=_ID)
    one.add_argument("row", metavar="ROW", help="12 or 12·USD")
    return parser


if __name__ == "__main__":
    loading.without_plugins()
    private_files.keep_files_private()
    if log.is_json():
        log.to_stderr()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # pauses, as Ctrl-C does
    ending.end(main())
