"""The outcome of a round, judged by what Blnk contains. The store is not trusted; it is compared."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from blnk_api.facts.findings import Findings
from blnk_api.store.imports import Import
from blnk_api.store.rows import StoredRow
from blnk_api.store.states import ImportState, RowState
from tests.support.json_object import JsonObject


@dataclass(frozen=True)
class ExistingBalance:
    """What Blnk contains: the ids of its balances by import_ref, and which import created each."""

    ids: dict[str, list[str]]
    made_by: dict[str, str] = field(default_factory=dict)

    @staticmethod
    def of(balances: Iterable[JsonObject]) -> "ExistingBalance":
        held = ExistingBalance({})
        for one in balances:
            stamps = one["meta_data"] or {}
            ref = stamps.get("import_ref", f"none: {one['balance_id']}")
            held.ids.setdefault(ref, []).append(one["balance_id"])
            held.made_by[one["balance_id"]] = stamps.get("import_id", "")
        return held

    def twins(self) -> dict[str, list[str]]:
        return {ref: ids for ref, ids in self.ids.items() if len(ids) > 1}


@dataclass
class Verdict:
    """Each entry is a sentence about one row or import. The numbers at the end are not failures."""

    twice: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    untrue: list[str] = field(default_factory=list)
    """The store says something untrue about a row's balance, or in its findings."""
    named: int = 0
    """Second balances that Blnk created after every reason to think them lost, and that the findings name."""
    named_of_two_desks: int = 0
    """Balances that two desks created from one row before either noticed the other; named, too."""
    for_a_person: int = 0
    """Rows that are in doubt, or rejected after the same failure three times."""

    @property
    def failures(self) -> list[str]:
        return [
            f"{name}: {told}"
            for name, all_ in (
                ("twice", self.twice),
                ("lost", self.lost),
                ("stuck", self.stuck),
                ("untrue", self.untrue),
            )
            for told in all_
        ]


def named_in(imports: Iterable[Import]) -> set[str]:
    """Ids of balances that the findings of an import name."""
    return {
        id
        for import_ in imports
        for found in [import_.findings or Findings()]
        for ids in (*(one.ids for one in found.twins), *(one.ids for one in found.unexpected))
        for id in ids
    }


Ended = Sequence[tuple[Import, Sequence[StoredRow]]]
"""The imports of one desk, with their rows."""


def judge(
    desks: Sequence[Ended],
    held: ExistingBalance,
    *,
    late_refs: Collection[str],
    looks_open: int = 0,
    most_by_two_desks: int | None = None,
) -> Verdict:
    """`late_refs`: refs whose POST Blnk carried out after the settle times were over, or may have."""
    verdict = Verdict()
    if looks_open:
        verdict.stuck.append(f"{looks_open} looks that were owed for a day are not over")
    imports = [import_ for desk in desks for import_, _ in desk]
    desk_of = {import_.id: at for at, desk in enumerate(desks) for import_, _ in desk}
    refs = set()
    ended = [(import_, rows) for desk in desks for import_, rows in desk]
    fixed, sent_again = _before_fixes(ended)
    pairs: list[set[str]] = []
    for import_, rows in (ended for desk in desks for ended in desk):
        if import_.state is not ImportState.DONE:
            verdict.stuck.append(
                f"{import_.id} is {import_.state}: {import_.paused_reason or import_.counts}"
            )
        for row in rows:
            refs.add(row.ref)
            if import_.state is ImportState.DONE:
                ids = held.ids.get(row.ref or "", [])
                own = [id for id in ids if _maker(held, desk_of, id) == desk_of[import_.id]]
                before = fixed.get((import_.number, row.number))
                if (
                    row.state is RowState.EXISTS
                    and before is not None
                    and row.balance_id == before.balance_id
                ):
                    continue  # its balance is that of the row before it was fixed, which is judged there
                if row.state is RowState.SUPERSEDED and row.ref in sent_again:
                    continue  # its balance is that of its fix, which is judged there
                _judge_row(row, ids, own, verdict)
                if row.state is RowState.CREATED and before is not None:
                    second = before.balance_id not in (None, row.balance_id)
                    if second and before.state is RowState.CREATED:
                        pairs.append({str(before.balance_id), str(row.balance_id)})
    verdict.twice += [
        f"{ref} is no row of any import: {ids}" for ref, ids in held.ids.items() if ref not in refs
    ]
    named = named_in(imports)
    for ref, ids in held.twins().items():
        is_named = named.issuperset(ids)
        makers = [_maker(held, desk_of, id) for id in ids]
        if is_named and len(set(makers)) == len(makers):
            verdict.named_of_two_desks += 1
        elif is_named and ref in late_refs:
            verdict.named += 1
        else:
            verdict.twice.append(f"{ref} is {ids}{', named' if is_named else ''}")
    for pair in pairs:
        if named >= pair:
            verdict.named += 1
        else:
            verdict.twice.append(f"{sorted(pair)} are of a row and of its fix, and nobody names them")
    if most_by_two_desks is not None and verdict.named_of_two_desks > most_by_two_desks:
        verdict.twice.append(f"{verdict.named_of_two_desks} rows, by two desks: too many")
    made_elsewhere = (
        id
        for import_, rows in ended
        for row in rows
        if row.state is RowState.REFUSED
        for id in held.ids.get(row.ref or "", [])
        if _maker(held, desk_of, id) != desk_of[import_.id]
    )
    real = {id for ids in (*held.twins().values(), *pairs, made_elsewhere) for id in ids}
    for id in named - real:
        told = "is named in findings, and is neither a twin nor another desk's balance of a rejected row"
        verdict.untrue.append(f"{id} {told}")
    return verdict


def _before_fixes(ended: Ended) -> tuple[dict[tuple[int, int], StoredRow], set[str | None]]:
    """For each row of a fix, the row that it was before, by import and number; and the refs of all such
    fixes."""
    of_import = {import_.number: rows for import_, rows in ended}
    found: dict[tuple[int, int], StoredRow] = {}
    sent_again: set[str | None] = set()
    for import_, rows in ended:
        if import_.fixes is not None:
            before = {row.number: row for row in of_import[import_.fixes]}
            found |= {(import_.number, row.number): before[row.number] for row in rows}
            sent_again |= {row.ref for row in rows}
    return found, sent_again


def _maker(held: ExistingBalance, desk_of: dict[str, int], id: str) -> int:
    """Which desk created a balance; the first one if nothing says another."""
    return desk_of.get(held.made_by.get(id, ""), 0)


def _judge_row(row: StoredRow, ids: Sequence[str], own: Sequence[str], verdict: Verdict) -> None:
    """`own` are those of these balances that the row's own desk created."""
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
        case RowState.SUPERSEDED:
            if own:
                verdict.untrue.append(told)
        case RowState.REFUSED:
            verdict.for_a_person += 1
            if own:
                verdict.untrue.append(told)
        case _:
            (verdict.untrue if ids else verdict.lost).append(told)
