"""Every permission: what people can do that not everyone may do.

`blnk_api/access/roles.py` says which role has which permission.
"""

from enum import StrEnum


class Act(StrEnum):
    """The value completes the sentence “You are not allowed to …”."""

    VIEW = "see imports, balances and receipts"
    DOWNLOAD = "download results, receipts and lists"
    UPLOAD = "upload a file"
    CHANGE_DRAFT = "change a draft"
    """Its file settings, columns, cells and rows, undoing such a change, and saving its columns."""
    DISCARD = "discard a draft"
    CONFIRM = "confirm an import"
    """Or request approval, if a second person has to approve."""
    CREATE_ONE = "create a balance with the form"
    APPROVE = "approve an import"
    """Or send it back, or resend a row of an import that needed approval."""
    WITHDRAW = "withdraw an import from approval"
    """A pending request, or an approval of rows that were not sent yet."""
    PAUSE = "pause an import"
    RESUME = "resume an import"
    CANCEL = "cancel an import"
    RECHECK = "check Blnk again"
    LINK = "link a balance"
    SEND_AGAIN = "send a row again"
    CREATE_AGAIN = "create a balance again"
    FIX_ROWS = "fix rows that were not created"
    """In a new draft, or one rejected row in place."""
    VERIFY_AGAIN = "verify an import again"
    NOTE = "add a note"
    STOP_SENDING = "stop sending"
    START_SENDING = "start sending again"
    CHOOSE_METADATA = "choose which metadata the table of balances shows"
    TEST_NOTIFICATIONS = "send a test notification"
    SIMULATE_FAULTS = "simulate faults"
    SEE_SESSIONS = "see who is signed in"
    END_SESSION = "end a session"
    SEE_TRAIL = "see the audit trail"
