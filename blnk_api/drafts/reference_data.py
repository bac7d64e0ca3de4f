"""Reads from Blnk, in batches, what a file refers to: its ledgers, identities and indicators."""

from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from itertools import count
from typing import TypeVar

from blnk_api.blnk.endpoints import PAGE_LIMIT
from blnk_api.client import BlnkClient
from blnk_api.common.name_matching import fold
from blnk_api.drafts.checking import Known, KnownIndicator, Wanted
from blnk_api.errors import AccessDenied, ReadFailed
from blnk_api.facts.mapping import Mapping
from blnk_api.models import GENERAL_LEDGER_ID, Identity, Ledger

_Thing = TypeVar("_Thing", Ledger, Identity)

MOST_LEDGERS_FOR_PROPOSALS = 1_000
"""How many ledgers are fetched besides those that a file names, for "did you mean" suggestions."""


def known_in_blnk(client: BlnkClient, wanted: Wanted, mapping: Mapping) -> Known:
    """What exists of what is wanted. `readable` is False without read permission.

    Raises a BlnkError if Blnk does not answer, so that nothing counts as unknown because of that.
    """
    try:
        ledgers = {one.ledger_id: one.name for one in _ledgers(client, wanted.ledgers)}
        identities, names = _identities(client, wanted.identities, mapping.identity_key)
        called = set(map(fold, (*identities, *identities.values(), *names)))
        is_whole = all(fold(text) in called for text in wanted.identities)
        tokenized = () if is_whole else tuple(sorted(client.tokenized()))
        indicators = taken_indicators(client, {indicator for indicator, _ in wanted.indicators})
    except AccessDenied as denied:
        if denied.status != 403:
            raise
        return Known(readable=False)
    return Known(
        ledgers=ledgers,
        identities=identities,
        identity_names=names,
        tokenized=tokenized,
        indicators=indicators,
    )


def _ledgers(client: BlnkClient, wanted: Collection[str]) -> Iterator[Ledger]:
    if not wanted:
        return
    page = 1
    while page * 100 <= MOST_LEDGERS_FOR_PROPOSALS:
        part = client.list_ledgers(page)
        yield from part
        if len(part) < 100:
            return
        page += 1
    by_id = client.ledgers_by_id(wanted)
    yield from by_id.values()
    exact = client.ledgers_by_name(set(wanted) - by_id.keys())
    for same_name in exact.values():
        yield from same_name
    missing = set(wanted) - by_id.keys() - exact.keys()
    yield from _alike(client, "ledgers", missing, 1, client.ledgers_called, client.list_ledgers)


def _identities(
    client: BlnkClient, wanted: Collection[str], key: str | None
) -> tuple[dict[str, str], dict[str, list[str]]]:
    found = client.identities_by_id(wanted)
    missing = {text for text in wanted if text not in found}
    names: dict[str, list[str]] = {}

    def keep(is_wanted: Callable[[str], bool], those: Iterable[Identity]) -> None:
        for one in those:
            for text in filter(is_wanted, one.called(key)):
                found[one.identity_id] = one
                ids = names.setdefault(text, [])
                if one.identity_id not in ids:
                    ids.append(one.identity_id)

    keep(missing.__contains__, _to_the_letter(client, missing, key))
    missing -= names.keys()
    folds = set(map(fold, missing))
    ask = partial(client.identities_called, key=key)
    alike = _alike(client, "identities", missing, 6, ask, client.list_identities)
    keep(lambda text: fold(text) in folds, alike)
    return {id: one.name for id, one in found.items()}, names


def _to_the_letter(client: BlnkClient, wanted: Collection[str], key: str | None) -> Iterator[Identity]:
    """Looks up exact names in lists. The caller keeps the identities whose whole name was requested."""
    fields = ["email_address", "organization_name", "last_name", *([f"meta_data.{key}"] if key else [])]
    for field in fields:
        for same in client.identities_by(field, wanted).values():
            yield from same
    for same in client.identities_by("first_name", _beginnings(wanted)).values():
        yield from same


def _beginnings(names: Iterable[str]) -> Iterator[str]:
    """The possible first names in a full name: Mary, and Mary Ann, of Mary Ann Lee."""
    for name in names:
        yield from (name[:at] for at, letter in enumerate(name) if letter == " ")
        yield name


def _alike(
    client: BlnkClient,
    what: str,
    missing: Collection[str],
    questions: int,
    ask: Callable[[str], list[_Thing]],
    page_of: Callable[[int], list[_Thing]],
) -> Iterator[_Thing]:
    """Those whose names differ only in ignored details, among others.

    Each name is requested alone, or all existing ones are walked through, whichever takes fewer requests. The
    result is the same, so it never depends on what else a file contains.
    """
    if not missing:
        return
    total = client.count(what)
    if total is None or len(missing) * questions < total / PAGE_LIMIT:
        for name in sorted(missing):
            yield from ask(name)
        return
    for number in count(1):
        part = page_of(number)
        yield from part
        if len(part) < PAGE_LIMIT:
            return


def taken_indicators(client: BlnkClient, wanted: Collection[str]) -> dict[str, KnownIndicator]:
    """Balances that already have one of these indicators, by indicator, space and currency. Empty for a
    version of Core without indicators."""
    try:
        balances = client.balances_with_indicator(wanted)
    except AccessDenied:
        raise
    except ReadFailed as failed:
        if failed.status != 400:
            raise
        return {}
    return {
        f"{one.indicator} {one.currency}": KnownIndicator(
            balance_id=one.balance_id, import_ref=one.import_ref
        )
        for one in balances
        if one.indicator and one.ledger_id == GENERAL_LEDGER_ID
    }
