"""The XML inside a workbook, as a stream. Refuses document types, so no entity can blow up."""

import re
from array import array
from collections.abc import Callable, Iterator
from typing import IO
from xml.parsers import expat

from blnk_api.imports.reading.shapes import FileProblem

CHUNK = 65_536
_MAX_STRINGS_BYTES = 400_000_000
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")

Start = Callable[[str, dict[str, str]], None]


def damaged() -> FileProblem:
    """A workbook that ends too early or is not what it says."""
    return FileProblem(
        "damaged",
        "The workbook is damaged or incomplete. Download it again, or open it and save it anew as XLSX.",
    )


def parser() -> expat.XMLParserType:
    """An expat parser whose text comes in one piece where it can."""
    made = expat.ParserCreate()
    made.buffer_text = True
    made.buffer_size = CHUNK

    def refuse(*_: object) -> None:
        raise damaged()

    made.StartDoctypeDeclHandler = refuse
    return made


def local(name: str) -> str:
    """`x:sheet` and `sheet` are the same."""
    return name.rpartition(":")[2]


def walk(stream: IO[bytes], start: Start) -> None:
    """Calls `start` with each element's local name and attributes, in order."""
    made = parser()
    made.StartElementHandler = lambda name, attributes: start(local(name), attributes)
    while chunk := stream.read(CHUNK):
        made.Parse(chunk, False)
    made.Parse(b"", True)


def unescaped(text: str) -> str:
    """Text without Excel's own escapes for characters that XML cannot hold, such as `_x000D_`."""
    if "_x" not in text:
        return text
    return _ESCAPED.sub(_character, text)


def _character(match: re.Match[str]) -> str:
    code = int(match[1], 16)
    return match[0] if 0xD800 <= code <= 0xDFFF else chr(code)


class SharedStrings:
    """The texts that a workbook's cells point to, read only as far as they are asked for.

    Kept as UTF-8 in one block: five million texts take 200 MB and not a gigabyte.
    """

    def __init__(self, stream: IO[bytes] | None) -> None:
        self._chunks = self._read(stream) if stream is not None else iter(())
        self._block = bytearray()
        self._ends = array("q", [0])

    def __getitem__(self, index: int) -> str:
        """Raises FileProblem when there is no such text."""
        while index + 1 >= len(self._ends):
            if next(self._chunks, None) is None:
                raise damaged()
        if index < 0:
            raise damaged()
        return self._block[self._ends[index] : self._ends[index + 1]].decode()

    def _read(self, stream: IO[bytes]) -> Iterator[bool]:
        made = parser()
        pieces: list[str] = []
        collecting = phonetic = False

        def start(name: str, _: dict[str, str]) -> None:
            nonlocal collecting, phonetic
            name = local(name)
            if name == "t":
                collecting = not phonetic
            elif name == "rPh":
                phonetic = True

        def end(name: str) -> None:
            nonlocal collecting, phonetic
            name = local(name)
            if name == "si":
                self._block += unescaped("".join(pieces)).encode()
                self._ends.append(len(self._block))
                pieces.clear()
            elif name == "t":
                collecting = False
            elif name == "rPh":
                phonetic = False

        def text(data: str) -> None:
            if collecting:
                pieces.append(data)

        made.StartElementHandler, made.EndElementHandler, made.CharacterDataHandler = start, end, text
        while chunk := stream.read(CHUNK):
            made.Parse(chunk, False)
            if len(self._block) > _MAX_STRINGS_BYTES:
                raise FileProblem(
                    "too_big", "The workbook unpacks to too much text. Split it, or save it as CSV."
                )
            yield True
        made.Parse(b"", True)
        yield True
