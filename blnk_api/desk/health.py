"""Connection health: one line for each check of a connection and this machine, with what to do.

Nothing here creates anything: whether the credentials may create balances is known from earlier imports.
"""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import Connection as Tx
from sqlalchemy import exists, select

from blnk_api import errors
from blnk_api.blnk.probe import ProbeResult, greet
from blnk_api.client import BlnkClient
from blnk_api.desk import machine_health
from blnk_api.desk.desk import Desk
from blnk_api.desk.machine_health import Check, Verdict
from blnk_api.notifications import process
from blnk_api.settings import Connection
from blnk_api.store import instance_numbers
from blnk_api.store.search import import_search
from blnk_api.store.search.import_search import Search
from blnk_api.store.sending import senders
from blnk_api.store.sending.senders import SenderIs, Sending
from blnk_api.store.states import ImportState, PausedBy, RowState
from blnk_api.store.tables import is_one_of, rows
from blnk_api.wording import about_errors, about_notifications, about_stops, phrases

__all__ = ["WHO_SENDS", "Check", "Verdict", "is_well", "run"]

WHO_SENDS = "Is the sender running?"

_CLOCK_SECONDS = 30.0
_CERTIFICATE_DAYS = 14
_IMPORTS_LOOKED_AT = 10


def run(desk: Desk, connection: Connection, sending: Sending) -> Iterator[Check]:
    """Yields checks as they complete. Takes a few seconds if something does not answer."""
    hello = greet(connection.url)
    with desk.client(connection) as client:
        yield from about_blnk(connection, client, hello)
    yield _clock(hello)
    if connection.notify:
        yield _addresses(connection)
    yield _may_create(desk, connection)
    yield _rate(desk, connection)
    yield from machine_health.run(desk)
    yield _sender(desk, sending)


def about_blnk(connection: Connection, client: BlnkClient, hello: ProbeResult) -> Iterator[Check]:
    """Reachable, encrypted, token, instance, reading, features: up to the first failure."""
    began = time.monotonic()
    try:
        may_read = client.may_read()
    except errors.BlnkError as problem:
        details = tuple(about_errors.details(problem))
        for one in _unanswered(connection, problem):
            yield one if one.verdict is Verdict.FINE else replace(one, details=details)
        return
    milliseconds = (time.monotonic() - began) * 1000
    yield Check("Does Blnk answer?", Verdict.FINE, f"Yes, within {max(1, milliseconds):,.0f} ms.")
    yield _tls(connection, hello)
    yield Check("Is the token accepted?", Verdict.FINE, "Yes.")
    if not may_read:
        yield Check(
            "Is it the right instance?", Verdict.UNKNOWN, "Unknown: this check needs read permission."
        )
        yield Check(
            "Can these credentials read?",
            Verdict.LOOK,
            "No. Ids are not checked before sending, created balances cannot be verified, and a row whose "
            "answer is lost waits for a person.",
            "Give the API key the scope data:read in Blnk Cloud (Settings, API keys).",
        )
        return
    yield Check("Is it the right instance?", Verdict.FINE, f"Yes: {connection.instance.instance_id}.")
    yield Check("Can these credentials read?", Verdict.FINE, "Yes: ledgers, identities and balances.")
    yield _age(client)


def _unanswered(connection: Connection, problem: errors.BlnkError) -> Iterator[Check]:
    answers = "Does Blnk answer?"
    key = f"connections.{connection.name}"
    match problem:
        case errors.AccessDenied():
            yield Check(answers, Verdict.FINE, "Yes.")
            yield Check(
                "Is the token accepted?",
                Verdict.FAILED,
                f"No: {problem}",
                f"Enter a new one in the secrets file: {key}.access_token (or refresh_token). "
                "It takes effect immediately; no restart is needed.",
            )
        case errors.NotFound():
            yield Check(answers, Verdict.FINE, "Yes.")
            yield Check("Is the token accepted?", Verdict.FINE, "Yes.")
            yield Check(
                "Is it the right instance?",
                Verdict.FAILED,
                f"No: {problem}",
                f"Correct {key}.instance_id in the secrets file; Blnk Cloud shows it next to the instance.",
            )
        case errors.NotConnected() if "certificate" in str(problem) or "TLS" in str(problem):
            yield Check(answers, Verdict.FAILED, f"No: {problem}")
            yield Check(
                "Is the connection encrypted?",
                Verdict.FAILED,
                "Its certificate was rejected, so nothing was sent.",
                f"Check {key}.base_url, this machine's clock, and its certificate authorities.",
            )
        case errors.NotConnected() if connection.is_practice:
            do = (
                "It restarts automatically. If the problem persists, see its log, "
                "practice/log in the data folder."
            )
            yield Check(answers, Verdict.FAILED, f"No: {problem}", do)
        case errors.NotConnected():
            do = f"Check {key}.base_url, the network, and any firewall or proxy in between."
            yield Check(answers, Verdict.FAILED, f"No: {problem}", do)
        case errors.RateLimited():
            do = "Nothing to do: sending waits automatically. A lower requests_per_minute avoids this."
            yield Check(answers, Verdict.LOOK, f"It asked Balance Desk to slow down: {problem}", do)
        case _:
            do = "Wait, then check again; imports wait automatically. If the problem persists, contact Blnk."
            yield Check(answers, Verdict.FAILED, f"Not correctly: {problem}", do)


def _tls(connection: Connection, hello: ProbeResult) -> Check:
    question = "Is the connection encrypted?"
    if not connection.url.startswith("https://"):
        return Check(question, Verdict.FINE, "Not needed: the connection never leaves this machine.")
    if hello.certificate_ends is None:
        return Check(question, Verdict.FINE, "Yes, and its certificate is valid.")
    days = (hello.certificate_ends - datetime.now(UTC)).days
    text = f"Yes. Its certificate is valid until {hello.certificate_ends:%-d %b %Y}."
    if days < _CERTIFICATE_DAYS:
        return Check(
            question, Verdict.LOOK, text, "Tell your Blnk administrator. After that date nothing can be sent."
        )
    return Check(question, Verdict.FINE, text)


def _age(client: BlnkClient) -> Check:
    question = "Which features does Blnk support?"
    try:
        client.balances_with_indicator(["@balance-desk-asks"])
    except errors.ReadFailed as problem:
        if problem.status == 400:
            return Check(
                question, Verdict.FINE, "Indicators are not supported: rows with an indicator are rejected."
            )
        return _could_not_be_asked(question, problem)
    except errors.NothingCreated as problem:
        return _could_not_be_asked(question, problem)
    return Check(question, Verdict.FINE, "Balances can be searched by indicator.")


def _could_not_be_asked(question: str, problem: errors.BlnkError) -> Check:
    details = tuple(about_errors.details(problem))
    return Check(question, Verdict.UNKNOWN, f"The check failed: {problem}", details=details)


def _clock(hello: ProbeResult) -> Check:
    question = "Do the clocks agree?"
    ahead = hello.clock_ahead_seconds
    if ahead is None:
        return Check(question, Verdict.UNKNOWN, "Blnk's host does not report its time.")
    if abs(ahead) < _CLOCK_SECONDS:
        return Check(question, Verdict.FINE, "Yes, to within a few seconds.")
    which = "ahead of" if ahead > 0 else "behind"
    return Check(
        question,
        Verdict.LOOK,
        f"This machine's clock is {abs(ahead):,.0f} s {which} the clock of Blnk's host. This does not affect "
        "what is sent, but times shown here differ from Blnk's.",
        "Set this machine's clock from the network (NTP).",
    )


def _addresses(connection: Connection) -> Check:
    question = "Are the notification addresses valid?"
    wrong = process.not_understood(connection)
    if wrong is None:
        return Check(question, Verdict.UNKNOWN, "The check did not answer.", "Check again in a moment.")
    if wrong:
        which = phrases.listed([f"address {at}" for at in wrong])
        return Check(
            question,
            Verdict.FAILED,
            f"No: connections.{connection.name}.notify, {which}.",
            "Correct it in the secrets file as Apprise's documentation writes such addresses. Until then it "
            "gets no notifications.",
        )
    return Check(question, Verdict.FINE, f"Yes, {about_notifications.addresses(len(connection.notify))}.")


def _may_create(desk: Desk, connection: Connection) -> Check:
    question = "Can these credentials create balances?"
    with desk.store.read() as tx:
        number = instance_numbers.known_number(tx, connection.instance)
        if number is None:
            return Check(question, Verdict.UNKNOWN, "Unknown until the first balance is created.")
        paused = import_search.search(tx, Search(state=ImportState.PAUSED, instance=number), limit=20)
        denied = [one for one in paused if one.paused_by is PausedBy.ACCESS]
        # The index on balances is used only if the state is a literal.
        made = exists().where(rows.c.instance == number, is_one_of(rows, [RowState.CREATED]))
        has_created = tx.execute(select(made.where(rows.c.balance_id.is_not(None)))).scalar()
    if denied:
        return Check(
            question,
            Verdict.FAILED,
            f"No: {denied[0].paused_reason}",
            "Give the API key the scope proxy:write, or use another key, then resume the import.",
        )
    if has_created:
        return Check(
            question, Verdict.FINE, "Yes: balances have been created in this instance from this desk."
        )
    return Check(question, Verdict.UNKNOWN, "Unknown until the first balance is created.")


def _rate(desk: Desk, connection: Connection) -> Check:
    question = "What is the rate limit?"
    limit = f"{phrases.plural(connection.requests_per_minute, 'request')} a minute"
    with desk.store.read() as tx:
        number = instance_numbers.known_number(tx, connection.instance)
        learned = senders.learned(tx, number) if number is not None else None
        lately = _seen_lately(tx, number) if number is not None else ""
    if learned is not None and learned.per_minute is not None:
        text = (
            f"Blnk asked Balance Desk to slow down: {learned.per_minute:,.0f} requests a minute "
            f"now, of {limit}."
        )
        return Check(question, Verdict.LOOK, text + lately, "Nothing to do: the rate recovers automatically.")
    return Check(question, Verdict.FINE, f"At most {limit}, which is this connection's limit.{lately}")


def _seen_lately(tx: Tx, instance: int) -> str:
    """How fast the last import was."""
    for one in import_search.search(
        tx, Search(state=ImportState.DONE, instance=instance), limit=_IMPORTS_LOOKED_AT
    ):
        created = one.counts.get(RowState.CREATED, 0)
        if created > 1 and one.confirmed_at and one.finished_at and one.finished_at > one.confirmed_at:
            minutes = (one.finished_at - one.confirmed_at) / 60
            return f" The last import created {created:,} balances at {created / minutes:,.0f} a minute."
    return ""


def _sender(desk: Desk, sending: Sending) -> Check:
    question = WHO_SENDS
    match sending.is_:
        case SenderIs.GONE if desk.settings.sender_elsewhere:
            do = "This server starts none (BLNK_SENDER=elsewhere). Check the process that should send."
            return Check(question, Verdict.FAILED, "No.", f"{do} Nothing is lost.")
        case SenderIs.GONE:
            do = "It restarts automatically. If the problem persists, see the server's log. Nothing is lost."
            return Check(question, Verdict.FAILED, "No.", do)
        case SenderIs.STARTING:
            return Check(question, Verdict.UNKNOWN, "It is starting.", "Check again in a moment.")
    return Check(question, Verdict.FINE, f"Yes. {about_stops.sending(sending)}.")


def is_well(checks: list[Check]) -> bool:
    return not any(one.verdict is Verdict.FAILED for one in checks)
