"""The check of a connection: one line for each question, correct for a healthy Blnk and for one that is
not."""

import time
from pathlib import Path

import pytest

from blnk_api.access.actors import SENDER
from blnk_api.blnk import probe
from blnk_api.blnk.probe import ProbeResult
from blnk_api.desk import health, startup_check
from blnk_api.desk.desk import open_desk
from blnk_api.desk.health import Check, Verdict
from blnk_api.practice import fault_switches
from blnk_api.practice.fault_switches import FAULT_SWITCHES, PracticeUnreachable
from blnk_api.store import import_acts
from blnk_api.store.sending.senders import SenderIs, Sending
from blnk_api.store.states import PausedBy
from tests.support.actors import actor
from tests.support.importer import Importer, requests_for
from tests.support.pages import details, press, run, said, visit
from tests.support.papers import released
from tests.support.practice import PracticeBlnk

OURS = Sending(SenderIs.OURS, "here", 1)
QUIET = ProbeResult()


def checked(importer: Importer, sending: Sending = OURS) -> dict[str, Check]:
    return {one.question: one for one in health.run(open_desk(), importer.connection, sending)}


def verdicts(found: dict[str, Check]) -> dict[str, Verdict]:
    return {question: one.verdict for question, one in found.items()}


class TestAConnection:
    def test_that_is_healthy_passes_every_check(
        self, importer: Importer, practice_blnk: PracticeBlnk
    ) -> None:
        found = checked(importer)
        assert len(found) == 13
        assert [one for one in found.values() if one.verdict is not Verdict.FINE] == [
            Check(
                "Can these credentials create balances?",
                Verdict.UNKNOWN,
                "Unknown until the first balance is created.",
            )
        ]
        assert practice_blnk.balances() == []

    @pytest.mark.parametrize("importer", ["postgres"], indirect=True)
    def test_on_postgres_says_whether_all_files_are_in_the_database(self, importer: Importer) -> None:
        draft = importer.upload("ledger_id,currency\nldg_11111111-1111-4111-8111-111111111111,USD\n")
        question = "Are all files in the import database?"
        assert checked(importer)[question].verdict is Verdict.FINE
        importer.files.delete(f"uploads/{draft.id}/file")
        found = checked(importer)[question]
        assert (found.verdict, found.answer) == (
            Verdict.LOOK,
            "No. 1 uploaded file or saved result is missing.",
        )
        assert "python -m blnk_api take-over FOLDER" in found.do
        with importer.store.write() as tx:
            import_acts.cancel(tx, draft.number, who=actor())
        assert checked(importer)[question].verdict is Verdict.FINE

    def test_whose_sender_runs_elsewhere_says_who_starts_it(
        self, importer: Importer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        gone = Sending(SenderIs.GONE)
        assert "It restarts automatically." in checked(importer, gone)["Is the sender running?"].do
        monkeypatch.setenv("BLNK_SENDER", "elsewhere")
        found = checked(importer, gone)["Is the sender running?"]
        assert (found.verdict, "This server starts none" in found.do) == (Verdict.FAILED, True)

    def test_may_create_after_a_balance_was_created(self, importer: Importer) -> None:
        importer.run(requests_for(2))
        assert checked(importer)["Can these credentials create balances?"].verdict is Verdict.FINE
        assert "The last import created 2 balances" in checked(importer)["What is the rate limit?"].answer

    def test_that_was_denied_says_which_scope_is_missing(self, importer: Importer) -> None:
        draft = importer.draft(requests_for(1))
        importer.confirm(draft)
        with importer.store.write() as tx:
            reason = "Insufficient scope"
            import_acts.pause(tx, draft.number, by=PausedBy.ACCESS, who=SENDER, reason=reason)
        found = checked(importer)["Can these credentials create balances?"]
        assert (found.verdict, found.answer) == (Verdict.FAILED, "No: Insufficient scope")
        assert "proxy:write" in found.do

    def test_with_a_wrong_token_names_the_key_and_nothing_else(self, importer: Importer) -> None:
        importer.connect(token="blnk_at_wrong")
        found = checked(importer)
        assert verdicts(found)["Is the token accepted?"] is Verdict.FAILED
        assert "connections.here.access_token" in found["Is the token accepted?"].do
        assert "Can these credentials read?" not in found
        assert "blnk_at_wrong" not in str(found)

    def test_with_a_wrong_instance_names_the_key(self, importer: Importer) -> None:
        importer.connect(instance_id="ins_wrong")
        found = checked(importer)["Is it the right instance?"]
        assert found.verdict is Verdict.FAILED
        assert "connections.here.instance_id" in found.do

    def test_without_read_permission_says_what_that_means(
        self, importer: Importer, practice_blnk: PracticeBlnk
    ) -> None:
        importer.connect(token=practice_blnk.new_token(["proxy:write"]))
        found = checked(importer)["Can these credentials read?"]
        assert found.verdict is Verdict.LOOK
        assert "data:read" in found.do

    def test_that_does_not_answer_is_reported_with_what_to_do(self, importer: Importer) -> None:
        importer.connect(base_url="http://127.0.0.1:9")
        found = checked(importer)
        assert verdicts(found)["Does Blnk answer?"] is Verdict.FAILED
        assert "connections.here.base_url" in found["Does Blnk answer?"].do
        assert verdicts(found)["Is there enough disk space?"] is Verdict.FINE

    def test_to_an_old_core_has_no_indicators(self, importer: Importer, practice_blnk: PracticeBlnk) -> None:
        practice_blnk.set_core("0.15.3")
        assert "by indicator" in checked(importer)["Which features does Blnk support?"].answer

    def test_that_asked_us_to_slow_down_shows_the_pace(self, importer: Importer) -> None:
        from blnk_api.store.sending import senders

        import_ = importer.draft(requests_for(1))
        with importer.store.write() as tx:
            senders.remember_learned(
                tx, import_.instance_number, per_minute=2_100.0, not_before=None, breaker=None
            )
        found = checked(importer)["What is the rate limit?"]
        assert found.verdict is Verdict.LOOK
        assert "2,100 requests a minute now" in found.answer

    def test_without_a_sender_is_not_healthy(self, importer: Importer) -> None:
        found = checked(importer, Sending(SenderIs.GONE))["Is the sender running?"]
        assert found.verdict is Verdict.FAILED
        assert "Nothing is lost." in found.do


class TestClocksAndCertificates:
    def test_practices_clock_agrees(self, practice_blnk: PracticeBlnk) -> None:
        hello = probe.greet(practice_blnk.url)
        assert hello.clock_ahead_seconds is not None
        assert abs(hello.clock_ahead_seconds) < 2

    def test_a_wrong_clock_is_reported_in_both_directions(
        self, practice_blnk: PracticeBlnk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = time.time
        for off, which in ((300, "ahead of"), (-300, "behind")):
            monkeypatch.setattr("blnk_api.blnk.probe.time.time", lambda off=off: real() + off)
            told = health._clock(probe.greet(practice_blnk.url))
            assert told.verdict is Verdict.LOOK
            assert which in told.answer

    def test_a_host_that_does_not_report_its_time_is_not_guessed_at(self) -> None:
        assert probe.greet("http://127.0.0.1:9") == QUIET
        assert probe.greet("") == QUIET
        assert health._clock(QUIET).verdict is Verdict.UNKNOWN


class TestFaultsOfThePractice:
    @pytest.fixture
    def folder(self, practice_blnk: PracticeBlnk) -> Path:
        return practice_blnk.data_dir

    @pytest.mark.parametrize("key", list(FAULT_SWITCHES))
    def test_each_takes_the_place_of_the_one_before(
        self, practice_blnk: PracticeBlnk, folder: Path, key: str
    ) -> None:
        practice_blnk.order_fault("hang")
        assert fault_switches.current(folder) is None
        fault_switches.choose(folder, key, who=actor())
        assert fault_switches.current(folder) == key
        assert len(practice_blnk.faults()) == (FAULT_SWITCHES[key].fault is not None)

    def test_missing_practice_is_reported(self, tmp_path: Path) -> None:
        with pytest.raises(PracticeUnreachable):
            fault_switches.current(tmp_path)

    def test_are_switched_on_and_off_on_the_page_of_practice_and_nowhere_else(
        self, importer: Importer, practice_blnk: PracticeBlnk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert not visit("connection.py").radio
        (importer.data_dir / "secrets.toml").write_text("practice = true")
        (importer.data_dir / "practice").symlink_to(practice_blnk.data_dir / "practice")
        at = visit("connection.py")
        assert at.radio[0].value == "well"
        at.radio[0].set_value("loses")
        run(at)
        [fault] = practice_blnk.faults()
        assert (fault["kind"], fault["percent"]) == ("drop_after_commit", 5)
        assert visit("connection.py").radio[0].value == "loses"
        at.radio[0].set_value("well")
        run(at)
        assert practice_blnk.faults() == []


def test_the_page_checks_when_it_is_opened_and_on_demand(
    importer: Importer, practice_blnk: PracticeBlnk
) -> None:
    practice_blnk.forget_requests()
    at = visit("connection.py")
    assert "**Does Blnk answer?** Yes, within" in said(at)
    assert released() in said(at).split()
    asked = practice_blnk.requests()["total"]
    run(at)
    assert practice_blnk.requests()["total"] == asked
    press(at, "Check again")
    assert practice_blnk.requests()["total"] > asked


class TestTheCheckAtTheStart:
    def test_shows_on_every_page_what_failed_until_it_is_fixed(
        self, importer: Importer, practice_blnk: PracticeBlnk
    ) -> None:
        practice_blnk.order_fault("revoke")
        startup_check.check_all()
        assert "This connection has a problem. Is the token accepted? No:" in said(visit("imports.py"))
        practice_blnk.clear_faults()
        visit("connection.py")
        assert "has a problem" not in said(visit("imports.py"))

    def test_does_not_mention_a_healthy_connection(self, importer: Importer) -> None:
        startup_check.check_all()
        assert "has a problem" not in said(visit("imports.py"))

    def test_does_not_confuse_new_credentials_with_the_old_ones(
        self, importer: Importer, practice_blnk: PracticeBlnk
    ) -> None:
        importer.connect(token="blnk_at_wrong")
        startup_check.check_all()
        assert "This connection has a problem." in said(visit())
        importer.connect(token=practice_blnk.token)
        assert "has a problem" not in said(visit())


def test_a_check_that_failed_has_what_support_needs_under_details(
    importer: Importer, practice_blnk: PracticeBlnk
) -> None:
    importer.connect(token="blnk_at_of_nobody")
    at = visit("connection.py")
    assert "Is the token accepted?" in said(at)
    status, request_id, answer = details(at).split(" ", 2)
    told = f"{status} {request_id} {answer}"
    assert (status, answer) == ("401", '{"error":"Invalid or expired access token"}')
    assert len(request_id) == 16
    assert "blnk_at_of_nobody" not in said(at) + told
