"""Turns a record into the balances to create, or into problems that a person can fix.

Pure: between `wanted` and `Checker` the caller looks up what exists in Blnk.
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
