"""An empty file to fill in: known columns, with lists of the instance's ledgers and currencies."""

from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import IO

from blnk_api import currencies
from blnk_api.files import csv_writer, xlsx_writer
from blnk_api.files.kinds import FileKind
from blnk_api.files.xlsx_writer import MAX_ROWS, TableBook
from blnk_api.models import Ledger
from blnk_api.settings import Connection
from blnk_api.wording.download_names import tidy

HEADER = ("ledger", "currency", "identity", "customer_number")
"""The last one is an example of a metadata column."""

_LEDGER_HELP = "The ledger's name or id."
_CURRENCY_HELP = (
    "A currency code. Several codes separated by semicolons, such as USD;EUR, make several balances."
)


def file_name(connection: Connection, kind: FileKind) -> str:
    """The download's name. It names the connection whose ledgers it lists."""
    environment = ["PRACTICE"] if connection.instance.environment == "practice" else []
    return " - ".join(["Balances", *environment, tidy(connection.label) or "template"]) + f".{kind}"


def template_csv() -> bytes:
    """Only the header."""
    return b"".join(csv_writer.stream(HEADER, []))


def template_xlsx(ledgers: Sequence[Ledger], custom_currencies: Collection[str], folder: Path) -> IO[bytes]:
    """With drop-down lists, whose values are in two further sheets. See `xlsx_writer.made` for `folder`.

    A name shared by several ledgers would be rejected, so these are listed by id.
    """

    def write(book: TableBook) -> None:
        (sheet,) = book.add_table("Balances", HEADER, [])
        choices = _choices(ledgers)
        codes = [[code, "custom currency"] for code in sorted(custom_currencies)]
        codes += [[code, currencies.name_of(code) or ""] for code in currencies.all_codes()]
        if choices:
            book.add_table("Ledgers", ["Ledger to enter", "Name", "Id"], choices)
        book.add_table("Currencies", ["Code", "Currency"], codes)
        for at, listed, count, help_ in (
            (0, "Ledgers", len(choices), _LEDGER_HELP),
            (1, "Currencies", len(codes), _CURRENCY_HELP),
        ):
            if count:
                sheet.data_validation(
                    1,
                    at,
                    MAX_ROWS - 1,
                    at,
                    {
                        "validate": "list",
                        "source": f"={listed}!$A$2:$A${count + 1}",
                        "input_message": help_,
                        # People may also type an id, or several currencies.
                        "error_type": "warning",
                        "error_message": "This value is not in the list. Keep it if you know that it is "
                        "correct.",
                    },
                )

    return xlsx_writer.made(folder, write)


def _choices(ledgers: Sequence[Ledger]) -> list[list[str]]:
    """For each ledger, the text to choose (its name or its id), sorted by name."""
    names = Counter(one.name.strip().casefold() for one in ledgers)
    listed = []
    for one in sorted(ledgers, key=lambda one: (one.name.casefold(), one.ledger_id)):
        name = one.name.strip()
        is_alone = name and names[name.casefold()] == 1
        listed.append([name if is_alone else one.ledger_id, one.name, one.ledger_id])
    return listed
