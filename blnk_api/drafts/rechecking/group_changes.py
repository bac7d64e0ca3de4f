"""How a draft's groups of problems change when some of its rows are checked again."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from blnk_api.common.row_label import label_of, number_and_part
from blnk_api.drafts.checking import ProblemGroup, group
from blnk_api.drafts.checking.problem_groups import MOST_VALUE_GROUPS, place_in_list
from blnk_api.drafts.rechecking.whole_check_needed import NotSure
from blnk_api.drafts.writing.new_rows import MOST_ROW_LABELS
from blnk_api.facts.problems import Problem
from blnk_api.facts.totals import ProblemSummary

Key = tuple[object, ...]
Label = tuple[int, str]

_ROWS_ASKED = 3

RowsAfter = Callable[[int], Iterable[tuple[int, Sequence[Problem]]]]
"""A record's number → the rows with problems from it on, as they are now, in file order: each with its
record's number."""


def key_of(one: Problem | ProblemGroup | ProblemSummary) -> Key:
    """What the problems of one group have in common."""
    return one.kind, one.column, one.position, one.severity, one.value, one.repair or ""


def changed(
    groups: Sequence[ProblemSummary],
    before: Sequence[Problem],
    after: Sequence[Problem],
    rows_from: RowsAfter,
) -> tuple[ProblemSummary, ...]:
    """The groups of all rows. `before` and `after` are the problems of the rows that were checked again,
    which must include all rows that affect each other. Raises NotSure."""
    by_key = {key_of(one): one for one in groups}
    removed, added = ({key_of(one): one for one in group(some)} for some in (before, after))
    keys = removed.keys() | added.keys()
    _refuse_what_shares_a_group(by_key.values(), keys)
    for key in keys:
        old, new = removed.get(key), added.get(key)
        if old is not None and key not in by_key:
            raise NotSure
        if old is not None and new is not None and (old.rows, old.message) == (new.rows, new.message):
            continue
        updated = _changed(by_key.get(key), old, new, rows_from)
        if updated is not None:
            by_key[key] = updated
        else:
            by_key.pop(key, None)
    _refuse_what_shares_a_group(by_key.values(), keys)
    return tuple(sorted(by_key.values(), key=_place))


def _place(one: ProblemSummary) -> tuple[object, ...]:
    first = number_and_part(one.rows[0])
    return place_in_list(one.severity, one.count, first, one.position, one.kind, one.value, one.repair)


def _refuse_what_shares_a_group(groups: Iterable[ProblemSummary], keys: Iterable[Key]) -> None:
    """With very many values the last ones share a group; only the whole file shows which."""
    each = Counter[Key]((one.kind, one.column, one.position) for one in groups)
    if any(each[key[:3]] >= MOST_VALUE_GROUPS for key in keys):
        raise NotSure


def _changed(
    old_group: ProblemSummary | None,
    removed: ProblemGroup | None,
    added: ProblemGroup | None,
    rows_from: RowsAfter,
) -> ProblemSummary | None:
    """One group, or None if no row has its problem anymore."""
    some = added or old_group
    assert some is not None
    out, into = (removed.rows if removed else []), (added.rows if added else [])
    listed = [number_and_part(one) for one in old_group.rows] if old_group else []
    before = old_group.count if old_group else 0
    count = before - len(out) + len(into)
    if count == 0:
        return None
    labels_left = set(listed) - set(out)
    labels_left.update(one for one in into if before == len(listed) or one < listed[-1])
    labels = sorted(labels_left)
    if len(labels) < min(count, MOST_ROW_LABELS):
        labels += _further(key_of(some), listed[-1], min(count, MOST_ROW_LABELS) - len(labels), rows_from)
    labels = labels[:MOST_ROW_LABELS]
    if added is not None and count == len(into):
        message = added.message
    else:
        message = _message(key_of(some), labels, rows_from)
    return ProblemSummary(
        kind=some.kind,
        severity=some.severity,
        column=some.column,
        value=some.value,
        position=some.position,
        message=message,
        sentence=f"{count:,} {'row' if count == 1 else 'rows'}: {message}",
        repair=some.repair,
        rows=tuple(label_of(number, part) for number, part in labels),
        count=count,
    )


def _further(key: Key, last: Label, wanted: int, rows_from: RowsAfter) -> list[Label]:
    """Rows of a group after the last stored one."""
    found: list[Label] = []
    for _, problems in rows_from(last[0]):
        for one in problems:
            label = one.row, one.part
            if key_of(one) == key and label > last and label not in found:
                found.append(label)
        if len(found) >= wanted:
            return found[:wanted]
    raise NotSure


def _message(key: Key, labels: Sequence[Label], rows_from: RowsAfter) -> str:
    """The message of the first row whose own check found it. The very first may stem from the whole file."""
    for number, _ in labels[:_ROWS_ASKED]:
        for of_row, problems in rows_from(number):
            if of_row != number:
                break
            for one in problems:
                if key_of(one) == key:
                    return one.message
    raise NotSure
