"""Faults of the practice Blnk that a team may switch on, to see what they look like before it matters.

They hold until they are switched off, or the practice Blnk ends. All who use this practice Blnk meet them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import orjson

from blnk_api.common import practice_address

_ANSWER_SECONDS = 5.0


class DoorShut(Exception):
    """The practice Blnk could not be told; it goes on as it was."""


@dataclass(frozen=True)
class FaultSwitch:
    label: str
    means: str
    fault: Mapping[str, Any] | None


HABITS: Mapping[str, FaultSwitch] = {
    "well": FaultSwitch("No fault", "It answers at once, and always.", None),
    "loses": FaultSwitch(
        "Lose 5 % of the answers",
        "Every twentieth balance is made and its answer never comes. Such rows need a look; each is looked "
        "up in Blnk and none is made twice.",
        {"kind": "drop_after_commit", "percent": 5},
    ),
    "slow": FaultSwitch(
        "Answer slowly",
        "Each answer comes a second late.",
        {"kind": "latency", "on": "any", "seconds": 1},
    ),
    "stops": FaultSwitch(
        "Stop for 20 seconds",
        "From the next request on nothing is answered for 20 seconds. An import waits and goes on by itself.",
        {"kind": "full_stop", "seconds": 20},
    ),
    "busy": FaultSwitch(
        "Ask to slow down",
        "Now and then it says that there are too many requests, as Blnk Cloud does at its limit. The pace "
        "goes down, and up again when it stops.",
        {"kind": "rate_limited", "percent": 2, "retry_after": "1"},
    ),
}


def current(data_dir: Path) -> str | None:
    """The key of the habit that is on; None for faults that were ordered elsewhere. Raises DoorShut."""
    faults = _tell(data_dir, "GET")["faults"]
    if not faults:
        return "well"
    for key, habit in HABITS.items():
        if habit.fault and len(faults) == 1 and habit.fault.items() <= faults[0].items():
            return key
    return None


def choose(data_dir: Path, key: str) -> None:
    """Takes up this habit in place of all others. Raises DoorShut."""
    _tell(data_dir, "DELETE")
    if (fault := HABITS[key].fault) is not None:
        _tell(data_dir, "POST", fault)


def _tell(data_dir: Path, method: str, order: Mapping[str, Any] | None = None) -> dict[str, Any]:
    practice = practice_address.last_known(data_dir)
    if practice is None:
        raise DoorShut("The practice Blnk has not been started yet.")
    line = HTTPConnection("127.0.0.1", practice.port, timeout=_ANSWER_SECONDS)
    try:
        body = orjson.dumps(order) if order is not None else None
        line.request(method, "/_practice/faults", body, {"X-Practice-Door": practice.door_key})
        answer = line.getresponse()
        said = answer.read()
    except (OSError, HTTPException) as problem:
        raise DoorShut("The practice Blnk does not answer.") from problem
    finally:
        line.close()
    if answer.status != 200:
        raise DoorShut("The practice Blnk does not take orders from here.")
    told: dict[str, Any] = orjson.loads(said)
    return told
