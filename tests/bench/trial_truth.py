"""What a round came to, judged by what Blnk holds. The journal is believed in nothing; it is compared."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from blnk_api.store.imports import Import
from blnk_api.store.rows import JournalRow
from blnk_api.store.states import ImportState, RowState


@dataclass(frozen=True)
class Held:
    """What Blnk holds: the ids of its balances by import_ref."""

    ids: dict[str, list[str]]

    @staticmethod
    def of(balances: Iterable[dict[str, Any]]) -> "Held":
        ids: dict[str, list[str]] = {}
        for one in balances:
            ref = (one["meta_data"] or {}).get("import_ref", f"none: {one['balance_id']}")
            ids.setdefault(ref, []).append(one["balance_id"])
        return Held(ids)

    def twins(self) -> dict[str, list[str]]:
        return {ref: ids for ref, ids in self.ids.items() if len(ids) > 1}


@dataclass
class Verdict:
    """Each entry is a sentence about one row or import. Only `named` and `for_a_person` are no failure."""

    twice: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    untrue: list[str] = field(default_factory=list)
    """The journal says what is not so: of a row's balance, or in its findings."""
    named: int = 0
    """Second balances that Blnk made after every reason to think them lost, and that the findings name."""
    for_a_person: int = 0
    """Rows that are said to need a look, or refused after the same failure three times."""

    @property
    def failures(self) -> list[str]:
        return [
            f"{name}: {told}"
            for name, all_ in (
                *(("twice", self.twice), ("lost", self.lost)),
                *(("stuck", self.stuck), ("untrue", self.untrue)),
            )
            for told in all_
        ]


def named_in(imports: Iterable[Import]) -> set[str]:
    """Ids of balances that some import's findings name."""
    return {
        id
        for import_ in imports
        for kind in ("twins", "unexpected")
        for finding in (import_.findings or {}).get(kind, [])
        for id in finding["ids"]
    }


def unnamed(held: Held, imports: Iterable[Import]) -> dict[str, list[str]]:
    """Twins that no findings name whole."""
    named = named_in(imports)
    return {ref: ids for ref, ids in held.twins().items() if not named.issuperset(ids)}


def judge(
    imports: Sequence[tuple[Import, Sequence[JournalRow]]], held: Held, *, late_refs: Collection[str]
) -> Verdict:
    """`late_refs`: refs of which Blnk carried a POST out after the settle times were over, or may have."""
    verdict = Verdict()
    by_ref: dict[str, list[JournalRow]] = {}
    for import_, rows in imports:
        if import_.state is not ImportState.DONE:
            verdict.stuck.append(
                f"{import_.id} is {import_.state}: {import_.paused_reason or import_.counts}"
            )
        for row in rows:
            by_ref.setdefault(row.ref or "", []).append(row)
            if import_.state is ImportState.DONE:
                _judge_row(row, held.ids.get(row.ref or "", []), verdict)
    verdict.twice += [
        f"{ref} is no row of any import: {ids}" for ref, ids in held.ids.items() if ref not in by_ref
    ]
    unnamed_twins = unnamed(held, [import_ for import_, _ in imports])
    for ref, ids in held.twins().items():
        if ref in late_refs and ref not in unnamed_twins:
            verdict.named += 1
        else:
            verdict.twice.append(f"{ref} is {ids}{'' if ref in unnamed_twins else ', named'}")
    real = {id for ids in held.twins().values() for id in ids}
    for id in named_in(import_ for import_, _ in imports) - real:
        verdict.untrue.append(f"{id} is named in findings, and is no twin")
    return verdict


def _judge_row(row: JournalRow, ids: Sequence[str], verdict: Verdict) -> None:
    told = f"row {row.label} ({row.ref}) is {row.state}, {row.balance_id}; Blnk holds {list(ids)}"
    match row.state:
        case RowState.CREATED | RowState.EXISTS:
            if not ids:
                verdict.lost.append(told)
            elif row.balance_id not in ids:
                verdict.untrue.append(told)
        case RowState.UNKNOWN if row.waits_for_person:
            verdict.for_a_person += 1
            if row.balance_id is not None and row.balance_id in ids:
                verdict.untrue.append(f"{told}, and it is said to be missing")
        case RowState.REFUSED:
            verdict.for_a_person += 1
            if ids:
                verdict.untrue.append(told)
        case _:
            (verdict.untrue if ids else verdict.lost).append(told)
