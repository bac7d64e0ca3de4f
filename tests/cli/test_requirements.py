"""What gets installed is exactly what was chosen, down to the bytes of each package."""

import re
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
COMPILED = ["requirements.txt", "tests/requirements.txt"]


def chosen(file: str) -> list[Requirement]:
    """The direct pins of a short file, and of those that it includes."""
    found = []
    for line in (ROOT / file).read_text().splitlines():
        if line.startswith("-r "):
            found += chosen(str((ROOT / file).parent.joinpath(line[3:]).resolve().relative_to(ROOT)))
        else:
            found.append(Requirement(line))
    return found


def compiled(file: str) -> dict[str, tuple[Requirement, list[str]]]:
    """What a compiled file installs here: each package with its hashes."""
    found: dict[str, tuple[Requirement, list[str]]] = {}
    text = re.sub(r"(?m)^\s*#.*\n?", "", (ROOT / file).read_text()).replace("\\\n", " ")
    for line in filter(None, map(str.strip, text.splitlines())):
        said, *hashes = re.split(r"\s+--hash=", line)
        one = Requirement(said)
        if one.marker is None or one.marker.evaluate():
            found[canonicalize_name(one.name)] = (one, hashes)
    return found


def all_that_comes_with(direct: list[Requirement]) -> set[str]:
    """The names of these and of all that they need here, as the installed packages say."""
    found: set[str] = set()
    waiting = list(direct)
    while waiting:
        one = waiting.pop()
        name = canonicalize_name(one.name)
        found.add(name)
        for extra in ("", *one.extras):
            for text in metadata.requires(name) or []:
                need = Requirement(text)
                wanted = need.marker is None or need.marker.evaluate({"extra": extra})
                if wanted and canonicalize_name(need.name) not in found:
                    waiting.append(need)
    return found


@pytest.mark.parametrize("file", COMPILED)
def test_every_package_is_installed_by_its_hash_whatever_an_index_offers(file: str) -> None:
    for one, hashes in compiled(file).values():
        assert re.fullmatch(r"==[^*,]+", str(one.specifier)), f"{one} is not pinned"
        assert hashes, f"{one} has no hash"
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", each) for each in hashes), one


@pytest.mark.parametrize("file", COMPILED)
def test_compiled_files_fit_the_short_ones(file: str) -> None:
    direct = chosen(file.replace(".txt", ".in"))
    told = compiled(file)
    assert {each.name: str(each.specifier) for each in direct} == {
        each.name: str(told[canonicalize_name(each.name)][0].specifier) for each in direct
    }
    assert sorted(told) == sorted(all_that_comes_with(direct))


def test_tests_run_on_the_packages_that_people_install() -> None:
    people, tests = (compiled(file) for file in COMPILED)
    assert {name: tests[name] for name in people} == people
    here = {name: metadata.version(name) for name in tests}
    assert {name: str(one.specifier) for name, (one, _) in tests.items()} == {
        name: f"=={version}" for name, version in here.items()
    }


@pytest.mark.parametrize("file", COMPILED)
def test_they_name_no_place_to_download_from(file: str) -> None:
    assert (
        re.findall(r"https?:|--(?:extra-)?index-url|--find-links|--trusted-host", (ROOT / file).read_text())
        == []
    )
