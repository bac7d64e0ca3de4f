"""What the first visitor of a server would wait for is loaded before."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

VISITS = """
import inspect, sys
sys.path.insert(0, ".")
import app
app._load()
loaded, located = set(sys.modules), set(inspect.modulesbyfile)
from tests.support import pages
pages.visit(sys.argv[1])
print(*sorted(set(sys.modules) - loaded))
print(len(set(inspect.modulesbyfile) - located))
"""
OURS = ("blnk_api", "pages")
LONG_TO_LOAD = ("numpy", "PIL", "pandas", "pyarrow", "sqlalchemy", "requests")


TABLES = """
import gc, sys
sys.path.insert(0, ".")
import app
import pandas  # as a page does that shows a table before the server has loaded it
app._load_tables()
print(len(gc.get_objects()))
"""


def test_no_click_waits_for_a_look_for_garbage_in_all_that_was_loaded(tmp_path: Path) -> None:
    """Streamlit looks for garbage after each run of a page."""
    looked_at = _run(TABLES, tmp_path)
    assert int(looked_at[-1]) < 10_000


@pytest.mark.parametrize(
    "page", ["import_file.py", "create_balance.py", "imports.py", "balances.py", "connection.py"]
)
def test_the_first_page_loads_nothing_that_takes_long(page: str, tmp_path: Path) -> None:
    loaded, located = _run(VISITS, tmp_path, page)[-2:]
    assert [one for one in loaded.split() if one.partition(".")[0] in (*OURS, *LONG_TO_LOAD)] == []
    assert int(located) < 100, "Python has looked where hundreds of modules come from"


def _run(script: str, folder: Path, *arguments: str) -> list[str]:
    """The lines that a script prints in a process of its own."""
    secrets = folder / "secrets.toml"
    secrets.touch()
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=ROOT,
        env={"BLNK_DATA_DIR": str(folder), "BLNK_SECRETS_FILE": str(secrets), "PATH": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()
