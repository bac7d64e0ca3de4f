"""Every text that a person can see, in one list, to be read through before a release:

    python -m tests.support.texts > texts.txt

Taken from the source, so that no text is missed because nobody saw it on a page: each literal that is a
sentence or a label, with `…` in place of a value, under its module and line. What only machines read is left
out: names of keys, SQL, patterns, styles, docstrings.
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
WHERE = ["app.py", "pages", "blnk_api"]
EXPLAINED = [*WHERE, "tests/support", "tests/bench"]
NOT_FOR_PEOPLE = ("practice/api", "store/migrations", "currency_aliases")
"""Folders and modules whose literals are bytes of formats, data, or Blnk's own words."""
_NOT_READ_BY_PEOPLE = {
    "compile",
    "text",
    "execute",
    "exec_driver_sql",
    "getLogger",
    "environ",
    "getenv",
    "sub",
}
_A_WORD = re.compile(r"[A-Za-z]{2,}")
_A_SENTENCE = re.compile(r"\b[A-Za-z]+,? [a-z]+,? [a-z]+\b(?!\s*=)")
"""Three words in a row: a person reads this, whatever else is in it."""
_SQL = re.compile(r"^\W*(SELECT|INSERT|UPDATE|DELETE|PRAGMA|CREATE|BEGIN)\b")
_LOOKS_LIKE_CODE = re.compile(r"[<>{}=;]|^[a-z0-9_.:/%-]+$|^[A-Z0-9_]+$|^\W*$|:material/|^https?:")


class Text(NamedTuple):
    module: str
    line: int
    text: str


def texts() -> Iterator[Text]:
    """All of them, by module and line."""
    for place in WHERE:
        path = ROOT / place
        for source in [path] if path.is_file() else sorted(path.rglob("*.py")):
            module = str(source.relative_to(ROOT))
            if not any(part in module for part in NOT_FOR_PEOPLE):
                yield from _of_module(module, ast.parse(source.read_text()))
        for template in sorted(path.rglob("*.j2")) if path.is_dir() else []:
            for line, said in enumerate(
                re.sub(r"<[^>]*>|\{[{%#].*?[%}#]\}", "\n", template.read_text()).split("\n")
            ):
                if _A_WORD.search(said):
                    yield Text(str(template.relative_to(ROOT)), line, " ".join(said.split()))


def explanations(pattern: re.Pattern[str]) -> Iterator[Text]:
    """Docstrings and comments in which something matches. Only modules that hold a match are parsed."""
    for place in EXPLAINED:
        path = ROOT / place
        for source in [path] if path.is_file() else sorted(path.rglob("*.py")):
            code = source.read_text()
            if pattern.search(" ".join(code.split())):
                module = str(source.relative_to(ROOT))
                found = (*_docstrings(module, code), *_comments(module, code))
                yield from (one for one in found if pattern.search(one.text))


def _docstrings(module: str, code: str) -> Iterator[Text]:
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield Text(module, node.lineno, " ".join(str(node.value.value).split()))


def _comments(module: str, code: str) -> Iterator[Text]:
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.type == tokenize.COMMENT:
            yield Text(module, token.start[0], token.string)


def _of_module(module: str, tree: ast.Module) -> Iterator[Text]:
    skipped: set[int] = set()
    for node in ast.walk(tree):
        for part in _unread(node):
            skipped.update(id(one) for one in ast.walk(part))
    literals = [one for one in ast.walk(tree) if isinstance(one, ast.Constant | ast.JoinedStr)]
    for node in sorted(literals, key=lambda one: one.lineno):
        if id(node) in skipped:
            continue
        said = _as_read(node)
        if said is not None and _is_for_people(said):
            yield Text(module, node.lineno, said)


def _unread(node: ast.AST) -> Iterator[ast.AST]:
    """The parts of a node that nobody reads."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        yield node.value  # a docstring, or words beside a constant
    if isinstance(node, ast.Call):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if called in _NOT_READ_BY_PEOPLE:
            yield from node.args
        yield from (one.value for one in node.keywords if one.arg in ("key", "icon", "alias", "pattern"))
    if isinstance(node, ast.JoinedStr):
        yield from (one for one in node.values if isinstance(one, ast.Constant))
    if isinstance(node, ast.FormattedValue) and node.format_spec is not None:
        yield node.format_spec


def _as_read(node: ast.Constant | ast.JoinedStr) -> str | None:
    if isinstance(node, ast.JoinedStr):
        parts = (one.value if isinstance(one, ast.Constant) else "…" for one in node.values)
        return "".join(map(str, parts))
    return node.value if isinstance(node.value, str) else None


def _is_for_people(said: str) -> bool:
    if not _A_WORD.search(said) or _SQL.search(said):
        return False
    if _LOOKS_LIKE_CODE.search(said) and not _A_SENTENCE.search(said):
        return False
    return " " in said.strip() or re.fullmatch(r"[A-Z][a-z-]*[a-z][.…?]?", said) is not None


def main() -> None:
    module = ""
    for one in texts():
        if one.module != module:
            module = one.module
            sys.stdout.write(f"\n{module}\n")
        sys.stdout.write(f"{one.line:5}  {one.text}\n")


if __name__ == "__main__":
    main()
