"""The contents of forms that are not sent yet, kept by the server so that a reload loses nothing.

The address contains only the form's id, which cannot be guessed, and nothing that was typed.
"""

import threading
from collections import OrderedDict
from collections.abc import Mapping

_MOST = 500
"""The most forms to keep; the least recently used one is dropped first. They are lost when the server
ends."""

_forms: OrderedDict[str, dict[str, object]] = OrderedDict()
_lock = threading.Lock()


def keep(id: str, values: Mapping[str, object]) -> None:
    with _lock:
        _forms[id] = dict(values)
        _forms.move_to_end(id)
        while len(_forms) > _MOST:
            _forms.popitem(last=False)


def of(id: str) -> dict[str, object]:
    """Empty if the form was sent, or is unknown here."""
    with _lock:
        return dict(_forms.get(id, {}))


def forget(id: str) -> None:
    with _lock:
        _forms.pop(id, None)
