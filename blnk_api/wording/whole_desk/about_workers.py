"""Which workers there are, and what each sends to."""

from datetime import tzinfo

from blnk_api.common.quoting import shown
from blnk_api.settings import Settings
from blnk_api.store.monitoring.workers import Holding, Working
from blnk_api.wording import phrases

NONE_IS_THERE = "No worker is running, so files are not checked and nothing is sent."


def called(worker: Working) -> str:
    return f"{shown(worker.host)}, process {worker.pid}"


def since(worker: Working, zone: tzinfo) -> str:
    return f"Running since {phrases.when(worker.since, zone)}"


def holds(worker: Working, settings: Settings, zone: tzinfo) -> list[str]:
    """A line for each connection that it sends to."""
    if not worker.holds:
        return ["Sends to no connection at the moment"]
    return [f"Sends to {_names(one, settings)} since {phrases.when(one.since, zone)}" for one in worker.holds]


def _names(one: Holding, settings: Settings) -> str:
    found = settings.connection_of(one.instance)
    return f"“{shown(found.label)}”" if found else phrases.instance(one.instance, None)
