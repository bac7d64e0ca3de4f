"""The first lines in the log when the app starts: version, address, where everything is stored, Practice.

The sender logs its own line.
"""

import logging

from blnk_api import __version__, settings
from blnk_api.errors import SettingsProblem
from blnk_api.practice import launch
from blnk_api.wording import about_files
from pages.kit import server_names

_log = logging.getLogger("blnk.app")


def write() -> None:
    """Called once the other processes were started. Takes a second at most."""
    _log.info("Balance Desk %s", __version__)
    _log.info("Address: %s", server_names.address())
    try:
        chosen = settings.load()
    except SettingsProblem:
        return  # starting the processes has logged the problem
    _log.info("%s: %s", *about_files.kept_in(chosen))
    if chosen.sender_elsewhere:
        _log.info("Sender: elsewhere. This app starts none.")
    if settings.PRACTICE not in chosen.connections:
        _log.info("Practice: off")
    elif practice := launch.running(chosen.data_dir):
        _log.info("Practice: %s, process %d", practice.url, practice.pid)
    else:
        _log.info("Practice: not running. Its log is practice/log in the data folder.")
