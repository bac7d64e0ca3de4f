"""The states of rows and imports, and the only moves between them."""

from enum import IntEnum, StrEnum


class RowState(StrEnum):
    INVALID = "INVALID"
    """A problem of the row, or a different balance in Blnk with its ref, prevents it from being sent."""
    READY = "READY"
    """May be sent: no attempt can have created a balance."""
    LEFT_OUT = "LEFT_OUT"
    """A person decided not to send it."""
    EXISTS = "EXISTS"
    """Found in Blnk, and matching, before it was ever sent."""
    SENDING = "SENDING"
    """Claimed: its POST may leave, or has left. Committed before the POST is sent."""
    CREATED = "CREATED"
    """A balance of ours, read back or found."""
    REFUSED = "REFUSED"
    """Blnk read it and rejected it."""
    UNKNOWN = "UNKNOWN"
    """It was sent, and the outcome is not known yet. Never sent again before Blnk was checked."""
    SUPERSEDED = "SUPERSEDED"
    """It was invalid or rejected, and is fixed in another import. It is never sent from here."""


WORDS = {
    RowState.READY: "Not sent",
    RowState.SENDING: "Sending",
    RowState.CREATED: "Created",
    RowState.EXISTS: "Already exists",
    RowState.REFUSED: "Rejected",
    RowState.UNKNOWN: "Checking in Blnk",
    RowState.INVALID: "Invalid",
    RowState.LEFT_OUT: "Skipped",
    RowState.SUPERSEDED: "Superseded",
}
"""What people read on every page, in every file and on the command line. See also `status_of`."""

NEEDS_YOU = "Needs you"
"""A row in doubt that Blnk cannot settle: a person decides."""


def status_of(state: RowState, *, waits_for_person: bool) -> str:
    """The word for a row's status."""
    return NEEDS_YOU if state is RowState.UNKNOWN and waits_for_person else WORDS[state]


STATUSES = {status_of(state, waits_for_person=waits): state for state in WORDS for waits in (False, True)}
"""All status words in order, with their states."""


MOVES: frozenset[tuple[RowState, RowState]] = frozenset(
    {
        # drafting
        (RowState.INVALID, RowState.READY),
        (RowState.READY, RowState.INVALID),
        (RowState.READY, RowState.LEFT_OUT),
        (RowState.LEFT_OUT, RowState.READY),
        (RowState.READY, RowState.EXISTS),
        (RowState.EXISTS, RowState.READY),
        # sending
        (RowState.READY, RowState.SENDING),
        (RowState.SENDING, RowState.CREATED),
        (RowState.SENDING, RowState.REFUSED),
        (RowState.SENDING, RowState.READY),
        (RowState.SENDING, RowState.UNKNOWN),
        (RowState.REFUSED, RowState.READY),
        # look-ups, late answers, a person
        (RowState.UNKNOWN, RowState.CREATED),
        (RowState.UNKNOWN, RowState.EXISTS),
        (RowState.UNKNOWN, RowState.READY),
        (RowState.UNKNOWN, RowState.REFUSED),
        (RowState.READY, RowState.CREATED),
        (RowState.REFUSED, RowState.CREATED),
        # verification: a balance that was read back but cannot be found anymore
        (RowState.CREATED, RowState.UNKNOWN),
        # fixed in another import; back when its draft is discarded, or its balance appears late
        (RowState.INVALID, RowState.SUPERSEDED),
        (RowState.REFUSED, RowState.SUPERSEDED),
        (RowState.SUPERSEDED, RowState.INVALID),
        (RowState.SUPERSEDED, RowState.REFUSED),
        (RowState.SUPERSEDED, RowState.CREATED),
    }
)

SETTLED = (RowState.CREATED, RowState.EXISTS, RowState.REFUSED)
"""Blnk's answer is final."""

TO_SEND = (*SETTLED, RowState.READY, RowState.SENDING, RowState.UNKNOWN)
"""Rows that are, were or would have been sent: all except invalid and skipped ones."""

HELD = (RowState.SENDING, RowState.UNKNOWN, RowState.CREATED)
"""The states in which a row owns its ref: (instance, ref) is unique among them, across all imports."""


class ImportState(StrEnum):
    DRAFT = "draft"
    """Being read, checked and fixed. Nothing is sent."""
    WAITING = "waiting"
    """A second person must approve it. Nothing is sent, and nobody can change it."""
    QUEUED = "queued"
    """Confirmed by a person; the sender has not started."""
    RUNNING = "running"
    PAUSED = "paused"
    """No rows are claimed. Who paused it and why is stored with it."""
    VERIFYING = "verifying"
    """Nothing is left to send. Blnk is being compared with what was created."""
    DONE = "done"
    CANCELLED = "cancelled"
    """No more rows are sent. Rows that may have created a balance are still looked up."""


IMPORT_MOVES: frozenset[tuple[ImportState, ImportState]] = frozenset(
    {
        (ImportState.DRAFT, ImportState.QUEUED),
        (ImportState.DRAFT, ImportState.CANCELLED),
        # a second person must approve it: a draft, or the remaining rows of an import
        (ImportState.DRAFT, ImportState.WAITING),
        (ImportState.PAUSED, ImportState.WAITING),
        (ImportState.WAITING, ImportState.QUEUED),
        # sent back, withdrawn, or not decided in time
        (ImportState.WAITING, ImportState.DRAFT),
        (ImportState.WAITING, ImportState.PAUSED),
        (ImportState.QUEUED, ImportState.RUNNING),
        (ImportState.QUEUED, ImportState.PAUSED),
        (ImportState.QUEUED, ImportState.CANCELLED),
        (ImportState.RUNNING, ImportState.PAUSED),
        (ImportState.RUNNING, ImportState.VERIFYING),
        (ImportState.RUNNING, ImportState.CANCELLED),
        (ImportState.PAUSED, ImportState.RUNNING),
        (ImportState.PAUSED, ImportState.CANCELLED),
        (ImportState.VERIFYING, ImportState.DONE),
        # a person's "send again", "create anyway" or "verify again"
        (ImportState.VERIFYING, ImportState.RUNNING),
        (ImportState.DONE, ImportState.RUNNING),
        (ImportState.DONE, ImportState.VERIFYING),
    }
)


class Stage(StrEnum):
    """How far a draft has come."""

    UPLOADED = "uploaded"
    CHECKING = "checking"
    """The file is being read and its rows checked."""
    LOOKING = "looking"
    """Its rows are being looked up in Blnk."""
    CHECKED = "checked"
    MATCHING = "matching"
    """The file can be read, but a person must map its columns."""
    UNREADABLE = "unreadable"
    """The file as a whole cannot be used. The reason is stored with the draft."""


BEING_CHECKED = (Stage.UPLOADED, Stage.CHECKING, Stage.LOOKING)
"""Progresses without a person. At every other stage a draft waits for one."""


class PausedBy(StrEnum):
    """Who paused an import. Only the circuit breaker's pause ends automatically."""

    PERSON = "person"
    BREAKER = "breaker"
    REFUSALS = "refusals"
    ACCESS = "access"
    ANSWER = "answer"
    CONNECTION = "connection"
    """No connection points to the import's instance."""
    CANARY = "canary"
    DESK = "another desk"
    """Another desk creates balances of the same rows in the same Blnk instance."""
    APPROVAL = "approval"
    """The remaining rows have no valid approval."""


class Outcome(StrEnum):
    """The outcome of an attempt, as stored."""

    CREATED = "created"
    EXISTED = "existed"
    REFUSED = "refused"
    NOT_APPLIED = "not applied"
    UNKNOWN = "unknown"
    STOP = "stop"


class Ramp(IntEnum):
    """How many rows may be on their way at once: a mistake in the whole file should cost one balance, not
    all."""

    CANARY = 0
    """One row, which must come back as sent and be found by a look-up."""
    FEW = 1
    ALL = 2
