"""Lists to download: what they hold, that nothing in them runs, and who may have them."""

import csv
import io
import tempfile
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from blnk_api import files
from blnk_api.desk.balance_search import Wanted
from blnk_api.desk.desk import open_desk
from blnk_api.desk.links import Listing
from blnk_api.files.kinds import FileKind
from blnk_api.reports.months import Month
from blnk_api.store import import_changes
from blnk_api.store.search.import_search import Search
from blnk_api.store.states import ImportState
from blnk_api.web import list_routes
from tests.support.importer import LEDGER, Importer, requests_for
from tests.support.practice import PracticeBlnk
from tests.support.web import get, host

__all__ = ["host"]

THIS = Month.of(datetime.now(ZoneInfo("UTC")).timestamp(), ZoneInfo("UTC"))


def records(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def sheet(data: bytes) -> list[list[str]]:
    """The records of a workbook, as a spreadsheet shows them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "list.xlsx"
        path.write_bytes(data)
        return [list(one.cells) for one in files.records(path, files.detect(path, path.name))]


class TestTheLinks:
    def test_a_month_lists_each_balance_with_its_import_and_row(self, host: str, importer: Importer) -> None:
        import_ = importer.run(requests_for(3))
        links, connection = open_desk().links, importer.connection
        answer = get(host + list_routes.month_url(links, connection, THIS, FileKind.CSV))
        assert answer.headers["Content-Disposition"] == (
            f"attachment; filename=\"balances {THIS}.csv\"; filename*=UTF-8''balances%20{THIS}.csv"
        )
        made = {row.label: row.balance_id for row in importer.rows(import_)}
        told = records(answer.content)
        assert {one["Row"]: one["Balance id"] for one in told} == made
        [who, ledger, currency, id, file] = [
            told[0][name] for name in ("Created by", "Ledger", "Currency", "Import", "File")
        ]
        assert (who, ledger, currency, id, file) == (
            "Ada (not verified)",
            LEDGER,
            "NGN",
            import_.id,
            "test.csv",
        )
        workbook = get(host + list_routes.month_url(links, connection, THIS, FileKind.XLSX)).content
        rows = sheet(workbook)
        assert [row[4] for row in rows] == list(made.values())
        assert datetime.fromisoformat(rows[0][0])

    def test_the_list_of_imports_has_the_search_results(self, host: str, importer: Importer) -> None:
        done, draft = importer.run(requests_for(2)), importer.draft(requests_for(1, currency="USD"))
        with importer.store.write() as tx:
            import_changes.set_facts(tx, draft.number, file_name="=evil.csv")
        links, connection = open_desk().links, importer.connection
        told = records(get(host + list_routes.imports_url(links, connection, Search(), FileKind.CSV)).content)
        assert [one["Import"] for one in told] == [draft.id, done.id]
        assert told[0]["File"] == "'=evil.csv"
        assert (told[1]["Created"], told[1]["State"]) == ("2", "Done")
        only = Search(state=ImportState.DONE, needs=())
        told = records(get(host + list_routes.imports_url(links, connection, only, FileKind.CSV)).content)
        assert [one["Import"] for one in told] == [done.id]

    def test_balances_come_from_blnk_with_their_metadata_however_many_pages(
        self, host: str, importer: Importer, practice_blnk: PracticeBlnk
    ) -> None:
        importer.run(requests_for(130))
        practice_blnk.create_balance(ledger_id=LEDGER, currency="USD", meta_data={"customer": "x"})
        links, connection = open_desk().links, importer.connection
        url = list_routes.balances_url(links, connection, Wanted(currency="NGN"), FileKind.CSV)
        told = records(get(host + url).content)
        assert sorted(int(one["meta_data.customer"]) for one in told) == list(range(130))
        held = {one["balance_id"] for one in practice_blnk.balances()}
        assert {one["balance_id"] for one in told} < held

    def test_an_incomplete_list_from_blnk_is_not_downloaded(
        self, host: str, importer: Importer, practice_blnk: PracticeBlnk
    ) -> None:
        importer.run(requests_for(130))
        practice_blnk.order_fault("status_before_commit", on="filter", skip=1, status=503)
        url = list_routes.balances_url(open_desk().links, importer.connection, Wanted(), FileKind.CSV)
        answer = get(host + url)
        assert answer.status_code == 502
        assert "The list could not be made" in answer.text

    def test_every_practice_file_name_says_that_nothing_is_real(self, host: str, importer: Importer) -> None:
        secrets = importer.data_dir / "secrets.toml"
        secrets.write_text("practice = true")
        url = list_routes.imports_url(open_desk().links, importer.connection, Search(), FileKind.CSV)
        assert "PRACTICE.csv" in get(host + url).headers["Content-Disposition"]

    @pytest.mark.parametrize("wrong", ["nothing", "a.b.c"])
    def test_a_foreign_link_opens_nothing(self, host: str, importer: Importer, wrong: str) -> None:
        assert get(f"{host}/listing/{wrong}").status_code == 403

    def test_a_link_to_a_connection_that_is_gone_says_so(self, host: str, importer: Importer) -> None:
        token = open_desk().links.sign(Listing("month", "gone", "csv", "{}"))
        assert get(f"{host}/listing/{token}").status_code == 404
