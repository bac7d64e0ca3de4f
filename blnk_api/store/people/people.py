"""Names that people entered, one per browser. They are not verified."""

import time

from sqlalchemy import Connection, select

from blnk_api.store.inserts import insert_or
from blnk_api.store.tables import people

MAX_NAME_CHARACTERS = 80


def name_of(tx: Connection, browser: str) -> str | None:
    """The name entered in this browser, if any."""
    name: str | None = tx.execute(select(people.c.name).where(people.c.browser == browser)).scalar()
    return name


def set_name(tx: Connection, browser: str, name: str) -> None:
    """Stores the name for this browser. Raises ValueError, with a sentence, for an unreadable name."""
    tidy = " ".join(name.split())
    if not tidy or not tidy.isprintable():
        raise ValueError("Enter a name.")
    if len(tidy) > MAX_NAME_CHARACTERS:
        raise ValueError(f"Enter at most {MAX_NAME_CHARACTERS} characters.")
    values = {"name": tidy, "at": time.time()}
    tx.execute(
        insert_or(tx, people)
        .values(browser=browser, **values)
        .on_conflict_do_update(index_elements=["browser"], set_=values)
    )
