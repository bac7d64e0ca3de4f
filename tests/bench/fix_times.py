"""What one version takes for fixes in a draft: run in that version's own folder, by tests/bench/fixes.py.

    python fix_times.py FILE ROW COLUMN RIGHT WRONG TIMES

The data folder and the secrets are those of the environment. Prints the times in seconds as JSON. It knows
how earlier versions called things.
"""

import importlib
import json
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from blnk_api import settings as settings_module
from tests.support.json_object import JsonObject

_POLL_SECONDS = 0.002


class Version:
    """The names of this version, or of one from before its rooms were rearranged."""

    def __init__(self) -> None:
        try:
            self._load("blnk_api.store", "Store", "blnk_api.store", "blnk_api.drafts.drafts")
            self.editing: Any = importlib.import_module("blnk_api.drafts.edits.editing")
            self.sender = "blnk_api.worker.main"
        except ModuleNotFoundError:
            self._load(
                "blnk_api.imports.journal", "Journal", "blnk_api.imports.journal", "blnk_api.imports.drafts"
            )
            self.editing = importlib.import_module("blnk_api.imports.repairing")
            self.sender = "blnk_api.imports.worker"
        self.settings: Any = settings_module.load()
        self.store = self._store(self.settings.database_url)
        self.store.migrate()
        self.who: Any = "bench"
        with suppress(ModuleNotFoundError):
            self.who = importlib.import_module("blnk_api.access.actors").Actor.unverified("bench")
        self.more: JsonObject = {}
        try:
            desk: Any = importlib.import_module("blnk_api.desk.desk")
            self.more["at_once"] = desk.Desk(self.settings, self.store).at_once
        except (ModuleNotFoundError, AttributeError):
            pass

    def _load(self, room: str, store: str, imports: str, drafts: str) -> None:
        self._store: Any = getattr(importlib.import_module(room), store)
        self.imports: Any = importlib.import_module(f"{imports}.imports")
        self.drafts: Any = importlib.import_module(drafts)

    def upload(self, path: Path) -> str:
        id: str = self.imports.new_id()
        with path.open("rb") as data:
            self.drafts.upload(
                self.store,
                self.settings,
                id=id,
                connection=self.settings.connections["here"],
                who=self.who,
                file_name=path.name,
                data=data,
            )
        return id

    def until_checked(self, id: str) -> Any:
        while True:
            with self.store.read() as tx:
                draft = self.imports.find(tx, id)
            if draft.stage == "checked":
                return draft
            time.sleep(_POLL_SECONDS)

    def fix(self, id: str, row: str, column: str, text: str) -> float:
        """Seconds from the click to the verdict."""
        began = time.monotonic()
        cell = self.editing.Edit(int(row), int(column), text)
        self.editing.edit(self.store, id, [cell], who=self.who, **self.more)
        self.until_checked(id)
        return time.monotonic() - began


def main() -> None:
    path, row, column, right, wrong, times = sys.argv[1:]
    version = Version()
    process = subprocess.Popen([sys.executable, "-m", version.sender], stderr=subprocess.DEVNULL)
    try:
        id = version.upload(Path(path))
        before = version.until_checked(id)
        fixed, broken = [], []
        for _ in range(int(times)):
            fixed.append(version.fix(id, row, column, right))
            after = version.until_checked(id)
            broken.append(version.fix(id, row, column, wrong))
        assert after.totals != before.totals
        print(json.dumps({"fixed": fixed, "broken": broken}))
    finally:
        process.terminate()
        process.wait()
        version.store.close()


if __name__ == "__main__":
    main()
