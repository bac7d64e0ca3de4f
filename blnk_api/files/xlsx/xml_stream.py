"""Streams the XML inside a workbook with little memory. Rejects document types, so that no entity can expand,
and tags longer than any workbook has."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import IO
from xml.parsers import expat

from blnk_api.files.limits import FileProblem

CHUNK = 65_536
_PIECE = 8_192
"""Bytes that are parsed at a time: a few bytes may expand to a megabyte of text."""
_MAX_TAG_BYTES = 2_000_000
MAX_DEPTH = 100

Element = Callable[[str, str, dict[str, str]], None]


def damaged() -> FileProblem:
    """The error for a workbook that ends too early or is not what it claims to be."""
    return FileProblem(
        "damaged",
        "The workbook is damaged or incomplete. Download it again, or open it and save it again as XLSX.",
    )


def too_much_text() -> FileProblem:
    """The error for a small file that expands to a huge one."""
    return FileProblem("too_big", "The workbook contains too much text. Split it, or save it as CSV.")


class Document:
    """A part of a workbook as it is read. Set the handlers of `parser`, then iterate over `pieces`.

    Only elements in the root's namespace are the workbook's own; other programs use the same names with other
    meanings. `own` is the prefix of the workbook's own names. It is empty if the root declares the default
    namespace, which saves a tenth of the time.
    """

    def __init__(self, stream: IO[bytes], *, with_namespaces: bool = False) -> None:
        self._stream = stream
        self._first = stream.read(CHUNK)
        self.own, is_plain = _own_names(self._first)
        if is_plain and not with_namespaces:
            self.own = ""
        self.parser = _parser(None if not self.own and not with_namespaces else " ")
        self.is_utf8 = True
        """Whether its declaration, once that was parsed, names no other encoding."""
        self.parser.XmlDeclHandler = self._declared
        self.parsed = 0
        """How many bytes the parser was given."""
        self._waiting = 0

    def pieces(self) -> Iterator[int]:
        """Parses piece by piece and yields the number of bytes so far. Raises FileProblem and whatever expat
        raises."""
        chunk = self._first
        while chunk:
            for _ in self._parse(chunk):
                yield self.parsed
            chunk = self._stream.read(CHUNK)
        self.parser.Parse(b"", True)
        yield self.parsed

    def pieces_besides(self, ending: bytes, is_read: Callable[[bytes], bool]) -> Iterator[int]:
        """Like `pieces`. Each stretch of bytes up to `ending` is parsed only if `is_read` has not read it
        otherwise: it may do so with complete elements alone."""
        taken, chunk = 0, self._first
        while chunk:
            at = 0
            while (end := chunk.find(ending, at)) >= 0:
                end += len(ending)
                stretch = chunk[at:end]
                if is_read(stretch):
                    taken += len(stretch)
                else:
                    for _ in self._parse(stretch):
                        yield taken + self.parsed
                at = end
            rest = chunk[at:]
            if len(rest) > _PIECE:
                for _ in self._parse(rest):
                    yield taken + self.parsed
                rest = b""
            more = self._stream.read(CHUNK)
            if not more:
                self.parser.Parse(rest, False)
                self.parsed += len(rest)
            chunk = more and rest + more
            yield taken + self.parsed
        self.parser.Parse(b"", True)
        yield taken + self.parsed

    def _parse(self, chunk: bytes) -> Iterator[None]:
        at = 0
        while at < len(chunk):
            # expat reparses an incomplete tag each time: feeding as many bytes again keeps that cheap.
            piece = chunk[at : at + max(_PIECE, self._waiting)]
            self.parser.Parse(piece, False)
            at += len(piece)
            self.parsed += len(piece)
            self._waiting = self.parsed - self.parser.CurrentByteIndex
            if self._waiting > _MAX_TAG_BYTES:
                raise too_much_text()
            yield

    def _declared(self, _version: str, encoding: str | None, _standalone: int) -> None:
        self.is_utf8 = (encoding or "utf-8").lower() == "utf-8"


def _parser(separator: str | None) -> expat.XMLParserType:
    """An expat parser that delivers text in one piece if possible."""
    parser = expat.ParserCreate(None, separator)
    parser.buffer_text = True
    parser.buffer_size = CHUNK

    def refuse(*_: object) -> None:
        raise damaged()

    parser.StartDoctypeDeclHandler = refuse
    return parser


class _Found(Exception):
    """The root was found; parsing stops."""


def _own_names(first: bytes) -> tuple[str, bool]:
    """The root's namespace with a space, and whether exactly the names without a prefix belong to it."""
    look = _parser(" ")
    prefixes: dict[str, str] = {}
    own, is_plain = "", True

    def declared(prefix: str | None, uri: str | None) -> None:
        prefixes[prefix or ""] = uri or ""

    def root(name: str, _: dict[str, str]) -> None:
        nonlocal own, is_plain
        uri = name.rpartition(" ")[0]
        own = f"{uri} " if uri else ""
        is_plain = [prefix for prefix, one in prefixes.items() if one == uri] == [""] if uri else True
        raise _Found

    look.StartNamespaceDeclHandler, look.StartElementHandler = declared, root
    with suppress(_Found):
        look.Parse(first, False)
    return own, is_plain


def walk(stream: IO[bytes], element: Element) -> None:
    """Calls `element` with the parent's name, its own name and its attributes, for each of the part's own
    elements in order. A parent of another namespace is passed as ""."""
    document = Document(stream, with_namespaces=True)
    own = document.own
    above: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        name = name.removeprefix(own) if name.startswith(own) and " " not in name[len(own) :] else ""
        if name:
            element(above[-1] if above else "", name, attributes)
        if len(above) >= MAX_DEPTH:
            raise damaged()
        above.append(name)

    def end(_: str) -> None:
        above.pop()

    document.parser.StartElementHandler, document.parser.EndElementHandler = start, end
    for _ in document.pieces():
        pass
