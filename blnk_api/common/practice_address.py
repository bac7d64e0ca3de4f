"""Where the Practice of a data folder was last found, and its keys."""

import json
from dataclasses import dataclass, field
from pathlib import Path

RUNNING_FILE = "running.json"


@dataclass(frozen=True, slots=True)
class Practice:
    """How to reach Practice. `url` is the base URL of its Cloud surface; Core's is `url` + /core."""

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
    """The Practice of this folder as last recorded, whether it runs or not.

    Its instance and keys stay the same forever, its port as a rule.
    """
    try:
        return Practice(**json.loads((folder_of(data_dir) / RUNNING_FILE).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
