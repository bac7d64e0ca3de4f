"""The test command: what it needs is what it says it needs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import MEASURED_FILES

ROOT = Path(__file__).parents[2]

NOT_FOR_PURE_TESTS = ("streamlit", "playwright", "pandas", "psycopg", "uvicorn")


def test_the_pure_tests_are_found_where_neither_streamlit_nor_a_browser_is_installed() -> None:
    missing = "; ".join(f"sys.modules[{name!r}] = None" for name in NOT_FOR_PURE_TESTS)
    collect = f"import sys; {missing}; import pytest; sys.exit(pytest.main(['--collect-only', 'tests/pure']))"
    done = subprocess.run([sys.executable, "-c", collect], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_test_that_coverage_does_not_measure_is_not_slowed_down_by_it(pytestconfig: pytest.Config) -> None:
    """In a whole run, in which only others are measured: each line of this one would be traced."""
    is_measured = Path(__file__) in pytestconfig.stash[MEASURED_FILES]
    assert is_measured or sys.gettrace() is None


def interpreter(folder: Path, name: str, version: str) -> None:
    """A Python of this version, which says with which words it was called."""
    is_old = int(tuple(map(int, version.split("."))) < (3, 11))
    path = folder / name
    lines = [
        "#!/bin/sh",
        f'case "$2" in *version_info\\ \\<*) exit {is_old} ;; *print*) echo python{version} ;; esac',
        f'[ "$2" != venv ] || {{ echo "a venv of {name}"; exit 9; }}',
    ]
    path.write_text("\n".join(lines))
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("installed", "taken"),
    [
        ({"python3.11": "3.11", "python3": "3.13", "python3.13": "3.13"}, "a venv of python3.11"),
        ({"python3.12": "3.12", "python3.14": "3.14", "python3": "3.12"}, "a venv of python3.14"),
        ({"python3": "3.13"}, "a venv of python3"),
        ({"python3": "3.9"}, "Python 3.11 or newer is missing"),
        ({}, "Python 3.11 or newer is missing"),
    ],
)
def test_it_takes_python_3_11_or_else_the_newest_that_is_not_older(
    installed: dict[str, str], taken: str, tmp_path: Path
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for program in ("sh", "dirname", "seq", "cat", "id"):
        found = next(Path(at, program) for at in ("/bin", "/usr/bin") if Path(at, program).exists())
        (programs / program).symlink_to(found)
    for name, version in installed.items():
        interpreter(programs, name, version)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "run").write_text((ROOT / "tests" / "run").read_text())
    done = subprocess.run(
        ["sh", "tests/run"],
        cwd=tmp_path,
        env={**os.environ, "PATH": str(programs)},
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert taken in (done.stdout + done.stderr).splitlines()[0]


TRIED = """
import subprocess
import pytest
from tests.support.waiting import WaitedInVain
seen = []

@pytest.fixture
def first_time(request):
    seen.append(request.node.name)
    return seen.count(request.node.name) == 1

@pytest.fixture
def slow_to_start(first_time):
    if first_time:
        raise WaitedInVain("the sender never started")

def test_start(slow_to_start):
    pass

def test_wait(first_time):
    if first_time:
        subprocess.run(["sleep", "9"], timeout=0.01)

def test_wrong(first_time):
    assert not first_time, "a second balance"

def test_break(first_time):
    if first_time:
        raise KeyError("a third balance")
"""


@pytest.mark.parametrize(
    ("folder", "passes", "told"),
    [
        (
            "store",
            {"test_start", "test_wait", "test_wrong"},
            {"the sender never started", "TimeoutExpired", "a second balance"},
        ),
        ("files", set(), set()),
        (
            "browser",
            {"test_start", "test_wait", "test_wrong", "test_break"},
            {"a second balance"},
        ),
    ],
)
def test_what_waited_in_vain_is_tried_once_more_and_one_that_saw_something_wrong_and_no_further_one(
    folder: str, passes: set[str], told: set[str], tmp_path: Path
) -> None:
    file = tmp_path / folder / "test_tried.py"
    file.parent.mkdir()
    file.write_text(TRIED)
    command = [sys.executable, "-m", "pytest", "-c", "pyproject.toml", "-p", "tests.conftest"]
    done = subprocess.run([*command, "-rRp", "--tb=no", str(file)], cwd=ROOT, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    assert {line.rpartition("::")[2] for line in lines if line.startswith("PASSED")} == passes, done.stdout
    assert {line.rpartition("::")[2] for line in lines if line.startswith("RERUN")} == passes
    assert all(what in done.stdout for what in told)
