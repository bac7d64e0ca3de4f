"""Who does something, and what they are allowed to do. Code sets the kind; nobody can type one.

Every function that changes something takes an `Actor` and asks `who.require(act, instance)` itself, where it
is done. A page's callback may hold an actor of minutes ago, so the answer comes from `access`, which reads
what holds at that moment.

A signed-in person becomes an actor by `Actor.person`, with the issuer and the subject of the identity
provider as their identity, and an `access` that knows their session:

    Actor.person(issuer=…, subject=…, name=…, email=… if verified else "", access=ByRoles(claims_now, load))

See `blnk_api/access/by_roles.py`: `claims_now` reads the session at each act and returns None once it has
ended, and `load` reads today's settings. An actor that was read from the database has no access at all: what
someone did once says nothing about what they may do now.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from blnk_api.access.acts import Act
from blnk_api.connections import Instance


class NotAllowed(Exception):
    """Nothing was changed or created. The text says what was refused, who may do it, and whom to ask.

    `hint` says that to someone who has not tried it.
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint or message


class Access(Protocol):
    """What an actor may do, as it holds at the moment of the question."""

    def require(self, act: Act, instance: Instance | None) -> None:
        """Raises NotAllowed. `instance` is None for what concerns the whole desk."""


class Unlimited:
    """Everything is allowed: to the app itself, to the server's own account, and without sign-in to all."""

    def require(self, act: Act, instance: Instance | None) -> None:
        pass


class NoAccess:
    """Nothing is allowed: to someone who is only named."""

    def require(self, act: Act, instance: Instance | None) -> None:
        raise NotAllowed(f"You are not allowed to {act}. Nothing was changed or created. Reload the page.")


_UNLIMITED, _NO_ACCESS = Unlimited(), NoAccess()


class ActorKind(StrEnum):
    """As it stands in the database."""

    SYSTEM = "system"
    """The app by itself."""
    NAME = "name"
    """A person, by a name that they gave themselves and that nobody has verified."""
    PERSON = "person"
    """A person who signed in."""
    MACHINE = "machine"
    """The command line: the account on the server under which it runs."""


@dataclass(frozen=True, slots=True)
class Actor:
    """One of those who do something."""

    kind: ActorKind
    name: str
    email: str = ""
    """Of a person, if their provider has verified it."""
    issuer: str = ""
    subject: str = ""
    """Together with `issuer` the identity of a person; name and e-mail may change."""
    access: Access = field(default=_NO_ACCESS, compare=False, repr=False)

    @classmethod
    def unverified(cls, name: str) -> "Actor":
        """Without sign-in: whoever gave this name may do everything."""
        return cls(ActorKind.NAME, name, access=_UNLIMITED)

    @classmethod
    def machine(cls, account: str) -> "Actor":
        return cls(ActorKind.MACHINE, account, access=_UNLIMITED)

    @classmethod
    def system(cls, name: str) -> "Actor":
        return cls(ActorKind.SYSTEM, name, access=_UNLIMITED)

    @classmethod
    def person(cls, *, issuer: str, subject: str, name: str, email: str, access: Access) -> "Actor":
        """`email` only if it is verified. Who has no name is called by e-mail or subject."""
        return cls(ActorKind.PERSON, name or email or subject, email, issuer, subject, access)

    def is_same_as(self, other: "Actor") -> bool:
        """Whether both are one and the same, whatever they are called by now."""
        if self.kind is ActorKind.PERSON and other.kind is ActorKind.PERSON:
            return (self.issuer, self.subject) == (other.issuer, other.subject)
        return self == other

    def require(self, act: Act, instance: Instance | None) -> None:
        """Raises NotAllowed, with a sentence. `instance` is None for what concerns the whole desk."""
        self.access.require(act, instance)

    def may(self, act: Act, instance: Instance | None) -> bool:
        """For what is shown; whoever does something asks `require`."""
        try:
            self.require(act, instance)
        except NotAllowed:
            return False
        return True


SENDER = Actor.system("the sender")
CHECK = Actor.system("the check")
