"""A draft's problems by cause, and what can be done about each. Forty-two unknown identities are one cause,
and one decision. Pure."""

from collections.abc import Mapping as ReadOnly
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from blnk_api.currencies import Severity
from blnk_api.facts.mapping import Mapping, Use
from blnk_api.facts.totals import ProblemSummary
from blnk_api.files.xlsx.cell_flaws import HIDDEN_ROW


class Act(Enum):
    """What a person can do with all rows of a cause at once."""

    SUGGESTED = auto()
    """Replace each cell by its suggestion."""
    REPLACE = auto()
    """Replace one value by another existing one in all its cells."""
    CLEAR = auto()
    """Leave the cells empty."""
    AS_METADATA = auto()
    """Keep the whole column as metadata only."""
    KEEP_CURRENCY = auto()
    ADD_MISSING = auto()
    """Treat the cells that a row lacks as empty."""
    SKIP = auto()
    SKIP_REPEATS = auto()
    """Skip equal rows except the first."""
    SKIP_HIDDEN = auto()


@dataclass(frozen=True)
class Cause:
    """Rows with the same kind of problem in one column."""

    kind: str
    severity: Severity
    column: str
    """The header, or "" for the whole row."""
    position: int | None
    groups: tuple[ProblemSummary, ...]
    """One group for each value of the cells, most frequent first."""

    @property
    def key(self) -> str:
        """Identifies the cause within its draft, even while rows are fixed."""
        return f"{self.severity}-{self.kind}-{'row' if self.position is None else self.position}"

    @property
    def rows(self) -> int:
        return sum(one.count for one in self.groups)

    @property
    def values(self) -> list[str]:
        return [one.value for one in self.groups if one.value is not None]

    @property
    def labels(self) -> list[str]:
        """The labels of its first rows, in file order."""
        found = {label for one in self.groups for label in one.rows}
        return sorted(found, key=lambda label: (int(label.partition("·")[0]), label))


_WEIGHT: ReadOnly[Severity, int] = {"error": 0, "warning": 1, "note": 2}


def causes_of(problems: Sequence[ProblemSummary]) -> list[Cause]:
    """Causes in rows, not in the whole file: errors first, then by number of rows."""
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
    """The use of the cause's column, or None for the whole row."""
    columns = () if mapping is None else mapping.columns
    return next((one.use for one in columns if one.position == cause.position), None)


_NEVER_MENDED = ("bad_quotes",)
"""Such a cell may hide rows: only the file can be fixed."""
_DUPLICATES = ("duplicate_reference", "duplicate_match", "duplicate_indicator", "duplicate_mark", "twin_row")
"""Replacing all of them by one value would not help. Skipping keeps the first of each."""


def acts_of(cause: Cause, mapping: Mapping | None) -> list[Act]:
    """The acts that make sense, most likely first."""
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
