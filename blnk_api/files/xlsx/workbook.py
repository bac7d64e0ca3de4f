"""Reads XLSX workbooks: their sheets, the choice of the sheet with the table, and its records."""

import mmap
import posixpath
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO
from xml.parsers import expat

from blnk_api.common.quoting import shown
from blnk_api.facts.file_shape import FileShape, ReadOptions, Record
from blnk_api.files import header, kinds
from blnk_api.files.limits import SAMPLES, FileProblem, cut, no_rows
from blnk_api.files.xlsx import sheet_records, xml_stream
from blnk_api.files.xlsx.displayed_values import Formats
from blnk_api.files.xlsx.shared_strings import SharedStrings
from blnk_api.files.xlsx.sheet import Sheet
from blnk_api.files.xlsx.sheet_choice import HIDDEN, Look, SheetPart, choose, others
from blnk_api.files.xlsx.xml_stream import damaged

_MAX_DIRECTORY_BYTES = 4_000_000
_MAX_INFLATED = 1_500_000_000
_MAX_RATIO = 200
_RATIO_FROM = 50_000_000
"""Smaller parts may have any compression ratio."""
_MAX_SMALL_PART = 20_000_000
_MOST_SHEETS = 1_000
_LONGEST_NAME = 255
_LOOK_BYTES = 4_000_000
"""The part of a sheet's XML that the preview reads. A table begins at the top of its sheet."""
_LOOK_BYTES_IN_ALL = 12_000_000

_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    expat.ExpatError,
    EOFError,
    LookupError,
    ValueError,
    OverflowError,
    NotImplementedError,
    struct.error,
    OSError,
)
"""What zip and XML raise on a broken workbook."""


class _Book:
    """An opened workbook: its sheets, texts and formats."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._parts = {info.filename.replace("\\", "/").lower(): info for info in archive.infolist()}
        self._refuse_others()
        starts = [part for kind, part in self._relations("").values() if kind == "officedocument"]
        main = starts[0] if starts else "xl/workbook.xml"
        related = self._relations(main)
        self._by_kind = {kind: part for kind, part in related.values()}
        self._from_1904 = self._has_stale_results = False
        self.sheets: list[SheetPart] = []
        in_front, count = 0, 0

        def element(parent: str, name: str, attributes: dict[str, str]) -> None:
            nonlocal in_front, count
            if name == "workbookPr":
                self._from_1904 = _is_true(attributes.get("date1904"))
            elif name == "workbookView" and count == 0 and not in_front:
                in_front = int(attributes.get("activeTab") or 0)
            elif name == "calcPr":
                self._has_stale_results = _is_true(attributes.get("fullCalcOnLoad"))
            elif name == "sheet" and parent == "sheets":
                key = next((id for name, id in attributes.items() if name.endswith("/relationships id")), "")
                kind, part = related.get(key, ("", ""))
                if kind == "worksheet":
                    title, is_hidden = attributes.get("name", ""), attributes.get("state") in HIDDEN
                    self.sheets.append(SheetPart(title, part, is_hidden, count == in_front))
                count += 1

        self._walk(main, element)
        if not self.sheets or any(len(sheet.name) > _LONGEST_NAME for sheet in self.sheets):
            raise damaged()
        if len(self.sheets) > _MOST_SHEETS:
            raise FileProblem(
                "too_many_sheets",
                f"The workbook has {len(self.sheets):,} sheets; {_MOST_SHEETS:,} is the limit. Save the "
                "sheet with your table as a separate file.",
            )
        self._formats = self._read_formats()
        self._strings: SharedStrings | None = None

    def sheet(self, part: str) -> Sheet:
        """A sheet, ready to be read from the top."""
        if self._strings is None:
            texts = self._by_kind.get("sharedstrings")
            self._strings = SharedStrings(self._open(texts) if texts in self._parts else None)
        return Sheet(
            self._open(part), self._strings, self._formats, has_stale_results=self._has_stale_results
        )

    def _refuse_others(self) -> None:
        """Rejects archives that are not XLSX, naming what they are."""
        names = self._parts.keys()
        if any(info.flag_bits & 1 for info in self._parts.values()):
            raise _encrypted()
        if "xl/workbook.bin" in names:
            raise FileProblem(
                "xlsb", "This is a binary Excel workbook (XLSB). Open it and save it as XLSX or CSV."
            )
        if "content.xml" in names or "mimetype" in names:
            raise FileProblem("ods", "This is an OpenDocument file. Open it and save it as XLSX or CSV.")
        if any(name.endswith(".iwa") for name in names) or "index.zip" in names:
            raise FileProblem(
                "numbers", "This is an Apple Numbers file. Open it in Numbers and export it as CSV or XLSX."
            )
        if "[content_types].xml" not in names:
            raise FileProblem(
                "archive", "This is an archive, not a workbook. Unpack it and choose the file inside."
            )
        if "word/document.xml" in names or "ppt/presentation.xml" in names:
            raise kinds.not_a_table("a text document or a presentation")

    def _open(self, part: str | None) -> IO[bytes]:
        """Opens a part of the workbook. A part that would become too large is rejected before it is
        unpacked."""
        info = self._parts[part or ""]
        too_tight = info.file_size > max(_RATIO_FROM, info.compress_size * _MAX_RATIO)
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise damaged()  # no spreadsheet program compresses this much
        if info.file_size > _MAX_INFLATED or too_tight:
            raise FileProblem(
                "too_big",
                f"The workbook unpacks to {info.file_size / 1e6:,.0f} MB. Split it, or save it as CSV.",
            )
        return self._archive.open(info)

    def _walk(self, part: str, element: xml_stream.Element) -> None:
        if self._parts[part].file_size > _MAX_SMALL_PART:
            raise damaged()
        with self._open(part) as stream:
            xml_stream.walk(stream, element)

    def _relations(self, part: str) -> dict[str, tuple[str, str]]:
        """The parts that a part refers to: id → kind and part."""
        folder, name = posixpath.split(part)
        relations = posixpath.join(folder, "_rels", f"{name}.rels")
        found: dict[str, tuple[str, str]] = {}

        def element(_: str, __: str, attributes: dict[str, str]) -> None:
            if "Target" in attributes and attributes.get("TargetMode") != "External":
                target = posixpath.normpath(
                    posixpath.join("/", folder, attributes["Target"].replace("\\", "/"))
                )
                kind = attributes.get("Type", "").rpartition("/")[2].lower()
                found[attributes.get("Id", "")] = (kind, target.lstrip("/").lower())

        if relations in self._parts:
            self._walk(relations, element)
        return found

    def _read_formats(self) -> Formats:
        """The number formats, by the style that a cell names."""
        codes: dict[str, str] = {}
        numbers: list[str] = []

        def element(parent: str, name: str, attributes: dict[str, str]) -> None:
            # A conditional format has its own numFmt, possibly with a number that cells use too.
            if name == "numFmt" and parent == "numFmts":
                codes[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")
            elif name == "xf" and parent == "cellXfs":
                numbers.append(attributes.get("numFmtId", "0"))

        part = self._by_kind.get("styles")
        if part in self._parts:
            self._walk(part or "", element)
        return Formats(numbers, codes, from_1904=self._from_1904)


def _is_true(text: str | None) -> bool:
    return (text or "").lower() in ("1", "true", "on")


def detect(path: Path, options: ReadOptions) -> FileShape:
    """The shape of a workbook. Prefers the sheet with known column names, and the active one first."""
    with _opened(path) as book:
        names = [sheet.name for sheet in book.sheets]
        if options.sheet is not None and options.sheet not in names:
            listed = ", ".join(map(shown, names[:10]))
            raise FileProblem(
                "no_sheet", f"There is no sheet named “{shown(options.sheet)}”. The workbook has: {listed}."
            )
        looked_at = list(_looks(book, options.sheet))
        chosen = choose(looked_at, options.sheet)
        part = chosen.sheet.part
        top = sheet_records.filled(book.sheet(part)) if options.header_row else iter(chosen.top)
        number, headers, above = header.choose(top, options.header_row)
        while headers and not headers[-1]:
            headers.pop()
        shape = FileShape(
            kind="xlsx",
            sheet=chosen.sheet.name,
            sheets=names,
            header_row=number,
            headers=headers,
            rows_estimate=max(0, chosen.last_row - number),
            remarks=above + others(looked_at, chosen, headers, was_chosen=options.sheet is not None),
        )
        reader = book.sheet(part)
        found = sheet_records.records(reader, shape, lambda: book.sheet(part), most_bytes=_LOOK_BYTES)
        samples = [cut(record) for record in islice(found, SAMPLES)]
    if not samples and not reader.was_cut:
        raise no_rows()
    return shape.model_copy(update={"samples": samples})


def _looks(book: _Book, chosen_name: str | None) -> Iterator[Look]:
    """The first filled rows of the sheets, as many as a preview may read. The likeliest sheets come first."""
    left = _LOOK_BYTES_IN_ALL
    ordered = sorted(
        book.sheets, key=lambda sheet: (sheet.name != chosen_name, sheet.is_hidden, not sheet.is_in_front)
    )
    for sheet in ordered:
        if left <= 0:
            return
        reader = book.sheet(sheet.part)
        top = list(islice(sheet_records.filled(reader, min(left, _LOOK_BYTES)), header.LOOK_AT))
        left -= reader.bytes_read
        yield Look(sheet, top, reader.last_row, reader.was_cut)


def records(path: Path, shape: FileShape) -> Iterator[Record]:
    """All records under the header, as a stream. Raises FileProblem."""
    with _opened(path) as book:
        part = next((sheet.part for sheet in book.sheets if sheet.name == shape.sheet), None)
        if part is None:
            raise damaged()
        yield from sheet_records.records(book.sheet(part), shape, lambda: book.sheet(part))


@contextmanager
def _opened(path: Path) -> Iterator[_Book]:
    with path.open("rb") as raw:
        tail = raw.seek(0, 2)
        raw.seek(max(0, tail - 66_000))
        end = raw.read()
        at = end.rfind(b"PK\x05\x06")
        if at < 0 or len(end) < at + 22:
            raise damaged()
        (directory,) = struct.unpack_from("<L", end, at + 12)
        if directory > _MAX_DIRECTORY_BYTES:
            raise damaged()
        try:
            with zipfile.ZipFile(raw) as archive:
                yield _Book(archive)
        except _DAMAGE as error:
            raise damaged() from error


def refuse_old(path: Path) -> FileProblem:
    """The error for an OLE file: a workbook with a password, or from before 2007."""
    with path.open("rb") as raw, mmap.mmap(raw.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if content.find("EncryptedPackage".encode("utf-16-le")) >= 0:
            return _encrypted()
    return FileProblem(
        "old_excel",
        "This is a workbook from Excel 2003 or earlier (XLS). Open it and save it as XLSX or CSV.",
    )


def _encrypted() -> FileProblem:
    return FileProblem(
        "encrypted", "The workbook has a password. Open it, remove the password, and save it again."
    )
