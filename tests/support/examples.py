"""How many random cases a property is tried with: few and the same in each run, many and others in a search.

sh tests/run --hypothesis-profile=search tests/sending/test_fixes_in_any_order.py
"""

from hypothesis import settings

SEARCH = "search"


def most(few: int) -> int:
    """So many, or twenty times as many where new faults are searched for."""
    return few * (20 if settings.get_current_profile_name() == SEARCH else 1)
