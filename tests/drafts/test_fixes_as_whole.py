"""Whatever is changed in a draft: what is checked at once is what a check of the whole file would say."""

from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from blnk_api.drafts import mapping_changes
from blnk_api.drafts.edits import editing, file_choices, skipping, undo
from blnk_api.drafts.edits.editing import Edit, NotRepairable
from blnk_api.drafts.rechecking.change_and_check import AtOnce
from blnk_api.store.imports import Import
from blnk_api.store.people import edits as kept_edits
from blnk_api.store.states import Stage
from tests.support import fixes
from tests.support.actors import actor
from tests.support.drafts import table
from tests.support.examples import most
from tests.support.importer import LEDGER, Importer

GENERAL = "general_ledger_id"
CELLS = {
    "ledger_id": [
        *(LEDGER, "Customer wallets", "customer wallets ", "Custmer wallets", "Savings", "Nowhere", ""),
    ],
    "currency": ["NGN", "USD", "usd", "NGX", "USD;EUR", "XQZ", "", "Dollars"],
    "identity_id": [
        *("", "Ada Okafor", "ada okafor", "Ada Okafro", "Acme Ltd", "Nobody"),
        "idt_aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa",
    ],
    "indicator": ["", "", "@Fees", "@fees", "@Cash", "Cash"],
    "reference": ["", "r1", "R1", "r2", "r3", "total"],
    "note": ["a", "a", "b", "", "x\x07", "1.2E+12"],
}


@dataclass
class Case:
    """A file, what its columns are, and what is changed in it."""

    headers: list[str]
    rows: list[list[str]]
    key_columns: bool
    acts: list[tuple[Any, ...]] = field(default_factory=list)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    optional = draw(st.lists(st.sampled_from(["identity_id", "indicator", "reference"]), unique=True))
    headers = ["ledger_id", "currency", *optional, "note"]

    def cell(header: str) -> st.SearchStrategy[str]:
        usual, others = CELLS[header][0], st.sampled_from(CELLS[header])
        if header == "ledger_id" and "indicator" in headers:
            usual = GENERAL
        return st.one_of(st.just(usual), others)

    count = draw(st.integers(2, 9))
    rows = [[draw(cell(header)) for header in headers] for _ in range(count)]
    if draw(st.booleans()):
        rows[draw(st.integers(0, count - 1))].pop()  # a row with too few cells
    numbers = st.integers(2, count + 1)
    keys = [at for at, header in enumerate(headers) if header in ("indicator", "reference")]
    columns = st.sampled_from([*range(len(headers)), *keys, *keys])
    edit = st.tuples(numbers, columns).flatmap(
        lambda at: st.tuples(st.just(at[0]), st.just(at[1]), cell(headers[at[1]]))
    )
    act = st.one_of(
        st.tuples(st.just("edit"), st.lists(edit, min_size=1, max_size=3)),
        st.tuples(st.just("edit"), st.lists(edit, min_size=1, max_size=1)),
        st.tuples(st.just("skip"), st.lists(numbers, min_size=1, max_size=2)),
        st.tuples(st.just("include"), st.one_of(st.none(), st.lists(numbers, min_size=1))),
        st.tuples(st.just("fix all"), st.integers(0, 5)),
        st.tuples(st.sampled_from(["accept", "withdraw"]), st.sampled_from(["NGX", "XQZ"])),
        st.tuples(st.just("undo")),
    )
    acts = draw(st.lists(act, min_size=1, max_size=4))
    return Case(headers, rows, draw(st.booleans()), acts)


def change(importer: Importer, draft: Import, act: tuple[Any, ...], at_once: AtOnce | None) -> None:
    store, who = importer.store, actor()
    match act:
        case "edit", edits:
            editing.edit(store, draft.id, [Edit(*one) for one in edits], who=who, at_once=at_once)
        case "skip", numbers:
            skipping.leave_out(store, draft.id, numbers, who=who, at_once=at_once)
        case "include", numbers:
            skipping.take_in(store, draft.id, numbers, who=who, at_once=at_once)
        case "accept", code:
            file_choices.accept_currency(store, draft.id, code, who=who, at_once=at_once)
        case "withdraw", code:
            undo.withdraw_currency(store, draft.id, code, who=who, at_once=at_once)
        case ("undo",):
            with store.read() as tx:
                last = kept_edits.last_at(tx, draft.number)
            if last is not None:
                undo.undo(store, draft.id, last, who=who, at_once=at_once)
        case "fix all", at:
            problems = [one for one in draft.totals.problems if one.repair is not None and one.rows != ("0",)]
            if problems:
                problem = problems[at % len(problems)]
                editing.fix_all(
                    store, draft.id, problem, repair=problem.repair or "", who=who, at_once=at_once
                )


def uploaded(importer: Importer, case: Case) -> Import:
    text = table(case.rows, case.headers)
    draft = fixes.check_whole(importer, fixes.upload(importer, text))
    if case.key_columns and draft.mapping is not None and draft.stage is Stage.CHECKED:
        names = [one.name for one in draft.mapping.metadata_columns if one.name]
        chosen = mapping_changes.with_match(draft.mapping, names[-1:])
        file_choices.match(importer.store, draft.id, chosen, who=actor())
        draft = fixes.check_whole(importer, importer.find(draft.id))
    return draft


@settings(
    max_examples=most(40),
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(case=cases())
def test_a_fix_checked_at_once_gives_the_result_of_the_whole_file(importer: Importer, case: Case) -> None:
    draft = uploaded(importer, case)
    if draft.stage is not Stage.CHECKED:
        return
    at_once = fixes.at_once(importer)
    for act in case.acts:
        draft = importer.find(draft.id)
        try:
            change(importer, draft, act, at_once)
        except NotRepairable:
            continue
        now = importer.find(draft.id)
        event("at once" if now.stage is Stage.CHECKED else "whole file")
        if now.stage is not Stage.CHECKED:
            fixes.check_whole(importer, now)
            continue
        found = fixes.verdict(importer, draft)
        assert found == fixes.verdict_of_whole(importer, draft)
