"""Faults that a team can switch on in Practice, to see what they look like before it matters.

They last until they are switched off or Practice ends, and affect everyone who uses this Practice.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import orjson

from blnk_api.access.actors import Actor
from blnk_api.access.acts import Act
from blnk_api.common import practice_address
from blnk_api.connections import practice_connection

_ANSWER_SECONDS = 5.0


class PracticeUnreachable(Exception):
    """Practice could not be reached. Its faults have not changed."""


@dataclass(frozen=True)
class FaultSwitch:
    label: str
    means: str
    fault: Mapping[str, Any] | None


FAULT_SWITCHES: Mapping[str, FaultSwitch] = {
    "well": FaultSwitch("No fault", "It answers every request at once.", None),
    "loses": FaultSwitch(
        "Lose 5 % of the answers",
        "Every twentieth balance is created but its answer is lost. Such rows are checked in Blnk, and "
        "none is "
        "created twice.",
        {"kind": "drop_after_commit", "percent": 5},
    ),
    "slow": FaultSwitch(
        "Answer slowly",
        "Each answer is a second late.",
        {"kind": "latency", "on": "any", "seconds": 1},
    ),
    "stops": FaultSwitch(
        "Stop for 20 seconds",
        "From the next request on, nothing is answered for 20 seconds. An import waits and continues "
        "automatically.",
        {"kind": "full_stop", "seconds": 20},
    ),
    "busy": FaultSwitch(
        "Ask to slow down",
        "Two in a hundred requests are answered with “too many requests”, as Blnk Cloud does at its limit. "
        "Sending slows down, and speeds up again when that stops.",
        {"kind": "rate_limited", "percent": 2, "retry_after": "1"},
    ),
}


def current(data_dir: Path) -> str | None:
    """The key of the active fault, or None for faults that were set elsewhere. Raises PracticeUnreachable."""
    faults = _call(data_dir, "GET")["faults"]
    if not faults:
        return "well"
    for key, switch in FAULT_SWITCHES.items():
        if switch.fault and len(faults) == 1 and switch.fault.items() <= faults[0].items():
            return key
    return None


def choose(data_dir: Path, key: str, *, who: Actor) -> None:
    """Replaces all faults by this one. Raises PracticeUnreachable."""
    who.require(Act.SIMULATE_FAULTS, practice_connection(data_dir).instance)
    _call(data_dir, "DELETE")
    if (fault := FAULT_SWITCHES[key].fault) is not None:
        _call(data_dir, "POST", fault)


def _call(data_dir: Path, method: str, order: Mapping[str, Any] | None = None) -> dict[str, Any]:
    practice = practice_address.last_known(data_dir)
    if practice is None:
        raise PracticeUnreachable("Practice has not been started yet.")
    line = HTTPConnection("127.0.0.1", practice.port, timeout=_ANSWER_SECONDS)
    try:
        body = orjson.dumps(order) if order is not None else None
        line.request(method, "/_practice/faults", body, {"X-Practice-Door": practice.door_key})
        answer = line.getresponse()
        body = answer.read()
    except (OSError, HTTPException) as problem:
        raise PracticeUnreachable(
            "Practice does not answer, so the fault was not changed. It restarts automatically: try again."
        ) from problem
    finally:
        line.close()
    if answer.status != 200:
        raise PracticeUnreachable(
            "This app cannot set faults in the Practice that is running, so nothing was changed."
        )
    reply: dict[str, Any] = orjson.loads(body)
    return reply
