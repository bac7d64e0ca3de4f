"""The number by which the store finds rows with one key again."""

import hashlib


def kept_key(*parts: str) -> int:
    """64 bits, the same in every process, for ever."""
    text = "\0".join(parts).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), signed=True)


def own_key(text: str) -> int:
    """Of a row's own unique key as someone typed it: letters of either case are the same."""
    return kept_key(text.casefold())
