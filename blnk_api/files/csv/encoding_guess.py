"""Guesses the legacy encoding of bytes when nothing in the file names it."""

import re
import unicodedata
from collections.abc import Iterator

WESTERN = "windows-1252"

_CANDIDATES = {
    **{f"cp{number}": f"windows-{number}" for number in range(1250, 1258)},
    **{"cp874": "windows-874", "iso8859-2": "iso-8859-2", "iso8859-15": "iso-8859-15"},
    **{"mac-roman": "mac-roman", "cp850": "cp850", "cp437": "cp437", "koi8-r": "koi8-r"},
    **{"cp852": "cp852", "cp866": "cp866", "cp737": "cp737"},
    **{"koi8-u": "koi8-u", "mac-cyrillic": "mac-cyrillic"},
    **{"euc_jis_2004": "euc-jp", "cp932": "shift_jis", "gb18030": "gb18030", "big5hkscs": "big5"},
    **{"cp949": "euc-kr"},
}
"""The detector's name for each codec, and the name that people choose it by."""

_EVERYDAY = frozenset("àáâãäåæçèéêëìíîïñòóôõöøùúûüÿßœšžÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜŸŒŠŽ")
"""Letters of Western European words. Icelandic letters are rarer than the ones they are confused with."""
_MAY_TOUCH_A_LETTER = frozenset("’‘“”„«»–—…™®©°ºª€£ \N{NO-BREAK SPACE}")
_SURER_BY = 1.5
"""How much likelier than Windows-1252 another encoding must be if both make sense. Windows-1252 is by far the
most common, and a few letters prove little."""
_TELLING_LETTERS = 4
_WESTERN_WITH_EURO = "iso8859-15"
"""Has € where Windows-1252 has ¤, which nobody uses."""
_JAPANESE = "euc_jis_2004"
_KANA = re.compile("[\u3041-\u30ff]")
"""Same byte positions in Chinese and Japanese encodings, but never part of Chinese words."""


def guess(lines: bytes) -> str:
    """The name of the likeliest encoding of some lines that are not UTF-8. Takes a few milliseconds for 16
    kB."""
    # Imported here: almost every file is UTF-8.
    import chardet

    found = chardet.detect_all(
        lines, ignore_threshold=True, include_encodings=list(_CANDIDATES), compat_names=False
    )
    ranked = [(codec, one["confidence"]) for one in found if (codec := _known(one["encoding"]))]
    readings = {codec: text for codec, _ in ranked if (text := _decoded(lines, codec)) and _makes_sense(text)}
    with_euro = readings.get(_WESTERN_WITH_EURO)
    if with_euro is not None and "¤" in (_decoded(lines, "cp1252") or "") and _is_everyday(with_euro):
        return _CANDIDATES[_WESTERN_WITH_EURO]
    western = readings.get("cp1252")
    sensible = [(codec, confidence) for codec, confidence in ranked if codec in readings]
    if not sensible:
        return _CANDIDATES[ranked[0][0]] if ranked else WESTERN
    best, confidence = sensible[0]
    if best == "gb18030" and _JAPANESE in readings and _KANA.search(readings[best]):
        return _CANDIDATES[_JAPANESE]
    if western is not None and (
        readings[best] == western
        or (
            _is_everyday(western)
            and (
                _foreign_letters(western) < _TELLING_LETTERS
                or confidence < _SURER_BY * dict(ranked).get("cp1252", 0.0)
            )
        )
    ):
        return WESTERN
    return _CANDIDATES[best]


def _known(encoding: str | None) -> str | None:
    return next((codec for codec in _CANDIDATES if _same(codec, encoding or "")), None)


def _same(one: str, other: str) -> bool:
    return one.replace("_", "-").lower() == other.replace("_", "-").lower()


def _decoded(lines: bytes, codec: str) -> str | None:
    try:
        return lines.decode(codec)
    except UnicodeDecodeError:
        return None


def _foreign(text: str) -> Iterator[tuple[str, str, str]]:
    """Each character beyond ASCII with its neighbors."""
    padded = f" {text} "
    for at, character in enumerate(text, 1):
        if not character.isascii():
            yield padded[at - 1], character, padded[at + 1]


def _makes_sense(text: str) -> bool:
    """Whether letters are where letters belong in words: no sign or capital inside a word, and no two
    alphabets in one word."""
    for before, character, after in _foreign(text):
        kind = unicodedata.category(character)
        if kind in ("Cc", "Co", "Cn") or character == "¤":
            return False
        if kind[0] == "L" and character not in _MAY_TOUCH_A_LETTER:
            if kind == "Lu" and (before.islower() or (before.isupper() and after.islower())):
                return False
            touches_latin = any(one.isascii() and one.isalpha() for one in (before, after))
            if touches_latin and not unicodedata.name(character, "").startswith("LATIN"):
                return False
        elif (
            kind[0] not in "LM"
            and character not in _MAY_TOUCH_A_LETTER
            and (before.isalpha() or after.isalpha())
        ):
            return False
    return True


def _is_everyday(text: str) -> bool:
    return all(character in _EVERYDAY for _, character, _ in _foreign(text) if character.isalpha())


def _foreign_letters(text: str) -> int:
    return sum(character.isalpha() for _, character, _ in _foreign(text))
