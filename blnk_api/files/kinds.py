"""Recognizes files by their first bytes, and rejects those that are not tables."""

import re
from enum import StrEnum

from blnk_api.files.limits import FileProblem

ZIP = b"PK\x03\x04"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

_NOT_TABLES: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"BM", "a picture"),
    (b"II*\0", "a picture"),
    (b"RIFF", "a picture or a recording"),
    (b"%PDF", "a PDF document"),
    (b"{\\rtf", "a text document"),
    (b"\x1f\x8b", "a compressed file"),
    (b"7z\xbc\xaf", "a compressed file"),
    (b"BZh91AY&SY", "a compressed file"),
    (b"\xfd7zXZ\0", "a compressed file"),
    (b"\x28\xb5\x2f\xfd", "a compressed file"),
    (b"ID;P", "a SYLK file"),
    (b"TABLE\r\n0,1\r\n", "a DIF file"),
    (b"TABLE\n0,1\n", "a DIF file"),
    (b"Rar!", "a compressed file"),
    (b"PK\x05\x06", "an empty archive"),
    (b"PAR1", "a Parquet file"),
    (b"SQLite format 3", "a database"),
    (b"MZ", "a program"),
    (b"\x7fELF", "a program"),
)
_HTML = re.compile(r"\s*<(?:!doctype|html|head|meta|table|body|div|style|script|\?xml|!--)", re.IGNORECASE)
_JSON = re.compile(r"\s*(?:\{\s*[\"}]|\[\s*[\[{\"\]])")
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x19\x1b-\x1f]")


def refuse_by_first_bytes(head: bytes) -> None:
    """Raises FileProblem for pictures, documents, archives and programs, whatever the file's name."""
    for start, what in _NOT_TABLES:
        if head.startswith(start) and (len(start) > 2 or b"\0" in head):
            raise not_a_table(what)


def refuse_by_text(text: str) -> None:
    """Raises FileProblem for web pages, XML, JSON, and bytes that are not text at all."""
    if _HTML.match(text):
        if re.match(r"\s*<\?xml", text) and "<html" not in text[:2_000].lower():
            raise not_a_table("an XML file")
        raise FileProblem(
            "html",
            "This is a web page, not a spreadsheet (bank portals often call it .xls). "
            "Open it in Excel or LibreOffice and save it as XLSX or CSV.",
        )
    start = text[:2_000].lstrip().lower()
    if (
        start.startswith(("mime-version:", "from: <saved by"))
        or "\ncontent-type: multipart/related" in f"\n{start}"
    ):
        raise FileProblem(
            "html",
            "This is a single-file web page (MHTML), not a spreadsheet, although its name may end in .xls. "
            "Open it in Excel or LibreOffice and save it as XLSX or CSV.",
        )
    if _JSON.match(text):
        raise not_a_table("a JSON file")
    filled = text.replace("\0", "")  # legacy systems pad cells with NUL
    if len(filled) * 2 > len(text):
        text = filled
    if len(_CONTROLS.findall(text)) > max(4, len(text) / 20):
        raise not_a_table("not text")


def not_a_table(what: str) -> FileProblem:
    """The error for a file that holds no rows."""
    return FileProblem("not_a_table", f"This is {what}, not a table. Export the sheet as CSV or XLSX.")


class FileKind(StrEnum):
    CSV = "csv"
    XLSX = "xlsx"
