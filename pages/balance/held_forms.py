"""What was typed into forms that are not sent yet: kept by the server, so that a reload loses nothing.

The address names the form by its id, which nobody can guess, and holds nothing of what was typed.
"""

import threading
from collections import OrderedDict
from collections.abc import Mapping

_MOST = 500
"""Forms; the one that was touched longest ago goes first. All go with the server."""

_forms: OrderedDict[str, dict[str, object]] = OrderedDict()
_lock = threading.Lock()


def keep(id: str, values: Mapping[str, object]) -> None:
    with _lock:
        _forms[id] = dict(values)
        _forms.move_to_end(id)
        while len(_forms) > _MOST:
            _forms.popitem(last=False)


def of(id: str) -> dict[str, object]:
    """Nothing where it was sent, or is not known here."""
    with _lock:
        return dict(_forms.get(id, {}))


def forget(id: str) -> None:
    with _lock:
        _forms.pop(id, None)
