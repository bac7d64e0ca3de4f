"""Whether an import needs a second person's approval; no other module decides this.

Checked when an import is handed over, and by the sender before it claims rows, with the current rule.
"""

from sqlalchemy import Connection

from blnk_api.access.approval_rule import ApprovalRule
from blnk_api.store import imports
from blnk_api.store.imports import Import
from blnk_api.store.states import ImportState, PausedBy, RowState


def is_needed(tx: Connection, rule: ApprovalRule, import_: Import) -> bool:
    """For an import that is about to be handed over. An import that fixes rows of another counts together
    with it: splitting a file does not avoid approval."""
    if not rule.is_in_force:
        return False
    balances, source = import_.asked_for, import_.fixes
    while source is not None:
        before = imports.by_number(tx, source)
        if before.needs_approval:
            return True
        balances, source = balances + before.asked_for, before.fixes
    return rule.needs(balances)


def must_carry_one(rule: ApprovalRule, import_: Import) -> bool:
    """Whether none of its rows may be sent without a valid approval after it was handed over. A rule that
    took effect since counts; if the connection has no rule anymore, none is needed."""
    return rule.is_in_force and (import_.needs_approval or rule.needs(import_.asked_for))


def lacks_one(import_: Import) -> bool:
    """Whether it is paused until its remaining rows are approved."""
    is_held = import_.state is ImportState.PAUSED and import_.paused_by is PausedBy.APPROVAL
    return is_held and bool(import_.counts.get(RowState.READY))
