"""How an import is going, as its page tells it: figures that are right, cheap, and in plain words."""

import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
from sqlalchemy import event, update
from streamlit.testing.v1 import AppTest

from blnk_api.reports import progress_figures
from blnk_api.reports.progress_figures import ProgressReader, rows_per_second
from blnk_api.store import Store, import_acts, import_changes, imports, tables
from blnk_api.store.imports import Import
from blnk_api.store.people import people
from blnk_api.store.sending.senders import LearnedPace
from blnk_api.store.states import ImportState, Ramp, RowState
from blnk_api.store.transitions import move, move_import
from blnk_api.wording import about_progress
from tests.support.actors import actor
from tests.support.connections import connection_to
from tests.support.importer import Importer, newest, requests_for
from tests.support.pages import link, press, run, said, visit
from tests.support.store import claim, created, ids_of, record, result, running

QUIET = LearnedPace(None, None, None, None)


def reload(store: Store, import_: Import) -> Import:
    with store.read() as tx:
        return imports.by_number(tx, import_.number)


def create_rows(store: Store, import_: Import, n: int) -> None:
    """The next n rows are created."""
    with store.read() as tx:
        query = tables.rows.select().where(
            tables.rows.c.import_ == import_.number, tables.rows.c.state == RowState.READY
        )
        ids = [one.id for one in tx.execute(query.limit(n))]
    claimed = claim(store, import_, ids)
    record(store, import_, *(created(claimed, id, f"bln_{id}") for id in ids))


class TestTheFigures:
    def test_twenty_watchers_cost_one_reading(self, store: Store) -> None:
        import_ = running(store, 10)
        asked: list[str] = []
        event.listen(store.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
        watched = ProgressReader()
        for _ in range(20):
            watched.read(store, import_.id)
        reading = len(asked)
        ProgressReader().read(store, import_.id)
        assert len(asked) == 2 * reading

    def test_a_reading_asks_for_no_more_rows_of_a_larger_import(self, store: Store) -> None:
        import_ = running(store, 3_000)
        create_rows(store, import_, 3_000)
        with store.read() as tx:
            points = progress_figures.curve(tx, reload(store, import_))
        assert len(points) <= 125

    def test_a_person_sees_their_own_act_at_once(self, store: Store) -> None:
        import_ = running(store, 2)
        watched = ProgressReader()
        assert watched.read(store, import_.id).settled == 0
        create_rows(store, import_, 1)
        assert watched.read(store, import_.id, known=reload(store, import_)).settled == 1

    def test_rows_over_time_rise_to_what_is_done_and_never_above_it(self, store: Store) -> None:
        import_ = running(store, 500)
        create_rows(store, import_, 30)
        read = ProgressReader().read(store, import_.id)
        counted = [n for _, n in read.curve]
        assert counted == sorted(counted)
        assert (counted[0], counted[-1]) == (0, 30)

    def test_no_pace_is_shown_for_the_first_rows(self, store: Store) -> None:
        import_ = running(store, 9)
        watched = ProgressReader()
        for ramp, known in ((Ramp.CANARY, None), (Ramp.FEW, None), (Ramp.ALL, 0.0)):
            with store.write() as tx:
                import_changes.set_facts(tx, import_.number, ramp=int(ramp))
            for seconds in (0.0, 2.0):
                with pytest.MonkeyPatch.context() as clock:
                    clock.setattr(time, "time", lambda at=10_000.0 * (1 + ramp) + seconds: at)
                    read = watched.read(store, import_.id)
            assert read.rows_per_second == known

    def test_rows_that_existed_before_are_done_and_were_not_sent(self, store: Store) -> None:
        import_ = running(store, 2)
        first, _ = ids_of(store, import_)
        with store.write() as tx:
            move(tx, [first], from_=RowState.READY, to=RowState.EXISTS)
        read = ProgressReader().read(store, import_.id)
        assert (read.settled, read.total) == (1, 2)
        assert [n for _, n in read.curve] == [0, 0]

    def test_a_missing_import_has_no_reading(self, store: Store) -> None:
        with pytest.raises(LookupError):
            ProgressReader().read(store, "imp_gone")

    def test_speed_is_that_of_the_last_ten_seconds(self) -> None:
        assert rows_per_second([(0.0, 0), (50.0, 50), (60.0, 1050)]) == 100

    def test_few_rows_are_measured_for_longer(self) -> None:
        assert rows_per_second([(0.0, 0), (20.0, 1), (40.0, 2)]) == 0.05

    def test_rows_that_stop_being_finished_have_no_rate(self) -> None:
        fast = [(float(second), 50 * second) for second in range(11)]
        assert rows_per_second([*fast, (15.0, 500)]) == 25
        assert rows_per_second([*fast, (21.0, 500)]) == 0.0
        slow = [(float(second), second // 2) for second in range(41)]
        assert rows_per_second([*slow, (50.0, 20)]) == pytest.approx(20 / 49)

    def test_no_speed_is_shown_from_one_reading_or_two_close_ones(self) -> None:
        assert rows_per_second([(0.0, 7)]) is None
        assert rows_per_second([(0.0, 7), (0.5, 90)]) is None


class TestTheWords:
    CONNECTION = replace(connection_to("https://blnk.example"), requests_per_minute=6_000)

    def pace(self, learned: LearnedPace, rows_per_second: float | None = 99.0) -> str:
        return " ".join(about_progress.pace(learned, self.CONNECTION, rows_per_second, 1_000.0))

    def test_a_pace_at_the_limit_names_the_limit(self) -> None:
        assert self.pace(QUIET) == "As fast as this connection's limit allows: 6,000 requests a minute."

    def test_a_slow_blnk_is_not_called_a_limit(self) -> None:
        assert "As fast as Blnk answers, below" in self.pace(QUIET, 10.0)

    def test_rows_that_are_not_finished_are_not_called_fast(self) -> None:
        assert self.pace(QUIET, 0.0) == "Waiting for Blnk, or for another import of this connection."

    def test_a_request_to_slow_down_is_shown(self) -> None:
        told = self.pace(LearnedPace(2_100.0, None, None, None))
        assert "Blnk asked Balance Desk to slow down: 2,100 requests a minute now" in told
        assert "limit of 6,000 requests a minute" in told

    def test_a_request_to_wait_is_shown(self) -> None:
        told = self.pace(LearnedPace(2_100.0, 1_030.0, None, None))
        assert told == "Blnk asked Balance Desk to wait. The next rows are sent in 30 s."

    def test_a_tenth_is_reserved_for_pages(self) -> None:
        assert "A tenth of it is reserved" in self.pace(LearnedPace(None, None, None, 990.0))
        assert "A tenth of it is reserved" not in self.pace(LearnedPace(None, None, None, 900.0))

    def test_rows_that_do_not_move_say_what_they_wait_for(self, store: Store) -> None:
        import_ = running(store, 3)
        first, *others = ids_of(store, import_)
        assert "One row is sent first." in str(about_progress.held_up(import_))
        record(store, import_, created(claim(store, import_, [first]), first, "bln_1"))
        assert "once Blnk's search finds it" in str(about_progress.held_up(reload(store, import_)))
        with store.write() as tx:
            import_changes.set_facts(tx, import_.number, ramp=int(Ramp.ALL))
        assert about_progress.held_up(reload(store, import_)) is None
        claimed = claim(store, import_, others)
        record(store, import_, *(result(claimed, id, RowState.UNKNOWN) for id in others))
        told = about_progress.held_up(reload(store, import_))
        assert told == (
            "Every row was sent. Blnk is being checked for 2 rows without a clear answer. "
            "That can take a few minutes."
        )

    def test_no_time_is_promised_while_the_last_rows_are_only_checked(self, store: Store) -> None:
        import_ = running(store, 2)
        first, second = ids_of(store, import_)
        assert not about_progress.are_all_sent(import_)
        claimed = claim(store, import_, [first])
        assert not about_progress.are_all_sent(reload(store, import_))
        record(store, import_, result(claimed, first, RowState.UNKNOWN))
        assert not about_progress.are_all_sent(reload(store, import_))
        record(store, import_, created(claim(store, import_, [second]), second, "bln_2"))
        assert about_progress.are_all_sent(reload(store, import_))

    def test_trouble_is_shown_before_what_rows_wait_for(self) -> None:
        told = about_progress.pace(
            LearnedPace(None, 1_030.0, None, None), self.CONNECTION, 0.0, 1_000.0, held_up="the first row"
        )
        assert told == ["Blnk asked Balance Desk to wait. The next rows are sent in 30 s."]

    def test_no_speed_is_shown_while_nothing_moves(self) -> None:
        assert about_progress.how_fast(None, None) == "Sending; the pace is not known yet"
        assert about_progress.how_fast(0.0, None) == "No rows are finishing at the moment"
        assert about_progress.how_fast(2.0, 10.0) == "2 rows a second · about 10 s left"

    @pytest.mark.parametrize(
        ("seconds", "told"),
        [(2, "5 s"), (61, "60 s"), (95, "2 min"), (3_000, "50 min"), (7_500, "2 h 5 min")],
    )
    def test_the_time_left_is_no_more_exact_than_is_known(self, seconds: float, told: str) -> None:
        assert about_progress.lasting(seconds) == told

    def test_slow_rows_are_counted_by_the_minute(self) -> None:
        assert about_progress.speed(83.4) == "83 rows a second"
        assert about_progress.speed(0.1) == "6 rows a minute"


def opened_by_ada(importer: Importer) -> tuple[Import, AppTest]:
    """A confirmed import of three rows, and its page in the browser of Ada, who has entered her name."""
    draft = importer.draft(requests_for(3))
    importer.confirm(draft)
    with importer.store.write() as tx:
        people.set_name(tx, "ada's browser", "Ada")
    at = visit("imports.py", **link(draft))
    at.session_state["browser"] = "ada's browser"
    return draft, at


class TestThePage:
    def test_a_running_import_says_how_fast_it_is_and_why_not_faster(
        self, importer: Importer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now = time.time()
        monkeypatch.setattr(progress_figures, "time", SimpleNamespace(time=lambda: now))
        import_ = importer.draft(requests_for(40))
        importer.confirm(import_)
        with importer.store.write() as tx:
            tx.execute(update(tables.imports).values(state=ImportState.RUNNING, ramp=int(Ramp.ALL)))
        progress_figures.pulses.read(importer.store, import_.id)
        create_rows(importer.store, import_, 30)
        watched = progress_figures.pulses._watched[import_.id]
        watched.seen.appendleft((now - 12, 0))
        now += 2
        told = said(visit("imports.py", **link(import_)))
        assert "30 of 40 balances processed." in told
        assert "2 rows a second · about 5 s left" in told
        assert "below this connection's limit of 600,000 requests a minute." in told
        assert "Confirmed. Sending begins." in told

    def test_what_needs_a_person_comes_first_when_it_is_done(self, importer: Importer) -> None:
        draft = importer.draft(requests_for(5))
        importer.spoil(draft, number=4)
        importer.start()
        done = importer.finish(draft)
        at = visit("imports.py", **link(done))
        told = said(at)
        assert at.subheader[0].value == "4 balances created, 1 needs you."
        assert "Of 5 rows: 4 balances created, 1 rejected." in told
        assert "✕ Rejected · This ledger does not exist in Blnk." in told
        assert "Fix this row" not in [one.label for one in at.button], "its file is not known"
        press(at, "Show it in the table: Rejected")
        assert list(at.dataframe[-1].value["Row"]) == ["4"]

    def test_a_person_who_paused_an_import_reads_you_and_others_read_the_name(
        self, importer: Importer
    ) -> None:
        draft, at = opened_by_ada(importer)
        press(run(at), "Pause")
        assert "Paused: you paused it." in said(at)
        assert "Paused: Ada (not verified) paused it." in said(visit("imports.py", **link(draft)))

    def test_a_person_who_asks_to_cancel_an_import_reads_you_and_others_read_the_name(
        self, importer: Importer
    ) -> None:
        draft, at = opened_by_ada(importer)
        press(run(at), "Cancel import…")
        assert "Paused: you are deciding whether to cancel it." in said(at)
        told = said(visit("imports.py", **link(draft)))
        assert "Paused: Ada (not verified) is deciding whether to cancel it." in told

    def test_rows_with_the_same_cause_are_grouped_and_fixed_in_a_draft(self, importer: Importer) -> None:
        good = [f"Customer wallets,USD,good-{n}" for n in range(3)]
        bad = [f"Custmer wallets,USD,bad-{n}" for n in range(7)]
        text = "\n".join(["ledger,currency,customer", *good, *bad, "Customer wallets,NGM,odd"])
        done = importer.finish(importer.upload(text))
        at = visit("imports.py", **link(done))
        told = said(at)
        assert at.subheader[0].value == "3 balances created, 8 need you."
        assert "7 rows** · ! Invalid · “Custmer wallets” is not a known ledger." in told, told
        assert {"Row 5", "Row 9"} <= {one.label for one in at.button}
        assert "and 2 more" in told
        at.text_input(key="your-name").set_value("Ada")
        press(at, "Fix these 8 rows")
        fix = newest(importer)
        assert (fix.fixes, fix.state) == (done.number, ImportState.DRAFT)
        after = said(visit("imports.py", **link(done)))
        assert "3 balances created." in after
        assert importer.counts(done)[RowState.SUPERSEDED] == 8
        row = visit("imports.py", **link(done), row="5")
        assert "Superseded" in said(row)

    def test_an_import_without_problems_needs_nobody(self, importer: Importer) -> None:
        at = visit("imports.py", **link(importer.run(requests_for(3))))
        assert at.subheader[0].value == "3 balances created."
        assert "need" not in said(at).split("Download")[0]

    def test_the_tab_says_how_far_it_is(self, importer: Importer) -> None:
        import_ = importer.draft(requests_for(4))
        importer.confirm(import_)
        with importer.store.write() as tx:
            assert move_import(tx, import_.number, from_=[ImportState.QUEUED], to=ImportState.RUNNING)
        create_rows(importer.store, import_, 1)
        assert about_progress.tab_title(importer.find(import_.id)) == "25 % · test.csv"
        with importer.store.write() as tx:
            assert import_acts.cancel(tx, import_.number, who=actor())
        assert about_progress.tab_title(importer.find(import_.id)) == "Canceled · test.csv"
        done = importer.run(requests_for(2, currency="USD"))
        assert about_progress.tab_title(done) == "Done · test.csv"
