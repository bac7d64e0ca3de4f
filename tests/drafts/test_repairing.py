"""Drafts that are fixed on the page: each change counts, is kept, and is checked with the rest."""

import orjson
import pytest

from blnk_api.drafts import check_draft, drafts, mapping_changes
from blnk_api.drafts import mapping as mappings
from blnk_api.drafts.drafts import NotConfirmed
from blnk_api.drafts.edits import editing, file_choices, skipping
from blnk_api.drafts.edits.editing import Edit, NotRepairable
from blnk_api.facts.file_shape import ReadOptions
from blnk_api.facts.mapping import Mapping, Use
from blnk_api.store.imports import Import
from blnk_api.store.people import edits, saved_mappings
from blnk_api.store.search import row_reasons
from blnk_api.store.states import RowState, Stage
from tests.support.actors import actor
from tests.support.importer import LEDGER, Importer, mapping_of, shape_of
from tests.support.practice import ENVIRONMENT, PracticeBlnk

LEDGER_NAME = orjson.loads(ENVIRONMENT.read_bytes())["ledgers"][LEDGER]
HEADER = "ledger_id,currency,note\n"


def file_of(*lines: str) -> str:
    return HEADER + "".join(f"{line}\n" for line in lines)


def good(note: str, currency: str = "NGN") -> str:
    return f"{LEDGER},{currency},{note}"


def again(importer: Importer, draft: Import) -> Import:
    """The draft after its check has ended."""
    return importer.wait_until_checked(draft)


def notes(blnk: PracticeBlnk) -> list[str]:
    return sorted(one["meta_data"]["note"] for one in blnk.balances())


def states(importer: Importer, draft: Import) -> dict[str, RowState]:
    return {row.label: row.state for row in importer.rows(draft)}


@pytest.fixture
def draft(importer: Importer) -> Import:
    """Rows 2 to 6; 3 and 5 have no such ledger, 4 no such currency."""
    importer.start()
    return importer.upload(file_of(good("a"), "Nowhere,NGN,b", good("c", "NGX"), "Nowhere,NGN,d", good("e")))


def test_a_fixed_cell_is_sent_as_it_was_fixed(
    importer: Importer, draft: Import, practice_blnk: PracticeBlnk
) -> None:
    editing.edit(importer.store, draft.id, [Edit(3, 0, LEDGER), Edit(4, 1, "USD")], who=actor())
    now = again(importer, draft)
    assert importer.counts(now) == {RowState.READY: 4, RowState.INVALID: 1}
    importer.finish(now)
    assert notes(practice_blnk) == ["a", "b", "c", "e"]
    assert {one["currency"] for one in practice_blnk.balances() if one["meta_data"]["note"] == "c"} == {"USD"}


def test_each_change_is_kept_with_who_made_it(importer: Importer, draft: Import) -> None:
    editing.edit(importer.store, draft.id, [Edit(4, 1, "EUR")], who=actor())
    editing.edit(importer.store, again(importer, draft).id, [Edit(4, 1, "USD")], who=actor("Ben"))
    with importer.store.read() as tx:
        kept = edits.of_import(tx, draft.number)
        assert [(one.number, one.position, one.old, one.new, one.who.name) for one in kept] == [
            (4, 1, "NGX", "EUR", "Ada"),
            (4, 1, "EUR", "USD", "Ben"),
        ]
        assert edits.originals(tx, draft.number) == {4: {1: "NGX"}}


def test_all_rows_with_one_problem_are_fixed_at_once(importer: Importer, practice_blnk: PracticeBlnk) -> None:
    typo = LEDGER_NAME[:-1]
    importer.start()
    draft = importer.upload(file_of(*(f"{typo},NGN,{at}" for at in range(14)), good("fine")))
    [problem] = [one for one in draft.totals.problems if one.severity == "error"]
    assert problem.count == 14
    assert editing.fix_all(importer.store, draft.id, problem, repair=problem.repair or "", who=actor()) == 14
    now = again(importer, draft)
    assert importer.counts(now) == {RowState.READY: 15}
    importer.finish(now)
    assert len(practice_blnk.balances()) == 15
    assert {one["ledger_id"] for one in practice_blnk.balances()} == {LEDGER}


def test_a_skipped_row_is_not_sent_and_can_be_included_again(
    importer: Importer, draft: Import, practice_blnk: PracticeBlnk
) -> None:
    skipping.leave_out(importer.store, draft.id, [2, 3], who=actor())
    now = again(importer, draft)
    assert states(importer, now)["2"] is RowState.LEFT_OUT
    skipping.take_in(importer.store, draft.id, [3], who=actor())
    now = again(importer, draft)
    assert states(importer, now) == {
        **{"2": RowState.LEFT_OUT, "3": RowState.INVALID, "4": RowState.INVALID},
        **{"5": RowState.INVALID, "6": RowState.READY},
    }
    importer.finish(now)
    assert notes(practice_blnk) == ["e"]


def test_duplicates_are_counted_again_when_one_is_skipped(
    importer: Importer, practice_blnk: PracticeBlnk
) -> None:
    importer.start()
    draft = importer.upload(file_of(good("same"), good("same"), good("same")))
    skipping.leave_out(importer.store, draft.id, [2], who=actor())
    importer.finish(again(importer, draft))
    assert notes(practice_blnk) == ["same", "same"]
    two = importer.upload(file_of(good("same"), good("same")))
    assert importer.counts(two) == {RowState.EXISTS: 2}


def test_only_rows_that_a_fix_changes_are_looked_up_again(
    importer: Importer, draft: Import, practice_blnk: PracticeBlnk
) -> None:
    before = {row.number: row.changed_at for row in importer.rows(draft)}
    editing.edit(importer.store, draft.id, [Edit(4, 1, "USD")], who=actor())
    again(importer, draft)
    after = {row.number: row.changed_at for row in importer.rows(draft)}
    assert {number for number in before if before[number] != after[number]} == {4}


def test_a_row_that_is_fixed_into_an_existing_one_is_not_sent(
    importer: Importer, practice_blnk: PracticeBlnk
) -> None:
    importer.start()
    importer.finish(importer.upload(file_of(good("a"))))
    draft = importer.upload(file_of(good("b"), "Nowhere,NGN,a"))
    editing.edit(importer.store, draft.id, [Edit(3, 0, LEDGER)], who=actor())
    now = again(importer, draft)
    assert states(importer, now) == {"2": RowState.READY, "3": RowState.EXISTS}
    importer.finish(now)
    assert notes(practice_blnk) == ["a", "b"]


def test_a_fix_that_makes_several_balances_of_a_row_creates_all_of_them(
    importer: Importer, draft: Import, practice_blnk: PracticeBlnk
) -> None:
    editing.edit(importer.store, draft.id, [Edit(4, 1, "USD;EUR")], who=actor())
    now = again(importer, draft)
    assert [label for label, state in states(importer, now).items() if state is RowState.READY] == [
        "2",
        "4·USD",
        "4·EUR",
        "6",
    ]
    importer.finish(now)
    assert notes(practice_blnk) == ["a", "c", "c", "e"]


def test_what_the_whole_file_showed_is_found_again(importer: Importer) -> None:
    importer.start()
    lines = [f"{LEDGER},NGN,{key}\n" for key in ("r1", "r1", "r2", "r3")]
    draft = importer.upload("ledger_id,currency,reference\n" + "".join(lines))
    assert importer.counts(draft) == {RowState.INVALID: 2, RowState.READY: 2}
    editing.edit(importer.store, draft.id, [Edit(3, 2, "r4")], who=actor())
    assert importer.counts(again(importer, draft)) == {RowState.READY: 4}


def test_a_text_is_replaced_in_a_whole_column(importer: Importer, draft: Import) -> None:
    changed = editing.replace_all(
        importer.store, draft.id, position=0, find="Nowhere", put=LEDGER, whole_cell=True, who=actor()
    )
    assert changed == 2
    assert importer.counts(again(importer, draft))[RowState.READY] == 4


def test_a_custom_currency_is_accepted_for_the_whole_file(
    importer: Importer, draft: Import, practice_blnk: PracticeBlnk
) -> None:
    file_choices.accept_currency(importer.store, draft.id, "NGX", who=actor())
    now = again(importer, draft)
    assert states(importer, now)["4"] is RowState.READY
    importer.finish(now)
    assert "NGX" in {one["currency"] for one in practice_blnk.balances()}


def test_a_draft_that_was_changed_is_not_confirmed_as_it_was_shown(importer: Importer, draft: Import) -> None:
    editing.edit(importer.store, draft.id, [Edit(4, 1, "USD")], who=actor("Ben"))
    again(importer, draft)
    with pytest.raises(NotConfirmed, match="changed since"):
        drafts.confirm(importer.store, importer.settings, id=draft.id, who=actor(), version=draft.version)


def test_nothing_can_be_changed_after_confirming(importer: Importer, draft: Import) -> None:
    importer.finish(draft)
    with pytest.raises(NotRepairable, match="confirmed"):
        editing.edit(importer.store, draft.id, [Edit(4, 1, "USD")], who=actor())


@pytest.mark.parametrize("wrong", [Edit(99, 0, "x"), Edit(3, 9, "x"), Edit(3, -1, "x")])
def test_a_cell_that_does_not_exist_cannot_be_changed(importer: Importer, draft: Import, wrong: Edit) -> None:
    with pytest.raises(NotRepairable, match="not in this file"):
        editing.edit(importer.store, draft.id, [Edit(4, 1, "USD"), wrong], who=actor())
    assert again(importer, draft).version == draft.version


def test_a_change_during_a_check_is_not_lost(importer: Importer, draft: Import) -> None:
    editing.edit(importer.store, draft.id, [Edit(3, 0, LEDGER)], who=actor())
    editing.edit(importer.store, draft.id, [Edit(5, 0, LEDGER)], who=actor())
    assert importer.counts(again(importer, draft)) == {RowState.READY: 4, RowState.INVALID: 1}


def test_a_change_survives_a_check_that_dies(importer: Importer, draft: Import) -> None:
    importer.stop()
    editing.edit(importer.store, draft.id, [Edit(3, 0, LEDGER)], who=actor())
    check_draft.prepare(importer.store, importer.settings, draft.id)
    with importer.store.write() as tx:  # it had not ended
        tx.exec_driver_sql("UPDATE imports SET stage = 'checking'")
    importer.start()
    assert importer.counts(again(importer, draft))[RowState.READY] == 3


def test_a_row_with_too_few_cells_is_completed_with_empty_ones(
    importer: Importer, practice_blnk: PracticeBlnk
) -> None:
    importer.start()
    draft = importer.upload(file_of(good("a"), f"{LEDGER},NGN"))
    [problem] = [one for one in draft.totals.problems if one.severity == "error"]
    assert problem.kind == "ragged_row"
    assert editing.fix_all(importer.store, draft.id, problem, repair=problem.repair or "", who=actor()) == 1
    assert importer.counts(again(importer, draft)) == {RowState.READY: 2}


def test_each_of_two_similar_cells_gets_its_own_fix(importer: Importer, practice_blnk: PracticeBlnk) -> None:
    """Two letters lost to the same sign, and two long cells that begin alike."""
    importer.start()
    lines = [good(name).encode("cp1252").decode(errors="surrogateescape") for name in ("Zoë", "Zoé")]
    lines += [good("x" * 300 + f"\x00{end}") for end in "ab"]
    draft = importer.upload(file_of(good("Léa"), good("Éva"), *lines))
    wrong = [one for one in draft.totals.problems if one.severity == "error"]
    assert len({one.repair for one in wrong}) == 4
    for problem in wrong:
        repair = problem.repair or ""
        assert editing.fix_all(importer.store, draft.id, problem, repair=repair, who=actor()) == 1
        draft = again(importer, draft)
    importer.finish(draft)
    assert notes(practice_blnk) == sorted(["Léa", "Éva", "Zoë", "Zoé", "x" * 300 + "a", "x" * 300 + "b"])


def test_a_cell_that_may_have_swallowed_rows_stays_an_error(importer: Importer) -> None:
    importer.start()
    text = file_of(good("a"), f'{LEDGER},NGN,"open', *(good(str(at)) for at in range(5)))
    draft = importer.upload(text)
    wrong = [row for row in importer.rows(draft) if row.state is RowState.INVALID]
    assert wrong
    editing.edit(importer.store, draft.id, [Edit(wrong[0].number, 2, "closed")], who=actor())
    assert states(importer, again(importer, draft))[wrong[0].label] is RowState.INVALID


def matched(draft: Import) -> Mapping:
    return mapping_of(draft)


def test_a_file_without_a_ledger_column_waits_for_a_person(
    importer: Importer, practice_blnk: PracticeBlnk
) -> None:
    importer.start()
    draft = importer.upload("where,currency,note\n" + "Main street,NGN,a\n")
    assert draft.stage is Stage.MATCHING
    assert "ledger" in (draft.problem or "")
    chosen = mapping_changes.with_use(matched(draft), 0, Use.METADATA)
    chosen = mapping_changes.for_all_rows(chosen, ledger_id=LEDGER, currencies=["USD"])
    file_choices.match(importer.store, draft.id, chosen, who=actor())
    now = again(importer, draft)
    importer.finish(now)
    [made] = practice_blnk.balances()
    assert (made["ledger_id"], made["currency"]) == (LEDGER, "NGN"), "a column that the file has counts"


def test_several_currencies_for_all_rows_create_a_balance_each(
    importer: Importer, practice_blnk: PracticeBlnk
) -> None:
    importer.start()
    draft = importer.upload("ledger_id,note\n" + f"{LEDGER},a\n{LEDGER},b\n")
    assert draft.stage is Stage.MATCHING
    chosen = mapping_changes.for_all_rows(matched(draft), ledger_id=None, currencies=["NGN", "USD", "EUR"])
    file_choices.match(importer.store, draft.id, chosen, who=actor())
    now = again(importer, draft)
    assert [row.label for row in importer.rows(now)][:3] == ["2·NGN", "2·USD", "2·EUR"]
    importer.finish(now)
    assert len(practice_blnk.balances()) == 6


def test_key_columns_make_two_equal_rows_an_error(importer: Importer) -> None:
    importer.start()
    draft = importer.upload(
        "ledger_id,currency,customer,note\n" + f"{LEDGER},NGN,1,a\n{LEDGER},NGN,1,b\n{LEDGER},NGN,2,c\n"
    )
    assert importer.counts(draft) == {RowState.READY: 3}
    file_choices.match(
        importer.store, draft.id, mapping_changes.with_match(matched(draft), ["customer"]), who=actor()
    )
    assert importer.counts(again(importer, draft)) == {RowState.INVALID: 2, RowState.READY: 1}


def test_a_column_chosen_for_another_use_loses_its_earlier_one(importer: Importer) -> None:
    importer.start()
    draft = importer.upload("ledger_id,currency,ccy2\n" + f"{LEDGER},NGN,USD\n")
    chosen = mapping_changes.with_use(matched(draft), 2, Use.CURRENCY)
    assert [column.use for column in chosen.columns] == [Use.LEDGER, Use.METADATA, Use.CURRENCY]
    file_choices.match(importer.store, draft.id, chosen, who=actor())
    [row] = importer.rows(again(importer, draft))
    body = orjson.loads(row.body or b"")
    assert body["currency"] == "USD"
    assert body["meta_data"]["currency"] == "NGN"


def test_a_saved_mapping_is_offered_for_the_same_headers_in_any_order(importer: Importer) -> None:
    importer.start()
    draft = importer.upload("ledger_id,currency,branch\n" + f"{LEDGER},NGN,Lagos\n")
    chosen = mapping_changes.with_use(matched(draft), 2, Use.METADATA, "office")
    shape = shape_of(draft)
    with importer.store.write() as tx:
        saved_mappings.save(
            tx,
            fingerprint=mappings.fingerprint(shape.headers),
            name="  Branches ",
            mapping=chosen,
            who=actor(),
            instance=draft.instance,
        )
    other = importer.upload("branch,currency,ledger_id\n" + f"Abuja,NGN,{LEDGER}\n")
    shape = shape_of(other)
    with importer.store.read() as tx:
        [saved] = saved_mappings.saved_for(tx, mappings.fingerprint(shape.headers))
        assert saved_mappings.saved_for(tx, mappings.fingerprint(["other"])) == []
    assert saved.name == "Branches"
    adopted = mappings.adopt(saved.mapping, shape)
    file_choices.match(importer.store, other.id, adopted, who=actor())
    [row] = importer.rows(again(importer, other))
    assert orjson.loads(row.body or b"")["meta_data"]["office"] == "Abuja"


def test_a_file_with_other_settings_is_mapped_again(importer: Importer) -> None:
    importer.start()
    draft = importer.upload("made by,somebody,\n" + file_of(good("a")))
    file_choices.read_as(importer.store, draft.id, ReadOptions(header_row=2), who=actor())
    now = again(importer, draft)
    assert now.headers == ["ledger_id", "currency", "note"]
    assert importer.counts(now) == {RowState.READY: 1}


def test_a_customer_who_has_such_a_balance_is_reported_and_can_be_skipped(
    importer: Importer, practice_blnk: PracticeBlnk
) -> None:
    identity = practice_blnk.create_identity(identity_type="individual", first_name="Ngozi", last_name="Eze")
    importer.start()
    header = "ledger_id,currency,identity_id,purpose\n"
    importer.finish(importer.upload(header + f"{LEDGER},NGN,{identity},savings\n"))
    [first] = practice_blnk.balances()
    draft = importer.upload(
        header + f"{LEDGER},NGN,{identity},savings\n{LEDGER},NGN,{identity},school fees 2026\n"
        f"{LEDGER},USD,{identity},savings\n"
    )
    with importer.store.read() as tx:
        told = row_reasons.first_with(tx, draft.number, RowState.READY, "has_balance", limit=9)
    assert [row.label for row in told] == ["3"] or importer.counts(draft).get(RowState.LEFT_OUT)
    if told:
        assert first["balance_id"] in (told[0].message or "")
        skipping.leave_out_those_with_a_balance(importer.store, draft.id, who=actor())
    now = again(importer, draft)
    assert states(importer, now)["3"] is RowState.LEFT_OUT
    importer.finish(now)
    assert len(practice_blnk.balances()) == 2
