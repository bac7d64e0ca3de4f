"""The list of texts to be read through misses none, and holds nothing that only machines read."""

from tests.support.texts import texts


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
