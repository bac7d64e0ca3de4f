"""Records an event when the secrets file changes, as the sender reads it: who may do what, and where.

Never a secret: only settings that may be printed.
"""

from collections.abc import Iterator, Mapping, Set
from dataclasses import fields, is_dataclass
from typing import Any

import orjson
from sqlalchemy import Connection as Tx

from blnk_api.access.actors import SENDER
from blnk_api.settings import Settings
from blnk_api.store.async_store import AsyncStore
from blnk_api.store.people import desk_events
from blnk_api.store.people.desk_events import DeskEventKind

Seen = Mapping[str, object]
"""Names of settings and their values, nested as in the file."""


class SettingsWatch:
    """Compares the settings repeatedly."""

    def __init__(self, thread: AsyncStore) -> None:
        self._thread = thread
        self._noted: Seen | None = None
        self._before: Seen | None = None

    async def tend(self, settings: Settings) -> None:
        """Only what was read twice counts: an editor empties a file before it writes it again."""
        seen = summary(settings)
        if seen == self._before and seen != self._noted:
            await self._thread.write(note_change, seen)
            self._noted = seen
        self._before = seen


def summary(settings: Settings) -> Seen:
    """Without Practice, whose address changes with each start."""
    return {
        "connections": _plain(
            {name: one for name, one in settings.connections.items() if not one.is_practice}
        ),
        "roles": _plain(settings.roles.given if settings.roles else None),
        "sign_in": _plain(settings.sign_in),
    }


def note_change(tx: Tx, seen: Seen) -> None:
    """Writes an event if it differs from the last recorded one."""
    last = next(iter(desk_events.last(tx, DeskEventKind.SETTINGS_SEEN, limit=1)), None)
    before = orjson.loads(last.detail) if last else {}
    changed = sorted(_paths(before.get("settings", {})) ^ _paths(seen))
    if last is None or changed:
        names = list(dict.fromkeys(path for path, _ in changed)) if last else []
        detail = orjson.dumps({"changed": names, "settings": seen}).decode()
        desk_events.note(tx, who=SENDER, what=DeskEventKind.SETTINGS_SEEN, detail=detail)


# Any: whatever type a setting has.
def _plain(value: Any) -> Any:
    """In JSON form. A field that is never printed, such as a token, is not included."""
    if is_dataclass(value):
        shown = [one.name for one in fields(value) if one.repr]
        return {name: _plain(getattr(value, name)) for name in shown}
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in sorted(value.items())}
    if isinstance(value, Set):
        return sorted(map(str, value))
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    return value if value is None or isinstance(value, bool | int | float) else str(value)


def _paths(seen: Any, before: str = "") -> set[tuple[str, str]]:
    """Each single setting by its name in the file, with its value."""
    return set(_settings(seen, before))


def _settings(seen: Any, path: str) -> Iterator[tuple[str, str]]:
    if not isinstance(seen, Mapping) or not seen:
        yield path, orjson.dumps(seen).decode()
        return
    for key, value in seen.items():
        yield from _settings(value, f"{path}.{key}" if path else key)
