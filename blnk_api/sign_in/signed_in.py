"""The signed-in person as an actor, whose permissions are read from their session at each act."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from blnk_api import settings as settings_
from blnk_api.access.actors import Access, Actor, NotAllowed
from blnk_api.access.acts import Act
from blnk_api.access.person_permissions import ByRoles
from blnk_api.access.role_grants import Claims
from blnk_api.desk import sign_in_required
from blnk_api.desk.desk import Desk
from blnk_api.settings import Instance, Settings
from blnk_api.sign_in import session_here
from blnk_api.sign_in_settings import SignIn
from blnk_api.store import Store
from blnk_api.store.people.sessions import Identity


def person(desk: Desk, sign_in: SignIn, cookies: Mapping[str, str]) -> Actor | None:
    """The person who signed in with this browser, or None without a session. Counts as use of the session."""
    session = session_here.find(desk.store, sign_in, cookies)
    if session is None:
        return None
    session_here.use(desk.store, sign_in, session)
    return as_actor(session.who, ByRoles(partial(_claims_now, desk.store, cookies), _settings_now))


def as_actor(who: Identity, access: Access) -> Actor:
    email = who.email if who.email_verified else ""
    return Actor.person(issuer=who.issuer, subject=who.subject, name=who.name, email=email, access=access)


def unverified(name: str) -> Actor:
    """Someone who entered this name, while sign-in is not required."""
    return replace(Actor.unverified(name), access=_WhileNobodySignsIn())


def is_signed_out(store: Store, cookies: Mapping[str, str]) -> bool:
    """Whether an open page may not continue: sign-in is required, and this browser has no session."""
    sign_in = sign_in_required.now()
    return sign_in is not None and session_here.find(store, sign_in, cookies) is None


@dataclass(frozen=True)
class _WhileNobodySignsIn:
    """Sign-in may have been set up since the page was opened."""

    def require(self, act: Act, instance: Instance | None) -> None:
        if sign_in_required.now() is not None:
            raise NotAllowed(
                f"You have to sign in to {act}. Nothing was changed or created. Reload the page to sign in."
            )


def _claims_now(store: Store, cookies: Mapping[str, str]) -> Claims | None:
    sign_in = sign_in_required.now()
    session = session_here.find(store, sign_in, cookies) if sign_in is not None else None
    return None if session is None else _claims(session.who)


def _claims(who: Identity) -> Claims:
    return Claims(
        issuer=who.issuer,
        subject=who.subject,
        email=who.email,
        email_verified=who.email_verified,
        groups=frozenset(who.groups),
        roles=frozenset(who.roles),
        hosted_domain=who.hosted_domain,
    )


def _settings_now() -> Settings:
    settings = settings_.load()
    sign_in_required.refuse_without(settings)
    return settings
