"""The four roles and what each may do. Pure.

`docs/operating.md` shows the same table, and a test compares the two.
"""

from collections.abc import Mapping
from enum import StrEnum

from blnk_api.access.acts import Act


class Role(StrEnum):
    """The names used in the secrets file. A person may have several roles; none includes another."""

    VIEWER = "viewer"
    PREPARER = "preparer"
    APPROVER = "approver"
    ADMIN = "admin"


_V, _P, _A, _ADMIN = Role

ROLES_THAT_MAY: Mapping[Act, frozenset[Role]] = {
    act: frozenset(roles)
    for act, roles in {
        Act.VIEW: (_V, _P, _A, _ADMIN),
        Act.DOWNLOAD: (_V, _P, _A, _ADMIN),
        Act.UPLOAD: (_P,),
        Act.CHANGE_DRAFT: (_P,),
        Act.DISCARD: (_P, _ADMIN),
        Act.CONFIRM: (_P,),
        Act.CREATE_ONE: (_P,),
        Act.APPROVE: (_A,),
        Act.WITHDRAW: (_P,),
        Act.PAUSE: (_P, _A, _ADMIN),
        Act.RESUME: (_P, _A),
        Act.CANCEL: (_A,),
        Act.RECHECK: (_P, _A),
        Act.LINK: (_P,),
        Act.SEND_AGAIN: (_P,),
        Act.CREATE_AGAIN: (_P,),
        Act.FIX_ROWS: (_P,),
        Act.VERIFY_AGAIN: (_P, _A),
        Act.NOTE: (_P, _A, _ADMIN),
        # Stopping harms nobody and may be urgent. Restarting is a deliberate decision.
        Act.STOP_SENDING: (_P, _A, _ADMIN),
        Act.START_SENDING: (_A, _ADMIN),
        Act.CHOOSE_METADATA: (_P, _A, _ADMIN),
        Act.TEST_NOTIFICATIONS: (_P, _A, _ADMIN),
        Act.SIMULATE_FAULTS: (_ADMIN,),
        Act.SEE_SESSIONS: (_ADMIN,),
        Act.END_SESSION: (_ADMIN,),
        Act.SEE_TRAIL: (_ADMIN,),
    }.items()
}
