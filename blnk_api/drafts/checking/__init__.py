"""A record → the balances to be made of it, or problems that a person can act on.

Pure: what exists in Blnk is looked up by the caller between `wanted` and `Checker`.
"""

from blnk_api.drafts.checking.checked_row import CheckedRow
from blnk_api.drafts.checking.checker import Checker
from blnk_api.drafts.checking.known_in_blnk import Known, KnownIndicator, Wanted, wanted
from blnk_api.drafts.checking.problem_groups import ProblemGroup, group

__all__ = [
    "CheckedRow",
    "Checker",
    "Known",
    "KnownIndicator",
    "ProblemGroup",
    "Wanted",
    "group",
    "wanted",
]
