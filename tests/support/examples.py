"""How many random cases a property is tried with: few and the same ones in each run, many and new ones in a
search.

sh tests/run --hypothesis-profile=search tests/sending/test_fixes_in_any_order.py
"""

from hypothesis import settings

SEARCH = "search"


def most(few: int) -> int:
    """This many, or twenty times as many in a search for new faults."""
    return few * (20 if settings.get_current_profile_name() == SEARCH else 1)
