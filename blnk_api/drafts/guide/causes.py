"""A draft's problems by what caused them, and what can be done about each. Forty-two unknown identities are
one cause, and one decision. Pure."""

from collections.abc import Mapping as ReadOnly
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from blnk_api.currencies import Severity
from blnk_api.facts.mapping import Mapping, Use
from blnk_api.facts.totals import ProblemSummary
from blnk_api.files.xlsx.cell_flaws import HIDDEN_ROW


class Act(Enum):
    """What a person can do about all rows of a cause at once."""

    SUGGESTED = auto()
    """Put what is probably meant into each cell."""
    REPLACE = auto()
    """Put another value, chosen from what there is, into the cells that hold one value."""
    CLEAR = auto()
    """Leave the cells empty."""
    AS_METADATA = auto()
    """Keep the whole column as metadata only."""
    KEEP_CURRENCY = auto()
    ADD_MISSING = auto()
    """Take the cells that a row lacks as empty."""
    SKIP = auto()
    SKIP_REPEATS = auto()
    """Skip all but the first of the rows that are the same."""
    SKIP_HIDDEN = auto()


@dataclass(frozen=True)
class Cause:
    """Rows with one kind of problem in one column."""

    kind: str
    severity: Severity
    column: str
    """The header; "" for the whole row."""
    position: int | None
    groups: tuple[ProblemSummary, ...]
    """One for each value that the cells hold; the rows of the most frequent first."""

    @property
    def key(self) -> str:
        """Tells it from the other causes of a draft, whatever is fixed meanwhile."""
        return f"{self.severity}-{self.kind}-{'row' if self.position is None else self.position}"

    @property
    def rows(self) -> int:
        return sum(one.count for one in self.groups)

    @property
    def values(self) -> list[str]:
        return [one.value for one in self.groups if one.value is not None]

    @property
    def labels(self) -> list[str]:
        """The first of its rows, as people call them, in file order."""
        found = {label for one in self.groups for label in one.rows}
        return sorted(found, key=lambda label: (int(label.partition("·")[0]), label))


_WEIGHT: ReadOnly[Severity, int] = {"error": 0, "warning": 1, "note": 2}


def causes_of(problems: Sequence[ProblemSummary]) -> list[Cause]:
    """Of rows, not of the whole file: errors first, then by how many rows they touch."""
    found: dict[tuple[Severity, str, int | None, str], list[ProblemSummary]] = {}
    for one in problems:
        if one.rows != ("0",):
            found.setdefault((one.severity, one.kind, one.position, one.column), []).append(one)
    causes = [
        Cause(kind, severity, column, position, tuple(sorted(groups, key=lambda one: -one.count)))
        for (severity, kind, position, column), groups in found.items()
    ]
    return sorted(causes, key=lambda one: (_WEIGHT[one.severity], -one.rows))


def use_of(cause: Cause, mapping: Mapping | None) -> Use | None:
    """What the cause's column is for; None for the whole row."""
    columns = () if mapping is None else mapping.columns
    return next((one.use for one in columns if one.position == cause.position), None)


_NEVER_MENDED = ("bad_quotes",)
"""Behind such a cell there may be rows that nobody sees: only the file can be fixed."""
_DUPLICATES = ("duplicate_reference", "duplicate_match", "duplicate_indicator", "duplicate_mark", "twin_row")
"""One value for all of them would be no answer. To skip them leaves the first of each."""


def acts_of(cause: Cause, mapping: Mapping | None) -> list[Act]:
    """What makes sense, the likeliest first."""
    if cause.kind == HIDDEN_ROW:
        return [Act.SKIP_HIDDEN]
    if cause.severity == "note":
        return []
    use = use_of(cause, mapping)
    acts: list[Act] = []
    if cause.position is None:
        if any(one.repair is not None for one in cause.groups):
            acts.append(Act.ADD_MISSING)
    elif cause.kind not in _NEVER_MENDED:
        if any(one.repair for one in cause.groups):
            acts.append(Act.SUGGESTED)
        if any(one.repair == "" for one in cause.groups):
            acts.append(Act.CLEAR)
        if cause.severity == "error" and cause.kind not in _DUPLICATES:
            acts.append(Act.REPLACE)
        if cause.kind == "unknown_currency":
            acts.append(Act.KEEP_CURRENCY)
        if use is Use.IDENTITY and cause.severity == "error":
            acts += [Act.CLEAR, Act.AS_METADATA]
    acts.append(Act.SKIP_REPEATS if cause.kind in _DUPLICATES else Act.SKIP)
    return list(dict.fromkeys(acts))
