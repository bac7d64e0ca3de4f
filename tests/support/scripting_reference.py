"""Writes the reference of docs/scripting.md from docstrings: python -m tests.support.scripting_reference"""

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

from blnk_api import client, errors, models, settings

PAGE = Path(__file__).parents[2] / "docs" / "scripting.md"
_MARK = "<!-- reference -->\n"
_WIDE = 100

_VALUES: tuple[type, ...] = (models.BalanceRequest, models.Balance, models.Ledger, models.Identity)
_SETTINGS: tuple[type, ...] = (settings.Settings, settings.Connection, settings.Instance, settings.OAuth)
_MODULES_OF_TYPES = re.compile(r"\b(?:[a-z_]+\.)+(?=[A-Z])")
_BUILT_IN = re.compile(r"<built-in function (\w+)>")
_SECTION = re.compile(r"(Args|Returns|Raises|Yields|Attributes):")


def written() -> str:
    """The whole page, with the reference from the docstrings of this moment."""
    return PAGE.read_text("utf-8").partition(_MARK)[0] + _MARK + "".join(_reference())


def _reference() -> Iterator[str]:
    yield f"\n### `blnk_api.client`\n\n{_text(client.BlnkClient)}\n"
    yield _call("BlnkClient", client.BlnkClient.__init__)
    for name, function in _methods(client.BlnkClient):
        yield _call(f"BlnkClient.{name}", function)
    yield "\n### `blnk_api.models`\n"
    for each in _VALUES:
        yield from _value(each)
    tree = inspect.getdoc(errors) or ""
    yield f"\n### `blnk_api.errors`\n\n```text\n{tree}\n```\n"
    for name, error in vars(errors).items():
        if inspect.isclass(error) and error.__module__ == errors.__name__ and "__doc__" in vars(error):
            told = vars(error)["__doc__"]
            yield f"\n#### `{name}`\n\n{_markdown(inspect.cleandoc(told))}\n" if told else ""
    yield "\n### `blnk_api.settings`\n"
    yield _call("load", settings.load)
    for each in _SETTINGS:
        yield from _value(each)


def _methods(of: type) -> Iterator[tuple[str, Callable[..., object]]]:
    """Public ones in the order of the source, those of a base class first."""
    for base in reversed(of.__mro__[:-1]):
        for name, function in vars(base).items():
            if inspect.isfunction(function) and not name.startswith("_"):
                yield name, function


def _call(name: str, function: Any) -> str:
    signature = str(inspect.signature(function)).replace("(self, ", "(").replace("(self)", "()")
    signature = _BUILT_IN.sub(r"\1", _MODULES_OF_TYPES.sub("", signature)).replace(" -> None", "")
    code = f"{name}{signature}"
    if len(code) > _WIDE:
        inner, _, after = signature[1:].rpartition(")")
        code = "\n".join([f"{name}(", *(f"    {one}," for one in _parameters(inner)), f"){after}"])
    said = _text(function)
    return f"\n#### `{name}`\n\n```text\n{code}\n```\n" + (f"\n{said}\n" if said else "")


def _parameters(text: str) -> Iterator[str]:
    """The parameters of a signature, split at commas outside brackets."""
    start = depth = 0
    for at, sign in enumerate(text):
        depth += (sign in "[(") - (sign in "])")
        if sign == "," and not depth:
            yield text[start:at].strip()
            start = at + 1
    yield text[start:].strip()


def _value(of: type) -> Iterator[str]:
    """A dataclass or a model, with its fields and what the source says about them."""
    told = vars(of).get("__doc__") or ""
    if is_dataclass(of) and told.startswith(f"{of.__name__}("):
        told = ""  # dataclasses write the signature if there is no docstring
    yield f"\n#### `{of.__name__}`\n"
    if told:
        yield f"\n{_markdown(inspect.cleandoc(told))}\n"
    yield "\n"
    for base in reversed([one for one in of.__mro__ if one.__module__ == of.__module__]):
        yield from _fields(base)


def _fields(of: type) -> Iterator[str]:
    [defined] = ast.parse(textwrap.dedent(inspect.getsource(of))).body
    assert isinstance(defined, ast.ClassDef)
    for at, node in enumerate(defined.body):
        if isinstance(node, ast.AnnAssign):
            kind = ast.unparse(node.annotation)
            yield f"- `{ast.unparse(node.target)}`: `{kind}`{_said(defined, at + 1)}\n"
        elif isinstance(node, ast.FunctionDef) and _is_property(node):
            said = inspect.cleandoc(ast.get_docstring(node) or "")
            kind = f": `{ast.unparse(node.returns)}`" if node.returns else ""
            yield f"- `{node.name}`{kind}{_joined(said)}\n"


def _is_property(node: ast.FunctionDef) -> bool:
    return any(ast.unparse(one) == "property" for one in node.decorator_list)


def _said(of: ast.ClassDef, at: int) -> str:
    """The text that follows a field, like a docstring."""
    after = of.body[at] if at < len(of.body) else None
    if not (isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)):
        return ""
    return _joined(inspect.cleandoc(str(after.value.value)))


def _joined(said: str) -> str:
    return f" · {' '.join(said.split())}" if said else ""


def _text(of: Any) -> str:
    return _markdown(inspect.getdoc(of) or "")


def _markdown(docstring: str) -> str:
    """Paragraphs as they are; the entries of Args, Returns and Raises as lists."""
    out: list[str] = []
    is_in_section = False
    for line in docstring.splitlines():
        if _SECTION.fullmatch(line):
            is_in_section = True
            out += ["", f"{line}", ""]
        elif is_in_section and line.startswith("    ") and not line.startswith("     "):
            out.append(f"- {line.strip()}")
        elif is_in_section and line.startswith("     "):
            out.append(f"  {line.strip()}")
        else:
            is_in_section = is_in_section and not line
            out.append(line)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(out)).strip()


if __name__ == "__main__":
    PAGE.write_text(written(), "utf-8")
