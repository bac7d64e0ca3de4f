"""Which differences between two values are only those of reading: nothing else is taken for one."""

import pytest

from blnk_api.drafts.lookalikes.same_value import names_that_differ, only_reading, other_readings, skeleton

READ_TWICE = [
    ("Müller", "MÃ¼ller"),
    ("Łukasz Żak", "£ukasz ¯ak"),
    ("Νίκος", "Íßêïò"),
    ("محمد علي", "„Õ„œ ⁄·Ì"),
    ("山田", "»³ÅÄ"),
    ("Jürgen", "JŸrgen"),
    ("Yıldız", "Yýldýz"),
    ("Café", "Cafe\u0301"),
    ("C-2", "\ufeffC-2"),
    ("ledger", "\u200eledger\u200f"),
    ("usd", ' "usd"'),
    ("2023-03-15", "2019-03-14"),
    ("2023-03-15 12:30:00", "2019-03-14 12:30:00"),
    ("2023-03-15", "45000"),
    ("INV-42", "42"),
    ("INV-0042", "42"),
    ("5 kg", "5"),
    ("1,234.50", "1234.5"),
    ("1.234,50", "1234.5"),
    ("12%", "0.12"),
    ("3.14", "3.14159"),
    ("007", "7"),
    ("1001", "1001.0"),
    ("1.5E+3", "1500"),
    ("(555) 123-4567", "5551234567"),
    ("046 454-286", "46454286"),
]
NOT_THE_SAME = [
    ("Müller", "Möller"),
    ("Lagos", "Abuja"),
    ("A-42", "B-42"),
    ("C-1001", "C-1002"),
    ("2023-03-15", "2023-03-16"),
    ("2023-03-15", "2019-03-15"),
    ("100", "1"),
    ("3", "4"),
    ("(555) 123-4567", "5551234568"),
    ("12-34", "1-234"),
    ("3.14", "3.2"),
    ("", "x"),
    ("Νίκος", "Γιώργος"),
    ("Ada", "ada"),
]


@pytest.mark.parametrize(("one", "other"), READ_TWICE)
def test_one_cell_read_in_two_ways_is_one_cell(one: str, other: str) -> None:
    assert only_reading(one, other)
    assert only_reading(other, one)


@pytest.mark.parametrize(("one", "other"), NOT_THE_SAME)
def test_two_cells_stay_two(one: str, other: str) -> None:
    assert not only_reading(one, other)
    assert not only_reading(other, one)


def test_most_readings_of_a_cell_match_without_each_other() -> None:
    apart = [one for one in READ_TWICE if skeleton(one[0]) != skeleton(one[1])]
    assert apart == [
        ("山田", "»³ÅÄ"),
        ("2023-03-15", "45000"),
        ("3.14", "3.14159"),
        ("1.5E+3", "1500"),
    ]


def test_what_an_earlier_version_may_have_sent_is_looked_up() -> None:
    assert {"Łódź", "£ódŸ"} <= set(other_readings("Łódź"))
    assert {"2023-03-15", "2019-03-14", "2027-03-16"} <= set(other_readings("2023-03-15"))
    assert other_readings("INV-0042") == ["INV-0042", "0042", "42"]
    assert other_readings("Lagos") == ["Lagos"]


def test_a_column_with_a_garbled_name_is_the_same_column() -> None:
    assert names_that_differ({"πελάτης": "Νίκος"}, {"saeUoen": "Íßêïò"}) == ([], ["πελάτης"])
    assert names_that_differ({"client": "Ada"}, {"customer": "Ada"}) == (["client", "customer"], [])
    assert names_that_differ({"a": "1", "b": "x"}, {"a": "1.0", "b": "y"}) == (["b"], ["a"])
