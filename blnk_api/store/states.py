"""The states of rows and imports, and the only moves there are between them."""

from enum import IntEnum, StrEnum


class RowState(StrEnum):
    INVALID = "INVALID"
    """A problem in the row, or a balance in Blnk that has its ref and differs, keeps it from being sent."""
    READY = "READY"
    """May be sent: no attempt of it can have left a balance behind."""
    LEFT_OUT = "LEFT_OUT"
    """A person decided not to send it."""
    EXISTS = "EXISTS"
    """Found in Blnk, agreeing, before we ever sent it."""
    SENDING = "SENDING"
    """Claimed: its POST may leave, or have left. Committed before the POST does."""
    CREATED = "CREATED"
    """A balance of ours, read back or found."""
    REFUSED = "REFUSED"
    """Blnk read it and said no."""
    UNKNOWN = "UNKNOWN"
    """It was sent and nobody knows yet what came of it. Never sent again before Blnk was looked at."""
    SUPERSEDED = "SUPERSEDED"
    """It was invalid or rejected, and is fixed in another import: from here it is never sent."""


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
"""What a person reads, on every page, in every file and on the command line; see `status_of`, too."""

NEEDS_YOU = "Needs you"
"""An unknown row that Blnk cannot settle: a person decides."""


def status_of(state: RowState, *, waits_for_person: bool) -> str:
    """The word for a row's status."""
    return NEEDS_YOU if state is RowState.UNKNOWN and waits_for_person else WORDS[state]


STATUSES = {status_of(state, waits_for_person=waits): state for state in WORDS for waits in (False, True)}
"""All words for a row's status, in order, and the states that they are for."""


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
        # looking, late answers, a person
        (RowState.UNKNOWN, RowState.CREATED),
        (RowState.UNKNOWN, RowState.EXISTS),
        (RowState.UNKNOWN, RowState.READY),
        (RowState.UNKNOWN, RowState.REFUSED),
        (RowState.READY, RowState.CREATED),
        (RowState.REFUSED, RowState.CREATED),
        # verification: a balance that was read back and cannot be found anymore
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
"""Blnk has said what becomes of it."""

TO_SEND = (*SETTLED, RowState.READY, RowState.SENDING, RowState.UNKNOWN)
"""What is, was or would have been sent: all but what is wrong in the file, and what someone left out."""

HELD = (RowState.SENDING, RowState.UNKNOWN, RowState.CREATED)
"""The states in which a row owns its ref: (instance, ref) is unique over them, across all imports."""


class ImportState(StrEnum):
    DRAFT = "draft"
    """Being read, checked and fixed. Nothing is sent."""
    WAITING = "waiting"
    """A second person has to approve it. Nothing is sent, and nobody can change it."""
    QUEUED = "queued"
    """Confirmed by a person; the sender has not begun."""
    RUNNING = "running"
    PAUSED = "paused"
    """No row is claimed. Who paused it and why stands beside the state."""
    VERIFYING = "verifying"
    """Nothing is left to send; Blnk is being compared with what was created."""
    DONE = "done"
    CANCELLED = "cancelled"
    """No row is sent anymore; rows that may have left a balance are still looked up."""


IMPORT_MOVES: frozenset[tuple[ImportState, ImportState]] = frozenset(
    {
        (ImportState.DRAFT, ImportState.QUEUED),
        (ImportState.DRAFT, ImportState.CANCELLED),
        # a second person has to approve it: a draft, or the rows that are left of an import
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
        # a person's "send again", "create it anyway" or "verify again"
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
    """The file can be read, but a person has to say what its columns are."""
    UNREADABLE = "unreadable"
    """The file as a whole cannot be used; the reason stands beside the stage."""


BEING_CHECKED = (Stage.UPLOADED, Stage.CHECKING, Stage.LOOKING)
"""On its way without anyone; at every other stage a draft waits for a person."""


class PausedBy(StrEnum):
    """The author of a pause: only the breaker's ends by itself."""

    PERSON = "person"
    BREAKER = "breaker"
    REFUSALS = "refusals"
    ACCESS = "access"
    ANSWER = "answer"
    CONNECTION = "connection"
    """No connection points to the import's instance."""
    CANARY = "canary"
    DESK = "another desk"
    """Another desk creates balances of the same rows in the same Blnk."""
    APPROVAL = "approval"
    """The rows that are left have no approval that holds."""


class Outcome(StrEnum):
    """What an attempt came to, as the store keeps it."""

    CREATED = "created"
    EXISTED = "existed"
    REFUSED = "refused"
    NOT_APPLIED = "not applied"
    UNKNOWN = "unknown"
    STOP = "stop"


class Ramp(IntEnum):
    """How many rows may be out at once: a mistake in the whole file should cost one balance, not all."""

    CANARY = 0
    """One, which must come back as sent and be found by a look."""
    FEW = 1
    ALL = 2
