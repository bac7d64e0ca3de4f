"""How workers share the instances: a worker takes none while another has fewer.

This is only a preference: if nobody takes an instance, whoever can takes it, however many it already has.
"""

from collections.abc import Collection, Set
from dataclasses import dataclass

MOST_APART = 1
"""The largest difference between two workers that lasts."""


@dataclass(frozen=True)
class Colleague:
    """Another worker: the instances that it has credentials for, and how many it sends to."""

    reaches: frozenset[int]
    sends: int


def may_take(instance: int, sends: int, colleagues: Collection[Colleague]) -> bool:
    """Whether a worker that sends to `sends` instances may take this one as well."""
    return all(instance not in one.reaches or one.sends >= sends for one in colleagues)


def gives_away(held: Set[int], colleagues: Collection[Colleague]) -> list[int]:
    """Which of its instances a worker could leave to another with far fewer. It leaves at most one."""
    fewer = [one for one in colleagues if len(held) - one.sends > MOST_APART]
    return sorted(instance for instance in held if any(instance in one.reaches for one in fewer))
