"""A receipt's document says what its JSON says, to the letter, whatever others typed and however old."""

import copy
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from blnk_api.reports import receipt_html
from tests.support.json_object import JsonObject

AT = "2026-11-22T16:07:03Z"
HOSTILE = [
    "{{ 7 * 7 }}",
    "{% raw %}{{ told }}{% endraw %}",
    "{# gone #}",
    "<script>alert(1)</script>",
    "</style></td>",
    "a & b",
]

RECEIPT: JsonObject = {
    "receipt": 1,
    "made_at": AT,
    "import": {
        **{"id": "imp", "kind": "file", "title": "a.csv", "state": "Done", "came_to": "1 balance created"},
        **{"uploaded": {"by": "Ada", "at": AT}, "confirmed": {"by": "Ada", "at": AT}, "finished_at": AT},
    },
    "file": {"name": "a.csv", "sha256": "ab", "bytes": 10},
    "instance": {"base_url": "b", "instance_id": "i", "environment": "production", "connection": "acme"},
    "mapping": {"columns": [{"header": "Ledger", "use": "ledger", "name": None}], "for_all_rows": {}},
    "statuses": {"Created": 1_234},
    "totals": [],
    "changes": [{"row": 2, "column": "Ledger", "old": "x", "new": "y", "by": "Ada", "at": AT}],
    "left_out": {"count": 0, "rows": []},
    "existing": {"count": 0, "rows": []},
    "verification": {"verified": False, "why": "because"},
    "findings": [],
    "checked_again": {"rows": [], "open": 0, "over": 0, "last": None, "next": None, "final": None},
    "notes": [{"text": "a note", "balance_id": None, "by": "Ada", "at": AT}],
    "happened": [{"what": "uploaded", "by": "Ada", "at": AT}],
    "results": {"file_name": "a - results.csv", "rows": 1, "bytes": 10, "sha256": "cd"},
}


def document(**facts: Any) -> str:
    told = copy.deepcopy(RECEIPT) | facts
    return receipt_html.document(told, ZoneInfo("UTC"), None, json_link="/j", results_link="/r")


def everywhere(value: Any, text: str) -> Any:
    """The value with `text` in place of every text that others give."""
    match value:
        case dict():
            return {key: everywhere(one, text) for key, one in value.items()}
        case list():
            return [everywhere(one, text) for one in value]
        case str() if value not in (AT, "production"):
            return text
    return value


@pytest.mark.parametrize("text", HOSTILE)
def test_what_others_typed_is_shown_literally(text: str) -> None:
    shown = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    page, plain = document(**everywhere(RECEIPT, text)), document(**everywhere(RECEIPT, "word"))
    assert page.replace(shown, "word") == plain
    assert page.count(shown) > 20


def test_quotation_marks_do_not_leave_an_attribute() -> None:
    told = copy.deepcopy(RECEIPT)
    page = receipt_html.document(told, ZoneInfo("UTC"), None, json_link='"><b>', results_link=None)
    assert '"><b>' not in page


def test_it_names_the_version_that_wrote_it_if_that_was_stored() -> None:
    assert "Balance Desk 0.9.1" in document(version="0.9.1")
    assert "Written by" not in document()


def test_a_receipt_of_an_earlier_version_opens_as_it_was_written() -> None:
    earlier = {name: one for name, one in RECEIPT.items() if name != "checked_again"}
    page = receipt_html.document(earlier, ZoneInfo("UTC"), None, json_link="/j", results_link=None)
    assert "Rows to be checked again" not in page
    assert page == receipt_html.document(
        copy.deepcopy(RECEIPT), ZoneInfo("UTC"), None, json_link="/j", results_link=None
    )


def test_what_is_unknown_is_a_dash_and_what_nobody_did_is_stated() -> None:
    page = document(left_out={"count": 1, "rows": [{"row": "3", "why": "total", "by": None, "at": None}]})
    assert "<td>3</td>\n<td>total</td>\n<td>–</td>\n<td>–</td>" in page
    assert "<p>None.</p>" in document()


def test_numbers_are_aligned_right_with_thousands_separators() -> None:
    assert '<td>Created</td>\n<td class="n">1,234</td>' in document()


def test_a_long_table_has_its_first_thousand_lines_and_the_number_of_the_others() -> None:
    existing = [{"row": f"r{n}", "balance_id": f"bln_{n}"} for n in range(1_500)]
    page = document(existing={"count": 20_000, "rows": existing})
    assert page.count("<td>bln_") == 1_000
    assert "And 19,000 more lines: in the JSON of this receipt or in its results." in page
