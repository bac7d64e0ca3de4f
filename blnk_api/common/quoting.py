"""Makes untrusted text safe to quote inside a sentence."""


def shown(text: str, limit: int = 60) -> str:
    """The text with visible signs for control characters and ⏎ for line breaks, cut at `limit` characters."""
    cut = text if len(text) <= limit else f"{text[:limit]}…"
    return cut if cut.isprintable() else "".join(map(_visible, cut))


def _visible(character: str) -> str:
    code = ord(character)
    if character in "\r\n":
        return "⏎"
    if code < 0x20:
        return chr(0x2400 + code)
    if 0xDC00 <= code <= 0xDCFF:
        return f"<{code - 0xDC00:02X}>"
    return character if character.isprintable() or character == "\u200d" else f"<U+{code:04X}>"
