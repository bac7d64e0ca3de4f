"""Cells that a spreadsheet would run as a formula: made harmless on the way out, restored on the way in."""

import re

_FORMULA = re.compile(r"'*[=+\-@\t\r]")


def guard_cell(text: str) -> str:
    """The text as a file may give it back: what would start a formula gets a leading apostrophe.

    Text that already looks guarded gets one more, so that `unguard_cell` takes back exactly what was added.
    """
    return f"'{text}" if _FORMULA.match(text) else text


def unguard_cell(text: str) -> str:
    """What `guard_cell` was given. Only for rows known to be ours: others may mean their apostrophe."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text
