"""The pages without a browser: Streamlit runs a page's script, and a test reads and presses."""

import re
from functools import cache
from pathlib import Path
from typing import Any

from streamlit.components.v2.component_manager import BidiComponentManager
from streamlit.runtime.scriptrunner.script_cache import ScriptCache
from streamlit.testing.v1 import AppTest, local_script_runner

from blnk_api.store.imports import Import

SHELL = Path(__file__).parents[2] / "pages" / "shell.py"

# The scripts of pages are compiled once, as in the product: else each run compiles them again.
local_script_runner.ScriptCache = cache(ScriptCache)  # type: ignore[assignment, attr-defined]

SAVINGS = "ldg_33333333-3333-4333-8333-333333333333"


def visit(page: str = "create_balance.py", **query: str) -> AppTest:
    """A new visit through a link; `page` is its file."""
    at = AppTest.from_file(str(SHELL), default_timeout=180)
    # Else each visit asks all packages that are installed whether they bring components, and none does: a
    # third of what these tests cost.
    at._bidi_component_manager = BidiComponentManager()
    at.switch_page(page)
    for name, value in query.items():
        at.query_params[name] = value
    return run(at)


def run(at: AppTest) -> AppTest:
    at.run()
    assert not at.exception, at.exception[0].value
    return at


def open_step(at: AppTest, name: str) -> AppTest:
    """Opens a step of a draft by its name."""
    button = next(one for one in at.button if re.search(rf"^\d {name}\b", one.label))
    assert not button.disabled, f"{name} cannot be opened yet"
    button.click()
    return run(at)


def link(import_: Import) -> dict[str, str]:
    return {"connection": "here", "import": import_.id}


def said(at: AppTest) -> str:
    """Everything on the page, as a person reads it."""
    kinds: tuple[Any, ...] = (
        at.title,
        at.subheader,
        at.markdown,
        at.caption,
        at.text,
        at.error,
        at.warning,
        at.info,
        at.success,
    )
    told = [element.value for kind in kinds for element in kind]
    told += [str(metric.label) + " " + str(metric.value) for metric in at.metric]
    return "\n".join(told).replace("\\", "").replace("\u2060", "")


def press(at: AppTest, label: str) -> AppTest:
    next(button for button in at.button if button.label == label).click()
    return run(at)


def details(at: AppTest) -> str:
    """What is under “Details”, as one text; empty if there are no details."""
    return " ".join(text.value for one in at.expander if one.label == "Details" for text in one.text)
