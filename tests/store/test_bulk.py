"""One statement for many rows."""

import pytest
from sqlalchemy import bindparam, insert, select, update

from blnk_api.store import Store
from blnk_api.store.bulk import given, run_at_once
from blnk_api.store.checking import checked_rows
from blnk_api.store.tables import people

_INSERT = insert(people).values({one.name: bindparam(one.name) for one in people.c})
_NEW = given("new", browser=people.c.browser, name=people.c.name, at=people.c.at)
_INSERT_GIVEN = insert(people).from_select(
    ["browser", "name", "at"], select(_NEW).where(_NEW.c.browser.is_not(None))
)
_NAMED = given("named", browser=people.c.browser, name=people.c.name)
_RENAME = (
    update(people)
    .where(people.c.browser == _NAMED.c.browser)
    .values(name=_NAMED.c.name)
    .returning(people.c.browser)
)


@pytest.mark.parametrize("n", [0, 1, 2, 9, 33, 65, 129, 141, 255, 321, 511, 512, 513, 1100])
def test_each_of_any_number_of_rows_is_written_once_and_no_other(store: Store, n: int) -> None:
    with store.write() as tx:
        run_at_once(tx, _INSERT, [(f"a{at}", "before", 1.0) for at in range(n)])
        run_at_once(tx, _INSERT_GIVEN, [(f"b{at}", "before", 2.0) for at in range(n)])
        tx.execute(insert(people).values(browser="other", name="untouched", at=3.0))
        renamed = run_at_once(
            tx, _RENAME, [(f"{kind}{at}", f"{kind} {at}") for kind in "ab" for at in range(n)]
        )
    with store.read() as tx:
        found = {one.browser: (one.name, one.at) for one in tx.execute(select(people))}
    expected = {
        f"{kind}{at}": (f"{kind} {at}", when) for kind, when in (("a", 1.0), ("b", 2.0)) for at in range(n)
    }
    assert found == {**expected, "other": ("untouched", 3.0)}
    assert sorted(browser for (browser,) in renamed) == sorted(expected)


def test_all_rows_of_a_check_may_lack_a_request(store: Store) -> None:
    """Postgres takes the type of a column of values from them, and there is none."""
    columns = len(checked_rows._CHECKED)
    with store.write() as tx:
        nothing = (1, "READY", "INVALID", "[]", *[None] * (columns - 3), 1.0)
        assert run_at_once(tx, checked_rows._REWRITE, [nothing] * 3) == []
