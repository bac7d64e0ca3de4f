"""Each command of the command line has its function, which is loaded for that command alone."""

import inspect
import pkgutil
from argparse import ArgumentParser, _SubParsersAction

import pytest

from blnk_api import __main__ as command_line


def commands() -> dict[str, ArgumentParser]:
    parser = command_line._parser()
    (found,) = (one for one in parser._actions if isinstance(one, _SubParsersAction))
    return dict(found.choices)


@pytest.mark.parametrize(("name", "parser"), commands().items())
def test_each_command_names_a_function_that_is_there(name: str, parser: ArgumentParser) -> None:
    act = pkgutil.resolve_name(f"blnk_api.cli.{parser.get_default('act')}")
    wanted = ["opened", "options"] if parser.get_default("with_session") else ["options"]
    assert [one.lstrip("_") for one in inspect.signature(act).parameters] == wanted, name


def test_only_the_import_of_a_file_forks_what_reads_it() -> None:
    assert [name for name, one in commands().items() if one.get_default("reads_file")] == ["import"]
