"""The number by which the store finds rows that share a key."""

import hashlib


def kept_key(*parts: str) -> int:
    """64 bits. The same in every process and version."""
    text = "\0".join(parts).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), signed=True)


def own_key(text: str) -> int:
    """The key for the value of a row's reference column, regardless of case."""
    return kept_key(text.casefold())
