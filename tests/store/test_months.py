"""A month's balances by ledger and currency, in the team's own time zone, and one by one."""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update

from blnk_api import settings
from blnk_api.errors import SettingsProblem
from blnk_api.models import BalanceRequest
from blnk_api.reports import months
from blnk_api.reports.months import Month, MonthTotal
from blnk_api.store import Store, tables
from blnk_api.store.events import EventKind, note
from blnk_api.store.imports import Import
from blnk_api.store.states import ImportState
from tests.support.actors import actor
from tests.support.importer import LEDGER, Importer, requests_for
from tests.support.pages import said, visit
from tests.support.store import ELSEWHERE, INSTANCE, claim, created, ids_of, record, running
from tests.support.trail import behind_the_triggers

UTC, LAGOS = ZoneInfo("UTC"), ZoneInfo("Africa/Lagos")
MARCH = Month(2026, 3)


def at(text: str) -> float:
    return datetime.fromisoformat(f"{text}+00:00").timestamp()


def made(store: Store, *moments: str, finished: bool = True, **how: object) -> Import:
    """An import whose rows were created at these moments, UTC."""
    import_ = running(store, len(moments), **how)  # type: ignore[arg-type]
    claimed = claim(store, import_)
    ids = ids_of(store, import_)
    record(store, import_, *(created(claimed, id, f"bln_{id}") for id in ids))
    known = [at(one) for one in moments]
    over = {"state": ImportState.DONE, "finished_at": max(known) + 60} if finished else {}
    with store.write() as tx:
        for id, moment in zip(ids, known, strict=True):
            tx.execute(update(tables.rows).where(tables.rows.c.id == id).values(changed_at=moment))
        tx.execute(
            update(tables.imports)
            .where(tables.imports.c.number == import_.number)
            .values(confirmed_at=min(known) - 60, **over)
        )
    return import_


def count(store: Store, month: Month, zone: ZoneInfo = UTC, instance: int = 1) -> int:
    listed = list(months.balances(store, instance, month, zone))
    total = sum(one.n for one in months.totals(store, instance, month, zone))
    assert total == len(listed), "the totals and the list differ"
    return total


class TestAMonth:
    def test_is_cut_in_the_zone_of_the_settings(self, store: Store) -> None:
        made(store, "2026-02-28T23:30:00", "2026-03-31T22:59:59", "2026-03-31T23:30:00")
        assert count(store, MARCH, UTC) == 2
        assert count(store, MARCH, LAGOS) == 2
        assert count(store, MARCH.before, UTC) == 1
        assert count(store, MARCH.after, LAGOS) == 1
        assert count(store, MARCH.after, UTC) == 0

    def test_every_balance_is_in_one_month_and_no_other(self, store: Store) -> None:
        made(store, "2026-01-31T23:59:59", "2026-02-01T00:00:00", "2026-12-31T23:59:59")
        assert [count(store, Month(2026, n)) for n in range(1, 13)] == [1, 1, *[0] * 9, 1]

    def test_other_instances_are_not_included(self, store: Store) -> None:
        made(store, "2026-03-05T10:00:00", instance=INSTANCE)
        other = made(store, "2026-03-05T10:00:00", "2026-03-06T10:00:00", instance=ELSEWHERE)
        assert count(store, MARCH, instance=other.instance_number) == 2

    def test_a_row_that_was_settled_long_after_its_import_is_in_the_month_in_which_it_was(
        self, store: Store
    ) -> None:
        import_ = made(store, "2026-03-05T10:00:00", "2026-05-20T10:00:00")
        with store.write() as tx:
            tx.execute(update(tables.imports).values(finished_at=at("2026-03-05T10:01:00")))
            note(tx, import_.number, who=actor(), what=EventKind.SAID_WHICH_BALANCE)
            with behind_the_triggers(tx):
                tx.execute(update(tables.events).values(at=at("2026-05-20T10:00:00")))
        assert count(store, Month(2026, 5)) == 1

    def test_what_changes_afterwards_is_counted_again(self, store: Store) -> None:
        import_ = running(store, 2)
        first, second = ids_of(store, import_)
        this = Month.of(datetime.now(UTC).timestamp(), UTC)
        for n, id in enumerate((first, second), start=1):
            record(store, import_, created(claim(store, import_, [id]), id, f"bln_{id}"))
            assert count(store, this) == n

    def test_totals_are_by_ledger_and_currency_the_largest_first(self, importer: Importer) -> None:
        other = [BalanceRequest(ledger_id=LEDGER, currency="USD", meta_data={"n": str(n)}) for n in range(5)]
        import_ = importer.run([*requests_for(3), *other])
        this = Month.of(datetime.now(UTC).timestamp(), UTC)
        assert months.totals(importer.store, import_.instance_number, this, UTC) == [
            MonthTotal(LEDGER, "USD", 5),
            MonthTotal(LEDGER, "NGN", 3),
        ]

    def test_each_balance_says_its_person_and_row(self, store: Store) -> None:
        import_ = made(store, "2026-03-05T10:00:00")
        [one] = months.balances(store, 1, MARCH, UTC)
        assert (one.who.name, one.import_id, one.row, one.at) == (
            "Ada",
            import_.id,
            "2",
            at("2026-03-05T10:00:00"),
        )

    def test_a_text_that_is_not_a_month_is_none(self) -> None:
        assert Month.parse("2026-03") == MARCH
        assert Month.parse("march") is None
        assert (str(MARCH), MARCH.name) == ("2026-03", "March 2026")
        assert (Month(2026, 12).after, Month(2026, 1).before) == (Month(2027, 1), Month(2025, 12))


class TestTheSetting:
    def load(self, folder: Path, text: str) -> settings.Settings:
        (folder / "secrets.toml").write_text(text)
        return settings.load(
            {"BLNK_SECRETS_FILE": str(folder / "secrets.toml"), "BLNK_DATA_DIR": str(folder)}
        )

    def test_the_zone_is_utc_by_default(self, tmp_path: Path) -> None:
        assert self.load(tmp_path, "").time_zone == UTC
        assert self.load(tmp_path, 'time_zone = "Africa/Lagos"').time_zone == LAGOS

    @pytest.mark.parametrize("wrong", ['"Mars/Base"', "3", '""', '"../etc/passwd"'])
    def test_an_unknown_zone_is_named(self, tmp_path: Path, wrong: str) -> None:
        with pytest.raises(SettingsProblem, match="time_zone should be the name of a time zone"):
            self.load(tmp_path, f"time_zone = {wrong}")


class TestThePage:
    def test_says_the_total_the_zone_and_whether_it_is_real(self, importer: Importer) -> None:
        importer.run(requests_for(3))
        at = visit("imports.py", connection="here", view="A month's totals")
        told = said(at)
        assert f"3 balances created in {datetime.now(UTC):%B %Y}" in told
        assert "Months are in the time zone UTC." in told
        assert "SANDBOX · here" in told
        [table] = at.dataframe
        assert table.value.iloc[0].tolist() == ["Customer wallets", "NGN", 3, LEDGER]

    def test_before_the_first_import_it_says_what_will_be_here(self, importer: Importer) -> None:
        told = said(visit("imports.py", connection="here", view="A month's totals"))
        assert "No balances have been created here yet." in told
