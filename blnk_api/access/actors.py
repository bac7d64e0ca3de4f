"""Who performs an action, and what they may do. Code sets an actor's kind; it cannot be typed in.

Every function that changes something takes an `Actor` and calls `who.require(act, instance)` itself. A page's
callback may hold an actor that is minutes old, so `require` reads the permissions that apply at that moment.

A signed-in person becomes an actor through `Actor.person`, with the identity provider's issuer and subject as
their identity, and an `access` that knows their session:

    Actor.person(issuer=…, subject=…, name=…, email=… if verified else "", access=ByRoles(claims_now, load))

See `blnk_api/access/person_permissions.py`: `claims_now` reads the session on each call and returns None once
it has ended, and `load` reads the current settings. An actor that was read from the database has no access:
what someone did once says nothing about what they may do now.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from blnk_api.access.acts import Act
from blnk_api.connections import Instance


class NotAllowed(Exception):
    """Nothing was changed or created. The text says what is not allowed, who may do it, and whom to ask.

    `hint` says the same to someone who has not tried it yet.
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint or message


class Access(Protocol):
    """What an actor may do at the moment of the call."""

    def require(self, act: Act, instance: Instance | None) -> None:
        """Raises NotAllowed. `instance` is None for acts that concern the whole desk."""


class Unlimited:
    """Allows everything: for the app itself, for the server's own account, and for everyone without
    sign-in."""

    def require(self, act: Act, instance: Instance | None) -> None:
        pass


class NoAccess:
    """Allows nothing: for an actor who is only named in a record."""

    def require(self, act: Act, instance: Instance | None) -> None:
        raise NotAllowed(f"You are not allowed to {act}. Nothing was changed or created. Reload the page.")


_UNLIMITED, _NO_ACCESS = Unlimited(), NoAccess()


class ActorKind(StrEnum):
    """The values are stored in the database."""

    SYSTEM = "system"
    """The app itself."""
    NAME = "name"
    """A person under a name that they entered themselves and nobody verified."""
    PERSON = "person"
    """A person who signed in."""
    MACHINE = "machine"
    """The command line: the account on the server under which it runs."""


@dataclass(frozen=True, slots=True)
class Actor:
    """A person, an account or a part of the app that performs actions."""

    kind: ActorKind
    name: str
    email: str = ""
    """A person's email address, if their provider has verified it."""
    issuer: str = ""
    subject: str = ""
    """Together with `issuer`, a person's identity. Name and email address may change."""
    access: Access = field(default=_NO_ACCESS, compare=False, repr=False)

    @classmethod
    def unverified(cls, name: str) -> "Actor":
        """A person without sign-in. They may do everything."""
        return cls(ActorKind.NAME, name, access=_UNLIMITED)

    @classmethod
    def machine(cls, account: str) -> "Actor":
        return cls(ActorKind.MACHINE, account, access=_UNLIMITED)

    @classmethod
    def system(cls, name: str) -> "Actor":
        return cls(ActorKind.SYSTEM, name, access=_UNLIMITED)

    @classmethod
    def person(cls, *, issuer: str, subject: str, name: str, email: str, access: Access) -> "Actor":
        """`email` must be verified. A person without a name is called by email address or subject."""
        return cls(ActorKind.PERSON, name or email or subject, email, issuer, subject, access)

    def is_same_as(self, other: "Actor") -> bool:
        """Whether both are the same actor, even if the name has changed."""
        if self.kind is ActorKind.PERSON and other.kind is ActorKind.PERSON:
            return (self.issuer, self.subject) == (other.issuer, other.subject)
        return self == other

    def require(self, act: Act, instance: Instance | None) -> None:
        """Raises NotAllowed with a sentence for people. `instance` is None for acts that concern the whole
        desk."""
        self.access.require(act, instance)

    def may(self, act: Act, instance: Instance | None) -> bool:
        """For deciding what to show. Whatever performs an act must call `require`."""
        try:
            self.require(act, instance)
        except NotAllowed:
            return False
        return True


SENDER = Actor.system("the sender")
CHECK = Actor.system("the check")
