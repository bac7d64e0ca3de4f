"""Decodes the bytes of a text file."""

import codecs
import re
from itertools import islice
from typing import BinaryIO, NamedTuple

from blnk_api.common.quoting import shown
from blnk_api.files.csv import encoding_guess
from blnk_api.files.limits import FileProblem

MARK = "blnk.mark"
"""The error handler that turns each undecodable byte into a lone surrogate, so that its row can be named."""

ENCODINGS: dict[str, str] = {
    "utf-8": "utf-8",
    "utf-8-sig": "utf-8",
    "utf-16-le": "utf-16-le",
    "utf-16-be": "utf-16-be",
    "utf-16-le-bom": "utf-16-le",
    "utf-16-be-bom": "utf-16-be",
    "utf-32-le-bom": "utf-32-le",
    "utf-32-be-bom": "utf-32-be",
    **{f"windows-{number}": f"cp{number}" for number in (874, *range(1250, 1259))},
    **{f"iso-8859-{number}": f"iso8859-{number}" for number in (1, 2, 5, 7, 9, 15)},
    "mac-roman": "mac-roman",
    "mac-latin2": "mac-latin2",
    "mac-turkish": "mac-turkish",
    "mac-greek": "mac-greek",
    "mac-cyrillic": "mac-cyrillic",
    **{f"cp{number}": f"cp{number}" for number in (437, 737, 850, 852, 857, 858, 862, 865, 866)},
    "koi8-r": "koi8-r",
    "koi8-u": "koi8-u",
    "shift_jis": "cp932",
    "euc-jp": "euc_jp",
    "gb18030": "gb18030",
    "big5": "big5",
    "euc-kr": "cp949",
}
"""The encodings that people can choose, and the codec that reads each."""


def display_name(name: str) -> str:
    """The common spelling of an encoding's name."""
    plain = name.removesuffix("-bom").removesuffix("-sig")
    usual = {"mac-roman": "Mac Roman", "shift_jis": "Shift-JIS", "big5": "Big5"}
    return usual.get(plain) or (plain.title() if plain.startswith("windows") else plain.upper())


_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32-le-bom"),
    (codecs.BOM_UTF32_BE, "utf-32-be-bom"),
    (codecs.BOM_UTF16_LE, "utf-16-le-bom"),
    (codecs.BOM_UTF16_BE, "utf-16-be-bom"),
)
UNDECODABLE = re.compile("[\ud800-\udfff]")
_CHUNK = 262_144
_LONGEST_LINE = 8_000_000
_ZEROS = 4
_OF_TWO_BYTES = frozenset({"shift_jis", "euc-jp", "gb18030", "big5", "euc-kr"})


def as_strays(text: str, strays: str) -> str | None:
    """A cell with undecodable bytes, decoded with another encoding. None if that fails too."""
    try:
        return text.encode("utf-8", "surrogateescape").decode(ENCODINGS[strays])
    except UnicodeError:
        return None


def as_utf8(text: str, encoding: str) -> str | None:
    """A cell that was decoded with another encoding, decoded as UTF-8. None if it is not valid UTF-8."""
    try:
        return text.encode(ENCODINGS[encoding]).decode()
    except UnicodeError:
        return None


_ENOUGH_LINES = 1_000
_ENOUGH_BYTES = 16_384
"""This much of the lines that are not UTF-8 is enough to guess from."""


class Scan(NamedTuple):
    """The result of one pass over all bytes."""

    line_ends: int
    good: int
    """Lines with letters beyond ASCII that are valid UTF-8."""
    bad: int
    """Lines that are not UTF-8, counted until they are clearly more than slips."""
    strange: bytes
    """The first of those lines."""


def _mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(0xDC00 + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error(MARK, _mark)


def without_undecodable(text: str) -> str:
    """The text with U+FFFD for undecodable bytes: lone surrogates can be neither stored nor sent."""
    return UNDECODABLE.sub("\ufffd", text)


def scan(stream: BinaryIO) -> Scan:
    """Reads the whole stream once, about 0.1 s for 100 MB of ASCII. Raises FileProblem for a line of over 8
    MB."""
    returns = feeds = good = bad = 0
    rest, strange = b"", b""
    while chunk := stream.read(_CHUNK):
        feeds += chunk.count(b"\n")
        returns += chunk.count(b"\r")
        last = max(chunk.rfind(b"\n"), chunk.rfind(b"\r")) + 1
        if len(rest) + len(chunk) - last > _LONGEST_LINE:
            raise FileProblem(
                "no_lines",
                "A line of this file is longer than 8 MB, so the file is not a table. Export "
                "it again as CSV or XLSX.",
            )
        whole, rest = (rest + chunk[:last], chunk[last:]) if last else (b"", rest + chunk)
        if whole.isascii() or bad > _ENOUGH_LINES + 10 * good:
            continue
        counted = _count(whole)
        good, bad = good + counted.good, bad + counted.bad
        strange = strange or counted.strange
    if not rest.isascii():
        counted = _count(rest)
        good, bad = good + counted.good, bad + counted.bad
        strange = strange or counted.strange
    return Scan(max(returns, feeds), good, bad, strange)


def _count(whole: bytes) -> Scan:
    """Counts some complete lines."""
    foreign = [line for line in whole.splitlines() if not line.isascii()]
    strange: list[bytes] = []
    try:
        whole.decode()
    except UnicodeDecodeError:
        strange = [line for line in foreign if not _is_utf8(line)]
    some = b"\n".join(islice(strange, _ENOUGH_LINES))[:_ENOUGH_BYTES]
    return Scan(0, len(foreign) - len(strange), len(strange), some)


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def chosen(name: str) -> str:
    """The name in `ENCODINGS` for an encoding as a person wrote it. Raises FileProblem if it is unknown."""
    if name.lower() in ENCODINGS:
        return name.lower()
    try:
        codec = codecs.lookup(name).name
    except (LookupError, ValueError):
        codec = ""
    for known, ours in ENCODINGS.items():
        if codecs.lookup(ours).name == codec:
            return known
    raise FileProblem(
        "unknown_encoding", f"The encoding “{shown(name)}” is not supported. Choose one from the list."
    )


class Found(NamedTuple):
    """An encoding, and whether only a person can tell if it is right."""

    name: str
    is_guessed: bool = False
    strays: str | None = None
    """The probable encoding of the lines that are not UTF-8, if most of the file is UTF-8."""


def find(head: bytes, scanned: Scan) -> Found:
    """The encoding of a file that begins with `head`.

    One line in valid UTF-8 proves more than one that is not: legacy encodings produce valid UTF-8 only by
    rare accident, in short words of some Asian ones.
    """
    for mark, name in _MARKS:
        if head.startswith(mark):
            strays = encoding_guess.guess(scanned.strange) if name == "utf-8-sig" and scanned.bad else None
            return Found(name, strays=strays)
    if lost := _without_mark(head):
        return Found(lost)
    if scanned.bad == 0:
        return Found("utf-8")
    guessed = encoding_guess.guess(scanned.strange)
    if scanned.good >= scanned.bad or (scanned.good * 10 >= scanned.bad and guessed not in _OF_TWO_BYTES):
        return Found("utf-8", strays=guessed)
    return Found(guessed, is_guessed=True)


def _without_mark(head: bytes) -> str | None:
    """UTF-16 without its byte order mark: every other byte of ASCII characters is zero, and the result is
    text."""
    pairs = head[: len(head) // 2 * 2]
    if pairs.endswith(b"\0" * 16):
        pairs = pairs.rstrip(b"\0")
        pairs += b"\0" * (len(pairs) % 2)
    first, second = pairs[0::2].count(0), pairs[1::2].count(0)
    for name, zeros, others in (("utf-16-le", second, first), ("utf-16-be", first, second)):
        if zeros > _ZEROS and zeros > 0.1 * len(pairs) / 2 and others * 4 < zeros:
            text = pairs.decode(name, "replace")
            is_text = "\ufffd" not in text[:-1] and not any(one < "\t" for one in text)
            if is_text and ("\n" in text or "\r" in text):
                return name
    return None
