"""Which characters the bytes of a text file stand for."""

import codecs
import re
from typing import BinaryIO, NamedTuple

import charset_normalizer

from blnk_api.imports.reading.shapes import FileProblem
from blnk_api.shown import shown

MARK = "blnk.mark"
"""The error handler that makes each undecodable byte a lone surrogate, so that its row can be named."""

ENCODINGS: dict[str, str] = {
    "utf-8": "utf-8",
    "utf-8-sig": "utf-8",
    "utf-16-le": "utf-16-le",
    "utf-16-be": "utf-16-be",
    "utf-16-le-bom": "utf-16-le",
    "utf-16-be-bom": "utf-16-be",
    "utf-32-le-bom": "utf-32-le",
    "utf-32-be-bom": "utf-32-be",
    **{f"windows-{number}": f"cp{number}" for number in range(1250, 1259)},
    **{f"iso-8859-{number}": f"iso8859-{number}" for number in (1, 2, 5, 7, 9, 15)},
    "mac-roman": "mac-roman",
    "cp437": "cp437",
    "cp850": "cp850",
    "cp852": "cp852",
    "koi8-r": "koi8-r",
    "shift_jis": "cp932",
    "euc-jp": "euc_jp",
    "gb18030": "gb18030",
    "big5": "big5",
    "euc-kr": "cp949",
}
"""The encodings that can be chosen, and the codec that reads each."""

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


class Scan(NamedTuple):
    """What one pass over all bytes told."""

    line_ends: int
    good: int
    """Bytes that go on a letter of several bytes, as UTF-8 has them in é or 株."""
    bad: int
    """Bytes that UTF-8 does not have. Counted until they are clearly more than slips."""


def _mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(0xDC00 + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error(MARK, _mark)


def without_undecodable(text: str) -> str:
    """The text with U+FFFD where bytes are no text: lone surrogates can be neither stored nor sent."""
    return UNDECODABLE.sub("\ufffd", text)


def scan(stream: BinaryIO) -> Scan:
    """Reads all of it once, about 0.3 s for 100 MB. Raises FileProblem for a line of over 8 MB."""
    decoder = codecs.getincrementaldecoder("utf-8")(MARK)
    returns = feeds = good = bad = line = 0
    while chunk := stream.read(_CHUNK):
        feeds += chunk.count(b"\n")
        returns += chunk.count(b"\r")
        last = max(chunk.rfind(b"\n"), chunk.rfind(b"\r"))
        line = line + len(chunk) if last < 0 else len(chunk) - last
        if line > _LONGEST_LINE:
            raise FileProblem(
                "no_lines",
                "A line of this file is longer than 8 MB, so it is no table. Export it again as CSV or XLSX.",
            )
        if bad <= 1_000 + good:
            text = decoder.decode(chunk)
            if not text.isascii():
                bad += len(UNDECODABLE.findall(text))
                good += max(0, len(chunk) - len(text))
    return Scan(max(returns, feeds), good, bad)


def chosen(name: str) -> str:
    """A person's own word for an encoding as `ENCODINGS` names it. Raises FileProblem when it is unknown."""
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
        "unknown_encoding", f"The encoding {shown(name)} is not known here. Choose one of the list."
    )


def find(head: bytes, scanned: Scan) -> tuple[str, bool]:
    """The encoding's name, and whether it is only a guess."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name, False
    half = max(1, len(head) // 2)
    if head[1::2].count(0) > 0.4 * half and head[0::2].count(0) < 0.1 * half:
        return "utf-16-le", False
    if head[0::2].count(0) > 0.4 * half and head[1::2].count(0) < 0.1 * half:
        return "utf-16-be", False
    if scanned.bad == 0 or scanned.good > scanned.bad:
        return "utf-8", False
    return _old(head), True


_FOREIGN_RUN = re.compile(rb"[\x80-\xff]{3,}")


def _old(head: bytes) -> str:
    """Windows-1252, unless most bytes above ASCII stand in long runs, as no Western language has them."""
    high = sum(map(len, re.findall(rb"[\x80-\xff]+", head)))
    in_runs = sum(map(len, _FOREIGN_RUN.findall(head)))
    if high and in_runs > high / 2:
        best = charset_normalizer.from_bytes(head[:16_384], preemptive_behaviour=False).best()
        if best is not None:
            try:
                return chosen(best.encoding)
            except FileProblem:
                pass
    return "windows-1252"
