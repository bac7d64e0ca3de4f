"""How a command starts: what two of its processes need is loaded before they part."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

LOADS = """
import os, sys
from argparse import Namespace
from importlib import import_module

import blnk_api.__main__ as command
from blnk_api.cli.import_steps import forks

file, dry_run, *modules = sys.argv[1:]
forks.fork_here = lambda: None
command._parser()
command._fork_readers(Namespace(file=file, dry_run=dry_run == "dry"))
before = set(sys.modules)
read, write = os.pipe()
if os.fork() == 0:
    import blnk_api.drafts.check_draft
    os.write(write, " ".join(sys.modules.keys() - before).encode())
    os._exit(0)
os.close(write)
of_check = set(os.fdopen(read).read().split())
for one in modules:
    import_module(one)
print(*sorted(one for one in of_check & sys.modules.keys() if not one.startswith("_")))
print("requests" in of_check, "requests" in sys.modules, "blnk_api.files.xlsx.workbook" in before)
"""
CHECKS = ("blnk_api.cli.run_command", "blnk_api.cli.import_command", "blnk_api.cli.import_steps.look_up")
SENDS = (*CHECKS, "blnk_api.cli.import_steps.confirm_and_send")


def loads(file: str, kind: str, *modules: str) -> list[str]:
    """What both load once they are apart; whether the check then loads requests, whether the command has it,
    and whether what reads workbooks was there before."""
    ran = subprocess.run(
        [sys.executable, "-c", LOADS, file, kind, *modules], cwd=ROOT, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()


@pytest.mark.parametrize("file", ["rows.csv", "Rows.XLSX"])
def test_a_command_that_sends_loads_nothing_twice(file: str) -> None:
    assert loads(file, "real", *SENDS) == ["", f"False True {file == 'Rows.XLSX'}"]


def test_a_dry_run_loads_nothing_twice_and_leaves_the_client_to_its_check() -> None:
    assert loads("rows.csv", "dry", *CHECKS, "blnk_api.cli.dry_run") == ["", "True False False"]
