"""The shared texts of a workbook, which its cells refer to."""

import re
from array import array
from collections.abc import Iterator
from typing import IO

from blnk_api.files.limits import MAX_CELL_CHARACTERS
from blnk_api.files.xlsx.xml_stream import Document, damaged, too_much_text

_MAX_BYTES = 400_000_000
_LONG_BYTES = 1_000
_LONG_KEPT_CHARACTERS = 16_000_000
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


class SharedStrings:
    """Texts are read only as far as needed, and kept as UTF-8 in one block: five million take 200 MB instead
    of a gigabyte. Cells with the same long text share one string."""

    def __init__(self, stream: IO[bytes] | None) -> None:
        self._steps = self._read(stream) if stream is not None else iter(())
        self._block = bytearray()
        self._ends = array("q", [0])
        self._long: dict[int, str] = {}
        self._long_characters = 0

    def __getitem__(self, index: int) -> str:
        """Raises FileProblem if there is no such text."""
        while index + 1 >= len(self._ends):
            if next(self._steps, None) is None:
                raise damaged()
        if index < 0:
            raise damaged()
        begin, end = self._ends[index], self._ends[index + 1]
        if end - begin > _LONG_BYTES:
            return self._kept(index, begin, end)
        return self._block[begin:end].decode()

    def _kept(self, index: int, begin: int, end: int) -> str:
        text = self._long.get(index)
        if text is None:
            text = self._block[begin:end].decode()
            self._long_characters += len(text)
            if self._long_characters > _LONG_KEPT_CHARACTERS:
                self._long.clear()
                self._long_characters = len(text)
            self._long[index] = text
        return text

    def _read(self, stream: IO[bytes]) -> Iterator[int]:
        document = Document(stream)
        text_, item, phonetic = (document.own + name for name in ("t", "si", "rPh"))
        pieces: list[str] = []
        size = inside_phonetic = 0
        collecting = False

        def start(name: str, _: dict[str, str]) -> None:
            nonlocal collecting, inside_phonetic
            if name == text_:
                collecting = not inside_phonetic
            elif name == phonetic:
                inside_phonetic += 1

        def end(name: str) -> None:
            nonlocal collecting, inside_phonetic, size
            if name == item:
                self._block += unescaped("".join(pieces)).encode()
                self._ends.append(len(self._block))
                pieces.clear()
                size = 0
            elif name == text_:
                collecting = False
            elif name == phonetic:
                inside_phonetic -= 1

        def text(data: str) -> None:
            nonlocal size
            if collecting and size <= MAX_CELL_CHARACTERS:
                size += len(data)
                pieces.append(data)

        parser = document.parser
        parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text
        for step in document.pieces():
            if len(self._block) > _MAX_BYTES:
                raise too_much_text()
            yield step


def unescaped(text: str) -> str:
    """Text without Excel's escapes for characters that XML cannot contain, such as `_x000D_`."""
    if "_x" not in text:
        return text
    return _ESCAPED.sub(_character, text)


def _character(match: re.Match[str]) -> str:
    code = int(match[1], 16)
    return match[0] if 0xD800 <= code <= 0xDFFF else chr(code)
