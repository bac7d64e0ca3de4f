"""How workers share the instances between them: nobody takes one while another has fewer.

It only prefers: an instance that nobody takes is taken by whoever can, however many that one has.
"""

from collections.abc import Collection, Set
from dataclasses import dataclass

MOST_APART = 1
"""By more than so many instances two workers do not differ for long."""


@dataclass(frozen=True)
class Colleague:
    """Another worker: for which instances it has credentials, and how many it sends to."""

    reaches: frozenset[int]
    sends: int


def may_take(instance: int, sends: int, colleagues: Collection[Colleague]) -> bool:
    """Whether a worker that sends to so many instances takes this one as well."""
    return all(instance not in one.reaches or one.sends >= sends for one in colleagues)


def gives_away(held: Set[int], colleagues: Collection[Colleague]) -> list[int]:
    """Which of its instances a worker could leave to another that has fewer by far; it leaves one at most."""
    fewer = [one for one in colleagues if len(held) - one.sends > MOST_APART]
    return sorted(instance for instance in held if any(instance in one.reaches for one in fewer))
