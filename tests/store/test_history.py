"""Imports are found by what a person remembers of them, on the page and in its downloads, at any size."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event, update

from blnk_api.common.row_key_hash import kept_key
from blnk_api.store import Store, import_changes, tables
from blnk_api.store.imports import Import
from blnk_api.store.search import balance_origins, import_search
from blnk_api.store.search.import_search import Search
from blnk_api.store.states import ImportState, RowState
from blnk_api.wording import about_imports
from tests.support.importer import Importer, make_draft, requests_for
from tests.support.pages import link, press, run, said, visit
from tests.support.store import (
    ELSEWHERE,
    INSTANCE,
    claim,
    created,
    draft,
    ids_of,
    record,
    result,
    running,
    set_columns,
)

DAY = 86_400.0


@pytest.fixture
def three(store: Store) -> tuple[Import, Import, Import]:
    """Ada's of March, Bo's of April in another instance, Ada's draft of today."""
    march, april = running(store, 2), running(store, 3, instance=ELSEWHERE)
    today = draft(store, 4)
    table, now = tables.imports, time.time()
    for one, facts in (
        (march, {"file_name": "Customers_March.csv", "created_at": now - 60 * DAY}),
        (april, {"file_name": "Überträge 100%.xlsx", "who": "Bo", "created_at": now - 30 * DAY}),
        (today, {"file_name": "new.csv"}),
    ):
        with store.write() as tx:
            tx.execute(update(table).where(table.c.number == one.number).values(**facts))
    return march, april, today


def found(store: Store, wanted: Search, **how: Any) -> list[int]:
    with store.read() as tx:
        return [one.number for one in import_search.search(tx, wanted, **how)]


class TestASearch:
    def test_what_a_person_may_not_see_is_not_found(
        self, store: Store, three: tuple[Import, Import, Import]
    ) -> None:
        march = three[0]
        assert found(store, Search(), among=[]) == []
        assert found(store, Search(instance=march.instance_number), among=[march.instance_number + 1]) == []
        assert march.number in found(store, Search(), among=[march.instance_number])

    def test_an_empty_search_finds_all_newest_first_and_page_by_page(
        self, store: Store, three: tuple[Import, Import, Import]
    ) -> None:
        march, april, today = (one.number for one in three)
        assert found(store, Search()) == [today, april, march]
        assert found(store, Search(), limit=2) == [today, april]
        assert found(store, Search(), before=april) == [march]

    def test_by_a_part_of_the_files_name_in_any_case(
        self, store: Store, three: tuple[Import, Import, Import]
    ) -> None:
        march, april, _ = (one.number for one in three)
        assert found(store, Search(file=" customers_m")) == [march]
        assert found(store, Search(file="Übertr")) == [april]
        assert found(store, Search(file="100%")) == [april]
        assert found(store, Search(file="%")) == [april]

    def test_by_who_uploaded_or_confirmed(self, store: Store, three: tuple[Import, Import, Import]) -> None:
        march, april, today = (one.number for one in three)
        assert found(store, Search(who="bo")) == [april]
        assert found(store, Search(who="ada")) == [today, april, march]

    def test_one_field_finds_by_the_files_name_and_by_the_person_word_by_word(
        self, store: Store, three: tuple[Import, Import, Import]
    ) -> None:
        march, april, today = (one.number for one in three)
        assert found(store, Search(text="MARCH")) == [march]
        assert found(store, Search(text="bo")) == [april]
        assert found(store, Search(text="march ada")) == [march]
        assert found(store, Search(text="ada march")) == [march]
        assert found(store, Search(text="bo march")) == []
        assert found(store, Search(text="100% xlsx")) == [april]
        assert found(store, Search(text=three[2].id)) == [today]
        with store.read() as tx:
            assert import_search.how_many(tx, Search(text="ada")) == 3
            assert import_search.how_many(tx, Search(text="ada", state=ImportState.DRAFT)) == 1

    def test_one_field_finds_a_row_by_its_own_key_whole_and_in_any_case(
        self, store: Store, three: tuple[Import, Import, Import]
    ) -> None:
        _, april, today = three
        keys = {ids_of(store, april)[1]: "C-00042", ids_of(store, today)[0]: "Branch 7 / c-1"}
        with store.write() as tx:
            for id, key in keys.items():
                mine = tables.rows.c.id == id
                tx.execute(update(tables.rows).where(mine).values(own_key=kept_key(key.casefold())))
        assert found(store, Search(text="c-00042")) == [april.number]
        assert found(store, Search(text="C-0004")) == []
        assert found(store, Search(text="branch 7 / C-1")) == [today.number]
        with store.read() as tx:
            [row] = import_search.rows_meant(
                tx, "C-00042", [april, today], limit=5, among=[april.instance_number]
            )
            assert (row.import_.id, row.row.label, row.made_it) == (april.id, "3", False)

    def test_by_state_instance_and_day(self, store: Store, three: tuple[Import, Import, Import]) -> None:
        march, april, today = three
        now = time.time()
        assert found(store, Search(state=ImportState.DRAFT)) == [today.number]
        assert found(store, Search(instance=april.instance_number)) == [april.number]
        between = Search(created_from=now - 40 * DAY, created_before=now - 20 * DAY)
        assert found(store, between) == [april.number]
        assert found(store, Search(file="march", state=ImportState.DRAFT)) == []
        assert found(store, Search(file="march", created_before=now)) == [march.number]

    def test_by_rows_that_need_someone_and_not_by_rows_that_are_only_being_checked(
        self, store: Store, three: tuple[Import, Import, Import]
    ) -> None:
        march, april, _ = three
        claimed = claim(store, march)
        first, second = ids_of(store, march)
        record(store, march, created(claimed, first, "bln_1"))
        needs = Search(needs=(RowState.REFUSED, RowState.UNKNOWN))
        assert found(store, needs) == []
        record(store, march, result(claimed, second, RowState.UNKNOWN))
        assert found(store, needs) == []
        with store.write() as tx:
            tx.execute(update(tables.rows).where(tables.rows.c.id == second).values(waits_for_person=True))
        assert found(store, needs) == [march.number]
        claimed = claim(store, april)
        record(store, april, result(claimed, ids_of(store, april)[0], RowState.REFUSED))
        assert found(store, needs) == [april.number, march.number]
        assert found(store, Search(needs=(RowState.REFUSED,))) == [april.number]

    def test_a_balance_id_finds_the_import_and_the_row_that_made_it(
        self, store: Store, three: tuple[Import, Import, Import]
    ) -> None:
        _, april, _ = three
        claimed = claim(store, april)
        first, second, _ = ids_of(store, april)
        record(store, april, created(claimed, first, "bln_1"), created(claimed, second, "bln_2"))
        assert found(store, Search(text=" bln_2 ")) == [april.number]
        assert found(store, Search(text="bln_3")) == []
        with store.read() as tx:
            [maker] = balance_origins.makers_of(tx, "bln_2")
            assert (maker.import_.id, maker.row.label) == (april.id, "3")
            assert balance_origins.makers_of(tx, "bln_2", INSTANCE) == []

    def test_a_balance_id_is_found_by_an_index_however_many_rows_there_are(
        self, store: Store, three: tuple[Import, Import, Import]
    ) -> None:
        if not store.is_sqlite:
            return
        asked: list[tuple[str, Sequence[object]]] = []
        event.listen(store.engine, "before_cursor_execute", lambda *args: asked.append((args[2], args[3])))
        found(store, Search(text="bln_1"))
        statement, values = next(one for one in asked if one[0].lstrip().startswith("SELECT rows"))
        with store.read() as tx:
            plan = tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).fetchall()
        assert "USING INDEX one_row_holds_a_balance (instance=? AND balance_id=?)" in plan[0][-1]


@pytest.fixture
def two(importer: Importer) -> tuple[Import, Import]:
    """One import that made balances, and a draft; both in the list."""
    made, waiting = importer.run(requests_for(3)), importer.draft(requests_for(2, currency="USD"))
    with importer.store.write() as tx:
        import_changes.set_facts(tx, made.number, file_name="march.csv")
        set_columns(tx, waiting, file_name="april.csv", who="Bo")
    return importer.find(made.id), importer.find(waiting.id)


class TestThePage:
    def test_a_link_carries_the_search(self, two: tuple[Import, Import]) -> None:
        told = said(visit("imports.py", connection="here", file="march"))
        assert "3 balances created." in told
        assert "Checked" not in told

    def test_an_address_of_an_earlier_version_finds_what_it_found(self, two: tuple[Import, Import]) -> None:
        at = visit("imports.py", connection="here", file="april", person="bo")
        assert at.text_input(key="q").value == "april bo"
        assert "Checked: 2 balances" in said(at)
        assert "3 balances created." not in said(at)
        assert "file" not in at.query_params

    def test_chips_are_the_existing_states_and_a_count_says_how_many_were_found(
        self, two: tuple[Import, Import]
    ) -> None:
        at = visit("imports.py", connection="here")
        assert at.button_group(key="state").options == ["Needs you", "Draft", "Done"]
        assert "2 imports" in said(at)
        at.button_group(key="state").set_value("Draft")
        assert "1 import\n" in said(run(at))
        assert "Checked: 2 balances" in said(at)
        assert "3 balances created." not in said(at)

    def test_typing_searches(self, two: tuple[Import, Import]) -> None:
        at = visit("imports.py", connection="here")
        at.text_input(key="q").set_value("bo")
        at.run()
        assert "Checked: 2 balances" in said(at)
        assert "3 balances created." not in said(at)

    def test_a_balance_id_names_its_row(self, importer: Importer, two: tuple[Import, Import]) -> None:
        row = importer.rows(two[0])[1]
        told = said(visit("imports.py", connection="here", balance=row.balance_id or ""))
        assert f"Row 3 of **march.csv** created the balance {row.balance_id}." in told

    def test_a_search_without_results_says_so_and_leads_back(self, two: tuple[Import, Import]) -> None:
        at = visit("imports.py", connection="here", file="june", state="Done")
        assert "No matching imports." in said(at)
        press(at, "Show all imports")
        assert "3 balances created." in said(at)

    def test_an_import_of_fixes_is_told_apart_from_its_source(self, two: tuple[Import, Import]) -> None:
        fixes = about_imports.in_list(replace(two[0], fixes=two[1].number))
        assert fixes.endswith(" It fixes rows of an earlier import.")
        assert about_imports.in_list(two[0]) == about_imports.headline(two[0])

    def test_what_no_import_has_can_be_searched_for_among_balances(self, two: tuple[Import, Import]) -> None:
        at = visit("imports.py", connection="here", q="C-001")
        assert "No matching imports." in said(at)
        links = "".join(str(one.proto) for one in at.get("page_link"))
        assert "Search balances instead" in links
        assert "find=C-001" in links

    def test_older_ones_are_a_page_away(self, importer: Importer) -> None:
        for _ in range(27):
            importer.draft(requests_for(1))
        at = visit("imports.py", connection="here")
        assert said(at).count("Checked: 1 balance") == 25
        press(at, "Older")
        assert said(at).count("Checked: 1 balance") == 2
        press(at, "Newer")
        assert said(at).count("Checked: 1 balance") == 25

    def test_one_import_is_one_click_away(self, two: tuple[Import, Import]) -> None:
        assert "Verified: all 3 balances are in Blnk." in said(visit("imports.py", **link(two[0])))

    def test_imports_of_other_connections_are_listed_only_when_someone_asks(
        self, importer: Importer, two: tuple[Import, Import]
    ) -> None:
        make_draft(importer.store, ELSEWHERE, requests_for(7), connection="there")
        at = visit("imports.py", connection="here")
        assert "3 balances created." in said(at)
        assert "Checked: 7 balances" not in said(at)
        at.button_group(key="where").set_value("All connections")
        at.run()
        assert "Checked: 7 balances" in said(at)
        assert "3 balances created." in said(at)
