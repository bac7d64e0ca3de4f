"""Notifications about an import by Slack, email and so on: its state, and where to look.

Counts, names and a link. Never a cell, and never Blnk's own text, which may repeat one.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from blnk_api.access.actors import Actor, ActorKind
from blnk_api.facts.notification import NotificationFacts
from blnk_api.settings import Connection, Settings
from blnk_api.store.imports import Import
from blnk_api.store.outbox.delivery import Delivered
from blnk_api.store.outbox.notifications import Notification, NotificationKind
from blnk_api.store.states import ImportState, PausedBy, RowState
from blnk_api.wording import about_imports, phrases
from blnk_api.wording.phrases import plural

NOT_UNDERSTOOD = "It is not an address that Apprise understands."
NOT_TAKEN = "It could not be reached, or did not accept the notification."


def addresses(n: int) -> str:
    """ "1 address", "2 addresses" """
    return "1 address" if n == 1 else f"{n:,} addresses"


def not_sent_yet(n: int) -> str:
    """At the end of a command, about deliveries that are still being tried."""
    if n == 1:
        return "1 notification is not sent yet. The app sends it when it runs."
    return f"{n:,} notifications are not sent yet. The app sends them when it runs."


def headline(notification: Notification, import_: Import | None) -> str:
    """Its subject in one line: "Finished: customers.csv" """
    return "Test" if import_ is None else f"{_headline(notification)}: {about_imports.title(import_)}"


def how_it_went(delivered: Delivered, *, of: int) -> str:
    """How many of the addresses it reached."""
    lines = f"sent to {delivered.sent:,} of {addresses(of)}"
    return f"{lines} so far" if delivered.is_on_its_way else lines


def failing(position: int, why: str, *, is_tried: bool) -> str:
    """About one address, by its position from 1; the address itself is a secret."""
    return f"Address {position}: {why} {'It is tried again.' if is_tried else 'It is not tried again.'}"


NONE_SET_UP = (
    "Nobody is notified when an import ends or stops. Add notify to this connection in the secrets file to "
    "send notifications to Slack, by email or to other addresses."
)


def answered(status: str) -> str:
    """About an address that answered with an error."""
    return f"It answered with status {status}."


@dataclass(frozen=True)
class Message:
    """One notification: its subject and its text."""

    title: str
    body: str


def message(
    notification: Notification, import_: Import | None, connection: Connection, settings: Settings
) -> Message:
    """The notification for an address. `import_` is None for a test."""
    if import_ is None:
        title = f"Test: {connection.label}"
        lines = [f"{_who(notification.facts)} sent this test. Notifications about imports arrive here."]
    else:
        then = _as_it_stood(import_, notification.facts)
        title = headline(notification, import_)
        lines = [*_sentences(notification, then, settings), *_link(import_, connection, settings)]
    environment = phrases.ENVIRONMENT[connection.instance.environment]
    lines.insert(-1 if import_ is not None else 1, f"Connection: {connection.label} ({environment})")
    return Message(_without_markup(title), "\n".join(map(_without_markup, lines)))


_LINK, _TAG = re.compile(r"\](?=[(\[])"), re.compile(r"<(?=[^\s<])")
_CALL = re.compile(r"@(?=(?:everyone|here|channel|all)\b)", re.IGNORECASE)


def _without_markup(line: str) -> str:
    """A line in which no name becomes a link to elsewhere, a mention of a person, or a call to everyone.

    Some services interpret Markdown and mentions in every message, and Apprise escapes them only for some.
    """
    return _CALL.sub("@ ", _TAG.sub("< ", _LINK.sub("] ", line)))


def _headline(notification: Notification) -> str:
    match notification.kind:
        case NotificationKind.FINISHED if notification.facts.canceled:
            return "Canceled"
        case NotificationKind.FINISHED:
            return "Finished"
        case NotificationKind.NEEDS_YOU:
            return "Needs you"
        case NotificationKind.WAITING:
            return about_imports.WAITING_FOR_BLNK
        case NotificationKind.APPROVAL_ASKED:
            return "Waiting for approval"
        case NotificationKind.APPROVAL_DECIDED:
            return "Approved" if notification.facts.approved else "Sent back"
        case NotificationKind.APPROVAL_LAPSES:
            return "Approval about to lapse"
        case NotificationKind.APPROVAL_LAPSED:
            return "Approval lapsed"
    return "Paused"


_WHY: Mapping[PausedBy, str] = {
    PausedBy.REFUSALS: "Blnk rejected many rows one after another.",
    PausedBy.ANSWER: "Blnk gave an answer that someone has to read before more is sent.",
    PausedBy.CONNECTION: "No connection points to its Blnk instance anymore.",
    PausedBy.CANARY: "The first balance is not as it was requested.",
    PausedBy.APPROVAL: "The remaining rows have no valid approval.",
    PausedBy.DESK: "Another Balance Desk creates balances of the same rows.",
    PausedBy.ACCESS: "Blnk rejected the credentials. All imports with this connection wait.",
}


def _sentences(notification: Notification, then: Import, settings: Settings) -> list[str]:
    facts = notification.facts
    match notification.kind:
        case NotificationKind.PAUSED | NotificationKind.CREDENTIALS:
            by = PausedBy(facts.by) if facts.by else PausedBy.PERSON
            why = f"{_who(facts)} paused it." if by is PausedBy.PERSON else _WHY[by]
            return [why, f"{_so_far(then)} Nothing more is sent until someone resumes it."]
        case NotificationKind.WAITING:
            since = phrases.when_in_zone(facts.since or notification.at, settings.time_zone)
            return [
                f"Blnk has not responded normally since {since}. {_so_far(then)}",
                "Nothing has to be done: sending continues automatically.",
            ]
        case NotificationKind.APPROVAL_ASKED:
            return [f"{_who(facts)} asked for approval of {_to_create(then)}.", _NOTHING_UNTIL_APPROVED]
        case NotificationKind.APPROVAL_DECIDED if facts.approved:
            return [f"{_who(facts)} approved {_to_create(then)}. Sending begins."]
        case NotificationKind.APPROVAL_DECIDED:
            return [f"{_who(facts)} sent it back. Open it to read why. Nothing was sent."]
        case NotificationKind.APPROVAL_LAPSES:
            until = phrases.when_in_zone(facts.since or notification.at, settings.time_zone)
            return [f"{_to_create(then)} wait for approval until {until}.", _NOTHING_UNTIL_APPROVED]
        case NotificationKind.APPROVAL_LAPSED:
            return [f"Nobody approved {_to_create(then)} in time. Nothing was sent. Ask for approval again."]
    lines = [f"{about_imports.came_to(then)}."]
    if facts.canceled:
        lines.insert(0, f"{_who(facts)} canceled it.")
    if facts.second_balances or facts.findings:
        lines.append("The comparison with Blnk found something that someone has to look at.")
    if not facts.verified:
        lines.append("The balances could not be verified in Blnk.")
    return lines


_NOTHING_UNTIL_APPROVED = "Nothing is sent until someone who did not prepare it has approved it."


def _to_create(then: Import) -> str:
    return plural(then.counts.get(RowState.READY, 0), "balance")


def _so_far(then: Import) -> str:
    return f"{then.settled:,} of {plural(then.to_send, 'row')} were processed."


def _who(facts: NotificationFacts) -> str:
    return phrases.actor(Actor(ActorKind(facts.who_kind), facts.who, facts.who_email))


def _as_it_stood(import_: Import, facts: NotificationFacts) -> Import:
    """The import with the counts of that moment: a notification may be sent hours later."""
    counts = {RowState(state): n for state, n in facts.counts.items()}
    return replace(import_, counts=counts, waiting_for_person=facts.waiting, state=ImportState.DONE)


def _link(import_: Import, connection: Connection, settings: Settings) -> list[str]:
    """Only a public address can be opened from elsewhere; without one there is no link."""
    if settings.public_url is None:
        return ["Open Balance Desk, Imports, to see it."]
    page = "create_balance" if import_.kind == "form" else "imports"
    query = urlencode({"import": import_.id, "connection": connection.name})
    return [f"{settings.public_url}/{page}?{query}"]
