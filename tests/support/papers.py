"""The project's documents as tests read them: their text, their tables, and their commands."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAPERS = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    *(f"docs/{name}.md" for name in ("using", "operating", "command-line", "scripting", "architecture")),
]


def read(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def section(name: str, heading: str) -> str:
    """The text below this heading, up to the next heading of the same or a higher rank."""
    text = read(name)
    rank = heading.split()[0]
    after = text.split(f"\n{heading}\n", 1)[1]
    return re.split(rf"\n#{{1,{len(rank)}}} ", after, maxsplit=1)[0]


def table(name: str, heading: str, *, nth: int = 0) -> list[list[str]]:
    """The rows of a table below a heading, without its header."""
    tables: list[list[list[str]]] = [[]]
    for line in section(name, heading).splitlines():
        if line.startswith("|"):
            tables[-1].append([cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))])
        elif tables[-1]:
            tables.append([])
    return tables[nth][2:]


def blocks(name: str, language: str) -> list[str]:
    """All code blocks in this language."""
    return re.findall(rf"^ *```{language}\n(.*?)^ *```", read(name), re.DOTALL | re.MULTILINE)


def commands(name: str) -> list[str]:
    """Each command of its shell blocks, on one line."""
    text = "".join(blocks(name, "sh")).replace("\\\n", " ")
    return [" ".join(line.split()) for line in text.splitlines() if line.strip() and line[0] != "#"]


def released() -> str:
    """The newest version of the changelog that has a date."""
    found = re.search(r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d$", read("CHANGELOG.md"), re.MULTILINE)
    assert found is not None
    return found[1]
