"""The secrets file and the environment of a desk's processes that a test or a bench starts."""

import os
from collections.abc import Mapping
from pathlib import Path

import orjson


def connection_table(name: str, keys: Mapping[str, object]) -> str:
    """A connection as the secrets file has it."""
    return "\n".join([f"[connections.{name}]", *(f"{key} = {_toml(value)}" for key, value in keys.items())])


def environment(folder: Path, database_url: str) -> dict[str, str]:
    """For processes whose data folder is `folder`, with the secrets file in it. Without our own settings."""
    others = {key: value for key, value in os.environ.items() if not key.startswith("BLNK_")}
    return {
        **others,
        "BLNK_DATA_DIR": str(folder),
        "BLNK_SECRETS_FILE": str(folder / "secrets.toml"),
        "BLNK_DATABASE_URL": database_url,
    }


def _toml(value: object) -> str:
    return orjson.dumps(value).decode()
