"""Sentences about a request for approval: who must approve, what it covers, its state, why it ended."""

from datetime import tzinfo

from blnk_api.access.actors import Actor
from blnk_api.access.approval_rule import ApprovalRule
from blnk_api.common.quoting import shown
from blnk_api.store.approvals.requests import Request, RequestState
from blnk_api.store.approvals.why_not_claimed import Unapproved, Why
from blnk_api.wording import about_activity, phrases

MOST_REASON = 500
_MOST_ROWS = 6

NOT_WAITING = (
    "This request no longer waits for a decision: it was decided, withdrawn or replaced, or it lapsed. "
    "Nothing was changed. Reload the page."
)
DECIDED_ALREADY = "You have already decided about this request. Someone else has to approve it, too."
NOT_SIGNED_IN = "Only someone who signed in can approve. Nothing was sent."
HAD_A_HAND = (
    "You uploaded or changed this import or asked for its approval, so someone else has to approve it. "
    "Nothing was sent."
)
ALTERED = (
    "The rows in the import database are not those that the request was made for: someone changed them "
    "outside Balance Desk. Nothing was sent. Send the request back, and find out who has access to the "
    "database."
)
RESTORED = (
    "The import database was restored or copied, so no earlier approval counts. Ask for approval again."
)


WITHDRAW_MEANS = "Nothing more is sent, and the balances can be changed or asked for again."


def rule(of: ApprovalRule) -> str:
    """Which approval rule applies to a connection, and why."""
    if of.from_count is None:
        return f"No approval is needed. {_WHY_NONE[of.why]}"
    which = (
        "Every import needs approval"
        if of.from_count == 1
        else f"Imports of {phrases.plural(of.from_count, 'balance')} or more need approval"
    )
    by = "by someone else" if of.approvers == 1 else "by two other people"
    why = (
        "This is the default in production with sign-in."
        if of.why == "production"
        else "The settings of this connection say so."
    )
    lapses = f"A request lapses after {phrases.number_of_days(of.days)}."
    return f"{which} {by} before anything is sent. {lapses} {why}"


def waits(import_id: str, request: Request | None, link: str) -> str:
    """For the command line, which cannot approve."""
    balances = (
        f"{phrases.plural(request.rows, 'balance')} wait"
        if request and request.rows != 1
        else "1 balance waits"
    )
    return (
        f"{balances} for approval. Nothing is sent until someone else has approved: {link}\n"
        f"Then run the same command again, or: python -m blnk_api resume {import_id}"
    )


def before_asking(of: ApprovalRule) -> str:
    """On the last step before a request."""
    who = "someone else has" if of.approvers == 1 else "two other people have"
    return (
        f"Nothing is sent until {who} approved these balances. Whoever uploaded or changed the file cannot "
        f"approve it. The request lapses after {phrases.number_of_days(of.days)}."
    )


def of_one_balance(of: ApprovalRule) -> str:
    """Next to the form's button."""
    who = "someone else has" if of.approvers == 1 else "two other people have"
    return f"It is created once {who} approved it."


_WHY_NONE = {
    "set": "The settings of this connection say so.",
    "production": "The settings of this connection say so.",
    "not production": "This is the default outside production.",
    "no sign-in": "Without sign-in, people cannot be told apart.",
}


def lapsed(days: int) -> str:
    within = phrases.number_of_days(days)
    return f"Nobody decided within {within}, so the request lapsed. Ask for approval again."


def sent_back(who: Actor, reason: str) -> str:
    return f"{phrases.actor(who)} sent it back: “{shown(reason, MOST_REASON)}”."


def withdrawn(who: Actor) -> str:
    return f"{phrases.actor(who)} withdrew it from approval."


def digest(request: Request) -> str:
    """The digest of what it covers, in the form that people compare."""
    return about_activity.short_digest(request.digest)


def requested(request: Request, in_zone: tzinfo) -> str:
    """ "Ada (ada@acme.example) asked for approval of 54 balances on 2 Nov 2026, 16:07." """
    balances = phrases.plural(request.rows, "balance")
    what = f"{phrases.actor(request.asked_by)} asked for approval of {balances}"
    return f"{what} on {phrases.when(request.asked_at, in_zone)}."


def still_needed(request: Request, in_zone: tzinfo) -> str:
    """Who has approved, how many approvals are missing, and until when."""
    lapses = f"The request lapses on {phrases.when(request.lapses_at, in_zone)}."
    if request.approvers == 1:
        return f"Someone who did not prepare it has to approve it. {lapses}"
    if not request.approved_by:
        return f"Two people who did not prepare it have to approve it. {lapses}"
    names = phrases.listed([phrases.actor(one) for one in request.approved_by])
    return f"{names} approved it. One more person has to. {lapses}"


def ended(request: Request) -> str:
    """Why an import that waited is a draft again; "" if it was approved or is still waiting."""
    match request.state:
        case RequestState.SENT_BACK:
            return sent_back(request.decisions[-1].who, request.decisions[-1].reason)
        case RequestState.WITHDRAWN:
            return "The request for approval was withdrawn."
        case RequestState.LAPSED:
            return lapsed(request.days)
        case RequestState.VOID:
            return RESTORED
    return ""


def approved(request: Request, in_zone: tzinfo) -> str:
    """ "Approval requested by Ada. Approved by Grace on 2 Nov 2026, 16:07: 54 balances, digest 3f2a …" """
    names = [
        f"{phrases.actor(one.who)} on {phrases.when(one.at, in_zone)}"
        for one in request.decisions
        if one.approves
    ]
    covers = f"{phrases.plural(request.rows, 'balance')}, digest {digest(request)}"
    asked_by = phrases.actor(request.asked_by)
    return f"Approval requested by {asked_by}. Approved by {phrases.listed(names)}: {covers}."


_WHY = {
    Why.ALTERED: (
        "{rows} in the import database {is_are} not what was approved: someone changed {them} outside "
        "Balance Desk. Nothing was sent for {them}. Find out who has access to the database. Then ask for "
        "approval of the rows as they are now, or cancel the import."
    ),
    Why.VOID: "The import database was restored or copied, so the approval of {rows} no longer counts. {ask}",
    Why.WITHDRAWN: "The approval of {rows} was withdrawn. {ask}",
    Why.LAPSED: "The approval of {rows} has lapsed. {ask}",
    Why.NEVER_APPROVED: "Nobody has approved {rows} yet. {ask}",
}


def not_claimed(found: list[Unapproved]) -> str:
    """Why an import is paused whose rows have no approval: only the most serious reason."""
    why = min((one.why for one in found), key=lambda one: one.value)
    labels = [one.label for one in found if one.why is why]
    more = f" and {len(labels) - _MOST_ROWS:,} more" if len(labels) > _MOST_ROWS else ""
    is_one = len(labels) == 1
    listed = phrases.listed(labels) if not more else ", ".join(labels[:_MOST_ROWS]) + more
    return (
        _WHY[why]
        .format(
            rows=f"row{'' if is_one else 's'} {listed}",
            is_are="is" if is_one else "are",
            them="it" if is_one else "them",
            ask="Nothing was sent for {}. Ask for approval of the remaining rows.".format(
                "it" if is_one else "them"
            ),
        )
        .replace("row", "Row", 1 if why is Why.ALTERED else 0)
    )
