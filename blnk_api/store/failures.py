"""Explains why the import database cannot be read or written, and what to do, in one or two sentences."""

import errno

from sqlalchemy.exc import DBAPIError

GOES_ON = "Nothing is lost, and imports continue automatically once it works."

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def may_pass(problem: Exception) -> bool:
    """Whether waiting may help: not if the folder is missing, or belongs to another account."""
    original = getattr(problem, "orig", None) or problem
    text = str(original).lower()
    return "psycopg" in type(original).__module__ or "is locked" in text or "disk is full" in text


def explain(problem: Exception) -> str:
    """For exceptions from SQLAlchemy or the disk. Quotes neither a password nor the data to be written."""
    original = getattr(problem, "orig", None) or problem
    text = str(original).lower()
    if getattr(original, "errno", None) in _FULL or "disk is full" in text or "no space left" in text:
        return (
            "The disk of this server is full, so the import database cannot be written and nothing more is "
            f"sent. Free up disk space. {GOES_ON}"
        )
    if "database is locked" in text or "database table is locked" in text:
        return (
            "Another process has locked the import database and does not release it, so "
            "nothing more is sent. "
            f"If that process hangs, end it. {GOES_ON}"
        )
    if isinstance(problem, DBAPIError) and "psycopg" in type(original).__module__:
        return (
            "The server of the import database does not answer, so nothing more is sent. "
            "Restart it, or check "
            f"the network connection to it. {GOES_ON}"
        )
    why = text.splitlines()[0] if text else type(original).__name__
    return (
        f"The import database cannot be used ({why}), so nothing more is sent. Check the data "
        f"folder and its disk. {GOES_ON}"
    )
