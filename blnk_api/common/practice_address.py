"""The last known address and keys of the Practice of a data folder."""

import json
from dataclasses import dataclass, field
from pathlib import Path

RUNNING_FILE = "running.json"


@dataclass(frozen=True, slots=True)
class Practice:
    """How to reach Practice. `url` is the base URL of its Cloud API; Core's is `url` + /core."""

    url: str
    port: int
    pid: int
    instance_id: str
    token: str = field(repr=False)
    core_key: str = field(repr=False)
    door_key: str = field(repr=False)

    @property
    def core_url(self) -> str:
        return f"{self.url}/core"


def folder_of(data_dir: Path) -> Path:
    return Path(data_dir).absolute() / "practice"


def last_known(data_dir: Path) -> Practice | None:
    """The recorded address of this folder's Practice, whether it is running or not.

    Its instance and keys never change, and its port rarely does.
    """
    try:
        return Practice(**json.loads((folder_of(data_dir) / RUNNING_FILE).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
