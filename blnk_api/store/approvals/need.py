"""Whether an import needs a second person's approval: the one place that decides it.

It is asked when an import is handed over, and by the sender of every import that it is about to claim rows
of, with the rule of that moment.
"""

from sqlalchemy import Connection

from blnk_api.access.approval_rule import ApprovalRule
from blnk_api.store import imports
from blnk_api.store.imports import Import
from blnk_api.store.states import ImportState, PausedBy, RowState


def is_needed(tx: Connection, rule: ApprovalRule, import_: Import) -> bool:
    """Of an import that is to be handed over. What fixes rows of another import is one with it: a file in
    pieces needs no less approval than as a whole."""
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
    """Whether no row of it may be sent without an approval that holds, once it was handed over. A rule that
    came into force since counts; nothing does where the connection has none anymore."""
    return rule.is_in_force and (import_.needs_approval or rule.needs(import_.asked_for))


def lacks_one(import_: Import) -> bool:
    """Whether it is paused and continues only once its remaining rows are approved."""
    is_held = import_.state is ImportState.PAUSED and import_.paused_by is PausedBy.APPROVAL
    return is_held and bool(import_.counts.get(RowState.READY))
