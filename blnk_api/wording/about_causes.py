"""Titles for a draft's problems with the same cause, and what was done about them."""

from collections.abc import Sequence

from blnk_api.common.quoting import shown
from blnk_api.wording.phrases import plural


def title(kind: str, message: str, *, values: Sequence[str], groups: int, rows: int) -> str:
    """One sentence for a cause. With one value it is the check's own message; with several it counts them."""
    if groups == 1 and kind not in _BY_ROWS:
        return message
    if kind in _BY_ROWS:
        one, many = _BY_ROWS[kind]
        return one or message if rows == 1 else f"{rows:,} {many}"
    if kind in _BY_VALUES:
        thing, predicate = _BY_VALUES[kind]
        if kind == "unknown_identity" and values and all("@" in value for value in values):
            thing = "email address"
        return f"{_things(groups, thing)} {predicate}"
    return f"{plural(rows, 'row')} with this problem, for example: {message}"


def suggestions(pairs: Sequence[tuple[str, str]]) -> str:
    """Which suggestion replaces which text, for a button that applies them everywhere."""
    replacements = [f"“{shown(value)}” becomes {shown(repair)}" for value, repair in pairs[:_MOST_PAIRS]]
    more = len(pairs) - len(replacements)
    return "; ".join([*replacements, *([f"and {more:,} more"] if more else [])]) + "."


def _things(n: int, thing: str) -> str:
    return f"{n:,} email addresses" if thing == "email address" else plural(n, thing)


_MOST_PAIRS = 8

_BY_VALUES = {
    "unknown_ledger": ("ledger", "are not known in Blnk."),
    "unknown_identity": ("value", "do not belong to a known identity."),
    "unknown_currency": ("code", "are not known currencies."),
    "ambiguous_ledger": ("name", "match several ledgers each."),
    "ambiguous_identity": ("name", "match several identities each."),
    "malformed_ledger": ("value", "are not complete ledger ids."),
    "malformed_identity": ("value", "are not complete identity ids."),
    "malformed_indicator": ("value", "are not valid indicators."),
    "bad_boolean": ("value", "are neither true nor false."),
    "bad_allocation_strategy": ("value", "are not allocation strategies."),
    "duplicate_reference": ("key", "appear in more than one row."),
    "duplicate_indicator": ("indicator", "appear in more than one row."),
    "indicator_exists": ("indicator", "already exist in Blnk."),
    "duplicate_currency": ("cell", "list a currency twice."),
}
"""What is counted, and what is said about it."""

_BY_ROWS = {
    "ragged_row": ("", "rows have more or fewer cells than the file has columns."),
    "missing_ledger": ("1 row has no ledger.", "rows have no ledger."),
    "missing_currency": ("1 row has no currency.", "rows have no currency."),
    "twin_row": (
        "1 row is the same as another row. It creates its own balance.",
        "rows are the same as another row. Each creates its own balance.",
    ),
    "duplicate_match": (
        "1 row has the same key columns as another row, so it is the same balance.",
        "rows have the same key columns as another row, so they are the same balance.",
    ),
    "indicator_outside_general_ledger": (
        "1 row has an indicator, which is only allowed in the General Ledger.",
        "rows have an indicator, which is only allowed in the General Ledger.",
    ),
    "lineage_without_identity": (
        "1 row tracks fund lineage, but has no identity.",
        "rows track fund lineage, but have no identity.",
    ),
}
