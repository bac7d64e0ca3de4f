"""The possible meanings of a text in the balance search field, and which of them match balances in Blnk.

Blnk finds metadata by key and value, not by value alone, so a plain text is searched under the few keys that
identify balances. Each key takes a request, from the same rate limit as sending.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from blnk_api.common.quoting import shown
from blnk_api.desk.balance_search import KEY, Page, Wanted
from blnk_api.lookup.looker import bound_of
from blnk_api.store.imports import Import
from blnk_api.wording import about_imports

MOST_KEYS = 4


@dataclass(frozen=True)
class Reading:
    """One meaning of a text: its `label`, and the search that it stands for."""

    label: str
    wanted: Wanted


def readings(text: str, within: Wanted, *, keys: Sequence[str], made_by: Sequence[Import]) -> list[Reading]:
    """The possible meanings within the other conditions, likeliest first. `keys` are the metadata keys that
    identify balances here; `made_by` are the imports with this name."""
    if text.startswith("@"):
        return [Reading(f"Indicator: {shown(text, 60)}", replace(within, indicator=text))]
    if text.startswith("ldg_"):
        return [Reading(f"Ledger: {shown(text, 60)}", replace(within, ledger=text))]
    if text.startswith("idt_"):
        return [Reading(f"Identity: {shown(text, 60)}", replace(within, identity=text))]
    key, is_pair, value = text.partition("=")
    if is_pair and KEY.fullmatch(key.strip()):
        return [_metadata(key.strip(), value.strip(), within)]
    found = []
    if not text.startswith("imp_"):
        found = [_metadata(one, text, within) for one in keys[:MOST_KEYS] if KEY.fullmatch(one)]
    return [*found, *([_made_by(made_by, within)] if made_by else [])]


def _metadata(key: str, value: str, within: Wanted) -> Reading:
    label = f"{key}: {shown(value, 60)}" if value else f"{key}: any value"
    return Reading(label, replace(within, other_key=key, other_value=value))


def _made_by(imports: Sequence[Import], within: Wanted) -> Reading:
    label = f"Import: {about_imports.title(imports[0])}" if len(imports) == 1 else f"{len(imports):,} imports"
    return Reading(label, made_by(within, imports))


def made_by(within: Wanted, imports: Sequence[Import]) -> Wanted:
    """Only balances that one of these imports created, which limits how far back Blnk searches."""
    bounds = [bound_of(one.created_from) or "" for one in imports]
    ids = tuple(one.id for one in imports)
    return replace(within, import_ids=ids, created_from=min(bounds, default=""))


def that_find(meant: Sequence[Reading], look: Callable[[Wanted], Page]) -> list[Reading]:
    """The meanings that match balances. A single meaning is returned without a search."""
    if len(meant) == 1:
        return list(meant)
    return [one for one in meant if look(one.wanted).balances]
