"""The list of texts to be read through misses none, and holds nothing that only machines read."""

import re

from tests.support import papers
from tests.support.texts import explanations, texts

_NOT_OURS = re.compile(
    r"!(?=\s|$)|\b(please|oops|successfully|somebody|anew|put(ting)? right|let us in|practice blnk"
    r"|needs? a look|cancelled|cancelling|colour|e-mail|recognise|organisation)\b",
    re.IGNORECASE,
)
"""American spelling, no ornaments, and none of the words that earlier versions had."""
_NOT_PLAIN = re.compile(
    r"\b(((?<!be )(?<!until )told)|somebody|anybody|anew|any more|c[ao]me of|comes of"
    r"|comes? to (its|their) end|as it stands|stands (now|today|beside)|of before"
    r"|whatever (became|becomes) of|goes on|puts? right|such as this|otherwise than|is well|what came of"
    r"|put right|practice Blnk|(which|that) is none|is nobody's)\b"
)
"""Turns that made readers stumble, in docstrings and comments."""
_UNDERSTOOD = {"Needs a look", "Rows to put right"}
"""What files and receipts of earlier versions say."""


def test_the_list_holds_what_people_read_and_nothing_else() -> None:
    listed = {one.text for one in texts()}
    assert "Create balance" in listed, "a button"
    assert any("cannot be deleted" in one for one in listed), "a sentence"
    assert any("Blnk could not be read: …" in one for one in listed), "a sentence with a value in it"
    assert any(" does not help, check the server's log." in one for one in listed), "a semicolon in it"
    assert any("another sheet looks" in one for one in listed), "about workbooks"
    assert "import_ref" not in listed
    assert not any(one.startswith("SELECT") for one in listed)
    assert not any("Streamlit" in one and "Nothing in it imports" in one for one in listed), "no docstrings"


def test_the_texts_are_in_the_english_that_contributing_asks_for() -> None:
    assert [one for one in texts() if _NOT_OURS.search(one.text) and one.text not in _UNDERSTOOD] == []


def test_docstrings_and_comments_are_in_plain_english() -> None:
    found = explanations(_NOT_PLAIN)
    assert [one for one in found if "/versions/" not in one.module] == []


def test_the_papers_are_in_the_same_english() -> None:
    """Except for what earlier versions said, and “told”, which is fine of a person."""
    found = [
        (name, turn[0])
        for name in papers.PAPERS
        for pattern in (_NOT_OURS, _NOT_PLAIN)
        for turn in pattern.finditer(re.sub(r"```.*?```", "", papers.read(name), flags=re.DOTALL))
    ]
    assert [one for one in found if one[1] not in {*_UNDERSTOOD, "told"}] == []
