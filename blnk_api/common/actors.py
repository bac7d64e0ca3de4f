"""Who did something: the app itself, or a person. Code sets the kind; nobody can type one."""

from dataclasses import dataclass
from enum import StrEnum


class ActorKind(StrEnum):
    SYSTEM = "system"
    """The app by itself."""
    NAME = "name"
    """A person, by a name that they gave themselves and that nobody has verified."""


@dataclass(frozen=True, slots=True)
class Actor:
    """One of those who do something."""

    kind: ActorKind
    name: str

    @classmethod
    def of(cls, who: "Who") -> "Actor":
        return cls(ActorKind.NAME, who) if isinstance(who, str) else who


Who = Actor | str
"""As acts take it: a plain text is a name that nobody has verified, whatever it says."""

SENDER = Actor(ActorKind.SYSTEM, "the sender")
CHECK = Actor(ActorKind.SYSTEM, "the check")
