"""A few rounds of the randomised trial, and that it would notice what it is there for."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from blnk_api.facts.findings import Findings, RowFinding
from blnk_api.store import Store
from blnk_api.store.imports import Import
from blnk_api.store.rows import StoredRow
from blnk_api.store.states import ImportState, RowState
from tests.bench.trial_plan import plan
from tests.bench.trial_rounds import Trial, hold
from tests.bench.trial_truth import ExistingBalance, Verdict, judge
from tests.support.json_object import JsonObject
from tests.support.postgres import Postgres
from tests.support.store import draft, rows_of

SEEDS = (24, 31, 41, 3501, 5478)
"""Few rounds that meet much: each kind of strike, and what the tests below name."""
AT_ONCE = 5


def test_rounds_of_the_trial_end_with_each_row_once(tmp_path: Path, postgres: Postgres) -> None:
    with Trial(tmp_path, at_once=AT_ONCE, postgres=postgres) as trial:
        summary = hold(trial, iter(SEEDS), ("sqlite", "postgres"), AT_ONCE)
    assert [one.verdict.failures for one in summary.failed] == []
    assert len(summary.told) == len(SEEDS)
    assert f"| rounds | {len(SEEDS)} (" in summary.table()


def test_these_rounds_meet_kills_and_stops_lost_answers_and_late_commits() -> None:
    plans = [plan(seed, "sqlite") for seed in SEEDS]
    strikes = {strike.kind for one in plans for strike in one.strikes}
    faults = {fault["kind"] for one in plans for fault in one.faults}
    assert strikes >= {"kill", "freeze", "pause"}
    assert faults >= {"drop_after_commit", "drop_before_commit", "commit_late"}


def test_these_rounds_meet_conflicts_that_hide_a_balance_failing_reads_and_few_open_files() -> None:
    plans = [plan(seed, "sqlite") for seed in SEEDS]
    assert {one.handles for one in plans} == {None, 256}
    hidden = [{(fault["kind"], fault.get("status")) for fault in one.faults} for one in plans]
    assert any({("status_after_commit", 409), ("lagging_reads", None)} <= one for one in hidden)
    reads = [fault for one in plans for fault in one.faults if fault.get("on") == "read"]
    assert any(fault["percent"] == 10 and "times" not in fault for fault in reads)


def test_these_rounds_meet_commits_later_than_all_settle_times_and_two_desks() -> None:
    plans = [plan(seed, "sqlite") for seed in SEEDS]
    assert any(one.commits_beyond_settling for one in plans)
    assert [one.desks for one in plans].count(2) >= 2
    assert any(one.most_by_two_desks == 6 for one in plans if one.desks == 2)


def test_these_rounds_meet_a_second_person_who_approves() -> None:
    approved = [one for one in (plan(seed, "sqlite") for seed in SEEDS) if one.approval]
    assert any(one.fixes and one.strikes for one in approved)


def test_the_same_seed_gives_the_same_plan() -> None:
    assert plan(7, "postgres") == plan(7, "postgres")
    assert len({str(plan(seed, "sqlite")) for seed in range(50)}) == 50


def found(import_: Import, state: ImportState, findings: Findings) -> Import:
    """The import after a comparison with this result."""
    return replace(import_, state=state, json=import_.json._replace(findings=findings.stored()))


@dataclass(frozen=True)
class Ended:
    """An import of one row, and what a round comes to that leaves it so."""

    import_: Import
    row: StoredRow

    def judged(
        self,
        state: RowState = RowState.CREATED,
        balance_id: str | None = "bln_1",
        *,
        held: Sequence[str] = (),
        is_ours: bool = True,
        late: bool = False,
        person: bool = False,
        named: Sequence[str] = (),
        import_state: ImportState = ImportState.DONE,
        looks_open: int = 0,
    ) -> Verdict:
        findings = Findings(twins=[RowFinding(row=2, ids=list(named))] if named else [])
        import_ = found(self.import_, import_state, findings)
        row = self.row._replace(state=state, balance_id=balance_id, waits_for_person=person)
        ref = row.ref or ""
        ids = {ref if is_ours else "another": list(held)} if held else {}
        late_refs = {ref} if late else set()
        return judge([[(import_, [row])]], ExistingBalance(ids), late_refs=late_refs, looks_open=looks_open)


@pytest.fixture
def ended(empty_store: Path, tmp_path: Path) -> Ended:
    shutil.copy(empty_store, tmp_path)
    store = Store(f"sqlite:///{tmp_path / empty_store.name}")
    made = draft(store, 1)
    (row,) = rows_of(store, made)
    store.close()
    return Ended(made, row)


def test_a_row_that_is_one_balance_is_no_failure(ended: Ended) -> None:
    assert ended.judged(held=["bln_1"]).failures == []
    assert ended.judged(RowState.EXISTS, held=["bln_1"]).failures == []


@pytest.mark.parametrize("named", [[], ["bln_1", "bln_2"]])
def test_a_row_that_is_two_balances_is_a_failure(ended: Ended, named: list[str]) -> None:
    assert len(ended.judged(held=["bln_1", "bln_2"], named=named).twice) == 1


def test_only_a_named_duplicate_that_came_too_late_is_no_failure(ended: Ended) -> None:
    held = ["bln_1", "bln_2"]
    named = ended.judged(held=held, late=True, named=held)
    assert (named.failures, named.named) == ([], 1)
    assert len(ended.judged(held=held, late=True).twice) == 1


@dataclass(frozen=True)
class TwoDesks:
    """The same import at two desks, each of which created its row."""

    desks: tuple[Ended, Ended]

    def judged(
        self,
        *,
        makers: Sequence[int],
        named: bool = True,
        most: int | None = 6,
        first: RowState = RowState.CREATED,
    ) -> Verdict:
        """`makers` are the desks that made the row's balances, one after the other; `first` is what became of
        the first desk's row."""
        ids = [f"bln_{at}" for at in range(len(makers))]
        twins = Findings(twins=[RowFinding(row=2, ids=ids)] if named else [])
        imports = [
            found(desk.import_, ImportState.DONE, twins if at == 0 else Findings())
            for at, desk in enumerate(self.desks)
        ]
        held_by = [ids[makers.index(at)] if at in makers else ids[0] for at in (0, 1)]
        rows = [
            desk.row._replace(state=RowState.CREATED, balance_id=id)
            for desk, id in zip(self.desks, held_by, strict=True)
        ]
        if first is not RowState.CREATED:
            rows[0] = rows[0]._replace(state=first, balance_id=None)
        made_by = {id: imports[maker].id for id, maker in zip(ids, makers, strict=True)}
        ended = [[(import_, [row])] for import_, row in zip(imports, rows, strict=True)]
        held = ExistingBalance({rows[0].ref or "": ids}, made_by)
        return judge(ended, held, late_refs=(), most_by_two_desks=most)


@pytest.fixture
def two_desks(ended: Ended) -> TwoDesks:
    return TwoDesks((ended, Ended(replace(ended.import_, id="imp_elsewhere"), ended.row)))


def test_a_row_that_each_of_two_desks_created_is_no_failure_if_it_is_named(two_desks: TwoDesks) -> None:
    named = two_desks.judged(makers=[0, 1])
    assert (named.failures, named.named_of_two_desks, named.named) == ([], 1, 0)
    assert len(two_desks.judged(makers=[0, 1], named=False).twice) == 1


def test_a_row_that_one_of_two_desks_created_twice_is_a_failure(two_desks: TwoDesks) -> None:
    assert len(two_desks.judged(makers=[0, 0]).twice) == 1
    assert len(two_desks.judged(makers=[0, 1, 1]).twice) == 1


def test_a_rejected_row_that_the_other_desk_created_may_be_named(two_desks: TwoDesks) -> None:
    rejected = two_desks.judged(makers=[1], first=RowState.REFUSED)
    assert rejected.failures == []
    by_itself = two_desks.judged(makers=[0], first=RowState.REFUSED)
    assert any("is named in findings" in told for told in by_itself.untrue)


def test_more_rows_that_two_desks_created_than_are_promised_are_a_failure(two_desks: TwoDesks) -> None:
    assert len(two_desks.judged(makers=[0, 1], most=0).twice) == 1
    assert two_desks.judged(makers=[0, 1], most=1).failures == []
    assert two_desks.judged(makers=[0, 1], most=None).failures == []


def test_a_look_up_that_is_owed_when_the_day_is_over_is_stuck(ended: Ended) -> None:
    assert ended.judged(held=["bln_1"], looks_open=0).failures == []
    assert len(ended.judged(held=["bln_1"], looks_open=1).stuck) == 1


@pytest.mark.parametrize("state", [RowState.CREATED, RowState.EXISTS, RowState.READY, RowState.SENDING])
def test_a_row_that_blnk_does_not_have_is_lost(ended: Ended, state: RowState) -> None:
    assert len(ended.judged(state).lost) == 1


def test_a_balance_that_no_row_asked_for_is_a_failure(ended: Ended) -> None:
    assert len(ended.judged(held=["bln_1"], is_ours=False).twice) == 1


def test_an_import_that_is_not_done_is_stuck(ended: Ended) -> None:
    assert len(ended.judged(RowState.SENDING, import_state=ImportState.RUNNING).stuck) == 1


@pytest.mark.parametrize(
    ("state", "says"),
    [
        (RowState.CREATED, {"balance_id": "bln_9"}),
        (RowState.CREATED, {"named": ["bln_1"]}),
        (RowState.REFUSED, {}),
        (RowState.READY, {}),
        (RowState.UNKNOWN, {"person": True}),
    ],
)
def test_what_the_store_says_must_be_true(ended: Ended, state: RowState, says: JsonObject) -> None:
    assert len(ended.judged(state, held=["bln_1"], **says).untrue) == 1


def test_a_row_that_is_left_to_a_person_is_counted(ended: Ended) -> None:
    assert ended.judged(RowState.UNKNOWN, None, person=True).for_a_person == 1
    assert ended.judged(RowState.UNKNOWN, None, person=True, held=["bln_1"]).failures == []
