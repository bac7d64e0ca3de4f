"""XLSX workbooks: which sheets there are, which one holds the table, and its records."""

import mmap
import posixpath
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, NamedTuple
from xml.parsers import expat

from blnk_api.imports.reading import header, kinds, xml_parts
from blnk_api.imports.reading.displayed import Display, display
from blnk_api.imports.reading.shapes import SAMPLES, FileProblem, FileShape, ReadOptions, Record, cut, no_rows
from blnk_api.imports.reading.sheet import Sheet, outside
from blnk_api.imports.reading.xml_parts import SharedStrings, damaged
from blnk_api.shown import shown

_MAX_DIRECTORY_BYTES = 4_000_000
_MAX_INFLATED = 1_500_000_000
_MAX_RATIO = 200
_RATIO_FROM = 50_000_000
"""Smaller parts may be packed as tightly as they like."""
_MAX_SMALL_PART = 20_000_000
_SHEETS_LOOKED_AT = 30

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


class _Sheet(NamedTuple):
    name: str
    part: str
    is_hidden: bool


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
        self._from_1904 = False
        self.sheets: list[_Sheet] = []

        def element(name: str, attributes: dict[str, str]) -> None:
            if name == "workbookPr":
                self._from_1904 = attributes.get("date1904", "").lower() in ("1", "true", "on")
            elif name == "sheet":
                key = next((value for name, value in attributes.items() if name.endswith(":id")), "")
                kind, part = related.get(key, ("", ""))
                if kind == "worksheet":
                    is_hidden = attributes.get("state", "visible") != "visible"
                    self.sheets.append(_Sheet(attributes.get("name", ""), part, is_hidden))

        self._walk(main, element)
        if not self.sheets:
            raise damaged()
        self._formats = self._read_formats()

    def sheet(self, part: str) -> Sheet:
        """A sheet, to be read from its top."""
        texts = self._by_kind.get("sharedstrings")
        strings = SharedStrings(self._open(texts) if texts in self._parts else None)
        return Sheet(self._open(part), strings, self._formats)

    def _refuse_others(self) -> None:
        """Archives that are no XLSX, each by what it is."""
        names = self._parts.keys()
        if any(info.flag_bits & 1 for info in self._parts.values()):
            raise _encrypted()
        if "xl/workbook.bin" in names:
            raise FileProblem(
                "xlsb", "This is a binary Excel workbook (XLSB). Open it and save it as XLSX or CSV."
            )
        if "content.xml" in names or "mimetype" in names:
            raise FileProblem("ods", "This is an OpenDocument file. Open it and save it as XLSX or CSV.")
        if "[content_types].xml" not in names:
            raise FileProblem(
                "archive", "This is an archive, not a workbook. Unpack it and choose the file in it."
            )
        if "word/document.xml" in names or "ppt/presentation.xml" in names:
            raise kinds.not_a_table("a text document or a presentation")

    def _open(self, part: str | None) -> IO[bytes]:
        """A part of the workbook, refused before it is unpacked when it would become too big."""
        info = self._parts[part or ""]
        too_tight = info.file_size > max(_RATIO_FROM, info.compress_size * _MAX_RATIO)
        if info.file_size > _MAX_INFLATED or too_tight:
            raise FileProblem(
                "too_big",
                f"The workbook unpacks to {info.file_size / 1e6:,.0f} MB. Split it, or save it as CSV.",
            )
        return self._archive.open(info)

    def _walk(self, part: str, element: xml_parts.Start) -> None:
        if self._parts[part].file_size > _MAX_SMALL_PART:
            raise damaged()
        with self._open(part) as stream:
            xml_parts.walk(stream, element)

    def _relations(self, part: str) -> dict[str, tuple[str, str]]:
        """What a part points to: id → kind and part."""
        folder, name = posixpath.split(part)
        relations = posixpath.join(folder, "_rels", f"{name}.rels")
        found: dict[str, tuple[str, str]] = {}

        def element(_: str, attributes: dict[str, str]) -> None:
            if "Target" in attributes and attributes.get("TargetMode") != "External":
                target = posixpath.normpath(
                    posixpath.join("/", folder, attributes["Target"].replace("\\", "/"))
                )
                kind = attributes.get("Type", "").rpartition("/")[2].lower()
                found[attributes.get("Id", "")] = (kind, target.lstrip("/").lower())

        if relations in self._parts:
            self._walk(relations, element)
        return found

    def _read_formats(self) -> list[Display]:
        """How numbers are shown, by the style that a cell names."""
        codes: dict[str, str] = {}
        numbers: list[str] = []
        inside = False

        def element(name: str, attributes: dict[str, str]) -> None:
            nonlocal inside
            if name == "numFmt":
                codes[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")
            elif name in ("cellStyleXfs", "cellXfs"):
                inside = name == "cellXfs"
            elif name == "xf" and inside:
                numbers.append(attributes.get("numFmtId", "0"))

        part = self._by_kind.get("styles")
        if part in self._parts:
            self._walk(part or "", element)
        shows = {number: display(int(number), codes.get(number), self._from_1904) for number in set(numbers)}
        return [shows[number] for number in numbers]


def detect(path: Path, options: ReadOptions) -> FileShape:
    """The shape of a workbook: the sheet that names our columns, else the first that is filled."""
    with _opened(path) as book:
        names = [sheet.name for sheet in book.sheets]
        if options.sheet is not None and options.sheet not in names:
            listed = ", ".join(map(shown, names[:10]))
            raise FileProblem(
                "no_sheet", f"There is no sheet called {shown(options.sheet)}. The workbook has: {listed}."
            )
        ordered = sorted(book.sheets, key=lambda sheet: sheet.is_hidden)[:_SHEETS_LOOKED_AT]
        if options.sheet is not None:
            ordered = [sheet for sheet in book.sheets if sheet.name == options.sheet]
        best: tuple[_Sheet, list[header.Row]] | None = None
        for sheet in ordered:
            top = list(islice(_filled(book, sheet.part), header.LOOK_AT))
            if best is None and top:
                best = sheet, top
            if any(header.known_uses(cells) >= 2 for _, cells in top):
                best = sheet, top
                break
        if best is None:
            raise FileProblem("empty", "The workbook is empty. Choose another file, or save this one again.")
        chosen, top = best
        reader = book.sheet(chosen.part)
        rows = ((row.number, row.cells) for row in reader.rows() if "".join(row.cells).strip())
        number, headers = header.choose(rows, options.header_row)
        while headers and not headers[-1]:
            headers.pop()
        shape = FileShape(
            kind="xlsx",
            sheet=chosen.name,
            sheets=names,
            header_row=number,
            headers=headers,
            rows_estimate=max(0, reader.last_row - number),
        )
        samples = [cut(record) for record in islice(_records(book, chosen.part, shape), SAMPLES)]
    if not samples:
        raise no_rows()
    return shape.model_copy(update={"samples": samples})


def records(path: Path, shape: FileShape) -> Iterator[Record]:
    """All records under the header, as a stream. Raises FileProblem."""
    with _opened(path) as book:
        part = next((sheet.part for sheet in book.sheets if sheet.name == shape.sheet), None)
        if part is None:
            raise damaged()
        yield from _records(book, part, shape)


def _records(book: _Book, part: str, shape: FileShape) -> Iterator[Record]:
    width = len(shape.headers)
    for number, cells, flaws in book.sheet(part).rows():
        if number <= shape.header_row or not (flaws or "".join(cells).strip()):
            continue
        if len(cells) > width:
            if any(map(str.strip, cells[width:])):
                flaws = (*flaws, outside())
            del cells[width:]
        if flaws:
            flaws = tuple(flaw for flaw in flaws if flaw.column is None or flaw.column < width)
            if not flaws and not "".join(cells).strip():
                continue
        yield Record(number, cells + [""] * (width - len(cells)), flaws)


def _filled(book: _Book, part: str) -> Iterator[header.Row]:
    for row in book.sheet(part).rows():
        if "".join(row.cells).strip():
            yield row.number, row.cells


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
    """What an OLE file is: a workbook with a password, or one of before 2007."""
    with path.open("rb") as raw, mmap.mmap(raw.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if content.find("EncryptedPackage".encode("utf-16-le")) >= 0:
            return _encrypted()
    return FileProblem(
        "old_excel", "This is a workbook of Excel 2003 or older (XLS). Open it and save it as XLSX or CSV."
    )


def _encrypted() -> FileProblem:
    return FileProblem(
        "encrypted", "The workbook has a password. Open it, remove the password, and save it again."
    )
