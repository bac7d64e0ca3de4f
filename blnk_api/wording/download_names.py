"""The name of a download: the import's file name and what the download contains."""

import hashlib
import re
from pathlib import PurePath

from blnk_api.store.imports import Import


def named(import_: Import, *parts: str) -> str:
    """A download's name without its extension: the file's name, PRACTICE if nothing is real, the parts."""
    stem = PurePath(import_.file_name or "balance").stem
    practice = ["PRACTICE"] if import_.instance.environment == "practice" else []
    return " - ".join([tidy(stem) or "balances", *practice, *parts])


def tidy(text: str) -> str:
    """The text without characters that a file system or a header does not allow."""
    return " ".join(re.sub(r"[\x00-\x1f\x7f/\\:*?\"<>|]+", " ", text).split()).strip(" .")[:100]


def mark(import_: Import) -> str:
    """Changes whenever the contents of the file may have changed."""
    seen = f"{import_.id} {import_.version} {import_.state} {import_.stage} {sorted(import_.counts.items())}"
    return f"v{import_.version}-{hashlib.sha256(seen.encode()).hexdigest()[:6]}"
