"""The house keeps its rooms: what may import what, and what a process loads."""

import ast
import subprocess
import sys
from collections import Counter
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.support import papers

ROOT = Path(__file__).parents[2]

LAYERS = [
    ["errors", "common", "sandbox"],
    [
        "models",
        "currencies",
        "access",
        "connections",
        "sign_in_settings",
        "environment_settings",
        "settings",
        "practice",
    ],
    ["facts"],
    ["blnk"],
    ["client"],
    ["store"],
    ["files"],
    ["wording"],
    ["lookup"],
    ["drafts"],
    ["sending"],
    ["review"],
    ["reports", "notifications"],
    ["desk"],
    ["sign_in"],
    ["web"],
    ["worker"],
    ["cli", "__main__"],
    ["pages"],
    ["app"],
]
"""From below: a module imports from its own layer and from those before it, never from a later one."""
LAYER_OF = {room: n for n, rooms in enumerate(LAYERS) for room in rooms}


def sources() -> dict[str, Path]:
    """Every module of the product by its dotted name. Without migrations: Alembic reads them from one folder,
    to which each version adds one, and people look for the last one only."""
    paths = [ROOT / "app.py", *(ROOT / "blnk_api").rglob("*.py"), *(ROOT / "pages").rglob("*.py")]
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in paths
        if "migrations" not in path.parts
    }


SOURCES = sources()


def test_the_architecture_page_names_every_room_in_its_layer() -> None:
    told = papers.table("docs/architecture.md", "## Rooms and layers")
    expected = [(str(n), f"`{room}`") for n, rooms in enumerate(LAYERS, start=1) for room in rooms]
    assert [(layer, room) for layer, room, _ in told] == expected


def room(module: str) -> str:
    first, *rest = module.split(".")
    return first if first != "blnk_api" or not rest else rest[0]


@cache
def imports_of(module: str) -> list[tuple[str, bool]]:
    """The modules that one imports, and whether it does so at once: not within a function."""
    tree = ast.parse(SOURCES[module].read_text())
    found = []
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [one.name for one in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            whole = [f"{node.module}.{one.name}" for one in node.names]
            names = [one if one in SOURCES else node.module for one in whole]
        found += [(name, node in tree.body) for name in names]
    return found


def imported(module: str, *, at_once: bool = False) -> list[str]:
    """The modules that one imports; `at_once`: without those that it imports within a function."""
    return [name for name, is_at_once in imports_of(module) if is_at_once or not at_once]


def ours(module: str, *, at_once: bool = False) -> set[str]:
    return {one for one in imported(module, at_once=at_once) if one in SOURCES and room(one) != "blnk_api"}


def test_no_module_imports_from_a_later_layer() -> None:
    assert [
        (module, one)
        for module in SOURCES
        if module != "blnk_api" and room(module) != "sandbox"
        for one in ours(module)
        if LAYER_OF[room(one)] > LAYER_OF[room(module)]
    ] == []


def test_no_module_imports_itself_in_a_circle() -> None:
    list(TopologicalSorter({one: ours(one, at_once=True) for one in SOURCES}).static_order())


def test_only_the_pages_import_streamlit() -> None:
    assert [
        (module, one)
        for module in SOURCES
        if module.startswith("blnk_api")
        for one in imported(module)
        if one.split(".")[0] == "streamlit"
    ] == []


def test_pages_never_touch_the_tables() -> None:
    assert [
        one
        for one in SOURCES
        if room(one) == "pages" and any("blnk_api.store.tables" in each for each in ours(one))
    ] == []


def test_what_sends_reads_no_files_and_knows_no_drafts() -> None:
    for module in (one for one in SOURCES if room(one) == "sending"):
        assert not [one for one in ours(module) if room(one) in ("files", "drafts")], module


@pytest.mark.parametrize(
    ("module", "never"),
    [
        (
            "blnk_api.worker.main",
            ("starlette", "pandas", "streamlit", "prometheus_client", "apprise", "procrastinate"),
        ),
        (
            "blnk_api.worker.fleet.fleet_worker",
            ("starlette", "pandas", "streamlit", "prometheus_client", "apprise"),
        ),
        ("blnk_api.__main__", ("procrastinate", "sqlalchemy", "requests", "httptools")),
        ("blnk_api.cli.import_command", ("httptools", "xlsxwriter", "procrastinate", "starlette", "pandas")),
        ("blnk_api.cli.import_command", ("requests", "cryptography", "sqlalchemy.dialects.postgresql")),
        ("blnk_api.desk.health", ("apprise",)),
        ("blnk_api.cli.session", ("apprise",)),
        ("blnk_api.settings", ("blnk_api.practice", "starlette", "sqlalchemy", "pandas")),
        ("blnk_api.client", ("httptools", "sqlalchemy", "starlette", "pandas", "blnk_api.practice")),
        ("blnk_api.review.actions", ("httptools", "starlette", "pandas")),
        ("blnk_api.drafts.check_draft", ("httptools", "starlette", "pandas", "pycountry", "cryptography")),
    ],
)
def test_a_process_loads_only_what_it_needs(module: str, never: tuple[str, ...]) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert [one for one in never if one in loaded] == []


def test_no_room_holds_more_than_a_fifth_of_the_code() -> None:
    lines = Counter[str]()
    for module, path in SOURCES.items():
        lines[room(module)] += len(path.read_text().splitlines())
    (biggest, n), *_ = lines.most_common(1)
    assert n <= 0.2 * lines.total(), biggest


def test_no_folder_has_more_than_fifteen_modules_beside_each_other() -> None:
    beside = Counter(path.parent for path in SOURCES.values() if path.name != "__init__.py")
    assert {str(folder.relative_to(ROOT)): n for folder, n in beside.items() if n > 15} == {}


def test_no_module_is_too_long_to_be_read_at_once() -> None:
    lines = {module: len(path.read_text().splitlines()) for module, path in SOURCES.items()}
    assert {module: n for module, n in lines.items() if n > 300} == {}


def test_a_page_is_only_layout() -> None:
    pages = {path.name: len(path.read_text().splitlines()) for path in (ROOT / "pages").glob("*.py")}
    assert {name: n for name, n in pages.items() if n > 80} == {}


def test_each_folder_says_in_a_sentence_what_belongs_there() -> None:
    for folder in {path.parent for path in SOURCES.values()} - {ROOT}:
        said = ast.get_docstring(ast.parse((folder / "__init__.py").read_text())) or ""
        assert said.splitlines()[:1], folder
        assert said.splitlines()[0].endswith("."), folder
