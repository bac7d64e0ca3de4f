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


@pytest.mark.parametrize(
    "page", ["import_file.py", "create_balance.py", "imports.py", "balances.py", "connection.py"]
)
def test_the_first_page_loads_nothing_that_takes_long(page: str, tmp_path: Path) -> None:
    (tmp_path / "secrets.toml").touch()
    visited = subprocess.run(
        [sys.executable, "-c", VISITS, page],
        cwd=ROOT,
        env={
            "BLNK_DATA_DIR": str(tmp_path),
            "BLNK_SECRETS_FILE": str(tmp_path / "secrets.toml"),
            "PATH": "",
        },
        capture_output=True,
        text=True,
    )
    assert visited.returncode == 0, visited.stderr
    loaded, located = visited.stdout.splitlines()[-2:]
    assert [one for one in loaded.split() if one.partition(".")[0] in (*OURS, *LONG_TO_LOAD)] == []
    assert int(located) < 100, "Python has looked where hundreds of modules come from"
