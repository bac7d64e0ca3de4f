"""Checks records of a draft that fixes rows of another import: each is still the row that it was there.

A row keeps the ref under which it was sent while its content is the same. With other content it gets a ref
that no row of its file has: two equal rows are two balances, whichever import sends them.
"""

from collections.abc import Callable, Sequence
from itertools import count, islice

from blnk_api.drafts.checking import CheckedRow, Checker
from blnk_api.drafts.writing.new_rows import MADE_BEFORE_FIX
from blnk_api.facts.file_shape import Record
from blnk_api.facts.problems import Problem
from blnk_api.lookup import refs
from blnk_api.store.rows import StoredRow
from blnk_api.store.sending.superseded import made_before
from blnk_api.store.states import RowState

_REFS_AT_ONCE = 20

Taken = Callable[[Sequence[str]], set[str]]
"""Returns which of these refs rows of the file already have, in any import."""


class FixChecker:
    """Like `Checker`, for the records of `sources`."""

    def __init__(self, checker: Checker, sources: Sequence[StoredRow], taken: Taken) -> None:
        self._checker = checker
        self._taken = taken
        self._before: dict[int, list[StoredRow]] = {}
        for row in sources:
            self._before.setdefault(row.number, []).append(row)
        self._given: dict[str, int] = {}

    def check(self, record: Record) -> list[CheckedRow]:
        before = self._before[record.number]
        made = [_created(row) for row in before if row.state is RowState.CREATED]
        left = [row for row in before if row.state is not RowState.CREATED]
        if not left:
            return made
        return made + [self._as_before(left, one) for one in _wanted(left, self._checker.check(record))]

    def finish(self) -> list[Problem]:
        """Problems that only all rows together show, limited to the rows of this draft."""
        return [one for one in self._checker.finish() if not one.row or one.row in self._before]

    def _as_before(self, before: Sequence[StoredRow], one: CheckedRow) -> CheckedRow:
        if one.request is None or one.hash is None or one.keep_ref is not None:
            return one
        for row in before:
            old = refs.parse_ref(row.ref or "")
            if old is not None and row.tries and refs.fits(old, one.request, one.match):
                one.keep_ref = row.ref
                return one
        if one.match is not None or "indicator" in one.request:
            return one  # its content is one balance, however many rows ask for it
        nth = self._given[one.hash] = self._given.get(one.hash, -1) + 1
        one.occurrence = self._free(one.hash, nth)
        return one

    def _free(self, hash_: str, nth: int) -> int:
        """The nth occurrence number of this content that no row of the file has."""
        occurrences = count()
        while True:
            part = list(islice(occurrences, _REFS_AT_ONCE))
            taken = self._taken([refs.make_ref(hash_, n) for n in part])
            free = [n for n in part if refs.make_ref(hash_, n) not in taken]
            if nth < len(free):
                return free[nth]
            nth -= len(free)


def _wanted(before: Sequence[StoredRow], checked: list[CheckedRow]) -> list[CheckedRow]:
    """If a currency for all rows makes several balances of a record, keeps only those that need a fix."""
    parts = {row.part for row in before}
    if "" in parts or not any(one.part for one in checked):
        return checked
    return [one for one in checked if one.part in parts] or [_not_asked_for(checked[0], parts)]


def _created(row: StoredRow) -> CheckedRow:
    """Its balance appeared after all, so it is not sent in any form."""
    assert row.balance_id is not None
    note = Problem(MADE_BEFORE_FIX, row.number, "", "", "", made_before(row.balance_id), "note")
    return CheckedRow(row.number, row.part, None, [note], balance_id=row.balance_id)


def _not_asked_for(one: CheckedRow, parts: set[str]) -> CheckedRow:
    currencies = " and ".join(sorted(parts))
    message = (
        f"This row is the {currencies} balance of its line. Choose {currencies} for all rows, or skip it."
    )
    wrong = Problem("other_currency", one.number, "", "", "", message, "error")
    return CheckedRow(one.number, "", None, [wrong])
