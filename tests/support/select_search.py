"""How Streamlit's lists filter what is typed (“fuzzy”), as its browser code does: which option Enter chooses.

The same scores as in its port of fzy; tests/browser/test_choosing.py types the same into a real list.
"""

from collections.abc import Sequence

_GAP_LEADING = _GAP_TRAILING = -0.005
_GAP_INNER = -0.01
_NOTHING = float("-inf")


def first_found(typed: str, labels: Sequence[str]) -> str | None:
    """The option that is listed first when this is typed, and that Enter chooses."""
    if typed in labels:
        return typed
    found = [label for label in labels if _holds(typed.lower(), label.lower())]
    return max(found, key=lambda label: _score(typed, label), default=None)


def _holds(typed: str, label: str) -> bool:
    """Whether the letters appear in the label in this order."""
    at = 0
    for letter in typed:
        at = label.find(letter, at) + 1
        if at == 0:
            return False
    return True


def _bonuses(label: str) -> list[float]:
    """What a match at each position is worth: most at the beginning of a word."""
    before, worth = "/", []
    for letter in label:
        if before == "/":
            bonus = 0.9
        elif before in "-_ ":
            bonus = 0.8
        elif before == ".":
            bonus = 0.6
        elif before.lower() == before and letter.upper() == letter:
            bonus = 0.7
        else:
            bonus = 0.0
        worth.append(bonus)
        before = letter
    return worth


def _score(typed: str, label: str) -> float:
    if len(typed) == len(label):
        return float("inf")
    letters, bonuses = label.lower(), _bonuses(label)
    ends: list[float] = []
    best: list[float] = []
    for at, wanted in enumerate(typed.lower()):
        gap = _GAP_TRAILING if at == len(typed) - 1 else _GAP_INNER
        new_ends: list[float] = []
        new_best: list[float] = []
        running = _NOTHING
        for place, letter in enumerate(letters):
            here = _NOTHING
            if letter == wanted:
                if at == 0:
                    here = place * _GAP_LEADING + bonuses[place]
                elif place > 0:
                    here = max(best[place - 1] + bonuses[place], ends[place - 1] + 1)
            running = max(here, running + gap)
            new_ends.append(here)
            new_best.append(running)
        ends, best = new_ends, new_best
    return best[-1]
