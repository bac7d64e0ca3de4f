"""Whether people must sign in, by the current settings, at each request and each act."""

from pathlib import Path

from blnk_api import settings as settings_
from blnk_api.errors import SettingsProblem
from blnk_api.settings import Settings
from blnk_api.sign_in_settings import SignIn, read_sign_in

_seen: set[Path] = set()
"""Secrets files in which this process has seen [sign_in]. An editor empties a file before it writes it again,
and nobody may come in meanwhile. Serving without sign-in again requires a restart."""


def now(*, only_reads: bool = True) -> SignIn | None:
    """None: everyone may come in. Raises SettingsProblem if nobody may, or if that is not known and more than
    a page is asked for."""
    path = settings_.secrets_path()
    try:
        secrets = settings_.read_secrets()
    except SettingsProblem:
        if path in _seen or not only_reads:
            raise
        return None  # pages then only show what is wrong with the file
    return _remembered(path, read_sign_in(secrets))


def refuse_without(settings: Settings) -> None:
    """Raises SettingsProblem if sign-in was required so far and the settings no longer describe it."""
    _remembered(settings.secrets_path, settings.sign_in)


def _remembered(path: Path, found: SignIn | None) -> SignIn | None:
    if found is not None:
        _seen.add(path)
    elif path in _seen:
        raise SettingsProblem(
            f"The secrets file {path} no longer has [sign_in], so nobody can sign in. Nothing was sent "
            "because of it. Put [sign_in] back, or restart Balance Desk to serve it without sign-in."
        )
    return found
