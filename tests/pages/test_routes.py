"""Our own routes over real HTTP: who may download what, and what every answer carries."""

import hashlib
import io
import re
import stat
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import unquote

import pytest
import requests

from blnk_api.desk import links, links_key
from blnk_api.desk.desk import Desk, open_desk
from blnk_api.desk.links import Download, Links, Template
from blnk_api.drafts.edits import editing, skipping
from blnk_api.drafts.edits.editing import Edit
from blnk_api.files.kinds import FileKind
from blnk_api.reports.results import Variant
from blnk_api.store import import_changes
from blnk_api.store.imports import Import
from blnk_api.web import middleware as web
from blnk_api.web import responses, routes
from tests.support.actors import actor
from tests.support.importer import LEDGER, Importer, requests_for, wait_until
from tests.support.practice import PracticeBlnk
from tests.support.web import _HTML, get


def link(host: str, import_: Import, variant: Variant = Variant.ALL, kind: FileKind = FileKind.CSV) -> str:
    return host + routes.download_url(open_desk().links, import_.id, variant, kind)


def test_a_link_downloads_the_current_results(host: str, importer: Importer) -> None:
    import_ = importer.draft(requests_for(3))
    answer = get(link(host, import_))
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.content.count(b"Not sent") == 3


def test_the_file_keeps_its_own_name_whatever_its_letters(host: str, importer: Importer) -> None:
    import_ = importer.draft(requests_for(1))
    with importer.store.write() as tx:
        import_changes.set_facts(tx, import_.number, file_name='año "2026" — balances; (1).csv')
    said = get(link(host, import_)).headers["Content-Disposition"]
    assert said.isascii()
    plain, exact = re.fullmatch(r'attachment; filename="([^"]*)"; filename\*=UTF-8\'\'(\S+)', said).groups()  # type: ignore[union-attr]
    assert unquote(exact).startswith("año 2026 — balances; (1) - results")
    assert plain.startswith("a_o 2026")


def test_everything_about_an_import_is_one_zip_with_the_hash_of_each_part(
    host: str, importer: Importer
) -> None:
    text = f"ledger_id,currency,customer\n{LEDGER},USD,1\n{LEDGER},KSH,2\n{LEDGER},USD,3\n"
    draft = importer.upload(text)
    editing.edit(importer.store, draft.id, [Edit(3, 1, "KES")], who=actor())
    skipping.leave_out(importer.store, draft.id, [4], who=actor())
    done = importer.finish(importer.wait_until_checked(draft))
    wait_until(
        lambda: any("receipt" in one for one in importer.events(done)), lambda: "no receipt is written"
    )
    answer = get(host + routes.evidence_url(open_desk().links, done.id))
    assert answer.headers["Content-Type"] == "application/zip"
    held = zipfile.ZipFile(io.BytesIO(answer.content))
    lines = held.read("SHA256SUMS.txt").decode().splitlines()
    sums = {line.partition("  ")[2]: line.partition("  ")[0] for line in lines}
    assert {name: hashlib.sha256(held.read(name)).hexdigest() for name in sums} == sums
    assert set(held.namelist()) == {*sums, "SHA256SUMS.txt"}
    assert held.read("file/customers.csv").decode() == text
    assert sums["file/customers.csv"] == done.file_sha256
    assert b"3,currency,KSH,KES,Ada (not verified)" in held.read("edits.csv")
    assert b"4,Whole row,included,skipped,Ada (not verified)" in held.read("edits.csv")
    assert b"Uploaded the file." in held.read("activity.csv")
    assert held.read("results.csv").count(b"Created") == 2
    assert sums["receipts/receipt-1-results.csv"] == sums["results.csv"]
    results_link = routes.download_url(open_desk().links, done.id, Variant.ALL)
    assert get(host + results_link.replace("/download/", "/evidence/")).status_code == 403


def test_results_can_be_downloaded_as_a_workbook(host: str, importer: Importer) -> None:
    answer = get(link(host, importer.draft(requests_for(3)), kind=FileKind.XLSX))
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].endswith("spreadsheetml.sheet")
    assert '.xlsx"' in answer.headers["Content-Disposition"]
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    sheet = zipfile.ZipFile(io.BytesIO(answer.content)).read("xl/worksheets/sheet1.xml")
    assert sheet.count(b"Not sent") == 3
    assert not list(importer.data_dir.glob(".workbook*"))


def test_rows_to_fix_can_be_downloaded_as_a_workbook(host: str, importer: Importer) -> None:
    draft = importer.upload(f"ledger_id,currency\n{LEDGER},USD\n{LEDGER},US\n")
    answer = get(host + routes.problem_rows_url(open_desk().links, draft.id))
    assert answer.status_code == 200
    assert "customers - rows to fix" in answer.headers["Content-Disposition"]
    sheet = zipfile.ZipFile(io.BytesIO(answer.content)).read("xl/worksheets/sheet1.xml")
    assert "“US” is not a known currency".encode() in sheet


def test_a_template_offers_the_ledgers_of_its_connection(
    host: str, importer: Importer, practice_blnk: PracticeBlnk
) -> None:
    importer.connect(custom_currencies=["SHELLS"])
    for at in range(120):
        practice_blnk.create_ledger(f"Ledger {at}")
    desk = open_desk()
    answer = get(host + routes.template_url(desk.links, "here", FileKind.XLSX))
    assert answer.status_code == 200
    assert "Balances - here.xlsx" in answer.headers["Content-Disposition"]
    parts = zipfile.ZipFile(io.BytesIO(answer.content))
    listed = parts.read("xl/worksheets/sheet2.xml").decode()
    assert all(f">{name}<" in listed for name in ("Customer wallets", "Ledger 0", "Ledger 119"))
    assert ">SHELLS<" in parts.read("xl/worksheets/sheet3.xml").decode()
    plain = get(host + routes.template_url(desk.links, "here", FileKind.CSV))
    assert plain.content.decode("utf-8-sig") == "ledger,currency,identity,customer_number\r\n"


def test_a_template_without_permission_to_read_has_no_list_and_one_without_blnk_says_so(
    host: str, importer: Importer, practice_blnk: PracticeBlnk
) -> None:
    url = host + routes.template_url(open_desk().links, "here", FileKind.XLSX)
    importer.connect(token=practice_blnk.new_token(["proxy:write"]))
    answer = get(url)
    assert answer.status_code == 200
    assert "xl/worksheets/sheet3.xml" not in zipfile.ZipFile(io.BytesIO(answer.content)).namelist()
    practice_blnk.order_fault("status_before_commit", status=503, on="read")
    failed = get(url)
    assert failed.status_code == 503
    assert "The template needs the list of ledgers" in failed.text
    importer.connect(name="other")
    assert get(url).status_code == 404


def test_a_link_of_one_kind_opens_no_other(host: str, importer: Importer) -> None:
    import_ = importer.draft(requests_for(1))
    links_ = open_desk().links
    token = routes.problem_rows_url(links_, import_.id).rsplit("/", 1)[-1]
    for path in ("download", "template"):
        assert get(f"{host}/{path}/{token}").status_code == 403
    other = links_.sign(Template(import_.id, Variant.ALL))
    assert get(f"{host}/download/{other}").status_code == 403
    wrong = links_.sign(Template("here", "exe"))
    assert get(f"{host}/template/{wrong}").status_code == 403
    assert get(f"{host}/download/{links_.sign(Download(import_.id, 'all', 'exe'))}").status_code == 403


def test_many_downloads_at_once_leave_threads_for_pages(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, goes_on = threading.Semaphore(0), threading.Event()

    def slow() -> Desk:
        begun.release()
        goes_on.wait(600)
        return open_desk()

    monkeypatch.setattr(responses, "open_desk", slow)
    with ThreadPoolExecutor(60) as people:
        try:
            asked = [people.submit(get, f"{host}/evidence/any") for _ in range(60)]
            assert all(begun.acquire(timeout=180) for _ in range(responses._MOST_AT_ONCE))
            assert get(f"{host}/readyz").text == "ok\n"
            assert not begun.acquire(blocking=False)
        finally:
            goes_on.set()
        assert {one.result().status_code for one in asked} == {403}


def test_nothing_in_a_download_can_run(host: str, importer: Importer) -> None:
    headers = get(link(host, importer.draft(requests_for(1)))).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"


def test_a_changed_link_opens_nothing(host: str, importer: Importer) -> None:
    url = link(host, importer.draft(requests_for(1)))
    for wrong in (url[:-6] + "AAAAAA", host + "/download/anything", url.rsplit(".", 1)[0]):
        answer = get(wrong)
        assert answer.status_code == 403
        assert answer.headers["Content-Type"].startswith("text/plain")
        assert "not valid" in answer.text


def test_a_link_expires(host: str, importer: Importer, monkeypatch: pytest.MonkeyPatch) -> None:
    import_ = importer.draft(requests_for(1))
    serializer = "itsdangerous.timed.TimestampSigner.get_timestamp"
    with monkeypatch.context() as at:
        at.setattr(serializer, lambda _: 1_700_000_000)
        url = link(host, import_)
    answer = get(url)
    assert answer.status_code == 410
    assert "expired" in answer.text


def test_a_link_to_an_import_that_is_gone_says_so(host: str, importer: Importer) -> None:
    token = open_desk().links.sign(Download("imp_gone", Variant.ALL))
    answer = get(f"{host}/download/{token}")
    assert answer.status_code == 404
    assert "no longer exists" in answer.text


def test_a_link_signed_for_another_purpose_opens_nothing(host: str, importer: Importer) -> None:
    import_ = importer.draft(requests_for(1))
    token = open_desk().links.sign(Download(import_.id, "everything"))
    assert get(f"{host}/download/{token}").status_code == 403


def test_the_secret_is_the_owners_alone_and_the_same_for_all_processes(importer: Importer) -> None:
    first = Links(links_key.in_folder(importer.data_dir), valid_seconds=60)
    second = Links(links_key.in_folder(importer.data_dir), valid_seconds=60)
    wanted = Download("imp_1", "all")
    assert second.open(first.sign(wanted)) == wanted
    mode = (importer.data_dir / "links.key").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600
    with pytest.raises(links.BadLink):
        Links(links_key.in_folder(importer.data_dir / "other"), valid_seconds=60).open(first.sign(wanted))


def test_no_other_site_can_frame_a_page_or_learn_its_address(host: str) -> None:
    headers = get(host, **_HTML).headers
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"


def test_a_browser_gets_its_own_cookie_once(host: str) -> None:
    first, second = get(host, **_HTML), get(host, **_HTML)
    assert first.cookies[web.BROWSER_COOKIE] != second.cookies[web.BROWSER_COOKIE]
    said = first.headers["Set-Cookie"]
    assert "HttpOnly" in said
    assert "SameSite=Lax" in said
    again = requests.get(host, headers=_HTML, cookies=first.cookies, timeout=120)
    assert "Set-Cookie" not in again.headers
    assert "Set-Cookie" not in get(host + "/download/x").headers


def test_a_foreign_cookie_is_replaced(host: str) -> None:
    answer = requests.get(host, headers=_HTML, cookies={web.BROWSER_COOKIE: "guess me"}, timeout=120)
    assert web.browser_of(dict(answer.cookies.items())) is not None
