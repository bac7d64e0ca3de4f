"""Asks Blnk, in batches, what a file speaks of: its ledgers, identities and indicators."""

from collections.abc import Collection, Iterable, Iterator

from blnk_api.client import BlnkClient
from blnk_api.errors import AccessDenied, ReadFailed
from blnk_api.imports.checking import Known, KnownIndicator, Wanted
from blnk_api.imports.mapping import Mapping
from blnk_api.models import GENERAL_LEDGER_ID, Identity, Ledger

MOST_LEDGERS_FOR_PROPOSALS = 1_000
"""Ledgers fetched beside those that a file names, so that a misspelt name gets a "did you mean"."""


def known_in_blnk(client: BlnkClient, wanted: Wanted, mapping: Mapping) -> Known:
    """What exists of what is wanted; `readable=False` without permission to read.

    Raises from the errors tree when Blnk does not answer: nothing is ever unknown because of that.
    """
    try:
        ledgers = {one.ledger_id: one.name for one in _ledgers(client, wanted.ledgers)}
        identities, names = _identities(client, wanted.identities, mapping.identity_key)
        indicators = _indicators(client, wanted.indicators)
    except AccessDenied as denied:
        if denied.status != 403:
            raise
        return Known(readable=False)
    return Known(ledgers=ledgers, identities=identities, identity_names=names, indicators=indicators)


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
    yield from client.ledgers_by_id(wanted).values()
    for same_name in client.ledgers_by_name(wanted).values():
        yield from same_name


def _identities(
    client: BlnkClient, wanted: Collection[str], key: str | None
) -> tuple[dict[str, str], dict[str, list[str]]]:
    found: dict[str, Identity] = {}
    names: dict[str, list[str]] = {}

    def named(text: str, identity: Identity) -> None:
        ids = names.setdefault(text.casefold(), [])
        if identity.identity_id not in ids:
            ids.append(identity.identity_id)

    found |= client.identities_by_id(wanted)
    rest = {text for text in wanted if text not in found}
    if not rest:
        return {id: one.name for id, one in found.items()}, names
    if key:
        for value, same in client.identities_by(f"meta_data.{key}", rest).items():
            for one in same:
                named(value, one)
                found[one.identity_id] = one
    for one in _by_name(client, rest):
        for text in (one.email_address, one.organization_name, f"{one.first_name} {one.last_name}".strip()):
            if text:
                named(text, one)
        found[one.identity_id] = one
    return {id: one.name for id, one in found.items()}, names


def _by_name(client: BlnkClient, wanted: Iterable[str]) -> Iterator[Identity]:
    """By e-mail, organisation, or first name: the caller keeps those whose whole name is asked for."""
    texts = list(wanted)
    emails = [text for text in texts if "@" in text]
    people = [text for text in texts if "@" not in text]
    for field, values in (
        ("email_address", emails),
        ("organization_name", people),
        ("first_name", [text.split()[0] for text in people if text.split()]),
    ):
        for same in client.identities_by(field, values).values():
            yield from same


def _indicators(client: BlnkClient, wanted: Collection[tuple[str, str]]) -> dict[str, KnownIndicator]:
    """Balances that have one of these indicators already; none on a Core that knows no indicators."""
    try:
        balances = client.balances_with_indicator({indicator for indicator, _ in wanted})
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
