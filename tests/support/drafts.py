"""Files of rows that differ in one column, and what a draft of them contains."""

import csv
import io

from blnk_api.store.imports import Import
from tests.support.importer import LEDGER

HEADERS = ["ledger_id", "currency", "customer", "branch"]


def table(rows: list[list[str]], headers: list[str] = HEADERS) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([headers, *rows])
    return text.getvalue()


def customers(n: int, *, first: int = 0) -> list[list[str]]:
    return [[LEDGER, "NGN", f"c-{at}", "Lagos"] for at in range(first, first + n)]


def totals(draft: Import) -> tuple[int, int, int]:
    """New rows, existing ones, and those that are skipped because they look like a balance created before."""
    told = draft.totals
    return told.balances, told.existing, told.looks_like
