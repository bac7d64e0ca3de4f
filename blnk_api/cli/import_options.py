"""The options of `import FILE`: its columns, how it is read, how much is confirmed, and the dry run."""

from argparse import SUPPRESS, ArgumentParser, ArgumentTypeError

from blnk_api import files
from blnk_api.facts.mapping import CHOICES, Use

FIELDS = {one.value: one for one in CHOICES if one is not Use.REFERENCE}
"""What a column can become, by the word for it."""
REQUESTS = 5
"""How many requests --json shows if --requests does not say."""


def add_to(parser: ArgumentParser) -> None:
    """Adds them to the parser of the command."""
    parser.add_argument("file", metavar="FILE", help="the CSV or XLSX file to import")
    parser.add_argument(
        "--connection", metavar="NAME", help="the connection to use; required if there are several"
    )
    parser.add_argument(
        "--ledger", metavar="ID", help="the ledger of all rows, if the file has no ledger column"
    )
    parser.add_argument(
        "--currency", metavar="CODE", help="the currency of all rows, if the file has no currency column"
    )
    parser.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="COLUMN=FIELD",
        help=f"what a column becomes: {', '.join(FIELDS)}; metadata:NAME stores it under another name. "
        "Name the column as in the file, or #3 for the third one",
    )
    parser.add_argument(
        "--key",
        action="append",
        default=[],
        metavar="COLUMN",
        help="a key column: rows with the same values here, and the same ledger, currency, identity and "
        "indicator, are the same balance",
    )
    parser.add_argument("--match", action="append", dest="key", help=SUPPRESS)  # the name in earlier versions
    parser.add_argument("--yes", action="store_true", help="create the balances without asking")
    parser.add_argument(
        "--count", type=int, metavar="N", help="with --yes in production: how many balances you expect"
    )
    parser.add_argument(
        "--accept-unchecked",
        action="store_true",
        help="in production: create balances even if some checks could not be made",
    )
    parser.add_argument(
        "--results",
        metavar="OUT",
        help="write every row and its outcome to this file: XLSX if the name ends in .xlsx, else CSV",
    )
    parser.add_argument(
        "--allow-currency",
        action="append",
        default=[],
        metavar="CODE",
        help="a custom currency, outside ISO 4217, that is correct in this file",
    )
    read = parser.add_argument_group("file settings (detected unless you set them)")
    read.add_argument("--sheet", metavar="NAME", help="the sheet of a workbook")
    read.add_argument(
        "--encoding", metavar="NAME", help=f"the encoding of a text file: {', '.join(files.ENCODINGS)}"
    )
    read.add_argument(
        "--delimiter", metavar="CHARACTER", help="comma, semicolon, tab, pipe or any single character"
    )
    read.add_argument(
        "--header-row", type=_count, metavar="N", help="the row with the column names; 0 if there is none"
    )
    read.add_argument(
        "--skip-hidden-rows", action="store_true", help="create nothing for rows that the workbook hides"
    )
    dry = parser.add_argument_group("dry run")
    dry.add_argument("--dry-run", action="store_true", help="check the file; send and keep nothing")
    dry.add_argument(
        "--json", action="store_true", help="with --dry-run: print one JSON object, for programs"
    )
    dry.add_argument(
        "--requests",
        type=_count_or_all,
        metavar="N|all",
        help=f"with --dry-run: how many requests to show (default: {REQUESTS} with --json, else 0)",
    )


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text)


def _count_or_all(text: str) -> str:
    return text if text == "all" else str(_count(text))
