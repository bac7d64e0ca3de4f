"""Forks the processes that read and check a command's file, once what they share with it is imported."""

from blnk_api.drafts import check_process
from blnk_api.files import reading_process


def fork_here() -> None:
    """Only for a process that was started for one command and has opened nothing: SQLite's locks and a
    server's connections break in a fork."""
    reading_process.fork_here()
    check_process.fork_here()
