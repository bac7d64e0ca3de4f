"""A note explains what cannot be deleted: dated, signed, never changed, and found where it is looked for."""

from collections.abc import Sequence

import pytest

from blnk_api.store import Store
from blnk_api.store.imports import Import
from blnk_api.store.people import notes
from blnk_api.store.people.notes import Note
from tests.support.actors import actor
from tests.support.store import claim, created, events_of, record, running


def with_balance(store: Store) -> Import:
    made = running(store, 1)
    claimed = claim(store, made)
    [row] = claimed.tries
    record(store, made, created(claimed, row, "bln_1"))
    return made


def texts(found: Sequence[Note]) -> list[str]:
    return [one.text for one in found]


def test_a_note_on_an_import_says_who_and_stays(store: Store) -> None:
    made = running(store, 1)
    with store.write() as tx:
        notes.add_to_import(tx, made, "  Agreed with Kofi.\n<b>by phone</b> ", who=actor())
        notes.add_to_import(tx, made, "And again.", who=actor("Grace"))
    with store.read() as tx:
        first, second = notes.of_import(tx, made.number)
    assert (first.text, first.who.name, first.balance_id) == (
        "Agreed with Kofi.\n<b>by phone</b>",
        "Ada",
        None,
    )
    assert (second.who.name, second.at >= first.at) == ("Grace", True)
    assert events_of(store, made)[-1] == ("noted", {})


def test_a_note_on_a_balance_is_on_its_import_too(store: Store) -> None:
    made = with_balance(store)
    with store.write() as tx:
        notes.add_to_balance(tx, made.instance_number, "bln_1", "Made by mistake.", who=actor())
    with store.read() as tx:
        assert texts(notes.of_balance(tx, made.instance_number, "bln_1")) == ["Made by mistake."]
        [one] = notes.of_import(tx, made.number)
    assert one.balance_id == "bln_1"
    assert events_of(store, made)[-1] == ("noted", {"balance_id": "bln_1"})


def test_a_balance_from_elsewhere_can_have_a_note(store: Store) -> None:
    made = with_balance(store)
    with store.write() as tx:
        notes.add_to_balance(tx, made.instance_number, "bln_elsewhere", "The old float.", who=actor())
    with store.read() as tx:
        assert texts(notes.of_balance(tx, made.instance_number, "bln_elsewhere")) == ["The old float."]
        assert notes.of_balance(tx, made.instance_number + 1, "bln_elsewhere") == []
        assert notes.of_import(tx, made.number) == []


@pytest.mark.parametrize(
    ("text", "said"), [("", "Enter the note"), (" \n ", "Enter the note"), ("x" * 2_001, "at most 2,000")]
)
def test_an_empty_note_is_not_kept(store: Store, text: str, said: str) -> None:
    made = running(store, 1)
    with pytest.raises(ValueError, match=said), store.write() as tx:
        notes.add_to_import(tx, made, text, who=actor())
    with store.read() as tx:
        assert notes.of_import(tx, made.number) == []


def test_characters_that_no_database_stores_are_shown_as_lost(store: Store) -> None:
    made = running(store, 1)
    with store.write() as tx:
        notes.add_to_import(tx, made, "a\0b\ud800c", who=actor())
    with store.read() as tx:
        assert texts(notes.of_import(tx, made.number)) == ["a\ufffdb?c"]
