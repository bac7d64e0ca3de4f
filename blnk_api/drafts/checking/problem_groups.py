"""Groups the problems of many rows: shown together, fixed at once."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from blnk_api.currencies import Severity
from blnk_api.facts.problems import Problem

MOST_VALUE_GROUPS = 200
"""How many different values of one kind and column get a group each. The rest share one group."""

_WEIGHT: dict[Severity, int] = {"error": 0, "warning": 1, "note": 2}


@dataclass(slots=True)
class ProblemGroup:
    """Rows that have the same problem and can be fixed at once."""

    kind: str
    column: str
    position: int | None
    value: str | None
    """None if the rows have different values."""
    severity: Severity
    message: str
    repair: str | None
    rows: list[tuple[int, str]] = field(default_factory=list)
    """Row numbers with the part, in file order, without repeats."""

    @property
    def sentence(self) -> str:
        """ "14 rows: Custmer wallets is not a known ledger. Did you mean Customer wallets?" """
        count = len(self.rows)
        if self.rows and self.rows[0][0] == 0:
            return self.message
        return f"{count:,} {'row' if count == 1 else 'rows'}: {self.message}"


def group(problems: Iterable[Problem]) -> list[ProblemGroup]:
    """Groups the problems in one pass, in the order of `place_in_list`."""
    groups: dict[tuple[str | int | None, ...], ProblemGroup] = {}
    values: defaultdict[tuple[str, str, int | None], int] = defaultdict(int)
    for problem in problems:
        kind, column, severity = problem.kind, problem.column, problem.severity
        place = kind, column, problem.position
        key: tuple[str | int | None, ...] = (*place, severity, problem.value, problem.repair or "")
        found = groups.get(key)
        if found is None and values[place] >= MOST_VALUE_GROUPS:
            key = (*place, severity)
            found = groups.get(key)
            if found is None:
                message = f"other values with the same problem, such as: {problem.message}"
                found = groups[key] = ProblemGroup(*place, None, severity, message, None)
        elif found is None:
            values[place] += 1
            found = groups[key] = ProblemGroup(
                *place, problem.value, severity, problem.message, problem.repair
            )
        row = (problem.row, problem.part)
        if not found.rows or found.rows[-1] != row:
            found.rows.append(row)
    for found in groups.values():
        found.rows.sort()
    return sorted(
        groups.values(),
        key=lambda g: place_in_list(
            g.severity, len(g.rows), g.rows[0], g.position, g.kind, g.value, g.repair
        ),
    )


def place_in_list(
    severity: Severity,
    count: int,
    first: tuple[int, str],
    position: int | None,
    kind: str,
    value: str | None,
    repair: str | None,
) -> tuple[object, ...]:
    """A sort key for groups: errors first, then by number of rows, then by the first row."""
    at = -1 if position is None else position
    return _WEIGHT[severity], -count, first, at, kind, value is None, value or "", repair or ""
