"""`python -m blnk_api.practice`: runs Practice and prints how to connect to it."""

import argparse
import os
import signal
import sqlite3
import sys
from pathlib import Path
from typing import NoReturn

from blnk_api.common import open_files
from blnk_api.common.practice_address import Practice
from blnk_api.practice.api.core import NEWEST, VERSIONS, Version, version_of
from blnk_api.practice.launch import ALREADY_RUNNING, running
from blnk_api.practice.seed import read_seed_file
from blnk_api.practice.server import AlreadyRunning, PortTaken, serve


def main() -> NoReturn:
    """Serves until Ctrl-C, SIGTERM, or, if requested, the end of stdin.

    Exit code 1: it could not start. 3: another process serves this folder.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    request = _arguments()
    open_files.raise_limit()
    try:
        serve(
            request.data_dir,
            port=request.port,
            seed=None if request.seed is None else read_seed_file(request.seed),
            version=request.core,
            stop_with_stdin=request.stop_with_stdin,
            announce=_say_where if request.quiet else _say_how,
        )
    except AlreadyRunning as error:
        there = running(request.data_dir)
        print(f"{error}{f', at {there.url}' if there else ''}.", file=sys.stderr)
        sys.exit(ALREADY_RUNNING)
    except (PortTaken, OSError, ValueError, sqlite3.Error) as error:
        sys.exit(f"Practice cannot start: {error}")


def _core(text: str) -> Version:
    try:
        return version_of(text)
    except ValueError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m blnk_api.practice",
        description="Practice, an embedded Blnk for trying things out. Nothing in it is real.",
    )
    parser.add_argument(
        "--port", type=int, help="default: the port of the last run if it is free, else any free port"
    )
    parser.add_argument("--seed", type=Path, help="a JSON file with ledgers and identities to start with")
    parser.add_argument("--data-dir", type=Path, default=Path(os.environ.get("BLNK_DATA_DIR", ".data")))
    which = f"the version of Blnk Core to imitate: {' or '.join(VERSIONS)} (default: {NEWEST})"
    parser.add_argument("--core", type=_core, default=NEWEST, help=which)
    parser.add_argument("--stop-with-stdin", action="store_true", help="end when standard input closes")
    parser.add_argument("--quiet", action="store_true", help="do not print keys, for logs")
    return parser.parse_args()


def _say_where(practice: Practice) -> None:
    print(f"Practice at {practice.url}, process {practice.pid}", flush=True)


def _say_how(practice: Practice) -> None:
    print(
        f"""Practice is running. Nothing in it is real.

  Base URL     {practice.url}
  Instance id  {practice.instance_id}
  Token        {practice.token}
  Core URL     {practice.core_url}
  Core key     {practice.core_key}

Create a balance:

  curl -X POST '{practice.url}/proxy/balances?instance_id={practice.instance_id}' \\
    -H 'Authorization: Bearer {practice.token}' \\
    -H 'Content-Type: application/json' \\
    -d '{{"ledger_id": "general_ledger_id", "currency": "USD", "meta_data": {{"purpose": "trial"}}}}'

Ctrl-C stops it.""",
        flush=True,
    )


if __name__ == "__main__":
    main()
