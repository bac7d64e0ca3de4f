"""A dozen files of the kinds that users of other tools report, in a real browser: read correctly, or
reported."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.support.app import App
from tests.support.browser import (
    go_to_next_file,
    open_all,
    open_import,
    open_step,
    see_text,
    upload,
    wait_for_count,
)
from tests.support.practice import PracticeBlnk

SAMPLES = Path(__file__).parents[1] / "samples-2"
A_DOZEN = (
    "a01_openpyxl_formula_empty_v.xlsx",
    "b02_1904_x15.xlsx",
    "c03_prefix_fmt.xlsx",
    "d13_two_data_sheets.xlsx",
    "d14_hidden_rows.xlsx",
    "e01_cp1250_polish.csv",
    "f04_space_after_comma.csv",
    "h02_mht.xls",
    "h09_numbers.numbers",
    "i08_obsolete.csv",
    "k01_open_quote_middle.csv",
    "s02_mixed_six_rows.csv",
)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Page]:
    """One browser whose name is known, on a Blnk that has the samples' ledgers and identities."""
    folder = tmp_path_factory.mktemp("held")
    with PracticeBlnk(folder, seed=SAMPLES / "environment.json") as held:
        secrets = f"""
practice = false
[connections.office]
base_url = "{held.url}"
instance_id = "{held.instance_id}"
environment = "sandbox"
access_token = "{held.token}"
"""
        with App(tmp_path_factory.mktemp("app"), secrets=secrets) as app:
            page = open_import(browser, app.url)
            upload(page, "first.csv", b"customer,note\n1,a\n")
            see_text(page, "No column is mapped to the ledger")
            yield page


@pytest.mark.parametrize("name", A_DOZEN)
def test_a_file_of_a_reported_kind_is_reported_on_the_page(page: Page, name: str) -> None:
    expected = json.loads((SAMPLES / "expected" / f"{name}.json").read_text("utf-8"))
    go_to_next_file(page)
    upload(page, name, (SAMPLES / name).read_bytes())
    if "error" in expected:
        see_text(page, expected["error"])
        see_text(page, "Nothing was sent. Correct the file and import it again.")
        return
    wait_for_count(page, "ready", str(len(expected["sent"])))
    open_step(page, "Fix")
    open_all(page)
    errors = page.get_by_test_id("stMain").inner_text()
    open_step(page, "Confirm")
    warnings = page.get_by_test_id("stMain").inner_text()
    for must in expected["told"]:
        if must["severity"] != "note":
            assert must["says"] in (errors if must["severity"] == "error" else warnings)
